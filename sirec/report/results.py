"""Finished runs as a table sees them: a run, a row of runs, and which of their ranks are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sirec.data.split import HeldOutPart, LeaveOneOut, Split
from sirec.errors import SirecError
from sirec.evaluation.metric_means import MetricMeans
from sirec.evaluation.metrics import Metric
from sirec.evaluation.ranks import HistoryRule, Ranks, RankTable
from sirec.report.published import PrintedRow, published_users

PREVIOUS = "previous"  # names the row above as a row's baseline
FIRST = "first"  # names the first row as the baseline of all others
AS_THERE = "as there"  # of a setting that a run's protocol has: the run has it as well


@dataclass(frozen=True, eq=False)
class RunResult:
    """One finished run on one data set.

    Runs with the same label on the same data set are the seeds of one row.

    Attributes:
        label: label of the row.
        model: name of the model.
        seed: the run's seed.
        protocol: settings that a fair comparison shares, by name. Empty where they are not known.
        ranks: every user's ranks; means of metrics where ranks were withheld.
        dataset: name of the data set.
        link: the run's folder, as tables link to it.
        is_training_free: whether the model is computed from counts, without training.
        is_variant: whether model or split differ from those of the papers' main tables, so that no
            value printed there belongs to this run.
        printed: the row of another published table whose values belong to this run.
        fingerprint: fingerprint of the prepared data.
        split: how the data were split.
        against: what the row is compared with (a label, a model or `PREVIOUS`), where that is not
            left to the table.
        details: settings that a fair comparison shares as well, but that a table mentions only
            where rows differ in them.
        departures: how settings depart from those of the run's protocol, by name: `5, not 10`, or
            `AS_THERE`.
    """

    label: str
    model: str
    seed: int
    protocol: Mapping[str, str]
    ranks: RankTable | MetricMeans
    dataset: str
    link: str | None = None
    is_training_free: bool = False
    is_variant: bool = False
    printed: PrintedRow | None = None
    fingerprint: str | None = None
    split: Split = field(default_factory=LeaveOneOut)
    against: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    departures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MissingRow:
    """A row that a data set cannot have.

    Attributes:
        label: label of the row.
        dataset: name of the data set.
        reason: why there is no such row.
    """

    label: str
    dataset: str
    reason: str


@dataclass(frozen=True)
class View:
    """Which ranks are read.

    Attributes:
        split: the held-out split.
        history: whether items of a user's history stay in the ranking (`keep`) or not (`mask`).
    """

    split: HeldOutPart = "test"
    history: HistoryRule = "keep"

    @property
    def name(self) -> str:
        """A short name for titles: `test, history kept`."""
        split = {"test": "test", "valid": "validation"}[self.split]
        history = {"keep": "kept", "mask": "masked"}[self.history]
        return f"{split}, history {history}"

    @property
    def note(self) -> str:
        """The note below a table that says which ranks were read."""
        split = {"test": "Test", "valid": "Validation"}[self.split]
        history = {"keep": "kept in", "mask": "masked out of"}[self.history]
        return (
            f"{split} split; all items ranked, the history {history} the ranking; "
            "a tie counts half a rank."
        )


@dataclass(frozen=True, eq=False)
class ResultRow:
    """One row of a table: the runs of one setting on one data set, which differ in their seed.

    Attributes:
        label: label of the row.
        dataset: name of the data set.
        runs: at least one run, in the order of their seeds.
    """

    label: str
    dataset: str
    runs: tuple[RunResult, ...]

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.runs[0].model

    @property
    def is_training_free(self) -> bool:
        """Whether the row is a training-free baseline."""
        return self.runs[0].is_training_free

    @property
    def is_variant(self) -> bool:
        """Whether the row differs from what the papers' main tables have."""
        return self.runs[0].is_variant

    @property
    def against(self) -> str | None:
        """What the row itself is to be compared with, if it says so."""
        return self.runs[0].against

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs."""
        return tuple(run.seed for run in self.runs)

    @property
    def links(self) -> dict[str, str]:
        """`seed 0` -> the folder of the run, for runs that have one."""
        return {f"seed {run.seed}": run.link for run in self.runs if run.link}

    @property
    def has_ranks(self) -> bool:
        """Whether each run has every user's ranks, as intervals and tests need them."""
        return all(isinstance(run.ranks, RankTable) for run in self.runs)

    def ranks(self, view: View) -> dict[int, Ranks]:
        """Seed -> doubled ranks, Int32[U], of the split and history rule of a view.

        Raises:
            SirecError: if the ranks of a run were withheld.
        """
        return {run.seed: rank_table(run).ranks[view.split][view.history] for run in self.runs}

    def values(self, metric: Metric, view: View) -> list[float]:
        """The metric of each run, averaged over users.

        Args:
            metric: the metric.
            view: which ranks are read.
        """
        return [run.ranks.mean(metric, view.split, view.history) for run in self.runs]

    def mean(self, metric: Metric, view: View) -> float:
        """The metric, averaged over users and seeds.

        Args:
            metric: the metric.
            view: which ranks are read.
        """
        return float(np.mean(self.values(metric, view)))

    def deviation(self, metric: Metric, view: View) -> float | None:
        """The metric's standard deviation over seeds; None for a single seed.

        Args:
            metric: the metric.
            view: which ranks are read.
        """
        values = self.values(metric, view)
        return float(np.std(values, ddof=1)) if len(values) > 1 else None

    def is_known(self, metric: Metric, view: View) -> bool:
        """Whether the metric is known of each run (see `RankTable.knows`).

        Args:
            metric: the metric.
            view: which ranks are read.
        """
        return all(is_known(run, metric, view) for run in self.runs)


Rows = Mapping[str, ResultRow]  # label -> row, of one data set


def is_known(run: RunResult, metric: Metric, view: View) -> bool:
    """Whether a metric is known of a run (see `RankTable.knows`).

    Args:
        run: the run.
        metric: the metric.
        view: which ranks are read.
    """
    return run.ranks.knows(metric, view.split, view.history)


def is_on_published_data(run: RunResult) -> bool:
    """Whether a run's data have the users and the split that the papers' tables stand on.

    Args:
        run: the run.
    """
    is_same_size = run.ranks.users in published_users(run.dataset)
    return is_same_size and run.split == LeaveOneOut()


def rank_table(run: RunResult) -> RankTable:
    """Every user's ranks of a run.

    Args:
        run: the run.

    Raises:
        SirecError: if they were withheld.
    """
    if isinstance(run.ranks, RankTable):
        return run.ranks
    raise SirecError(
        f"{run.link or run.label}: the ranks of single users were withheld when this run was "
        "copied: it has metrics only",
        "train it again to have them",
    )


def best_on_validation(rows: Rows, metric: Metric, history: HistoryRule, where: str = "") -> str:
    """Label of the row with the highest mean on validation. Test ranks are not read.

    Args:
        rows: the rows of one data set.
        metric: the metric.
        history: the history rule of the ranking.
        where: the data set, for the message of the error.

    Raises:
        SirecError: if of no row the metric is known on validation.
    """
    view = View("valid", history)
    means: dict[str, float] = {}
    for label, row in rows.items():
        if row.is_known(metric, view):
            means[label] = row.mean(metric, view)
    if not means:
        raise SirecError(
            f"{where}: there is no baseline to compare with",
            "add another model, or name one: --against",
        )
    return max(means, key=lambda label: means[label])
