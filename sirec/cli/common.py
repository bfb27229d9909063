"""What several commands do: find or make the data, train a list of runs with bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sirec.cli.console import EpochBars, print_json, progress, say, stdout
from sirec.data import storage
from sirec.data.dataset import Dataset
from sirec.data.prepare import prepare
from sirec.data.sources.demo import DemoSource
from sirec.evaluation.evaluate import evaluate
from sirec.report.entries import MissingRow
from sirec.report.render import to_rich
from sirec.run.execute import execute, folder_of, load_model, write_ranks
from sirec.run.store import RunFolder, Store
from sirec.studies.comparison import Comparison
from sirec.studies.experiment import Experiment, PlannedRun, planned_rows
from sirec.studies.rendering import record

DEMO = "demo"


def dataset(name: str | None, root: Path) -> Dataset:
    """The prepared data set of that name; without one the last prepared, else the demo, generated if need be, said aloud."""
    chosen = name or _last_prepared(root) or DEMO
    if name is None:
        say(f"data: {chosen} (say --data NAME for another; sirec datasets lists them)")
    if chosen == DEMO and DEMO not in storage.list_datasets(root):
        say(f"data: generating the demo set into {root / DEMO}")
        storage.write(root, prepare(DemoSource().read(), DEMO))
    return storage.load(storage.find(root, chosen))


def train_all(
    runs: Sequence[PlannedRun],
    data: Dataset,
    store: Store,
    *,
    device: str = "cpu",
    again: bool = False,
    finished: Callable[[PlannedRun, RunFolder], None] | None = None,
) -> list[RunFolder]:
    """Train what is missing of these runs, with bars; `finished` is told of each run as it ends, trained before or now."""
    folders = []
    with progress() as bars:
        whole = bars.add_task("runs", total=len(runs), note="") if len(runs) > 1 else None
        for run in runs:
            label = run.label if len({other.config.seed for other in runs}) == 1 else f"{run.label}, seed {run.config.seed}"
            watcher = EpochBars(bars, label)
            was_done = folder_of(run.config, data, store).is_done and not again
            folders.append(execute(run.config, data, store, device=device, watcher=watcher, again=again))
            watcher.close()
            say(f"{label}: {'already trained' if was_done else 'done'}, {folders[-1].path}")
            if finished:
                finished(run, folders[-1])
            if whole is not None:
                bars.advance(whole)
    return folders


@dataclass(frozen=True)
class StudyCall:
    """A study as the command line asks for it: `name` is what its record and its tables are called."""

    plan: Experiment
    name: str
    out: Path
    data_root: Path
    device: str = "cpu"
    again: bool = False

    def run(self, *, keeps_record: bool = True) -> None:
        """Train what is missing and list the runs as they finish; without a record for a part of a study."""
        done: list[tuple[PlannedRun, RunFolder]] = []
        missing: list[MissingRow] = []

        def finished(run: PlannedRun, folder: RunFolder) -> None:
            done.append((run, folder))
            if keeps_record:
                record(self.plan, self.out, self.name, done, missing)

        for data in self.plan.datasets or (None,):
            prepared = dataset(data, self.data_root)
            rows = list(planned_rows(self.plan, prepared, self.name))
            missing += [row for row in rows if isinstance(row, MissingRow)]
            runs = [row for row in rows if isinstance(row, PlannedRun)]
            train_all(runs, prepared, Store(self.out), device=self.device, again=self.again, finished=finished)


def show(comparison: Comparison, *, as_json: bool) -> None:
    """Tables and sentences on stdout, or one JSON value."""
    if as_json:
        print_json(comparison.to_dict())
        return
    for table in comparison.tables:
        stdout.print(to_rich(table))
    for text in comparison.sentences:
        stdout.print(text, markup=False, highlight=False)


def recompute_ranks(folder: RunFolder, data_root: Path) -> None:
    """Rank all users anew with a run's stored weights, and store the ranks."""
    config = folder.config()
    workshop = load_model(folder, storage.load(storage.find(data_root, config.data.name)))
    write_ranks(folder, config, evaluate(workshop.model, workshop.data, config.data.max_length))


def _last_prepared(root: Path) -> str | None:
    names = [name for name in storage.list_datasets(root) if name != DEMO]
    return max(names, key=lambda name: (root / name / "dataset.yaml").stat().st_mtime) if names else None
