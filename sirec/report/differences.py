"""Paired differences between rows, and the sentence that says what one means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sirec.errors import SirecError, unknown
from sirec.evaluation.metrics import DEFAULT_METRICS, Metric
from sirec.evaluation.ranks import Ranks
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD, Difference, Resampling, compare, holm
from sirec.report.results import (
    PREVIOUS,
    ResultsByRow,
    RunResult,
    View,
    best_on_validation,
    group,
    is_known,
    listed,
    ranks_of,
)
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

SIGNIFICANCE = 0.05  # of corrected p-values
MARK = "†"
TEST_VIEW = View()
Verdict = Literal["better", "worse", "equivalent", "undecided"]
BaselineChoice = Literal["named", "best on validation", "the row above"]
NAMED: BaselineChoice = "named"
BEST: BaselineChoice = "best on validation"
ABOVE: BaselineChoice = "the row above"


@dataclass(frozen=True)
class PairedTest:
    """A row against a baseline, `difference.adjusted_p` corrected over the `family` of such tests
    of a data set and metric.

    `is_reference` marks the baseline that verdicts are about; `chosen` says how it became the row's
    baseline. `training_free` are those of the two that are not trained, and so have no seed.
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
    def is_significant(self) -> bool:
        """Whether the corrected p is below `SIGNIFICANCE` and the interval without zero."""
        d = self.difference
        return (
            not d.contains_zero
            and (d.p_value if d.adjusted_p is None else d.adjusted_p) < SIGNIFICANCE
        )


def differences(
    entries: Sequence[RunResult],
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    *,
    proposal: str | None = None,
    against: str | None = None,
    view: View = TEST_VIEW,
    resampling: Resampling | None = None,
) -> list[PairedTest]:
    """Paired differences per data set and metric, Holm-corrected over all of them.

    With a `proposal` it is compared with every other row, of which the baseline is the reference;
    without one every row is compared with its baseline. That is what the row itself is set against,
    else `against` (a label, a model or `PREVIOUS`, the row above), else the row that is best on
    *validation* under the same history rule. A row that is its own baseline, or has none above it,
    is compared with nothing. Rows whose ranks do not reach as far as a metric reads have no part in
    it. Raises `SirecError` for a name that no row has, or that several have.
    """
    pairs: list[PairedTest] = []
    for dataset, rows in group(entries).items():
        mine = find_row(rows, proposal, dataset) if proposal else None
        for metric in metrics:
            if mine:
                versus = list(_of_proposal(rows, mine, against, metric, view, dataset))
            else:
                versus = list(_of_rows(rows, against, metric, view, dataset))
            sides = [_sides(rows[each.label], rows[each.baseline], view) for each in versus]
            found = [compare(metric, a, b, resampling) for a, b in sides]
            corrected = holm([difference.p_value for difference in found])
            pairs += [
                PairedTest(
                    dataset,
                    v.label,
                    v.baseline,
                    replace(d, adjusted_p=p),
                    len(found),
                    v.is_reference,
                    v.chosen,
                    tuple(
                        label for label in (v.label, v.baseline) if rows[label][0].is_training_free
                    ),
                )
                for v, d, p in zip(versus, found, corrected, strict=True)
            ]
    return pairs


@dataclass(frozen=True)
class _Versus:
    """Two rows to compare."""

    label: str
    baseline: str
    chosen: BaselineChoice
    is_reference: bool = True


def _of_proposal(
    rows: ResultsByRow, mine: str, against: str | None, metric: Metric, view: View, where: str
) -> Iterator[_Versus]:
    """The proposal with each other row."""
    others = {label: runs for label, runs in rows.items() if label != mine}
    named = find_row(others, against, where) if against else None
    known = {label: runs for label, runs in others.items() if is_known(runs, metric, view)}
    if named not in (None, *known) or not is_known(rows[mine], metric, view):
        return
    baseline = named or best_on_validation(known, metric, view.history, where)
    for label in known:
        yield _Versus(mine, label, NAMED if named else BEST, label == baseline)


def _of_rows(
    rows: ResultsByRow, against: str | None, metric: Metric, view: View, where: str
) -> Iterator[_Versus]:
    """Each row with its baseline."""
    known = {label: runs for label, runs in rows.items() if is_known(runs, metric, view)}
    best: str | None = None
    baseline: str | None
    for above, (label, runs) in zip((None, *rows), rows.items(), strict=False):
        name = runs[0].against or against
        if label not in known:
            continue
        if name == PREVIOUS:
            baseline, chosen = above, ABOVE
        elif name:
            baseline, chosen = find_row(rows, name, where), NAMED
        else:
            best = best or best_on_validation(known, metric, view.history, where)
            baseline, chosen = best, BEST
        if baseline in known and baseline != label:
            yield _Versus(label, baseline, chosen)


def find_row(rows: ResultsByRow, name: str, where: str) -> str:
    """The label that a person means by a label or a model's name. Raises `SirecError` if there is
    none or several.
    """
    return find_label({label: runs[0].model for label, runs in rows.items()}, name, where)


def find_label(models: Mapping[str, str], name: str, where: str) -> str:
    """As `find_row`, from label -> model."""
    if name in models:
        return name
    found = [
        label for label, model in models.items() if name.lower() in (label.lower(), model.lower())
    ]
    if not found:
        raise unknown("row", name, models, where)
    if len(found) > 1:
        raise SirecError(f"{where}: '{name}' is ambiguous", f"say one of: {', '.join(found)}")
    return found[0]


def difference_table(pairs: Sequence[PairedTest], title: str = "Paired differences") -> ResultTable:
    """One line per pair: both means, the difference with its interval, p before and after
    correction.
    """
    columns = (
        TableColumn("first"),
        TableColumn("second"),
        TableColumn("difference", signed=True),
        TableColumn("relative", unit="%", decimals=1, signed=True),
        TableColumn("p"),
        TableColumn("p corrected"),
    )
    rows = []
    for pair in pairs:
        d = pair.difference
        relative = (
            Cell(missing="the second mean is 0") if d.relative is None else Cell(100 * d.relative)
        )
        gain = Cell(d.difference, interval=(d.low, d.high))
        cells = (
            Cell(d.mean_a),
            Cell(d.mean_b),
            gain,
            relative,
            Cell(d.p_value),
            Cell(d.adjusted_p),
        )
        rows.append(
            TableRow(f"{pair.label} – {pair.baseline}", cells, f"{pair.dataset}, {d.metric}")
        )
    chain = (
        [f"Each row is set against {_baselines(pairs)}."]
        if any(pair.chosen == ABOVE for pair in pairs)
        else []
    )
    return ResultTable(
        title, columns, tuple(rows), (*chain, *method_notes(pairs)), label_heading="pair"
    )


def verdict(pair: PairedTest, margin: float | None = None) -> Verdict:
    """What a pair allows to say. `equivalent` needs a `margin`, in the metric's unit, that holds
    the whole interval.
    """
    d = pair.difference
    if margin is not None and -margin < d.low and d.high < margin:
        return "equivalent"
    if pair.is_significant:
        return "better" if d.difference > 0 else "worse"
    return "undecided"


def sentence(pair: PairedTest, margin: float | None = None) -> str:
    """What a pair means, in plain English, with what it does not mean."""
    d = pair.difference
    relative = "" if d.relative is None else f", {100 * d.relative:+.1f} %"
    p_value = d.p_value if d.adjusted_p is None else d.adjusted_p
    correction = f" corrected for {pair.family} tests" if pair.family > 1 else ""
    facts = (
        f"On {pair.dataset}, {pair.label} has {d.metric} {d.mean_a:.4f} and {pair.baseline} {d.mean_b:.4f}: a difference of"
        f" {d.difference:+.4f}{relative} ({100 * d.confidence:g} % interval {d.low:+.4f} to {d.high:+.4f}; {d.test},"
        f" p {_equals(p_value, d.is_least)}{correction})."
    )
    return f"{facts} {_meaning(pair, verdict(pair, margin), margin)} {_scope(pair)}"


def significance_notes(pairs: Sequence[PairedTest]) -> list[str]:
    """What the mark † stands for: against which baseline, and how that was chosen."""
    references = [pair for pair in pairs if pair.is_reference]
    if not references:
        return []
    family = max(pair.family for pair in references)
    corrected = f", after Holm's correction for {family} tests of a metric," if family > 1 else ""
    return [
        f"{MARK}: differs from {_baselines(references)}: the interval excludes zero and p{corrected} is below {SIGNIFICANCE}."
    ]


def _baselines(pairs: Sequence[PairedTest]) -> str:
    """What rows are set against: one baseline with how it was chosen, the row above, or each row's
    own.
    """
    by_choice: dict[BaselineChoice, list[PairedTest]] = {}
    for pair in pairs:
        by_choice.setdefault(pair.chosen, []).append(pair)
    return ", or ".join(
        _chosen(choice, found, len(by_choice) > 1) for choice, found in by_choice.items()
    )


def _chosen(choice: BaselineChoice, pairs: Sequence[PairedTest], is_one_of_several: bool) -> str:
    distinct = {pair.baseline for pair in pairs}
    if choice == ABOVE:
        return choice
    if len(distinct) == 1 and not is_one_of_several:
        return f"the baseline ({choice}; {distinct.pop()})"
    if choice == NAMED:
        return f"its baseline ({choice}; {'; '.join({f'{pair.label} against {pair.baseline}': None for pair in pairs})})"
    several = len({pair.dataset for pair in pairs}) > 1
    where = {
        f"{p.difference.metric}{f' on {p.dataset}' if several else ''}: {p.baseline}": None
        for p in pairs
    }
    return f"the baseline ({choice}; {'; '.join(where)})"


def method_notes(pairs: Sequence[PairedTest], *, intervals: bool = True) -> list[str]:
    """How p-values, and `intervals` if they are shown, were computed, and whether they speak of
    methods or of checkpoints.
    """
    tests = listed((pair.difference.test, pair.difference.metric) for pair in pairs)
    settings = dict.fromkeys(
        (d.confidence, d.resamples, d.seed, d.users) for d in (pair.difference for pair in pairs)
    )
    drawn = [
        f"Intervals of {100 * confidence:g} % by percentile bootstrap: {resamples:,} resamples, seed {seed}, {users:,} users."
        for confidence, resamples, seed, users in settings
    ]
    scopes = dict.fromkeys(_scope(pair, "Differences are") for pair in pairs)
    corrected = (
        " Corrected after Holm per data set and metric."
        if any(pair.family > 1 for pair in pairs)
        else ""
    )
    return [
        f"Tests: {tests}.{corrected}",
        *bound_notes(pairs),
        *(drawn if intervals else []),
        *scopes,
    ]


def bound_notes(pairs: Sequence[PairedTest]) -> list[str]:
    """What resampling cannot go below, where a p-value is there: such a p is a bound, not a
    value.
    """
    least = dict.fromkeys(
        (d.test, d.least_p, d.resamples) for d in (pair.difference for pair in pairs) if d.is_least
    )
    return [
        f"p {TableColumn('p').text(p_value)} by {test}, before correction, is a bound: {resamples:,} resamples show nothing smaller."
        for test, p_value, resamples in least
    ]


def _sides(
    a: Sequence[RunResult], b: Sequence[RunResult], view: View
) -> tuple[dict[int, Ranks], dict[int, Ranks]]:
    """Both rows' ranks by seed. A floor is not trained and knows no seed: its one run stands for
    each of the other side's.
    """
    ranks_a, ranks_b = ranks_of(a, view), ranks_of(b, view)
    if a[0].is_training_free and len(a) == 1:
        ranks_a = dict.fromkeys(ranks_b, ranks_a[a[0].seed])
    elif b[0].is_training_free and len(b) == 1:
        ranks_b = dict.fromkeys(ranks_a, ranks_b[b[0].seed])
    return ranks_a, ranks_b


def _meaning(pair: PairedTest, decided: Verdict, margin: float | None) -> str:
    if decided == "equivalent":
        return f"The whole interval lies within the stated margin of ±{margin:g}: no difference that matters."
    if decided in ("better", "worse"):
        return f"So {pair.label} is {decided}."
    if pair.difference.contains_zero:
        return "The interval contains zero: which one is better stays open, and that is not evidence that they are equal."
    if pair.difference.p_value < SIGNIFICANCE:
        return "The interval excludes zero, but after the correction for several tests the difference stays undecided."
    return "The interval excludes zero, but the test does not confirm it: undecided."


def _scope(pair: PairedTest, subject: str = "It is") -> str:
    """Whether a difference speaks of methods or of checkpoints, by the seeds of those that have
    any.
    """
    a, b = pair.difference.seeds_a, pair.difference.seeds_b
    if len(pair.training_free) == 2:
        return f"{subject} about the methods: both are floors, which no seed changes."
    if pair.training_free:
        seeds = f"{_counted(a)} against a floor, which has none"
    else:
        seeds = f"{_counted(a) if a == b else f'{a} and {b} seeds'} a side"
    if pair.difference.level == "method":
        return f"{subject} about the methods: {seeds}, resampled with the users."
    needed = f"{SEEDS_FOR_A_METHOD} seeds{'' if pair.training_free else ' a side'}"
    return (
        f"{subject} about these checkpoints ({seeds}), not about the methods: that needs {needed}."
    )


def _counted(seeds: int) -> str:
    return f"{seeds} seed{'s' * (seeds > 1)}"


def _equals(p_value: float, is_least: bool) -> str:
    """`= 0.0312`; `< 0.0001`; `≤ 0.0005` where resampling finds nothing smaller."""
    text = TableColumn("p").text(p_value)
    return text.replace("<", "< ") if text.startswith("<") else f"{'≤' if is_least else '='} {text}"
