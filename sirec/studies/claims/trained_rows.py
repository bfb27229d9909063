"""The rows of all studies of a results folder, each with every seed that any study trained.

A row of a study is a configuration. Where another study has the same configuration with other
seeds, they are seeds of the same row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sirec.config import dump
from sirec.evaluation.ranks import Ranks
from sirec.evaluation.seed_noise import PooledNoise
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD
from sirec.models import model_class
from sirec.report.results import View
from sirec.run.records import read_record
from sirec.run.store import RecordedRun, RunFolder
from sirec.shell import command
from sirec.studies.compare.recorded_rows import study_records

VIEW = View()


@dataclass(eq=False)
class TrainedRow:
    """One configuration on one data set.

    Attributes:
        dataset: name of the data set.
        fingerprint: fingerprint of the data.
        is_training_free: whether nothing is trained.
        runs: seed -> run.
        read: the ranks that were read, by seed.
    """

    dataset: str
    fingerprint: str
    is_training_free: bool
    runs: dict[int, RunFolder] = field(default_factory=dict)
    read: dict[int, Ranks] = field(default_factory=dict)

    def ranks(self, seed: int) -> Ranks:
        """Doubled ranks, Int[U], of a seed on test, with the history kept; read once."""
        if seed not in self.read:
            table = self.runs[seed].ranks()
            self.read[seed] = table.ranks[VIEW.split][VIEW.history]
        return self.read[seed]

    @property
    def is_withheld(self) -> bool:
        """Whether ranks of single users were withheld from a run of the row."""
        return any(run.withheld is not None for run in self.runs.values())

    def by_seed(self, seeds: Sequence[int]) -> dict[int, Ranks]:
        """The ranks under each of these seeds; those of a model without training under all."""
        if self.is_training_free:
            return dict.fromkeys(seeds, self.ranks(min(self.runs)))
        return {seed: self.ranks(seed) for seed in seeds}


@dataclass(frozen=True, eq=False)
class RowPair:
    """Two rows of one study that a claim compares, with the seeds that both have.

    Attributes:
        first: the first row.
        second: the second row.
        seeds: the seeds that both have; of a row without training, the other's.
        study: the study that has both.
    """

    first: TrainedRow
    second: TrainedRow
    seeds: tuple[int, ...]
    study: str

    @property
    def is_withheld(self) -> bool:
        """Whether ranks of single users were withheld from a run of either row."""
        return self.first.is_withheld or self.second.is_withheld


class RowPool:
    """All rows of the studies of a results folder.

    Attributes:
        results: the results folder.
        noises: what was found of the noise between seeds; so that it is computed once.
        shares: what was found of the users' variance.
    """

    def __init__(self, results: Path) -> None:
        """Read the records.

        Args:
            results: the results folder.

        Raises:
            SirecError: if a record or a run is damaged.
        """
        self.results = results
        self.noises: dict[tuple[object, ...], PooledNoise] = {}
        self.shares: dict[tuple[object, ...], float] = {}
        self._rows: dict[tuple[str, str, str], TrainedRow] = {}  # data, fingerprint, configuration
        self._by_folder: dict[Path, TrainedRow] = {}
        self._named: dict[tuple[str, str], dict[str, TrainedRow]] = {}  # study, data -> name -> row
        for name, path in study_records(results).items():
            stored = read_record(path, f"make it anew: {command('study', name)}")
            for line in stored["runs"]:
                self._add(name, line)

    def _add(self, study: str, line: Mapping[str, Any]) -> None:
        run = RecordedRun(line["label"], line["run"], line.get("digest")).open(self.results)
        if run.path not in self._by_folder:
            self._by_folder[run.path] = self._row_of(run)
        self._named.setdefault((study, run.dataset), {})[line["row"]] = self._by_folder[run.path]

    def _row_of(self, run: RunFolder) -> TrainedRow:
        """The row of a run, which has it among its seeds now."""
        config = run.config()
        key = (run.dataset, run.fingerprint(), _without_seed(dump(config)))
        is_free = model_class(config.model.name).is_training_free
        row = self._rows.setdefault(key, TrainedRow(run.dataset, key[1], is_free))
        row.runs.setdefault(config.seed, run)
        return row

    def pair(
        self, dataset: str, first: str, second: str, studies: Sequence[str] = ()
    ) -> RowPair | None:
        """Two rows of one study; of several studies, those with the most seeds in common.

        Args:
            dataset: name of the data set.
            first: name of the first row in experiment files.
            second: name of the second row.
            studies: names of the only studies to look at; all if empty.

        Returns:
            None where no study has both.
        """
        best: RowPair | None = None
        for (study, of), rows in self._named.items():
            wanted = of == dataset and (not studies or study in studies)
            if wanted and first in rows and second in rows:
                seeds = _shared_seeds(rows[first], rows[second])
                if best is None or len(seeds) > len(best.seeds):
                    best = RowPair(rows[first], rows[second], seeds, study)
        return best

    def noisy(self, row: TrainedRow) -> Iterator[TrainedRow]:
        """The trained rows on the same data that have several seeds, and ranks of single users."""
        for other in self._rows.values():
            same_data = (other.dataset, other.fingerprint) == (row.dataset, row.fingerprint)
            has_seeds = len(other.runs) >= SEEDS_FOR_A_METHOD
            is_readable = not other.is_training_free and not other.is_withheld
            if same_data and has_seeds and is_readable:
                yield other


def _shared_seeds(first: TrainedRow, second: TrainedRow) -> tuple[int, ...]:
    if first.is_training_free:
        return tuple(sorted(second.runs))
    if second.is_training_free:
        return tuple(sorted(first.runs))
    return tuple(sorted(first.runs.keys() & second.runs.keys()))


def _without_seed(tree: Mapping[str, Any]) -> str:
    """A configuration as one text, whatever its seed, as a key."""
    return json.dumps({**tree, "seed": None}, sort_keys=True, default=str)
