"""Paired tests of rows against a baseline in each bin of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sirec.evaluation.metrics import Metric
from sirec.evaluation.statistics import holm
from sirec.report.difference_words import legends, mark_of_pair, tests_by_metric
from sirec.report.differences import PairedTest, differences
from sirec.report.results import RunResult, View

EVERYBODY = "all"  # the label of all users together, who are no bin
PairsByBin = Mapping[str, Sequence[PairedTest]]


def paired_by_bin(
    within: Mapping[str, Sequence[RunResult]],
    metrics: Sequence[Metric],
    view: View,
    baseline: str,
) -> PairsByBin:
    """Each row against the baseline, in each bin and over all users.

    P-values are corrected after Holm over all bins and rows of a metric. Those over all users are
    not part of that correction.

    Args:
        within: bin -> the runs with only the users of the bin ranked.
        metrics: the metrics.
        view: which ranks are read.
        baseline: label of the row that others are compared with.
    """
    found: dict[str, list[PairedTest]] = {}
    for bucket, runs in within.items():
        found[bucket] = differences(runs, metrics, against=baseline, view=view)
    for metric in metrics:
        _correct(found, metric)
    return found


def _correct(found: Mapping[str, list[PairedTest]], metric: Metric) -> None:
    """Correct the p-values of a metric, in place."""
    family: list[tuple[str, int]] = []  # bin, index of the test
    for bucket, pairs in found.items():
        for index, pair in enumerate(pairs):
            if bucket != EVERYBODY and pair.difference.metric == metric.name:
                family.append((bucket, index))
    corrected = holm([found[bucket][index].difference.p_value for bucket, index in family])
    for (bucket, index), p_value in zip(family, corrected, strict=True):
        pair = found[bucket][index]
        difference = replace(pair.difference, adjusted_p=p_value)
        found[bucket][index] = replace(pair, difference=difference, family=len(family))


def mark_of(bucket: str, pair: PairedTest) -> str:
    """The mark of a significant difference, or nothing.

    Args:
        bucket: the bin. Differences over all users are not marked.
        pair: the test.
    """
    return "" if bucket == EVERYBODY else mark_of_pair(pair)


def in_bins(pairs: PairsByBin) -> list[PairedTest]:
    """The tests of all bins, without those over all users."""
    found: list[PairedTest] = []
    for bucket, tests in pairs.items():
        if bucket != EVERYBODY:
            found += tests
    return found


def notes_on_tests(pairs: PairsByBin, baseline: str) -> list[str]:
    """What the mark stands for, and which tests were made.

    Args:
        pairs: the tests by bin.
        baseline: label of the row that others are compared with.
    """
    tested = in_bins(pairs)
    if not tested:
        return []
    corrected = (
        f"after Holm's correction for the {tested[0].family} tests (bins and rows) of a metric"
    )
    return [
        *legends(tested, f"{baseline} in the bin", corrected),
        f"Tests: {tests_by_metric(tested)}. "
        "All users together are tested in the table of the models.",
    ]
