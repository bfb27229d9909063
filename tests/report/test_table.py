"""What a table says is best, how it prints numbers, and that every renderer tells the same
story.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sirec.report.render import (
    latex_files,
    links_to_runs,
    to_csv,
    to_dict,
    to_html,
    to_latex,
    to_markdown,
    to_rich,
)
from sirec.report.table import Cell, Direction, ResultTable, TableColumn, TableRow, Value

METRICS = ("Recall@10", "Recall@20", "NDCG@10", "NDCG@20")
OURS = {"seed 0": "results/runs/beauty/comif/3f2a", "seed 1": "results/runs/beauty/comif/77aa"}


def of_values(values: list[Value], direction: Direction = "higher") -> ResultTable:
    """A table of one column."""
    rows = tuple(TableRow(f"model {index}", (Cell(value),)) for index, value in enumerate(values))
    return ResultTable("one column", (TableColumn("x", direction=direction),), rows)


def overall() -> ResultTable:
    """A table with everything: a training-free row, published values, deviations, marks, markup."""
    columns = tuple(TableColumn(name, direction="higher") for name in METRICS)
    baseline = TableRow(
        "Popularity", tuple(Cell(0.0123 + i / 1000) for i in range(4)), is_training_free=True
    )
    plain = TableRow(
        "SASRec_v2 | a*b",
        tuple(Cell(0.1197 + i / 1000, 0.1222, 0.0012) for i in range(4)),
        runs={"seed 0": "results/runs/beauty/sasrec/0c1d"},
    )
    ours = TableRow(
        "COMIF [ours]",
        tuple(Cell(0.1231 + i / 1000, 0.1449, 0.0015, mark="†") for i in range(4)),
        runs=OURS,
    )
    absent = TableRow("MSSR", tuple(Cell(missing="not trained here") for _ in range(4)))
    return ResultTable(
        "Beauty & more",
        columns,
        (baseline, plain, ours, absent),
        ("Protocol: loss CE, 100 % ranked.",),
    )


def drawn(table: ResultTable, width: int) -> str:
    """What a console of a width shows."""
    stream = io.StringIO()
    Console(width=width, color_system=None, file=stream).print(to_rich(table))
    return stream.getvalue()


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 5).map(lambda n: n / 10)), min_size=2, max_size=8)
)
def test_best_and_second_best_follow_the_direction(values: list[Value]) -> None:
    """Place 1 is every value equal to the extreme one, place 2 to the next; the other direction
    (control) turns it round.
    """
    numbers = [value for value in values if isinstance(value, float)]
    high = [places[0] for places in of_values(values).places()]
    low = [places[0] for places in of_values(values, "lower").places()]
    if len(numbers) < 2:
        assert high == low == [None] * len(values)
        return
    order = sorted(set(numbers))
    assert [value for value, place in zip(values, high, strict=True) if place == 1] == [
        order[-1]
    ] * numbers.count(order[-1])
    assert [value for value, place in zip(values, low, strict=True) if place == 1] == [
        order[0]
    ] * numbers.count(order[0])
    if len(order) > 1:
        assert {value for value, place in zip(values, high, strict=True) if place == 2} == {
            order[-2]
        }
    assert of_values(values, "none").places() == [[None]] * len(values)


def test_values_that_print_alike_are_emphasised_alike() -> None:
    """0.12341 and 0.12339 are the same number to a reader; a digit more in the column (control)
    tells them apart.
    """
    table = of_values([0.12341, 0.12339, 0.1])
    assert [places[0] for places in table.places()] == [1, 1, 2]
    finer = replace(table, columns=(TableColumn("x", direction="higher", decimals=5),))
    assert [places[0] for places in finer.places()] == [1, 2, None]


def test_groups_may_have_a_best_of_their_own() -> None:
    """Per group, each data set has its best; over the table (control) there is one."""
    rows = tuple(
        TableRow(f"m{i}", (Cell(value),), group)
        for i, (value, group) in enumerate([(0.1, "a"), (0.2, "a"), (0.3, "b"), (0.4, "b")])
    )
    table = ResultTable("t", (TableColumn("x", direction="higher"),), rows, best_within="group")
    assert [places[0] for places in table.places()] == [2, 1, 2, 1]
    assert [places[0] for places in replace(table, best_within="table").places()] == [
        None,
        None,
        2,
        1,
    ]


def test_a_training_free_baseline_can_be_best_and_is_marked() -> None:
    """One that beats the models is best, and every rendering says that it is training-free."""
    rows = (
        TableRow("Popularity", (Cell(0.3),), is_training_free=True),
        TableRow("SASRec", (Cell(0.2),)),
    )
    table = ResultTable("t", (TableColumn("x", direction="higher"),), rows)
    assert table.places() == [[1], [2]]
    assert all(
        "Popularity (training-free)" in text
        for text in (to_markdown(table), to_latex(table), drawn(table, 80))
    )
    assert "without training" in to_markdown(table)
    assert "(training-free)" not in to_markdown(replace(table, rows=rows[1:]))


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        (TableColumn("x"), 0.11966, "0.1197"),
        (TableColumn("x"), 0.0, "0.0000"),
        (TableColumn("x"), -0.0, "0.0000"),
        (TableColumn("x"), 2e-9, "<0.0001"),
        (TableColumn("x"), -2e-9, ">-0.0001"),
        (TableColumn("x", signed=True), 0.0031, "+0.0031"),
        (TableColumn("x", signed=True), -0.0031, "-0.0031"),
        (TableColumn("x", decimals=1), 12.25, "12.2"),
        (TableColumn("x"), 22363, "22,363"),
        (TableColumn("x"), None, "–"),
        (TableColumn("x"), "a|b", "a|b"),
    ],
)
def test_numbers_print_as_a_reader_expects(column: TableColumn, value: Value, text: str) -> None:
    """Four decimals with their leading zero, thousands, signs where asked for, and no zero that is
    none.
    """
    assert column.text(value) == text


def test_the_gain_over_the_printed_value_is_relative() -> None:
    """0.1231 against a printed 0.1222 is 0.7 % more; without a printed value there is nothing to
    say (control).
    """
    cell = Cell(0.1231, published=0.1222)
    assert cell.relative == pytest.approx(0.00736, abs=1e-5)
    assert replace(cell, published=None).relative is None
    table = ResultTable("t", (TableColumn("x"),), (TableRow("m", (cell,)),))
    assert "| 0.1231 |      0.1222 |          +0.7 % |" in to_markdown(table)
    assert "(0.1222, +0.7 %)" in drawn(table, 60)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_a_number_is_whole_at_every_width(width: int) -> None:
    """Every number of every row stands whole in the terminal, and no line is wider than it."""
    text = drawn(overall(), width)
    for i in range(4):
        assert all(f"{value + i / 1000:.4f}" in text for value in (0.0123, 0.1197, 0.1231))
    assert text.count("0.1222") == text.count("0.1449") == 4
    assert text.count("± 0.0012") == 4
    assert all(name in text for name in METRICS)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_columns_move_below_only_where_they_must() -> None:
    """At 110 columns a table of four metrics is one table; at 60 (control) it is several, each with
    its labels.
    """
    assert drawn(overall(), 110).count("COMIF [ours]") == 1
    assert drawn(overall(), 60).count("COMIF [ours]") > 1


def test_labels_are_text_not_markup() -> None:
    """Brackets, stars, bars and percent signs of labels, titles and notes reach the reader as they
    are.
    """
    table = overall()
    shown = drawn(table, 120)
    assert all(
        text in shown
        for text in ("COMIF [ours]", "SASRec_v2 | a*b", "Beauty & more", "100 % ranked")
    )
    markdown = to_markdown(table)
    assert r"SASRec\_v2 \| a\*b" in markdown
    assert (
        len(
            {
                line.replace(r"\|", "").count("|")
                for line in markdown.splitlines()
                if line.startswith("|")
            }
        )
        == 1
    )
    latex = "".join(latex_files("Overall", [table], "overall").values())
    assert all(text in latex for text in (r"SASRec\_v2 | a*b", r"Beauty \& more", r"100 \% ranked"))


def test_a_notebook_shows_the_table_as_html() -> None:
    """Every label, heading, value and note is there, escaped; the best is bold."""
    root = ElementTree.fromstring(f"<div>{overall()._repr_html_()}</div>")
    [table] = root.findall("table")
    assert table.findtext("caption") == "Beauty & more"
    assert [cell.text for cell in table.findall("thead/tr/th")] == ["model", *METRICS]
    labels = [row.findtext("th") for row in table.findall("tbody/tr")]
    assert labels == ["Popularity (training-free)", "SASRec_v2 | a*b", "COMIF [ours]", "MSSR"]
    ours = table.findall("tbody/tr")[2].find("td")
    assert ours is not None
    assert ours.findtext("strong") == "0.1231"
    assert "".join(ours.itertext()) == "0.1231 ± 0.0015†(0.1449, -15.0 %)"
    notes = [item.text for item in root.findall("ul/li")]
    assert "Protocol: loss CE, 100 % ranked." in notes
    assert "n/a: not trained here (MSSR)." in notes


def test_html_reads_nothing_as_markup() -> None:
    """Tags in titles, labels, groups, headings, values and notes are shown as they are."""
    tag = "<b>&"
    row = TableRow(tag, (Cell(tag, mark=tag), Cell(missing=tag)), tag)
    table = ResultTable(tag, (TableColumn(tag), TableColumn("y", tag)), (row,), (tag,), tag)
    text = to_html(table)
    assert "<b>" not in text
    assert text.count("&lt;b&gt;&amp;") == 11
    assert ElementTree.fromstring(f"<div>{text}</div>") is not None


def test_emphasis_is_in_every_rendering_that_has_it() -> None:
    """Best is bold, second best in italics or underlined; other values (control) are plain."""
    markdown, latex = to_markdown(overall()), to_latex(overall())
    assert "**0.1231** ± 0.0015†" in markdown
    assert " *0.1197* ± 0.0012 " in markdown
    assert r"\textbf{0.1231} $\pm$ 0.0015\rlap{$^{\dagger}$}" in latex
    assert r"\underline{0.1197}" in latex
    assert " 0.0123 " in markdown
    console = Console(width=120, color_system="standard", force_terminal=True, file=io.StringIO())
    with console.capture() as capture:
        console.print(to_rich(overall()))
    assert "\x1b[1m0.1231" in capture.get()
    assert "\x1b[4m0.1197" in capture.get()


def test_bold_and_the_second_emphasis_have_a_legend() -> None:
    """Where a rendering emphasises, it says what that stands for; a table in which nobody is best
    (control) has no legend.
    """
    legends = {
        to_markdown: "Bold: best of a column; italic: second best.",
        to_latex: "Bold: best of a column; underlined: second",
    }
    for render, legend in legends.items():
        assert legend in render(overall())
        assert "Bold" not in render(of_values([0.1, 0.2], "none"))
    assert "underlined: second best." in drawn(overall(), 120)
    divided = replace(
        overall(),
        best_within="group",
        rows=tuple(replace(row, group=row.label[:1]) for row in overall().rows),
    )
    assert "Bold" not in to_markdown(
        divided
    )  # alone in their groups, all are unbeaten and none is best
    halves = replace(
        divided, rows=tuple(replace(row, group=str(i // 2)) for i, row in enumerate(overall().rows))
    )
    assert "Bold: best of a column within its group; italic" in to_markdown(halves)


def test_links_lead_to_every_run() -> None:
    """One line leads to the runs of all rows: seeds by number, a single run by its row, once though
    it is in two tables.
    """
    assert "runs/" not in to_markdown(overall())  # the grid stays readable as text
    line = links_to_runs([overall(), overall()])
    seeds = "[seed 0](../runs/beauty/comif/3f2a), [seed 1](../runs/beauty/comif/77aa)"
    assert line == rf"Runs: [SASRec\_v2 \| a\*b](../runs/beauty/sasrec/0c1d); COMIF [ours] {seeds}."
    elsewhere = replace(overall().rows[1], runs={"seed 0": "results/runs/toys/sasrec/99ff"})
    both = links_to_runs([replace(overall(), rows=(overall().rows[1], elsewhere))])
    assert r"a\*b on beauty](../runs/beauty" in both
    assert r"a\*b on toys](../runs/toys" in both
    assert links_to_runs([of_values([0.1])]) == ""


def test_what_is_missing_says_why() -> None:
    """A cell without a value shows n/a and its reason below; one that simply did not run (control)
    shows a dash.
    """
    text = to_markdown(overall())
    assert text.count("n/a") == 5
    assert "- n/a: not trained here (MSSR)." in text
    assert "n/a" not in to_markdown(of_values([None, 0.1]))


def test_csv_and_json_carry_everything() -> None:
    """Both hold each cell's full precision, published value, place and run; JSON is valid and
    leaves out what is not there.
    """
    lines = list(csv.DictReader(io.StringIO(to_csv(overall()))))
    assert len(lines) == 16
    ours = next(
        line for line in lines if line["row"] == "COMIF [ours]" and line["column"] == "Recall@10"
    )
    assert (float(ours["value"]), ours["published"], ours["place"]) == (0.1231, "0.1449", "1")
    assert ours["runs"].split() == list(OURS.values())
    tree = json.loads(json.dumps(to_dict(overall()), allow_nan=False))
    assert tree["rows"][2]["runs"] == OURS
    assert tree["rows"][2]["cells"]["Recall@10"] == {
        "value": 0.1231, "published": 0.1449, "deviation": 0.0015, "mark": "†",
        "relative": 0.1231 / 0.1449 - 1, "place": 1,
    }  # fmt: skip
    assert tree["rows"][3]["cells"]["NDCG@20"] == {"missing": "not trained here"}
    assert "value" not in to_dict(of_values([float("nan"), 0.1]))["rows"][0]["cells"]["x"]


def test_rendering_is_repeatable() -> None:
    """Equal tables give equal bytes in every text format; another number (control) does not."""
    other = replace(overall(), rows=overall().rows[:1])
    for render in (to_markdown, to_latex, to_csv):
        assert render(overall()) == render(overall()) != render(other)


def test_groups_are_headed_once() -> None:
    """Consecutive rows of one group stand under one heading in Markdown, LaTeX and the terminal."""
    rows = tuple(
        TableRow(f"m{i}", (Cell(i / 10),), "Beauty_5" if i < 2 else "Yelp") for i in range(4)
    )
    table = ResultTable("t", (TableColumn("x"),), rows)
    assert to_markdown(table).count(r"**Beauty\_5**") == 1
    assert to_latex(table).count(r"\textit{Beauty\_5}") == 1
    assert drawn(table, 60).count("Beauty_5") == 1


def test_an_empty_table_draws_its_headings() -> None:
    """A table without rows is no error: headings and notes remain."""
    table = ResultTable("nothing yet", (TableColumn("x", unit="s"),), (), ("no runs",))
    assert all(
        "x (s)" in text and "no runs" in text for text in (to_markdown(table), drawn(table, 60))
    )
    files = latex_files("nothing", [table], "none")
    assert "x (s)" in files["none_1.tex"]
    assert "no runs" in files["none_notes.tex"]
    assert to_dict(table)["rows"] == []


def test_shapes_are_checked() -> None:
    """A row that does not fit its columns, or a repeated heading, is a bug that is found at
    once.
    """
    with pytest.raises(ValueError, match="row 'm' has 1 cells for 2 columns"):
        ResultTable("t", (TableColumn("x"), TableColumn("y")), (TableRow("m", (Cell(1),)),))
    with pytest.raises(ValueError, match="same name"):
        ResultTable("t", (TableColumn("x"), TableColumn("x")), ())
