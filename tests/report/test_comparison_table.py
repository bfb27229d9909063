"""The table of runs: what is averaged, which printed values stand beside it, what is marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ranked_runs import NDCG, RECALL, USERS, ranked_run, three_seeds, untrained_run

from sirec.data.split import Temporal
from sirec.evaluation.ranks import RankTable
from sirec.report.comparison_table import comparison_table
from sirec.report.differences import (
    differences,
)
from sirec.report.published import PrintedRow
from sirec.report.results import (
    MissingRow,
    View,
)


@pytest.fixture(autouse=True)
def papers_of_this_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The papers' data sets have as many users as the runs here."""
    monkeypatch.setattr("sirec.report.results.published_users", lambda dataset: {USERS})


def test_seeds_are_averaged() -> None:
    """A row's value is the mean over its seeds and its deviation theirs; a single seed (control)
    has none.
    """
    runs = three_seeds("SASRec")
    table = comparison_table([*runs, ranked_run("NOVA")], [RECALL])
    values = [RECALL.mean(run.ranks.ranks["test"]["keep"]) for run in runs]
    (sasrec,), (nova,) = (row.cells for row in table.rows)
    assert [sasrec.value, sasrec.deviation] == pytest.approx(
        [np.mean(values), np.std(values, ddof=1)]
    )
    assert nova.deviation is None
    assert [list(row.runs.values()) for row in table.rows] == [
        [run.link for run in runs],
        ["runs/NOVA-0"],
    ]


def test_split_and_history_choose_the_ranks() -> None:
    """Each view reads its own ranks, and says so in a note."""
    runs = [ranked_run("SASRec", valid=1.0)]
    values = {}
    for view in (View("test", "keep"), View("test", "mask"), View("valid", "keep")):
        table = comparison_table(runs, [RECALL], view=view)
        values[view] = table.rows[0].cells[0].value
        assert values[view] == RECALL.mean(runs[0].ranks.ranks[view.split][view.history])
        assert view.note in table.notes
    assert len(set(values.values())) == 3


def test_printed_values_stand_only_beside_the_same_protocol() -> None:
    """Test split with the history kept is what the papers report; masked or validation numbers have
    no printed partner.
    """
    runs = [ranked_run("SASRec"), ranked_run("GRU4RecF")]
    table = comparison_table(runs, [RECALL])
    assert [row.cells[0].published for row in table.rows] == [0.1222, None]
    assert any("Table 3" in note for note in table.notes)
    assert comparison_table(runs, [RECALL], paper="difsr").rows[1].cells[0].published == 0.0902
    assert (
        comparison_table([ranked_run("NOVA", dataset="toys")], [RECALL]).rows[0].cells[0].published
        == 0.1322
    )
    for view in (View("test", "mask"), View("valid", "keep")):
        assert comparison_table(runs, [RECALL], view=view).rows[0].cells[0].published is None


def test_values_that_were_printed_under_the_other_history_rule_stand_under_it() -> None:
    """STOSA's code masks the history: its printed value is in the masked table alone, and the other
    one says where it is.
    """
    runs = [ranked_run("SASRec"), ranked_run("STOSA")]
    kept, masked, valid = (
        comparison_table(runs, [RECALL], view=view)
        for view in (View("test"), View("test", "mask"), View("valid", "mask"))
    )
    assert [[row.cells[0].published for row in table.rows] for table in (kept, masked, valid)] == [
        [0.1222, None],
        [None, 0.0944],
        [None, None],
    ]
    assert [
        any("Printed values of STOSA" in note for note in table.notes) for table in (kept, masked)
    ] == [True, False]
    assert any("Table 3" in note for note in masked.notes)
    assert not any(
        "Printed values of" in note for note in comparison_table(runs[:1], [RECALL]).notes
    )  # control


def test_printed_values_need_the_papers_data_and_the_papers_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A variant of a model, or another number of users under the name of the data, has no printed
    value.
    """
    run = ranked_run("SASRec")
    assert comparison_table([run], [RECALL]).rows[0].cells[0].published == 0.1222
    assert (
        comparison_table([replace(run, is_variant=True)], [RECALL]).rows[0].cells[0].published
        is None
    )
    monkeypatch.setattr("sirec.report.results.published_users", lambda dataset: {USERS + 1})
    assert comparison_table([run], [RECALL]).rows[0].cells[0].published is None


def test_a_row_has_the_printed_values_that_it_names() -> None:
    """Those of its own published table, variant or not; on test with the history kept, on a whole
    data set split as printed.
    """
    named = PrintedRow(
        "comif_table6_modules", {"attention_fusion": 1, "embedding_fusion": 1, "iaa": 0, "upa": 0}
    )
    run = replace(ranked_run("COMIF"), is_variant=True, printed=named)
    table = comparison_table([run], [RECALL, NDCG])
    assert [cell.published for cell in table.rows[0].cells] == [0.1411, None]
    assert "Published on beauty: Table 6 of Choi et al., IEEE Access 2025." in table.notes
    others = (
        comparison_table([run], [RECALL], view=View("test", "mask")),
        comparison_table([run], [RECALL], view=View("valid")),
        comparison_table([replace(run, split=Temporal(target="first"))], [RECALL]),
        comparison_table([replace(run, dataset="toys")], [RECALL]),
    )
    assert [other.rows[0].cells[0].published for other in others] == [None] * 4


def test_a_split_that_is_not_the_papers_is_named() -> None:
    """A table says how its data were split and how many users are ranked in its part; leave-one-out
    goes without saying.
    """
    whole = ranked_run("SASRec")
    columns = {
        s: {h: np.where(np.arange(USERS) < 400, r, 0) for h, r in c.items()}
        for s, c in whole.ranks.ranks.items()
    }
    columns["valid"] = whole.ranks.ranks["valid"]
    some = replace(whole, ranks=RankTable(columns), split=Temporal(target="first"), is_variant=True)
    notes = {
        view: comparison_table([some], [RECALL], view=View(view)).notes
        for view in ("test", "valid")
    }  # type: ignore[arg-type]
    said = (
        "Split of beauty: temporal (last 10 % of interactions test, 10 % before them validation; "
        "first target)"
    )
    assert f"{said}; 400 of 1,500 users have a target." in notes["test"]
    assert f"{said}; 1,500 of 1,500 users have a target." in notes["valid"]
    assert not any("Split of" in note for note in comparison_table([whole], [RECALL]).notes)
    value = comparison_table([some], [RECALL]).rows[0].cells[0].value
    assert value == (whole.ranks.ranks["test"]["keep"][:400] <= 40).mean()


def test_a_row_that_data_cannot_have_says_why() -> None:
    """It ends its data set's rows, empty, with the reason below; the other data set (control) has
    no such row.
    """
    runs = [replace(ranked_run("COMIF"), dataset=name) for name in ("beauty", "toys")]
    table = comparison_table(
        runs, [RECALL], missing=[MissingRow("COMIF, city", "beauty", "beauty has no city")]
    )
    assert [(row.group, row.label) for row in table.rows] == [
        ("beauty", "COMIF"),
        ("beauty", "COMIF, city"),
        ("toys", "COMIF"),
    ]
    assert table.rows[1].cells[0].value is None
    assert "n/a: beauty has no city (COMIF, city)." in table.footnotes()


def test_marks_say_what_is_significant() -> None:
    """A clear gain over the reference is marked and explained; a difference by chance (control) is
    not. One seed has another mark, since it decides nothing between methods.
    """
    base = [untrained_run(), ranked_run("SASRec")]
    clear = [untrained_run(), *three_seeds("SASRec"), *three_seeds("COMIF", test=0.5)]
    single = [*base, ranked_run("COMIF", test=0.5)]
    chance = [*base, ranked_run("COMIF")]
    for runs, mark in ((clear, "†"), (single, "‡"), (chance, "")):
        table = comparison_table(runs, [NDCG], pairs=differences(runs, [NDCG], proposal="COMIF"))
        assert [row.cells[0].mark for row in table.rows] == ["", "", mark]
        assert any(
            "differs from the baseline (best on validation; SASRec)" in note for note in table.notes
        ) == bool(mark)


def test_ties_and_single_seeds_are_noted() -> None:
    """A run with many tied targets is named below the table; one without (control) is not."""
    tied = replace(
        ranked_run("SASRec"), ranks=replace(ranked_run("SASRec").ranks, ties={"test": 0.3})
    )
    assert (
        "Targets that tie with other items: SASRec (30 %)."
        in comparison_table([tied], [RECALL]).notes
    )
    assert not any(
        "tie with" in note for note in comparison_table([ranked_run("SASRec")], [RECALL]).notes
    )
    assert any(
        "One seed compares checkpoints" in note for note in comparison_table([tied], [RECALL]).notes
    )
    assert any(
        "Seeds per row: 3 (seeds 0, 1, 2);" in note
        for note in comparison_table(three_seeds("SASRec"), [RECALL]).notes
    )
