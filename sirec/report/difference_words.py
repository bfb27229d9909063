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

MARK = "†"  # the methods differ
CHECKPOINT_MARK = "‡"  # these checkpoints differ, and one seed does not decide between methods


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
        f"p {_equals(pair.p_value)}{correction})."
    )
    return f"{facts} {_meaning(pair, verdict(pair, margin), margin)} {_scope(pair)}"


def significance_notes(pairs: Sequence[PairedTest]) -> list[str]:
    """What the mark † stands for: against which baseline, and how that was chosen."""
    references = [pair for pair in pairs if pair.is_reference]
    if not references:
        return []
    family = max(pair.family for pair in references)
    corrected = f"after Holm's correction for {family} tests of a metric" if family > 1 else ""
    return legends(references, baselines(references), corrected)


def mark_of_pair(pair: PairedTest) -> str:
    """`†` where methods differ, `‡` where these checkpoints do, or nothing."""
    if not pair.differs:
        return ""
    return MARK if pair.is_about_methods else CHECKPOINT_MARK


def legends(pairs: Sequence[PairedTest], baseline: str, corrected: str = "") -> list[str]:
    """What the marks of some tests stand for; of those marks alone that they have or could have.

    Args:
        pairs: the tests.
        baseline: what the rows are compared with.
        corrected: how p-values were corrected, if they were.
    """
    condition = f"the interval excludes zero and p{corrected and f', {corrected},'} is below"
    notes: list[str] = []
    if any(pair.is_about_methods for pair in pairs):
        notes.append(f"{MARK}: differs from {baseline}: {condition} {SIGNIFICANCE}.")
    if not all(pair.is_about_methods for pair in pairs):
        same = "the same" if notes else f"differs from {baseline}: {condition} {SIGNIFICANCE},"
        notes.append(
            f"{CHECKPOINT_MARK}: {same} over users alone, for these checkpoints; one seed does "
            "not decide between methods."
        )
    return notes


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
    return [note, *shown, *scopes(pairs)]


def scopes(pairs: Sequence[PairedTest]) -> list[str]:
    """Whether the differences are about methods or about checkpoints, each sentence once."""
    return list(dict.fromkeys(_scope(pair, "Differences are") for pair in pairs))


def tests_by_metric(pairs: Sequence[PairedTest]) -> str:
    """`t over users`; where they differ: `t over users (A – B); t over users and seeds (C – B)`."""
    tests = {pair.difference.test for pair in pairs}
    if len(tests) == 1:
        return tests.pop()
    return listed((pair.difference.test, f"{pair.label} – {pair.baseline}") for pair in pairs)


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
        note = f"Intervals of {100 * d.confidence:g} % by {d.test}, {d.users:,} users"
        if d.level == "method":
            note += "; the variance between seeds is pooled over the rows of the data set"
        note += "."
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
    if pair.differs:
        return "So these checkpoints differ; one seed does not say which method is better."
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
        return f"{subject} about the methods: {seeds}."
    needed = f"{SEEDS_FOR_A_METHOD} seeds or more"
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


def _equals(p_value: float) -> str:
    """`= 0.0312`; `< 0.0001`."""
    text = TableColumn("p").text(p_value)
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"
