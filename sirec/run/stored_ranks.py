"""Ranks of finished runs, read beside their metrics; metrics alone where ranks are withheld."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sirec.config import load, read_json
from sirec.data.split import PARTS
from sirec.errors import SirecError
from sirec.evaluation.metric_means import MetricMeans
from sirec.evaluation.ranks import RankTable
from sirec.run.commit import is_interrupted
from sirec.run.manifest import METRICS, RANKS, Withheld, checked_file, read_manifest, remedy
from sirec.run.stored_metrics import StoredMetrics, check_metrics


def digest_of_numbers(folder: Path) -> str | None:
    """A digest of what tables are drawn from; None of a run that has no digests.

    Args:
        folder: the folder of a finished run.
    """
    manifest = read_manifest(folder)
    return None if manifest is None else manifest.numbers


def read_ranks(folder: Path, expected: str | None) -> RankTable:
    """The ranks of every user, whose metrics are compared with the stored ones.

    Args:
        folder: the folder of a finished run.
        expected: digest of the run's numbers by which a record names it; None if none does.

    Raises:
        SirecError: if the run is another one by now, if ranks are damaged, or if their metrics are
            not those of metrics.json.
    """
    was_moving, before = is_interrupted(folder), read_manifest(folder)
    try:
        return _read_once(folder, expected)
    except SirecError:
        if not was_moving and read_manifest(folder) == before:
            raise
        return _read_once(folder, expected)  # another process has ranked this run anew meanwhile


def read_means(folder: Path, expected: str | None, withheld: Withheld) -> MetricMeans:
    """What is known of a run whose ranks were withheld.

    Args:
        folder: the folder of a finished run.
        expected: digest of the run's numbers by which a record names it; None if none does.
        withheld: what the manifest says of it.

    Raises:
        SirecError: if the run is another one by now, or its metrics are damaged.
    """
    _check_expected(folder, expected)
    stored = load(StoredMetrics, _stored_metrics(folder), str(folder / METRICS))
    targets = {part: withheld.targets[part] for part in PARTS}
    ties = {part: stored.ties.get(part, 0.0) for part in PARTS}
    return MetricMeans(stored.means(), ties, withheld.users, targets)


def _read_once(folder: Path, expected: str | None) -> RankTable:
    _check_expected(folder, expected)
    ranks = RankTable.from_parquet(checked_file(folder, RANKS))
    where, hint = str(folder / METRICS), remedy(folder, METRICS)
    check_metrics(ranks, lambda: _stored_metrics(folder), where, hint)
    return ranks


def _stored_metrics(folder: Path) -> Any:
    return read_json(checked_file(folder, METRICS))


def _check_expected(folder: Path, expected: str | None) -> None:
    if expected is not None and digest_of_numbers(folder) != expected:
        raise SirecError(
            f"{folder}: not as it was when the record of it was written: "
            "it was trained or ranked anew since",
            "make the record again, by the command that made it: nothing is trained anew",
        )
