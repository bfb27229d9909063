"""Names that commands still import from here; see `sirec.studies.launch` and `sirec.cli.console`."""

from __future__ import annotations

from pathlib import Path

from sirec.cli.console import StudyBars, say
from sirec.cli.console import show as show
from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import evaluate
from sirec.run.execute import load_model, write_ranks
from sirec.run.store import RunFolder
from sirec.studies.launch.data import choose_dataset
from sirec.studies.launch.study import Study
from sirec.studies.spec.experiment import Experiment


def dataset(name: str | None, root: Path) -> Dataset:
    """The prepared data set of that name, or the one that is chosen without a name, said aloud."""
    return choose_dataset(name, root, say)


def StudyCall(  # noqa: N802  (the name that it had)
    plan: Experiment, name: str, out: Path, data_root: Path, device: str = "cpu", jobs: int = 1
) -> Study:
    """A study with bars."""
    return Study(plan, name, out, data_root, device, jobs=jobs, watcher=StudyBars())


def seeds_of(text: str | None) -> tuple[int, ...] | None:
    """`0,1,2` as numbers; None stays None. Raises `SirecError` for anything else."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SirecError(
            f"--seeds {text}: expected whole numbers separated by commas",
            "for example: --seeds 0,1,2",
        ) from None


def recompute_ranks(folder: RunFolder, data_root: Path) -> None:
    """Rank all users anew with a run's stored weights, and store the ranks."""
    config = folder.config()
    built = load_model(folder, storage.load(storage.find(data_root, config.data.name)))
    write_ranks(folder, config, evaluate(built.model, built.data, config.data.max_length))
