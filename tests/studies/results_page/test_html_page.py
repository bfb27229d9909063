"""`report.html`: whole, closed, and a page whose numbers lead to their runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from record import RESULTS, needs_record

from sirec.report.answer import read_answer
from sirec.studies.results_page.html_page.pictures import inline_svg

EMPTY = {"meta", "link", "use", "path", "line", "rect", "circle", "br"}
MOST_BYTES = 2_000_000


class Page(HTMLParser):
    """What a test wants to know of a page: ids, links, and whether elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href"):
                self.addresses.append(value or "")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag


@needs_record
def test_the_page_has_every_claim_folded(committed: str) -> None:
    """A reader who has only the papers finds each claim with its verdict and its reason."""
    part = committed.partition('<section id="claims">')[2].partition("</section>")[0]
    answer = read_answer(RESULTS / "tables" / "claims.json")
    assert answer.longer is not None
    assert len(answer.longer.rows) > len(answer.table.rows)  # control
    folded = part.partition(f"<summary>All {len(answer.longer.rows)} rows</summary>")[2]
    for row in answer.longer.rows:
        assert f'data-sort="{row.label}"' in folded


@pytest.fixture(scope="module")
def committed() -> str:
    """The committed page."""
    return (RESULTS / "report.html").read_text(encoding="utf-8")


@needs_record
def test_the_page_is_whole_and_needs_nothing_else(committed: str) -> None:
    """Elements are closed, ids are unique, links inside lead somewhere, nothing is loaded."""
    page = Page(committed)
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    for address in page.addresses:
        if address.startswith("#"):
            assert address[1:] in page.ids, address
        else:
            assert address == "data:," or (RESULTS / address).exists(), address
    assert "src=" not in committed
    assert "@import" not in committed
    assert len(committed.encode()) < MOST_BYTES


@needs_record
def test_every_linked_number_is_a_number_of_its_table(committed: str) -> None:
    """Numbers of the first question are those of its table, each with runs that the page has."""
    part = committed[committed.index('<section id="overall">') :].partition("</section>")[0]
    found = re.findall(r'data-runs="([^"]+)" data-title="[^"]*">([^<]+)</a>', part)
    answer = read_answer(RESULTS / "tables" / "overall.json")
    values: set[str] = set()
    for row in answer.table.rows:
        for column, cell in zip(answer.table.columns, row.cells, strict=True):
            values.add(column.text(cell.value))
    assert len(found) > 60
    assert {text for _, text in found} <= values
    assert "\n  name: beauty\n" in committed  # a configuration has its lines
    assert all(f'id="run-{run}"' in committed for runs, _ in found for run in runs.split())


@needs_record
def test_the_summary_has_ten_lines_at_most_and_is_of_the_tables(committed: str) -> None:
    """Its first lines name the best row of the main table with its difference."""
    lines = re.findall(r"<li>(.*?)</li>", committed.partition('<ol class="summary">')[2])[:10]
    assert committed.partition('<ol class="summary">')[2].partition("</ol>")[0].count("<li>") <= 10
    verdicts = read_answer(RESULTS / "tables" / "overall.json").verdicts
    recall = [each for each in verdicts if each.metric == "Recall@20"]
    best = max(recall, key=lambda each: each.difference)
    assert best.relative is not None
    assert f"{best.label} ({100 * best.relative:+.1f} %)" in lines[1]


def test_a_picture_takes_the_colours_of_the_page(tmp_path: Path) -> None:
    """Ids get the picture's name, ink becomes the colour of the text; texts stay."""
    path = tmp_path / "a.svg"
    path.write_text(
        '<?xml version="1.0"?>\n<svg width="504pt" height="90pt" viewBox="0 0 504 90">'
        "<metadata><dc:description>Bars &amp; points.</dc:description></metadata>"
        '<defs><path id="m1" d="M 0.12345 1.98765"/></defs>'
        '<g id="unused"><use xlink:href="#m1" x="1.23456" style="stroke: #1a1a1a"/></g>'
        "<text>0.12345</text></svg>"
    )
    text = inline_svg(path)
    assert 'id="a-m1"' in text
    assert '"#a-m1"' in text
    assert "unused" not in text
    assert "currentColor" in text
    assert "<text>0.12345</text>" in text
    assert "0.1 1.9" in text
    assert "<figcaption>Bars &amp; points.</figcaption>" in text
