"""Every number that a page states of results is in the tables that its section stands on.

A page of results is read paragraph by paragraph: a bullet, a row of a table, a block of text. Each
value (`.1222`), each end of an interval and each percentage in it has to be found, rounded as it is
written, in a row of the section's tables that the paragraph names, or in what a command in the
paragraph prints (`sirec compare A B`, `--bins …`). A number that follows from others is computed in
`DERIVED`; what comes from nowhere here is listed in `ELSEWHERE` with where it comes from.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from record import RESULTS, needs_record

from sirec.report.published import published_table
from sirec.run.store import Store
from sirec.studies.analyses.cold_start import COLD_START, cold_start
from sirec.studies.compare.comparison import Comparison
from sirec.studies.compare.two_runs import compare_runs

ROOT = Path(__file__).resolve().parent.parent
TABLES = RESULTS / "tables"
NUMBER = re.compile(r"(?<![\d.`@a-z-])([+−-]?)(\d*\.\d+|\d+)( %)?(?![\d]*[\w`-])")
SHARE = re.compile(r"^0?\.\d{2,4}$")  # a metric, a difference or a p-value: `.1222`
RANK = re.compile(r"^\d+\.\d$")  # a mean rank, or a share of variance in percent: `26.6`
RESULT = {
    "docs/beauty.md": SHARE,
    "docs/sports.md": SHARE,
    "docs/yelp.md": SHARE,
    "docs/attention.md": RANK,
    "README.md": SHARE,
}
NumbersOfRow = tuple[str, tuple[float, ...]]  # the label of a row, and its numbers
VALUES = ("value", "published", "deviation", "low", "high")
SETTINGS = {0.001, 0.0003, 0.0001, 0.05, 0.01, 0.98}  # rates, betas and levels of tests
LEVEL = "95"  # percent, of every interval


@dataclass(frozen=True)
class Stated:
    """A number of a page.

    Attributes:
        page: the page.
        section: heading that it stands below.
        paragraph: the text around it.
        text: the number as it is written, without its sign.
        is_percent: whether it is a percentage.
    """

    page: str
    section: str
    paragraph: str
    text: str
    is_percent: bool

    def equals(self, value: float) -> bool:
        """Whether a value, whatever its sign, rounds to the number as it is written."""
        decimals = len(self.text.partition(".")[2])
        return abs(abs(value) - float(self.text)) <= 0.5000001 * 10**-decimals


PRINTED = "printed: "  # begins the name of a published table and of the data set that is read
PRINTED_ON_YELP = (f"{PRINTED}comif_table3_overall yelp", f"{PRINTED}difsr_table2_overall yelp")
# Page -> heading -> the tables that the section stands on, besides those that it names.
SECTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "docs/beauty.md": {
        "Models": ("overall", "beauty_diagnosis", "beauty_prefixes", "difsr_table3_enhancement"),
        "Over three seeds": ("beauty_seeds", "difsr_table5_side_information"),
        "Rare targets and short histories": ("coldstart_beauty",),
        "Which part does it": (
            "comif_table4_fusion",
            "comif_table6_modules",
            "comif_table5_side_information",
        ),
        "What DIF-SR's attention and attributes do": (
            "difsr_table4_ablation",
            "difsr_table5_side_information",
            "overall",
        ),
    },
    "docs/sports.md": {"Models": ("sports_overall",)},
    "docs/yelp.md": {"Models": ("yelp_overall", *PRINTED_ON_YELP)},
    "docs/attention.md": {
        "Ranks of score matrices (DIF-SR, Figure 1 and Theorem 4.1)": (
            "rankcheck_beauty_overall",
            "rankcheck_beauty_difsr_figure1_rank",
        ),
        "What scores multiply with what (COMIF, equations 3 and 4)": (
            "correlation_beauty_overall",
        ),
    },
    "README.md": {
        "Results": (
            "overall",
            "beauty_seeds",
            "ml-100k_overall",
            "ml-100k_temporal",
            "sports_overall",
            "yelp_overall",
            "difsr_table5_side_information",
        ),
    },
}


# Row of a table -> what pages call it as well.
OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "Item transitions": ("transitions", "training-free baselines"),
    "DIF-SR": ("sources added up",),
    "Attributes at the embedding": ("attributes (brand, category) at the embedding",),
    "+ embedding fusion": ("+ attribute at the embedding",),
    "+ IAA": ("+ IAA",),
    "+ UPA (COMIF)": ("+ UPA (COMIF)",),
    "None": ("nothing, not even position",),
    "DIF": ("+ decoupled attention",),
    "DIF and AAP (DIF-SR)": ("+ both (DIF-SR)",),
    "AAP (SASRecF)": ("+ AAP",),
}


def cell(table: str, row: str, column: str, what: str = "value", among: str = "") -> float:
    """One number of a committed table: of a row and a column, in the first table whose title and
    group have the words `among`.
    """
    for line in lines_of(table):
        is_there = (line["row"], line["column"]) == (row, column) and line[what]
        if is_there and among in f"{line['table']}, {line['group']}":
            return float(line[what])
    raise LookupError(f"{table}: {row}, {column}, {among}")


def gain(table: str, first: str, second: str, what: str = "value", among: str = "") -> float:
    """By how many percent a row's Recall@20 exceeds another's."""
    one = cell(table, first, "Recall@20", what, among)
    return 100 * (one / cell(table, second, "Recall@20", what, among) - 1)


def group_gain(among: str, column: str) -> float:
    """By how many percent COMIF exceeds SASRec in a group of users, by Recall@20."""
    values: list[float] = []
    for row in ("COMIF", "SASRec"):
        values.append(cell("coldstart_beauty", row, column, among=f"{among}, Recall@20"))
    return 100 * (values[0] / values[1] - 1)


def item_side(group: str) -> float:
    """The percentage of COMIF's relevance in terms that join items with attributes."""
    found: list[float] = []
    for column in ("item-side", "side-item"):
        found.append(
            cell("correlation_beauty_overall", "COMIF", column, among=f"relevance, {group}")
        )
    return sum(found)


COMIF_PAPER, DIFSR_PAPER = "beside COMIF's paper", "beside DIF-SR's paper"
STEPS = "comif_table6_modules"
# (page, number as written) -> what it follows from.
DERIVED: Mapping[tuple[str, str], Callable[[], float]] = {
    ("docs/beauty.md", "18.6"): lambda: gain(
        "overall", "COMIF", "SASRec", "published", COMIF_PAPER
    ),
    ("docs/beauty.md", "7.3"): lambda: gain(
        "overall", "DIF-SR", "SASRec", "published", DIFSR_PAPER
    ),
    ("docs/beauty.md", "12.3"): lambda: gain(
        "difsr_table3_enhancement", "DIF-BERT4Rec", "BERT4Rec", "published"
    ),
    ("docs/beauty.md", "2.8"): lambda: gain("beauty_seeds", "DIF-SR", "SASRec"),
    ("docs/beauty.md", ".1482"): lambda: cell(
        "comif_table5_side_information", "Position, brand, category", "Recall@20", "published"
    ),
    ("docs/beauty.md", "36"): lambda: group_gain("by popularity", "0–5"),
    ("docs/beauty.md", "19"): lambda: group_gain("by length", "5"),
    ("docs/beauty.md", "6"): lambda: group_gain("by popularity", ">50"),
    ("docs/beauty.md", "4"): lambda: max(
        abs(100 * float(line["relative"]))
        for table in ("comif_table4_fusion", STEPS)
        for line in lines_of(table)
        if line["relative"]
    ),
    ("docs/beauty.md", "18"): lambda: gain(
        "comif_table4_fusion", "Attributes at the embedding", "Position at the embedding (SASRec)"
    ),
    ("docs/beauty.md", "14"): lambda: gain(
        "comif_table5_side_information", "Position, brand", "Position"
    ),
    ("docs/beauty.md", "3"): lambda: gain(
        "comif_table5_side_information", "Position, brand, category", "Position, brand"
    ),
    ("docs/beauty.md", ".0038"): lambda: (
        cell(STEPS, "+ UPA (COMIF)", "Recall@20", "published")
        - cell(STEPS, "+ embedding fusion", "Recall@20", "published")
    ),
    ("docs/yelp.md", "16.6"): lambda: 100 * (yelp("COMIF") / yelp("SASRec") - 1),
    ("docs/yelp.md", "6.5"): lambda: 100 * (yelp("DIF-SR") / yelp("SASRec") - 1),
    ("docs/yelp.md", "24.3"): lambda: 100 * (yelp("SASRecF") / yelp("SASRec") - 1),
    ("docs/yelp.md", "11.1"): lambda: distance(PRINTED_ON_YELP[0], "COMIF", "SASRec"),
    ("docs/yelp.md", "2.2"): lambda: distance(PRINTED_ON_YELP[0], "DIF-SR", "SASRec"),
    ("docs/yelp.md", "8.1"): lambda: distance(PRINTED_ON_YELP[1], "DIF-SR", "SASRec"),
    ("docs/yelp.md", "19.3"): lambda: distance(PRINTED_ON_YELP[0], "SASRecF", "SASRec"),
    ("docs/yelp.md", "27.3"): lambda: distance(PRINTED_ON_YELP[1], "SASRecF", "SASRec"),
    ("docs/yelp.md", "3.0"): lambda: distance(PRINTED_ON_YELP[0], "COMIF"),
    ("docs/yelp.md", "3.7"): lambda: distance(PRINTED_ON_YELP[0], "DIF-SR"),
    ("docs/yelp.md", "7.5"): lambda: distance(PRINTED_ON_YELP[0], "SASRec"),
    ("docs/attention.md", "34.4"): lambda: item_side("trained"),
    ("docs/attention.md", "40.8"): lambda: item_side("freshly initialised"),
}
# (page, number as written) -> where it comes from, as no table has it.
ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("docs/beauty.md", ".1042"): "another tool's tie rule; tests/models/test_floors.py",
    ("docs/attention.md", "1.8"): "a sentence below the tables of ranks",
    ("docs/attention.md", "0.1"): "a bound of a difference",
    ("docs/attention.md", "38"): "rounded from several rows",
}


def sections(page: str) -> Iterator[tuple[str, str]]:
    """(heading, text) of the sections of a page that `SECTIONS` lists."""
    parts = re.split(r"^#+ (.*)$", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        if heading in SECTIONS[page]:
            yield heading, text


def paragraphs(text: str) -> Iterator[str]:
    """Bullets, rows of tables and blocks of a section, without code and links."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        begins = not line.strip() or line.startswith(("- ", "|", "#", "```", "!"))
        if begins and block:
            yield " ".join(block)
            block = []
        if line.startswith("|"):
            yield line
        elif line.strip() and not line.startswith(("```", "!")):
            block.append(line.strip())


def stated(page: str) -> Iterator[Stated]:
    """The numbers of a page that are results: values of metrics, their differences, percentages."""
    for section, text in sections(page):
        for paragraph in paragraphs(text):
            plain = re.sub(r"`[^`]*`|\([^)]*\.md[^)]*\)", " ", paragraph)
            for _, text_of, percent in NUMBER.findall(plain):
                is_result = RESULT[page].match(text_of) and float(text_of) not in SETTINGS
                if text_of != LEVEL and (percent or is_result):
                    yield Stated(page, section, paragraph, text_of, bool(percent))


@cache
def lines_of(table: str) -> tuple[Mapping[str, str], ...]:
    """The lines of a committed table."""
    with (TABLES / f"{table}.csv").open(encoding="utf-8") as file:
        lines = tuple(csv.DictReader(file))
    for line in lines:
        line["row"] = line["row"].removeprefix("'")  # as a spreadsheet has a label with a sign
    return lines


def printed(table: str, model: str) -> float:
    """A model's Recall@20 in a published table, given as `PRINTED`, its name and the data set."""
    for label, numbers in rows_of(table):
        if label == model:
            return numbers[0]
    raise LookupError(f"{table}: {model}")


def printed_rows(table: str) -> Iterator[NumbersOfRow]:
    """(model, its Recall@20) of a published table on one data set."""
    name, _, dataset = table.removeprefix(PRINTED).partition(" ")
    values = published_table(name)
    wanted = values[(values["dataset"] == dataset) & (values["metric"] == "Recall@20")]
    for model, value in zip(wanted["model"], wanted["value"], strict=True):
        yield str(model), (float(value),)


def distance(table: str, first: str, second: str | None = None) -> float:
    """By how many percent Recall@20 differs: a printed value from another model's in the same
    table, or our value on Yelp from the printed one.
    """
    value = printed(table, first)
    if second is not None:
        return 100 * (value / printed(table, second) - 1)
    return 100 * (yelp(first) / value - 1)


def yelp(row: str) -> float:
    """A row's Recall@20 on Yelp, with the history kept."""
    return cell("yelp_overall", row, "Recall@20", among="history kept")


@cache
def rows_of(table: str) -> tuple[NumbersOfRow, ...]:
    """(label of a row, its numbers) of a committed table, relative ones in percent as well; or of
    a published one.
    """
    if table.startswith(PRINTED):
        return tuple(printed_rows(table))
    found: list[NumbersOfRow] = []
    for line in lines_of(table):
        numbers: list[float] = []
        for column in VALUES:
            try:
                numbers.append(float(line[column]))
            except ValueError:
                continue
        if line["relative"]:
            numbers.append(100 * float(line["relative"]))
        found.append((line["row"], tuple(numbers)))
    return tuple(found)


def printed_by(paragraph: str) -> Iterator[NumbersOfRow]:
    """What the commands in a paragraph print: a comparison of two runs, and other bins."""
    for first, second in re.findall(r"`sirec compare (\w+) (\w+)`", paragraph):
        yield from numbers_of(compared(first, second))
    for bins, minimum in re.findall(r"`--bins popularity=([\d,]+) --minimum (\d+)`", paragraph):
        yield from numbers_of(in_bins(bins, int(minimum)))


@cache
def compared(first: str, second: str) -> Comparison:
    """`sirec compare` on two committed runs."""
    store = Store(RESULTS)
    return compare_runs((store.find(first), store.find(second)))


@cache
def in_bins(bins: str, minimum: int) -> Comparison:
    """`sirec coldstart --data beauty` in other bins of popularity."""
    ends = {"popularity": tuple(map(int, bins.split(",")))}
    asked = COLD_START.read(RESULTS, "coldstart_beauty")
    return cold_start(replace(asked, bins=ends, minimum=minimum), RESULTS).comparison


def numbers_of(made: Comparison) -> Iterator[NumbersOfRow]:
    """The numbers of all rows of a comparison's tables."""
    for table in made.tables:
        for row in table.rows:
            for value in row.cells:
                numbers: list[float] = []
                for number in (value.value, *(value.interval or ())):
                    if isinstance(number, int | float):
                        numbers.append(float(number))
                yield "", tuple(numbers)


def is_named(label: str, paragraph: str) -> bool:
    """Whether a paragraph names a row: by its label, by its model, or by another name for it."""
    plain = paragraph.lower()
    first = label.partition(" – ")[0]
    names = {first, first.partition(",")[0], first.partition(" (")[0], *OTHER_NAMES.get(first, ())}
    return any(name.lower() in plain for name in names)


def where_from(number: Stated) -> str | None:
    """What has the number: a table of the section in a row that the paragraph names, a command of
    the paragraph, or another number; None if nothing has it.
    """
    named = re.findall(r"`(?:results/tables/)?([a-z0-9_.-]+?)(?:\.md)?`", number.paragraph)
    tables = [name for name in named if (TABLES / f"{name}.csv").exists()]
    for table in (*SECTIONS[number.page][number.section], *tables):
        for label, numbers in rows_of(table):
            if is_named(label, number.paragraph) and any(map(number.equals, numbers)):
                return table
    for _, numbers in printed_by(number.paragraph):
        if any(map(number.equals, numbers)):
            return "a command"
    derived = DERIVED.get((number.page, number.text))
    if derived is not None and number.equals(derived()):
        return "derived"
    return ELSEWHERE.get((number.page, number.text))


@needs_record
@pytest.mark.parametrize("page", SECTIONS)
def test_stated_numbers_are_those_of_the_tables(page: str) -> None:
    """Each is found; the same numbers, moved by some percent (control), mostly are not."""
    numbers = list(stated(page))
    assert len(numbers) > 30
    unknown = [f"{each.text} in: {each.paragraph}" for each in numbers if not where_from(each)]
    assert unknown == []
    shares = [each for each in numbers if not each.is_percent]
    moved = [replace(each, text=shifted(each.text)) for each in shares]
    found = [each for each in moved if where_from(each)]
    assert len(found) < 0.3 * len(moved)


@needs_record
def test_sections_and_exceptions_are_still_there() -> None:
    """A heading that is gone would leave its numbers unchecked; so would an exception."""
    for page, headings in SECTIONS.items():
        assert dict(sections(page)).keys() == headings.keys()
    texts = {(page, each.text) for page in SECTIONS for each in stated(page)}
    assert texts >= {*DERIVED, *ELSEWHERE}


def shifted(text: str) -> str:
    """Another number with as many decimals."""
    decimals = len(text.partition(".")[2])
    return f"{1.37 * float(text) + 7 * 10**-decimals:.{decimals}f}"
