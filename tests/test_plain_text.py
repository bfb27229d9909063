"""Texts of others act neither on a terminal nor on a page nor in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.cli.console import PlainConsole, print_json
from sirec.errors import SirecError, unknown
from sirec.plain_text import in_message, shortened, visible
from sirec.report.render import to_csv, to_html, to_latex, to_markdown, to_rich
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.compare.comparison import Comparison

HOSTILE = {
    "colour": "\x1b[31mred",
    "title of the terminal": "\x1b]0;owned\x07",
    "one byte for an escape": "\x9b31m",
    "return": "good\rbad",
    "line": "good\nerror: forged",
    "separators": "a\u2028b\u2029c\x85d",
    "direction": "a\u202ecba",
    "unseen": "a\ufeffb\u2066c",
    "backspace": "abc\x08\x08",
    "null": "a\x00b",
    "surrogate": "a\udc80b",
}
MEANT = ["naïve ± 東京 µ", "नमस्ते", "שלום", "مرحبا", "👩‍💻", "a – b × c ≤ Δ", "می‌خواهم"]
CONTROL = [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2066, 0xFEFF, 0x2028]


@pytest.mark.parametrize("case", HOSTILE)
def test_what_acts_is_shown_by_its_code(case: str) -> None:
    """In messages of any kind, and once shown it stays as it is."""
    text = HOSTILE[case]
    assert not any(ord(character) in CONTROL for character in visible(text))
    assert visible(visible(text)) == visible(text)
    for error in (SirecError(text, text), unknown("item", text, [text, "other"])):
        for told in (str(error), error.message, error.hint or ""):
            assert not any(ord(character) in CONTROL for character in told)


@pytest.mark.parametrize("text", MEANT)
def test_writing_of_all_kinds_stays(text: str) -> None:
    """The control: what people write is not touched."""
    assert visible(text) == text


@given(st.text())
def test_nothing_that_acts_passes(text: str) -> None:
    """Whatever the text is; what is printable and ASCII is never changed."""
    shown = visible(text)
    assert not any(ord(character) in CONTROL for character in shown)
    if text.isascii() and text.isprintable():
        assert shown == text
    shown.encode()


def test_long_words_are_shortened() -> None:
    """An id of 300,000 characters; a long list of names is shown to its bound."""
    assert len(in_message("item " + "7" * 300_000 + " has no brand")) < 400
    assert in_message("item " + "7" * 300_000 + " has no brand").endswith(" has no brand")
    assert shortened("seven") == "seven"
    assert len(in_message("name " * 10_000)) < 4_000


def table(text: str) -> ResultTable:
    """A table that holds a text wherever it may hold one."""
    columns = [TableColumn(text, decimals=2)]
    rows = [
        TableRow(text, (Cell(-0.5, mark=text),), group=text),
        TableRow("other", (Cell(None, missing=text),)),
    ]
    return ResultTable(text, tuple(columns), tuple(rows), notes=(text,))


@pytest.mark.parametrize("case", HOSTILE)
def test_no_renderer_lets_it_pass(case: str) -> None:
    """Markdown, CSV, LaTeX, HTML, the terminal and JSON."""
    drawn = table(HOSTILE[case])
    written = io.StringIO()
    console = PlainConsole(file=written, width=200, emoji=False, markup=False, color_system=None)
    console.print(to_rich(drawn))
    comparison = Comparison(HOSTILE[case], (drawn,), (HOSTILE[case],))
    pages = [to_csv(drawn), to_latex(drawn), to_html(drawn), to_markdown(drawn)]
    for page in (*pages, written.getvalue(), comparison.to_markdown()):
        plain = page.replace("\n", "")
        assert not any(ord(character) in CONTROL for character in plain)


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    """It is read as it was, and what acts is written by its code."""
    values = {"names": [*HOSTILE.values(), *MEANT]}
    print_json(values)
    printed = capsys.readouterr().out
    assert json.loads(printed) == values
    assert not any(ord(character) in CONTROL for character in printed.replace("\n", ""))
    print_json(MEANT)
    assert "東京" in capsys.readouterr().out


@pytest.mark.parametrize(
    "label", ["=1+cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "＝1", "+ IAA"]
)
def test_no_label_is_a_formula(label: str) -> None:
    """A spreadsheet computes what begins so; a negative number stays one."""
    lines = list(csv.DictReader(io.StringIO(to_csv(table(label)))))
    for key in ("table", "group", "row", "column"):
        assert not lines[0][key].startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
        assert label.strip().removeprefix("'") in lines[0][key] or label[0] in "\t\r"
    assert float(lines[0]["value"]) == -0.5


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("# a heading", "\\# a heading"),
        ("a | b", "a \\| b"),
        ("`code`", "\\`code\\`"),
        ("<script>", "\\<script>"),
        ("[x](http://x)", "[x]\\(http://x)"),
        ("C# #", "C# \\#"),
        ("*a* _b_", "\\*a\\* \\_b\\_"),
    ],
)
def test_titles_and_cells_are_no_markdown(text: str, written: str) -> None:
    """In the title of a table, of a page, in a cell and in a note."""
    page = to_markdown(table(text))
    assert page.startswith(f"### {written}\n")
    assert page.count(written) >= 4
    assert Comparison(text, (), ()).to_markdown().startswith(f"# {written}\n")


def test_markup_and_emoji_are_printed_as_they_stand() -> None:
    """A name such as [red] or :smile: is a name."""
    written = io.StringIO()
    console = PlainConsole(file=written, width=100, emoji=False, markup=False)
    console.print("a [red]model[/red] :smile: [/]")
    console.print(to_rich(table("[red]x[/] :smile:")))
    assert "a [red]model[/red] :smile: [/]" in written.getvalue()
    assert written.getvalue().count("[red]x[/] :smile:") >= 4
