"""Paired differences between rows, and what they allow to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sirec.errors import SirecError, unknown
from sirec.evaluation.metrics import DEFAULT_METRICS, Metric
from sirec.evaluation.ranks import Ranks
from sirec.evaluation.seed_noise import PooledNoise
from sirec.evaluation.statistics import Difference, compare, holm, noise_of
from sirec.report.result_set import ResultSet
from sirec.report.results import (
    FIRST,
    PREVIOUS,
    ResultRow,
    Rows,
    RunResult,
    View,
    best_on_validation,
)

SIGNIFICANCE = 0.05  # of corrected p-values
TEST_VIEW = View()
Verdict = Literal["better", "worse", "equivalent", "undecided"]
BaselineChoice = Literal["named", "named first", "best on validation", "the row above"]
NAMED: BaselineChoice = "named"
NAMED_FIRST: BaselineChoice = "named first"
BEST: BaselineChoice = "best on validation"
ABOVE: BaselineChoice = "the row above"


@dataclass(frozen=True)
class PairedTest:
    """One row compared with another one, in one metric.

    Attributes:
        dataset: name of the data set.
        label: label of the row.
        baseline: label of the row that it is compared with.
        difference: the difference; its `adjusted_p` is corrected over the family.
        family: the number of tests that the correction is over, those of a data set and metric.
        is_reference: whether the baseline is the one that verdicts are about.
        chosen: how the baseline was chosen.
        training_free: those of the two labels whose rows are not trained and have no seed.
    """

    dataset: str
    label: str
    baseline: str
    difference: Difference
    family: int
    is_reference: bool
    chosen: BaselineChoice
    training_free: tuple[str, ...] = ()

    @property
    def p_value(self) -> float:
        """The corrected p-value, or the p-value itself where nothing was corrected."""
        d = self.difference
        return d.p_value if d.adjusted_p is None else d.adjusted_p

    @property
    def differs(self) -> bool:
        """Whether the corrected p is below `SIGNIFICANCE` and the interval excludes zero."""
        return not self.difference.contains_zero and self.p_value < SIGNIFICANCE

    @property
    def is_about_methods(self) -> bool:
        """Whether seeds on both sides say how much training varies, or nothing is trained."""
        return self.difference.level == "method" or len(self.training_free) == 2

    @property
    def is_significant(self) -> bool:
        """Whether the methods differ. One seed of a trained model never decides that."""
        return self.differs and self.is_about_methods


def differences(
    results: Iterable[RunResult],
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    *,
    proposal: str | None = None,
    against: str | None = None,
    view: View = TEST_VIEW,
) -> list[PairedTest]:
    """Paired differences, Holm-corrected over the tests of a data set and metric.

    How much training varies is estimated from all trained rows of the data set together.

    With a proposal it is compared with every other row. Without one, every row is compared with
    its baseline: the one that the row itself names, else `against`, else the row that is best on
    *validation* under the same history rule. A row that is its own baseline, or has no row above
    it, is compared with nothing. Rows whose ranks do not reach as far as a metric have no part, nor
    have rows whose ranks were withheld.

    Args:
        results: the runs to compare.
        metrics: the metrics to compare them in.
        proposal: label or model of the row that is compared with all others.
        against: label or model of the baseline, `PREVIOUS` for the row above, or `FIRST` for the
            first row of a data set.
        view: which ranks are read.

    Raises:
        SirecError: if no row, or more than one, has a given name.
    """
    pairs: list[PairedTest] = []
    for dataset, rows in ResultSet(results).by_dataset().items():
        mine = find_row(rows, proposal, dataset) if proposal else None
        for metric in metrics:
            if mine:
                chosen = _choices_of_proposal(rows, mine, against, metric, view)
            else:
                chosen = _choices_of_rows(rows, against, metric, view)
            noise = seed_noise_of(rows, metric, view)
            pairs += _tested(list(chosen), metric, view, noise)
    return pairs


@dataclass(frozen=True, eq=False)
class _Choice:
    """Two rows to compare."""

    row: ResultRow
    baseline: ResultRow
    chosen: BaselineChoice
    is_reference: bool = True

    @property
    def training_free(self) -> tuple[str, ...]:
        """Labels of those of the two that are not trained."""
        return tuple(row.label for row in (self.row, self.baseline) if row.is_training_free)


def seed_noise_of(rows: Rows, metric: Metric, view: View) -> PooledNoise:
    """How much training varies from seed to seed, by all trained rows of a data set.

    Args:
        rows: the rows of one data set.
        metric: the metric.
        view: which ranks are read.
    """
    trained = [row for row in rows.values() if not row.is_training_free]
    return noise_of(metric, [row.ranks(view) for row in trained if _is_ranked(row, metric, view)])


def _tested(
    choices: Sequence[_Choice], metric: Metric, view: View, noise: PooledNoise
) -> list[PairedTest]:
    """The tests of one data set and metric, corrected over all of them."""
    found: list[Difference] = []
    for choice in choices:
        ranks, ranks_of_baseline = _paired_by_seed(choice.row, choice.baseline, view)
        is_one_untrained = bool(choice.training_free)
        found.append(
            compare(metric, ranks, ranks_of_baseline, noise, is_one_untrained=is_one_untrained)
        )
    corrected = holm([difference.p_value for difference in found])
    pairs: list[PairedTest] = []
    for choice, difference, p_value in zip(choices, found, corrected, strict=True):
        pair = PairedTest(
            choice.row.dataset,
            choice.row.label,
            choice.baseline.label,
            replace(difference, adjusted_p=p_value),
            len(found),
            choice.is_reference,
            choice.chosen,
            choice.training_free,
        )
        pairs.append(pair)
    return pairs


def _choices_of_proposal(
    rows: Rows, mine: str, against: str | None, metric: Metric, view: View
) -> Iterator[_Choice]:
    """The proposal with each other row."""
    dataset = rows[mine].dataset
    others = {label: row for label, row in rows.items() if label != mine}
    named = find_row(others, against, dataset) if against else None
    known = _known(others, metric, view)
    if named not in (None, *known) or not _is_ranked(rows[mine], metric, view):
        return
    baseline = named or best_on_validation(known, metric, view.history, dataset)
    for label, row in known.items():
        yield _Choice(rows[mine], row, NAMED if named else BEST, label == baseline)


def _choices_of_rows(
    rows: Rows, against: str | None, metric: Metric, view: View
) -> Iterator[_Choice]:
    """Each row with its baseline."""
    known = _known(rows, metric, view)
    best: str | None = None
    above: str | None = None
    for label, row in rows.items():
        previous, above = above, label
        name = row.against or against
        if label not in known:
            continue
        baseline: str | None
        if name == PREVIOUS:
            baseline, chosen = previous, ABOVE
        elif name == FIRST:
            baseline, chosen = next(iter(rows)), NAMED_FIRST
        elif name:
            baseline, chosen = find_row(rows, name, row.dataset), NAMED
        else:
            best = best or best_on_validation(known, metric, view.history, row.dataset)
            baseline, chosen = best, BEST
        if baseline in known and baseline != label:
            yield _Choice(row, known[baseline], chosen)


def _known(rows: Rows, metric: Metric, view: View) -> dict[str, ResultRow]:
    """The rows that have ranks which reach as far as the metric."""
    return {label: row for label, row in rows.items() if _is_ranked(row, metric, view)}


def _is_ranked(row: ResultRow, metric: Metric, view: View) -> bool:
    return row.has_ranks and row.is_known(metric, view)


def _paired_by_seed(
    row: ResultRow, baseline: ResultRow, view: View
) -> tuple[dict[int, Ranks], dict[int, Ranks]]:
    """Both rows' ranks by seed.

    A training-free baseline has one run and no seed: that run is paired with each seed of the
    other row.
    """
    ranks, ranks_of_baseline = row.ranks(view), baseline.ranks(view)
    if row.is_training_free and len(row.runs) == 1:
        [only] = ranks.values()
        ranks = dict.fromkeys(ranks_of_baseline, only)
    elif baseline.is_training_free and len(baseline.runs) == 1:
        [only] = ranks_of_baseline.values()
        ranks_of_baseline = dict.fromkeys(ranks, only)
    return ranks, ranks_of_baseline


def find_row(rows: Rows, name: str, where: str) -> str:
    """The label of the row that is meant by a name.

    Args:
        rows: the rows of one data set.
        name: a label, or the name of a model.
        where: the data set, for the message of the error.

    Raises:
        SirecError: if no row is meant, or several are.
    """
    return find_label({label: row.model for label, row in rows.items()}, name, where)


def find_label(models: Mapping[str, str], name: str, where: str) -> str:
    """The label that is meant by a name.

    Args:
        models: label -> name of its model.
        name: a label, or the name of a model. Case does not matter.
        where: what has these labels, for the message of the error.

    Raises:
        SirecError: if no label is meant, or several are.
    """
    if name in models:
        return name
    wanted = name.lower()
    found: list[str] = []
    for label, model in models.items():
        if wanted in (label.lower(), model.lower()):
            found.append(label)
    if not found:
        raise unknown("row", name, models, where)
    if len(found) > 1:
        raise SirecError(f"{where}: '{name}' is ambiguous", f"say one of: {', '.join(found)}")
    return found[0]


def verdict(pair: PairedTest, margin: float | None = None) -> Verdict:
    """What a test allows to say of its row.

    Args:
        pair: the test.
        margin: a difference, in the metric's unit, below which two rows count as equal. Without
            one no row is called equivalent.
    """
    d = pair.difference
    if not pair.is_about_methods:
        return "undecided"
    if margin is not None and -margin < d.low and d.high < margin:
        return "equivalent"
    if pair.is_significant:
        return "better" if d.difference > 0 else "worse"
    return "undecided"
