"""Which row is compared with which, and how p-values are corrected."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ranked_runs import NDCG, RECALL, ranked_run

from sirec.errors import SirecError
from sirec.report.comparison_table import comparison_table
from sirec.report.difference_table import difference_table
from sirec.report.differences import (
    differences,
    find_row,
)
from sirec.report.result_set import ResultSet
from sirec.report.results import (
    PREVIOUS,
    best_on_validation,
)


def test_the_baseline_is_chosen_on_validation() -> None:
    """The best row on validation is the baseline even if another is best on test; that one would
    win on test (control).
    """
    lucky, solid = (
        ranked_run("Lucky", test=0.6, valid=-0.5),
        ranked_run("Solid", test=0.0, valid=0.3),
    )
    rows = ResultSet([lucky, solid]).by_dataset()["beauty"]
    assert best_on_validation(rows, NDCG, "keep") == "Solid"
    assert NDCG.mean(lucky.ranks.ranks["test"]["keep"]) > NDCG.mean(
        solid.ranks.ranks["test"]["keep"]
    )
    pairs = differences(
        [lucky, solid, ranked_run("COMIF", test=1, valid=1)], [NDCG], proposal="comif"
    )
    assert {pair.baseline: pair.is_reference for pair in pairs} == {"Lucky": False, "Solid": True}
    assert {pair.chosen for pair in pairs} == {"best on validation"}


def test_a_proposal_is_compared_with_every_row_and_corrected_for_all() -> None:
    """The family of a data set and metric is every baseline; corrected p are Holm's of that
    family's own p.
    """
    runs = [ranked_run(name) for name in ("SASRec", "NOVA", "DIF-SR")]
    pairs = differences(
        [*runs, ranked_run("COMIF", test=0.12)], [RECALL, NDCG], proposal="comif", against="sasrec"
    )
    assert [(p.label, p.baseline) for p in pairs[:3]] == [
        ("COMIF", "SASRec"),
        ("COMIF", "NOVA"),
        ("COMIF", "DIF-SR"),
    ]
    assert [p.is_reference for p in pairs[:3]] == [True, False, False]
    assert {p.family for p in pairs} == {3}
    for family in (pairs[:3], pairs[3:]):
        smallest = min(family, key=lambda pair: pair.difference.p_value).difference
        assert smallest.adjusted_p == min(1, 3 * smallest.p_value)
        assert all((p.difference.adjusted_p or 0) >= p.difference.p_value for p in family)


def test_without_a_proposal_every_row_meets_the_baseline() -> None:
    """Named by label or model, the baseline is compared with each other row and not with itself."""
    runs = [ranked_run(name) for name in ("SASRec", "NOVA", "DIF-SR")]
    pairs = differences(runs, [RECALL], against="sasrec")
    assert [(p.label, p.baseline, p.chosen) for p in pairs] == [
        ("NOVA", "SASRec", "named"),
        ("DIF-SR", "SASRec", "named"),
    ]


def test_each_row_meets_the_row_above() -> None:
    """A chain: every row but the first against the one above, corrected over the chain; a fixed
    baseline (control) is not.
    """
    runs = [
        ranked_run(name, test=gain)
        for name, gain in (("SASRec", 0.0), ("NOVA", 0.5), ("DIF-SR", 0.5), ("COMIF", 1.0))
    ]
    pairs = differences(runs, [RECALL], against=PREVIOUS)
    assert [(p.label, p.baseline) for p in pairs] == [
        ("NOVA", "SASRec"),
        ("DIF-SR", "NOVA"),
        ("COMIF", "DIF-SR"),
    ]
    assert {(p.chosen, p.is_reference, p.family) for p in pairs} == {("the row above", True, 3)}
    smallest = min(pairs, key=lambda pair: pair.difference.p_value).difference
    assert smallest.adjusted_p == min(1, 3 * smallest.p_value)
    fixed = differences(runs, [RECALL], against="SASRec")
    assert fixed[0].difference.difference == pairs[0].difference.difference
    assert fixed[2].difference.difference == pytest.approx(
        sum(p.difference.difference for p in pairs)
    )  # steps add up
    table = comparison_table(runs, [RECALL], pairs=pairs)
    assert [row.cells[0].mark for row in table.rows] == ["", "‡", "", "‡"]
    assert [row.cells[0].mark for row in comparison_table(runs, [RECALL], pairs=fixed).rows] == [
        "",
        "‡",
        "‡",
        "‡",
    ]
    assert any("‡: differs from the row above: the interval" in note for note in table.notes)


def test_a_row_may_name_its_own_baseline() -> None:
    """Its own comes before the table's; what is its own baseline is set against nothing; the legend
    says both.
    """
    runs = [
        ranked_run(name, test=gain)
        for name, gain in (("SASRec", 0.0), ("NOVA", 0.5), ("DIF-SR", 1.0), ("COMIF", 1.5))
    ]
    forked = [*runs[:2], replace(runs[2], against="sasrec"), runs[3]]
    expected = [
        ("NOVA", "SASRec", "the row above"),
        ("DIF-SR", "SASRec", "named"),
        ("COMIF", "DIF-SR", "the row above"),
    ]
    pairs = differences(forked, [RECALL], against=PREVIOUS)
    assert [(p.label, p.baseline, p.chosen) for p in pairs] == expected
    said = "the row above, or its baseline (named; DIF-SR against SASRec)"
    assert any(
        f"‡: differs from {said}: " in note
        for note in comparison_table(forked, [RECALL], pairs=pairs).notes
    )
    assert f"Each row is set against {said}." in difference_table(pairs).notes
    stars = [
        replace(run, against=name)
        for run, name in zip(runs, ("SASRec", "SASRec", "SASRec", "NOVA"), strict=True)
    ]
    pairs = differences(stars, [RECALL])
    assert [(p.label, p.baseline) for p in pairs] == [
        ("NOVA", "SASRec"),
        ("DIF-SR", "SASRec"),
        ("COMIF", "NOVA"),
    ]
    said = "its baseline (named; NOVA against SASRec; DIF-SR against SASRec; COMIF against NOVA)"
    assert any(
        f"‡: differs from {said}: " in note
        for note in comparison_table(stars, [RECALL], pairs=pairs).notes
    )
    with pytest.raises(SirecError, match="'NOWA' is not a row"):
        differences([runs[0], replace(runs[1], against="NOWA")], [RECALL])


def test_data_sets_do_not_mix() -> None:
    """Runs of two data sets are compared within each, and have a best of their own in the table."""
    runs = [
        ranked_run(name, dataset=data, test=gain)
        for data in ("beauty", "yelp")
        for name, gain in (("SASRec", 0.0), ("COMIF", 0.5))
    ]
    pairs = differences(runs, [RECALL], proposal="COMIF")
    assert [(p.dataset, p.family) for p in pairs] == [("beauty", 1), ("yelp", 1)]
    table = comparison_table(runs, [RECALL], pairs=pairs)
    assert [row.group for row in table.rows] == ["beauty", "beauty", "yelp", "yelp"]
    assert [places[0] for places in table.places()] == [2, 1, 2, 1]


def test_unknown_ambiguous_and_missing_rows_are_refused() -> None:
    """Nothing to compare, a repeated seed, an unknown or ambiguous baseline, and no baseline at all
    are errors.
    """
    with pytest.raises(SirecError, match="nothing to compare"):
        comparison_table([])
    with pytest.raises(SirecError, match="'SASRec' has seed 0 twice"):
        comparison_table([ranked_run("SASRec"), ranked_run("SASRec")])
    with pytest.raises(SirecError, match="beauty: 'sasrek' is not a row"):
        differences([ranked_run("SASRec"), ranked_run("NOVA")], against="sasrek")
    with pytest.raises(SirecError, match="no baseline"):
        differences([ranked_run("COMIF")], proposal="COMIF")
    variants = ResultSet([ranked_run("COMIF add"), ranked_run("COMIF gate")]).by_dataset()["beauty"]
    with pytest.raises(SirecError, match="'comif' is ambiguous"):
        find_row(variants, "comif", "beauty")
    assert find_row(variants, "comif gate", "beauty") == "COMIF gate"
