"""A comparison as a file: a table that is taken out of it keeps the legends of its marks, and every
run has a link.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sirec.evaluation.metrics import parse_metric
from sirec.evaluation.ranks import RankTable
from sirec.report.results import RunResult, View
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.compare.comparison import compare_results, without_repeats

USERS = 500
VIEWS = (View("test", "keep"), View("test", "mask"), View("valid", "keep"))
METRICS = [parse_metric("Recall@20")]


def entry(label: str, share: float, seed: int = 0) -> RunResult:
    """A run whose targets are first for a share of users, else far away."""
    ranks = np.where(np.arange(USERS) < share * USERS, 2, 2000).astype(np.int32)
    table = RankTable({part: {"keep": ranks, "mask": ranks} for part in ("valid", "test")})
    link = f"results/runs/shop/{label.lower()}/{seed}"
    return RunResult(label, label.lower(), seed, {"loss": "1 item"}, table, "shop", link)


ROWS = [entry("SASRec", 0.2), entry("COMIF", 0.5), entry("COMIF", 0.6, seed=1)]


def test_views_without_tests_say_so() -> None:
    """Marks are on the first view; the others say that nothing is tested there, unless there is
    nothing to test (control).
    """
    tables = compare_results(ROWS, metrics=METRICS, views=VIEWS, against="sasrec").tables
    assert [any(note.startswith("Unmarked: ") for note in table.notes) for table in tables[:3]] == [
        False,
        True,
        True,
    ]
    alone = compare_results(ROWS[:1], metrics=METRICS, views=VIEWS).tables
    assert not any(note.startswith("Unmarked: ") for table in alone for note in table.notes)


def test_only_tables_of_the_papers_data_stand_beside_papers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Data with another number of users have one table and no printed values to stand beside."""
    results = [replace(run, dataset="beauty") for run in ROWS]
    for users, is_same in ((USERS, True), (USERS + 1, False)):
        monkeypatch.setattr(
            "sirec.report.results.published_users",
            lambda dataset, users=users: {users},
        )
        titles = [table.title for table in compare_results(results, title="All").tables]
        assert any("beside" in title for title in titles) == is_same


def test_what_was_said_is_pointed_to_and_marks_keep_their_legend() -> None:
    """A note is there once and later tables say where it is; the legend of a mark stays; a first
    table (control) has all.
    """
    notes = ("Protocol: x.", "†: differs from SASRec.")
    table = ResultTable("t", (TableColumn("a"),), (TableRow("r", (Cell(1.0, mark="†"),)),), notes)
    first, second, third = without_repeats([table, table, replace(table, notes=("New.",))])
    assert first.notes == notes
    assert second.notes[0] == notes[1]
    assert "as below the tables before" in second.notes[1]
    assert len(second.notes) == 2
    assert third.notes == ("New.",)
    drawn = compare_results(ROWS, metrics=METRICS, views=VIEWS, against="sasrec").tables
    for shown in drawn[:3]:
        assert any(cell.mark for row in shown.rows for cell in row.cells) == any(
            note.startswith(("†", "‡")) for note in shown.notes
        )


def test_a_notebook_shows_every_table() -> None:
    """The HTML of a comparison has one `table` element for each of its tables."""
    comparison = compare_results(ROWS, metrics=METRICS, views=VIEWS, against="sasrec")
    assert comparison._repr_html_().count("<table>") == len(comparison.tables) > 3


def test_the_file_leads_to_every_run() -> None:
    """The Markdown ends with a link to each run of each row, all seeds; other runs (control) have
    other links.
    """
    text = compare_results(ROWS, metrics=METRICS, against="sasrec").to_markdown()
    last = text.strip().splitlines()[-1]
    assert last == (
        "Runs: [SASRec](../runs/shop/sasrec/0); "
        "COMIF [seed 0](../runs/shop/comif/0), [seed 1](../runs/shop/comif/1)."
    )
    assert (
        "comif/1" not in compare_results(ROWS[:2], metrics=METRICS, against="sasrec").to_markdown()
    )
