"""What runs there are in a results folder: read from small files, without torch.

A run is listed from the names of its folders, its `metrics.json` and the line of its seed in
`config.yaml`, each compared with its digest. Nothing is checked that is not shown; `sirec evaluate`
checks the ranks themselves, and `sirec verify` everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sirec.config import brief, read_json, read_yaml
from sirec.errors import SirecError, unknown
from sirec.evaluation.metrics import Metric
from sirec.run.manifest import RANKS, checked_file, is_withheld
from sirec.run.records import read_record
from sirec.run.references import finish_time, has_finished, refit_of, run_paths, short_ids

if TYPE_CHECKING:
    from sirec.data.split import HeldOutPart
    from sirec.evaluation.ranks import HistoryRule

SEED_LINE = re.compile(r"^seed: (\d{1,18})$", re.MULTILINE)  # as every config.yaml has it
HISTORY: HistoryRule = "keep"  # the history rule of the metrics that are listed


@dataclass(frozen=True)
class StudyRow:
    """The row of a study that stands on a run.

    Attributes:
        study: name of the study.
        label: label of the row.
    """

    study: str
    label: str


@dataclass(frozen=True)
class ListedRun:
    """One run of a results folder.

    Attributes:
        path: its folder.
        short_id: the first digits of its id, as many as tell it from all other runs.
        seed: its seed; None where the run is damaged.
        finished: seconds since 1970 when it finished; None where it has not.
        values: mean of the metric by split, `valid` and perhaps `test`; empty where it has not
            finished, or is damaged.
        rows: the rows of studies that stand on it.
        refit_of: id of the run that it repeats on all interactions; None if it is no refit.
        damage: what of it cannot be read, in one line; empty where nothing is wrong.
    """

    path: Path
    short_id: str
    seed: int | None
    finished: float | None
    values: Mapping[str, float]
    rows: tuple[StudyRow, ...] = ()
    refit_of: str | None = None
    damage: str = ""

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.path.parts[-3]

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.path.parts[-2]

    @property
    def finish_date(self) -> str:
        """`2026-11-22`, the day in universal time; empty where the run has not finished."""
        if self.finished is None:
            return ""
        return datetime.fromtimestamp(self.finished, UTC).strftime("%Y-%m-%d")

    def to_dict(self) -> dict[str, Any]:
        """The run as plain values."""
        rows = [{"study": row.study, "label": row.label} for row in self.rows]
        finished = None
        if self.finished is not None:
            finished = datetime.fromtimestamp(self.finished, UTC).isoformat(timespec="seconds")
        return {
            "data": self.dataset,
            "model": self.model,
            "id": self.path.name,
            "path": self.path.as_posix(),
            "seed": self.seed,
            "finished": finished,
            "metrics": dict(self.values),
            "rows": rows,
            "refit_of": self.refit_of,
            "damage": self.damage or None,
        }


@dataclass(frozen=True)
class RunFilter:
    """Which runs are listed; None lists all.

    Attributes:
        data: only runs on this data set.
        model: only runs of this model.
        study: only runs that a row of this study stands on.
    """

    data: str | None = None
    model: str | None = None
    study: str | None = None

    def of(self, runs: Iterable[Path], rows: Mapping[Path, tuple[StudyRow, ...]]) -> list[Path]:
        """The folders of the runs that are wanted.

        Args:
            runs: folders of all runs.
            rows: resolved folder of a run -> the rows of studies that stand on it.

        Raises:
            SirecError: for a data set or model that no run has.
        """
        chosen = list(runs)
        for what, wanted, place in (("data set", self.data, -3), ("model", self.model, -2)):
            if wanted is None:
                continue
            names = {run.parts[place] for run in chosen}
            if wanted not in names:
                raise unknown(f"{what} with runs", wanted, names)
            chosen = [run for run in chosen if run.parts[place] == wanted]
        if self.study is None:
            return chosen
        return [run for run in chosen if self._has_row(rows.get(run.resolve(), ()))]

    def _has_row(self, rows: Iterable[StudyRow]) -> bool:
        return any(row.study == self.study for row in rows)


def list_runs(
    results: Path,
    metric: Metric,
    *,
    wanted: RunFilter | None = None,
    test: bool = False,
    by_metric: bool = False,
    told: Callable[[str], None] = lambda remark: None,
) -> list[ListedRun]:
    """The runs of a results folder.

    Args:
        results: the results folder.
        metric: the metric to show, under the history rule `keep`.
        wanted: which runs; all where it is None.
        test: whether to read the metric on test too.
        by_metric: whether the best on validation comes first, not the newest.
        told: called with what is wrong with the record of a study, which then names no rows.

    Returns:
        Finished runs in that order (refits, which have no metric, after those that have one where
        it decides), then unfinished and damaged ones in the order of their paths.

    Raises:
        SirecError: for a data set, model or study that has no run, or whose record is damaged.
    """
    runs = run_paths(results)
    asked = wanted or RunFilter()
    rows: dict[Path, tuple[StudyRow, ...]] = {}
    records = {path.stem: path for path in sorted((results / "studies").glob("*.json"))}
    if asked.study not in (None, *records):
        raise unknown("study", str(asked.study), records)
    for study, record in records.items():
        try:
            _add_rows(rows, record, results)
        except SirecError as error:
            if study == asked.study:
                raise
            told(error.message)
    digits = short_ids(runs)
    listed: list[ListedRun] = []
    for run in asked.of(runs, rows):
        of_run = rows.get(run.resolve(), ())
        listed.append(_listed(run, digits[run], of_run, metric, test=test))

    def order(run: ListedRun) -> tuple[bool, float]:
        if run.finished is None or run.damage:
            return (True, 0.0)
        return (False, -run.values.get("valid", -1.0) if by_metric else -run.finished)

    return sorted(listed, key=order)


def _listed(
    run: Path, short_id: str, rows: tuple[StudyRow, ...], metric: Metric, *, test: bool
) -> ListedRun:
    """One run; what cannot be read is told and stops nothing."""
    finished: float | None = 0.0 if has_finished(run) else None
    seed: int | None = None
    try:
        finished = finished if finished is None else finish_time(run)
        seed, repeated = _seed(run), refit_of(run)
        has_metrics = finished is not None and repeated is None
        values = _values(run, metric, test=test) if has_metrics else {}
    except SirecError as error:
        damage = error.message.splitlines()[0].replace(f"{run}/", "")
        return ListedRun(run, short_id, seed, finished, {}, rows, damage=damage)
    return ListedRun(run, short_id, seed, finished, values, rows, repeated)


def _seed(run: Path) -> int:
    """The seed in config.yaml; the whole file is parsed only where no line is `seed: 0`."""
    path = _file(run, "config.yaml")
    with suppress(OSError, UnicodeDecodeError):
        found = SEED_LINE.findall(path.read_text(encoding="utf-8"))
        if len(found) == 1:
            return int(found[0])
    seed = read_yaml(path).get("seed")
    if not isinstance(seed, int):
        raise SirecError(f"{path}: seed: expected a whole number, got {brief(seed)}")
    return seed


def _values(run: Path, metric: Metric, *, test: bool) -> dict[str, float]:
    """The mean of the metric, from metrics.json or, where that lacks it, from the ranks.

    There is none where metrics.json lacks it and the ranks were withheld.
    """
    path = _file(run, "metrics.json")
    stored = read_json(path)
    values: dict[str, float] = {}
    splits: tuple[HeldOutPart, ...] = ("valid", "test") if test else ("valid",)
    for split in splits:
        by_rule = stored.get(split)
        means = by_rule.get(HISTORY) if isinstance(by_rule, dict) else None
        if not isinstance(means, dict):
            raise SirecError(f"{path}: no metrics of {split}")
        value = means.get(metric.usual.name)
        if value is None and is_withheld(run, RANKS):
            continue
        if value is None:
            value = _mean_of_ranks(run, metric, split)
        if not isinstance(value, float | int) or not math.isfinite(value):
            raise SirecError(f"{path}: {split}: {metric.name}: {brief(value)} is no number")
        values[split] = float(value)
    return values


def _mean_of_ranks(run: Path, metric: Metric, split: HeldOutPart) -> float:
    """The mean of a metric that metrics.json does not have."""
    from sirec.evaluation.ranks import RankTable  # torch, which the usual metrics do not need

    table = RankTable.from_parquet(_file(run, "ranks.parquet"))
    return metric.mean(table.ranks[split][HISTORY])


def _file(run: Path, name: str) -> Path:
    """The file of a run; of a finished run it is compared with its digest first."""
    return checked_file(run, name) if has_finished(run) else run / name


def _add_rows(rows: dict[Path, tuple[StudyRow, ...]], record: Path, results: Path) -> None:
    """Add the rows of a study's record to those of each resolved folder of a run."""
    hint = "run the study again, or delete the file"
    try:
        for line in read_record(record, hint)["runs"]:
            run = (results / line["run"]).resolve()
            rows[run] = (*rows.get(run, ()), StudyRow(record.stem, str(line["label"])))
    except (KeyError, TypeError):
        raise SirecError(f"{record}: not the record of a study", hint) from None
