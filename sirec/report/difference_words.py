"""Paired tests in plain English: what one means, and the notes below tables of them."""

from __future__ import annotations

from collections.abc import Sequence

from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD
from sirec.report.differences import (
    ABOVE,
    NAMED,
    NAMED_FIRST,
    SIGNIFICANCE,
    BaselineChoice,
    PairedTest,
    Verdict,
    verdict,
)
from sirec.report.table import TableColumn
from sirec.report.words import listed

MARK = "†"


def sentence(pair: PairedTest, margin: float | None = None) -> str:
    """What a test means, and what it does not mean.

    Args:
        pair: the test.
        margin: a difference below which two rows count as equal, as in `verdict`.
    """
    d = pair.difference
    relative = "" if d.relative is None else f", {100 * d.relative:+.1f} %"
    interval = f"{100 * d.confidence:g} % interval {d.low:+.4f} to {d.high:+.4f}"
    correction = f" corrected for {pair.family} tests" if pair.family > 1 else ""
    facts = (
        f"On {pair.dataset}, {pair.label} has {d.metric} {d.mean_a:.4f} and {pair.baseline} "
        f"{d.mean_b:.4f}: a difference of {d.difference:+.4f}{relative} ({interval}; {d.test}, "
        f"p {_equals(pair.p_value, d.is_least)}{correction})."
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
        f"{MARK}: differs from {baselines(references)}: the interval excludes zero and "
        f"p{corrected} is below {SIGNIFICANCE}."
    ]


def method_notes(pairs: Sequence[PairedTest], *, intervals: bool = True) -> list[str]:
    """How p-values and intervals were computed, and what the differences are about.

    Args:
        pairs: the tests of a table.
        intervals: whether the table shows intervals.
    """
    note = f"Tests: {tests_by_metric(pairs)}."
    if max((pair.family for pair in pairs), default=1) > 1:
        note += " Corrected after Holm per data set and metric."
    shown = _interval_notes(pairs) if intervals else []
    return [note, *bound_notes(pairs), *shown, *scopes(pairs)]


def scopes(pairs: Sequence[PairedTest]) -> list[str]:
    """Whether the differences are about methods or about checkpoints, each sentence once."""
    return list(dict.fromkeys(_scope(pair, "Differences are") for pair in pairs))


def tests_by_metric(pairs: Sequence[PairedTest]) -> str:
    """`exact McNemar (Recall@20); sign-flip permutation (NDCG@20)`."""
    return listed((pair.difference.test, pair.difference.metric) for pair in pairs)


def bound_notes(pairs: Sequence[PairedTest]) -> list[str]:
    """The smallest p-values that resampling can give, where one of them was found.

    Such a p-value is an upper bound: more resamples could give a smaller one.
    """
    notes: dict[str, None] = {}
    for pair in pairs:
        d = pair.difference
        if d.is_least:
            p_value = TableColumn("p").text(d.least_p)
            note = (
                f"p {p_value} by {d.test}, before correction, is a bound: "
                f"{d.resamples:,} resamples show nothing smaller."
            )
            notes[note] = None
    return list(notes)


def baselines(pairs: Sequence[PairedTest]) -> str:
    """The baselines that rows are compared with, and how they were chosen."""
    by_choice: dict[BaselineChoice, list[PairedTest]] = {}
    for pair in pairs:
        by_choice.setdefault(pair.chosen, []).append(pair)
    texts: list[str] = []
    for choice, found in by_choice.items():
        texts.append(_of_choice(choice, found, is_only_choice=len(by_choice) == 1))
    return ", or ".join(texts)


def _of_choice(choice: BaselineChoice, pairs: Sequence[PairedTest], *, is_only_choice: bool) -> str:
    """The baselines that were chosen in one of the ways."""
    if choice == ABOVE:
        return choice
    distinct = {pair.baseline for pair in pairs}
    if len(distinct) == 1 and is_only_choice:
        return f"the baseline ({choice}; {distinct.pop()})"
    if choice in (NAMED, NAMED_FIRST):
        named = dict.fromkeys(f"{pair.label} against {pair.baseline}" for pair in pairs)
        return f"its baseline ({choice}; {'; '.join(named)})"
    several_datasets = len({pair.dataset for pair in pairs}) > 1
    best: dict[str, None] = {}
    for pair in pairs:
        where = f" on {pair.dataset}" if several_datasets else ""
        best[f"{pair.difference.metric}{where}: {pair.baseline}"] = None
    return f"the baseline ({choice}; {'; '.join(best)})"


def _interval_notes(pairs: Sequence[PairedTest]) -> list[str]:
    notes: dict[str, None] = {}
    for pair in pairs:
        d = pair.difference
        note = (
            f"Intervals of {100 * d.confidence:g} % by percentile bootstrap: "
            f"{d.resamples:,} resamples, seed {d.seed}, {d.users:,} users."
        )
        notes[note] = None
    return list(notes)


def _meaning(pair: PairedTest, decided: Verdict, margin: float | None) -> str:
    if decided == "equivalent":
        return (
            f"The whole interval lies within the stated margin of ±{margin:g}: "
            "no difference that matters."
        )
    if decided in ("better", "worse"):
        return f"So {pair.label} is {decided}."
    if pair.difference.contains_zero:
        return (
            "The interval contains zero: which one is better stays open, "
            "and that is not evidence that they are equal."
        )
    if pair.difference.p_value < SIGNIFICANCE:
        return (
            "The interval excludes zero, but after the correction for several tests "
            "the difference stays undecided."
        )
    return "The interval excludes zero, but the test does not confirm it: undecided."


def _scope(pair: PairedTest, subject: str = "It is") -> str:
    """Whether a difference is about methods or about checkpoints, by the number of seeds."""
    if len(pair.training_free) == 2:
        return (
            f"{subject} about the methods: both are training-free baselines, which no seed changes."
        )
    seeds = _seeds(pair)
    if pair.difference.level == "method":
        return f"{subject} about the methods: {seeds}, resampled with the users."
    needed = f"{SEEDS_FOR_A_METHOD} seeds"
    if not pair.training_free:
        needed += " a side"
    return (
        f"{subject} about these checkpoints ({seeds}), not about the methods: that needs {needed}."
    )


def _seeds(pair: PairedTest) -> str:
    """The number of seeds of both rows."""
    a, b = pair.difference.seeds_a, pair.difference.seeds_b
    if pair.training_free:
        return f"{_counted(a)} against a training-free baseline, which has none"
    if a == b:
        return f"{_counted(a)} a side"
    return f"{a} and {b} seeds a side"


def _counted(seeds: int) -> str:
    return f"{seeds} seed{'s' * (seeds > 1)}"


def _equals(p_value: float, is_least: bool) -> str:
    """`= 0.0312`; `< 0.0001`; `≤ 0.0005` where resampling finds nothing smaller."""
    text = TableColumn("p").text(p_value)
    if text.startswith("<"):
        return text.replace("<", "< ")
    return f"≤ {text}" if is_least else f"= {text}"
