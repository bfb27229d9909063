"""Runs are grouped by data set, row and seed, and settings are compared between rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.evaluation.ranks import Ranks, RankTable
from sirec.report.result_set import UNSTATED, ResultSet, SettingValue, SettingValues
from sirec.report.results import ResultRow, RunResult, View

RECALL = parse_metric("Recall@2")


def ranks(*places: int) -> Ranks:
    """Doubled ranks of these places, one for each user."""
    return np.array(places, dtype=np.int32) * 2


def run(
    label: str,
    seed: int = 0,
    *,
    dataset: str = "shop",
    places: tuple[int, ...] = (1, 2, 3, 4),
    protocol: Mapping[str, str] | None = None,
    details: Mapping[str, str] | None = None,
    is_training_free: bool = False,
    fingerprint: str | None = None,
) -> RunResult:
    """A run with these places of its four users' targets on both splits."""
    column = ranks(*places)
    table = RankTable({part: {"keep": column, "mask": column} for part in ("valid", "test")})
    return RunResult(
        label,
        label.lower(),
        seed,
        {"length": "50"} if protocol is None else protocol,
        table,
        dataset,
        f"runs/{label}-{seed}",
        is_training_free=is_training_free,
        fingerprint=fingerprint,
        details=details or {},
    )


def labels(results: ResultSet) -> dict[str, list[str]]:
    """Data set -> labels of its rows."""
    return {dataset: list(rows) for dataset, rows in results.by_dataset().items()}


def values(*found: tuple[str, str, str]) -> SettingValues:
    """A setting's values from (data set, label, value)."""
    return SettingValues(tuple(SettingValue(*each) for each in found))


def test_runs_are_grouped_by_data_set_and_row() -> None:
    """Data sets and rows keep their order, the runs of a row are ordered by seed."""
    runs = [run("B", 2), run("A"), run("B", 1), run("A", dataset="market")]
    results = ResultSet(runs)
    assert list(results) == runs
    assert len(results) == 4
    assert results.datasets() == ["shop", "market"]
    assert labels(results) == {"shop": ["B", "A"], "market": ["A"]}
    assert [(row.dataset, row.label) for row in results.rows()] == [
        ("shop", "B"),
        ("shop", "A"),
        ("market", "A"),
    ]
    assert results.by_dataset()["shop"]["B"].seeds == (1, 2)


def test_training_free_rows_have_no_seeds() -> None:
    """Seeds are those of trained rows, named with their data set where there are several."""
    counted = run("Popularity", is_training_free=True, protocol={})
    results = ResultSet([counted, run("A", 3), run("A", 4)])
    assert results.seeds() == {"A": (3, 4)}
    assert [row.label for row in results.trained_rows()] == ["A"]
    several = ResultSet([run("A", 3), run("A", dataset="market")])
    assert several.seeds() == {"A on shop": (3,), "A on market": (0,)}


def test_a_choice_needs_two_rows_of_one_data_set() -> None:
    """Two seeds of a row are no choice, nor are two data sets with one row each."""
    assert not ResultSet([run("A"), run("A", 1), run("A", dataset="market")]).has_choice()
    assert ResultSet([run("A"), run("B"), run("A", dataset="market")]).has_choice()


def test_runs_that_cannot_be_grouped_are_refused() -> None:
    """No run, a seed that a row has twice, and other data under the same name are mistakes."""
    with pytest.raises(SirecError, match="nothing to compare"):
        ResultSet([])
    with pytest.raises(SirecError, match="shop: 'A' has seed 1 twice"):
        ResultSet([run("A", 1), run("B", 1), run("A", 1)])
    with pytest.raises(SirecError, match="'B' was made on other data") as refused:
        ResultSet([run("A", fingerprint="aa"), run("B", fingerprint="bb")])
    assert "fingerprints aa and bb" in str(refused.value.hint)
    same = [run("A", fingerprint="aa"), run("B", fingerprint="aa")]
    assert len(ResultSet(same).rows()) == 2  # control


def test_a_row_has_the_mean_and_deviation_of_its_seeds() -> None:
    """A metric's mean and deviation are those over seeds; one seed has no deviation."""
    runs = (run("A", 0, places=(1, 9, 9, 9)), run("A", 1, places=(1, 2, 2, 9)))
    row = ResultRow("A", "shop", runs)
    assert row.values(RECALL, View()) == [0.25, 0.75]
    assert row.mean(RECALL, View()) == 0.5
    assert row.deviation(RECALL, View()) == pytest.approx(np.std([0.25, 0.75], ddof=1))
    assert ResultRow("A", "shop", runs[:1]).deviation(RECALL, View()) is None
    assert row.links == {"seed 0": "runs/A-0", "seed 1": "runs/A-1"}


def test_a_setting_has_a_value_in_each_row_that_states_a_protocol() -> None:
    """Rows without the setting are unstated; baselines and other tools' runs have no part in it."""
    results = ResultSet(
        [
            run("Popularity", is_training_free=True, protocol={"length": "1"}),
            run("theirs", protocol={}),
            run("A", 0, protocol={"length": "50", "loss": "item"}),
            run("A", 1, protocol={"length": "50", "loss": "item"}),
            run("B", protocol={"length": "20"}),
        ]
    )
    assert results.protocol_settings() == ["length", "loss"]
    assert results.values_of("length") == values(("shop", "A", "50"), ("shop", "B", "20"))
    assert results.values_of("loss") == values(("shop", "A", "item"), ("shop", "B", UNSTATED))


def test_a_row_without_a_detail_has_no_part_in_it() -> None:
    """A detail is no part of a model that has nothing of the kind."""
    results = ResultSet([run("A", details={"inner width": "64"}), run("B")])
    assert results.protocol_settings() == ["length", "inner width"]
    assert results.is_detail("inner width")
    assert not results.is_detail("length")
    assert results.values_of("inner width") == values(("shop", "A", "64"))


def test_values_tell_what_they_depend_on() -> None:
    """All equal; equal within each data set; equal within each label; none of these."""
    equal = values(("shop", "A", "1"), ("market", "B", "1"))
    by_dataset = values(("shop", "A", "1"), ("shop", "B", "1"), ("market", "A", "2"))
    by_label = values(("shop", "A", "1"), ("market", "A", "1"), ("shop", "B", "2"))
    mixed = values(("shop", "A", "1"), ("market", "A", "2"), ("shop", "B", "2"))
    cases = (equal, by_dataset, by_label, mixed)
    assert [case.all_equal() for case in cases] == [True, False, False, False]
    assert [case.constant_within_datasets() for case in cases] == [True, True, False, False]
    assert [case.constant_within_labels() for case in cases] == [True, False, True, False]


def test_values_are_listed_with_what_has_them() -> None:
    """By data set or by row; a row is named with its data set where its value depends on it."""
    by_dataset = values(("shop", "A", "1"), ("shop", "B", "1"), ("market", "A", "2"))
    assert by_dataset.listed_by_dataset() == "1 (shop); 2 (market)"
    assert by_dataset.listed_by_row() == "1 (A on shop, B on shop); 2 (A on market)"
    by_label = values(("shop", "A", "1"), ("market", "A", "1"), ("shop", "B", "2"))
    assert by_label.listed_by_row() == "1 (A); 2 (B)"


def test_the_value_of_most_rows_comes_last() -> None:
    """From three rows on, a value that most rows have is that of all others."""
    most = values(*(("shop", label, "2" if label == "B" else "1") for label in "ABCD"))
    assert most.listed_by_row() == "2 (B); 1 (all others)"
    half = values(*(("shop", label, "2" if label in "ABC" else "1") for label in "ABCDEF"))
    assert half.listed_by_row() == "2 (A, B, C); 1 (D, E, F)"
