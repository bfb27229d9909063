"""What the functions of `sirec.api` return besides comparisons: prepared data and trained runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sirec.data.dataset import Dataset
from sirec.data.prepare.findings import ValueFinding
from sirec.data.prepare.pipeline import Prepared
from sirec.data.split import PARTS
from sirec.evaluation.ranks import HISTORY_RULES
from sirec.run.store import RunFolder
from sirec.studies.compare.comparison import Comparison


@dataclass(frozen=True, eq=False)
class PreparedData:
    """A data set that has been prepared and written.

    Attributes:
        folder: where it was written.
        prepared: the data set, and how it came about.
        skipped: the bad lines of raw files that were left out, as messages.
        skipped_counts: how many there were of which kind, as a sentence; empty if there were none.
    """

    folder: Path
    prepared: Prepared
    skipped: tuple[str, ...] = ()
    skipped_counts: str = ""

    @property
    def name(self) -> str:
        """The name of the data set."""
        return self.prepared.dataset.name

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        return self.prepared.dataset

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on how it was prepared."""
        return self.prepared.notes

    @property
    def findings(self) -> tuple[ValueFinding, ...]:
        """What in the values may not be meant, with the options that change it."""
        return self.prepared.findings

    def to_frame(self) -> pd.DataFrame:
        """Users, items and interactions, as read and after each filter."""
        return pd.DataFrame(list(map(vars, self.prepared.steps))).set_index("name")

    def _repr_html_(self) -> str:
        """The data set as a notebook shows it."""
        return f"<p>{self.name} in {self.folder}</p>{self.to_frame().to_html()}"


@dataclass(frozen=True)
class TrainedRuns:
    """Finished runs of one model, one for each seed.

    Attributes:
        runs: their folders, in the order of the seeds.
        is_main: whether this process is the one that reports, of several that trained together.
        forecast: what would be trained, where that was asked for; then there are no runs.
    """

    runs: tuple[RunFolder, ...]
    is_main: bool = True
    forecast: Comparison | None = None

    def __len__(self) -> int:
        """Number of runs."""
        return len(self.runs)

    def __iter__(self) -> Iterator[RunFolder]:
        """The runs, seed by seed."""
        return iter(self.runs)

    def __getitem__(self, index: int) -> RunFolder:
        """The run of the seed at that index."""
        return self.runs[index]

    def to_frame(self) -> pd.DataFrame:
        """The metrics: one row for each run, held-out split and history rule."""
        rows: list[dict[str, Any]] = []
        for run in self.runs:
            facts: dict[str, Any] = {"data": run.dataset, "model": run.model, "run": run.id}
            facts["seed"] = run.config().seed
            metrics = run.metrics()
            for split in PARTS:
                for history in HISTORY_RULES:
                    view = {"split": split, "history": history}
                    rows.append({**facts, **view, **metrics[split][history]})
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        """The metrics as a notebook shows them."""
        return self.to_frame().to_html(index=False, float_format="{:.4f}".format)
