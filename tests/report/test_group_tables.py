"""Values and differences by bin are those of the bin's users alone; corrections are over all
bins.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.evaluation.ranks import Ranks, RankTable
from sirec.evaluation.statistics import compare, holm, mean_interval
from sirec.evaluation.user_groups import POPULARITY, Buckets, fill
from sirec.report.group_tables import BucketReport, bucket_report
from sirec.report.group_tests import EVERYBODY
from sirec.report.results import RunResult, View

USERS = 900
METRICS = [parse_metric("Recall@20"), parse_metric("NDCG@20")]
VALUES = np.random.default_rng(7).integers(0, 80, USERS)
RANKED = np.random.default_rng(8).random(USERS) < 0.9


def entry(label: str, gain: float = 0.0, seed: int = 0, dataset: str = "shop") -> RunResult:
    """A run that does better by `gain` for frequent targets; a tenth of the users has no target."""

    def ranks(salt: int) -> Ranks:
        noise = np.random.default_rng([salt, seed, *label.encode()]).normal(4, 2, USERS)
        doubled: Ranks = 2 * np.clip(np.exp(noise - gain * (VALUES > 20)), 1, 4000).astype(np.int32)
        return np.where(RANKED, doubled, 0)

    columns = {
        part: {"keep": ranks(salt), "mask": np.maximum(ranks(salt) - 2, RANKED * 2)}
        for salt, part in enumerate(("valid", "test"))
    }
    return RunResult(
        label, label.lower(), seed, {"loss": "item"}, RankTable(columns), dataset, f"runs/{label}"
    )  # type: ignore[arg-type]


def buckets(minimum: int = 1) -> Buckets:
    """The users by popularity."""
    return fill(POPULARITY, VALUES, RANKED, minimum)


def report(*entries: RunResult, view: View | None = None) -> BucketReport:
    """The report of these rows against the first."""
    baseline = entries[0].label
    return bucket_report(
        entries,
        buckets(),
        METRICS,
        view=view or View(),
        baseline=baseline,
        title="t",
    )


@pytest.mark.parametrize("history", ["keep", "mask"])
def test_bins_weighted_by_size_are_the_whole(history: str) -> None:
    """For each row and metric, values and differences by bin, weighted by users, add up to those
    over all users.
    """
    rows = [entry("A"), entry("B", 1.0)]
    made = report(*rows, view=View("test", history))  # type: ignore[arg-type]
    sizes = np.array([bucket.size for bucket in made.buckets.buckets])
    assert sizes.sum() == RANKED.sum() < USERS
    assert made.differences is not None
    for row in (*made.values.rows, *made.differences.rows):
        *bins, whole = (cell.value for cell in row.cells)
        assert (np.array(bins) @ sizes) / sizes.sum() == pytest.approx(whole)
        assert np.mean(np.array(bins, dtype=float)) != pytest.approx(
            whole
        )  # control: the weights matter
    for row, run in zip(made.values.rows[:2], rows, strict=True):
        assert row.cells[-1].value == METRICS[0].mean(run.ranks.ranks["test"][history])  # type: ignore[index]


def test_a_bin_is_what_its_users_alone_would_say() -> None:
    """Value, interval, difference and p of a bin are those of ranks from which all other users were
    cut out.
    """
    a, b = entry("A"), entry("B", 1.0)
    made = report(a, b)
    assert made.differences is not None
    for place, bucket in enumerate(made.buckets.buckets):
        mine, other = (run.ranks.ranks["test"]["keep"][bucket.users] for run in (b, a))
        for number, metric in enumerate(METRICS):
            alone = compare(metric, {0: mine}, {0: other})
            cell, gain = (
                made.values.rows[2 * number + 1].cells[place],
                made.differences.rows[number].cells[place],
            )
            assert cell.value == metric.mean(mine)
            assert cell.interval == mean_interval(metric, {0: mine})
            assert (gain.value, gain.interval) == (alone.difference, (alone.low, alone.high))
            assert made.pairs[bucket.label][number].difference.p_value == alone.p_value


def test_holm_goes_over_bins_and_rows() -> None:
    """A metric's family is every row in every bin, without all users; marks are on what stays
    significant, never on all.
    """
    made = report(entry("A"), entry("B", 1.2), entry("C", 0.1))
    bins = [bucket.label for bucket in made.buckets.buckets]
    assert made.differences is not None
    for metric in METRICS:
        family = [
            (name, pair)
            for name in bins
            for pair in made.pairs[name]
            if pair.difference.metric == metric.name
        ]
        assert len(family) == 2 * len(bins) == family[0][1].family
        assert [p.difference.adjusted_p for _, p in family] == holm(
            [p.difference.p_value for _, p in family]
        )
        significant = {(pair.label, name) for name, pair in family if pair.differs}
        for table, suffix in ((made.values, ""), (made.differences, " – A")):
            marked = {
                (row.label.removesuffix(suffix), column.name)
                for row in table.rows
                for cell, column in zip(row.cells, table.columns, strict=True)
                if cell.mark and row.group == metric.name
            }
            assert marked == significant
        assert {label for label, _ in significant} == {"B"}  # control: some are, most are not
        assert made.p_values is not None
        printed = {
            (row.label.removesuffix(" – A"), column.name): (cell.value, bool(cell.mark))
            for row in made.p_values.rows
            for cell, column in zip(row.cells, made.p_values.columns, strict=True)
            if row.group == metric.name
        }
        found = {
            (pair.label, name): (pair.difference.adjusted_p, (pair.label, name) in significant)
            for name, pair in family
        }
        assert printed == found
        assert any(f"for the {len(family)} tests" in note for note in made.p_values.notes)
    assert any(pair.differs for pair in made.pairs[EVERYBODY])


def test_users_stand_in_the_headings() -> None:
    """Each column says how many ranked users it has; joined bins are named in a note."""
    made = report(entry("A"))
    assert [int(column.unit) for column in made.values.columns] == [
        *(b.size for b in made.buckets.buckets),
        RANKED.sum(),
    ]
    assert made.differences is made.p_values is None  # one row has nothing to differ from
    joined = bucket_report(
        [entry("A")], buckets(200), METRICS, view=View(), baseline="A", title="t"
    )
    assert any("Too few users" in note and "are one bin" in note for note in joined.values.notes)
    assert not any("Too few users" in note for note in made.values.notes)


def test_seeds_are_averaged_in_a_bin() -> None:
    """A row's value in a bin is the mean over its seeds, with their deviation."""
    runs = [entry("B", 0.5, seed) for seed in range(3)]
    made = report(entry("A"), *runs)
    [bucket, *_] = made.buckets.buckets
    values = [METRICS[0].mean(run.ranks.ranks["test"]["keep"][bucket.users]) for run in runs]
    cell = made.values.rows[1].cells[0]
    assert [cell.value, cell.deviation] == pytest.approx([np.mean(values), np.std(values, ddof=1)])


def test_a_constant_bin_has_no_interval() -> None:
    """Where nobody is hit there is no interval, and a note says so; other bins (control) keep
    their intervals.
    """
    never = entry("A")
    [bucket, *_] = buckets().buckets
    missed = {
        rule: np.where(bucket.users, 9000, ranks)
        for rule, ranks in never.ranks.ranks["test"].items()
    }
    made = report(replace(never, ranks=RankTable({**never.ranks.ranks, "test": missed})))
    first, second = made.values.rows[0].cells[:2]
    assert (first.value, first.interval) == (0, None)
    assert second.interval is not None
    assert any("Without brackets" in note for note in made.values.notes)


def test_rows_of_two_data_sets_are_refused() -> None:
    """Bins are made of one data set's users; nor do other data under the same name go together."""
    with pytest.raises(SirecError, match="runs of different data: shop, market"):
        report(entry("A"), entry("B", dataset="market"))
    with pytest.raises(SirecError, match="made on other data"):
        report(replace(entry("A"), fingerprint="1"), replace(entry("B"), fingerprint="2"))
