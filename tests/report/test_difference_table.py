"""The table of paired differences, in every form."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from ranked_runs import NDCG, RECALL, USERS, ranked_run
from rich.console import Console

from sirec.report.difference_table import difference_table
from sirec.report.differences import (
    differences,
)
from sirec.report.render import to_csv, to_dict, to_latex, to_markdown, to_rich
from sirec.report.results import (
    PREVIOUS,
)
from sirec.report.table import ResultTable


def test_the_table_of_differences_has_every_pair() -> None:
    """One row per pair under its data set and metric, with interval, both p and the test in the
    notes.
    """
    pairs = differences(
        [ranked_run("SASRec"), ranked_run("NOVA"), ranked_run("COMIF", test=0.5)],
        [RECALL, NDCG],
        proposal="COMIF",
    )
    table = difference_table(pairs)
    assert [row.label for row in table.rows] == ["COMIF – SASRec", "COMIF – NOVA"] * 2
    assert [row.group for row in table.rows] == ["beauty, Recall@20"] * 2 + ["beauty, NDCG@20"] * 2
    d = pairs[0].difference
    assert table.rows[0].cells[2].interval == (d.low, d.high)
    text = to_markdown(table)
    assert "Tests: t over users. Corrected after Holm" in text
    assert f"Intervals of 95 % by t over users, {USERS:,} users." in text


def rich(table: ResultTable) -> str:
    """As a wide terminal shows it."""
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(to_rich(table))
    return console.export_text()


def as_json(table: ResultTable) -> str:
    return json.dumps(to_dict(table), ensure_ascii=False)


@pytest.mark.parametrize("draw", [rich, to_markdown, to_csv, to_latex, as_json])
def test_a_chain_is_drawn_by_every_renderer(draw: Callable[[ResultTable], str]) -> None:
    """The pair, both p-values and what rows are set against are in each form; CSV has no
    notes, and LaTeX those of marks alone.
    """
    pairs = differences(
        [ranked_run("SASRec"), ranked_run("NOVA"), ranked_run("COMIF")], [RECALL], against=PREVIOUS
    )
    text = draw(difference_table(pairs)).replace("--", "–")  # LaTeX's dash
    assert "COMIF – NOVA" in text
    assert "COMIF – SASRec" not in text
    assert "p corrected" in text
    assert ("Each row is set against the row above." in text) == (draw not in (to_csv, to_latex))
