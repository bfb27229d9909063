"""How values are written: each form is recognised and read, and what only looks like it is left."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.data.prepare.behaviours import suggested_bins
from sirec.data.prepare.bins import Bins
from sirec.data.value_forms.absence import absence_words, as_words, matching_words
from sirec.data.value_forms.html_text import cleaned, with_markup
from sirec.data.value_forms.list_literals import list_elements, split_at
from sirec.data.value_forms.spellings import explanation, joined_ids, twins
from sirec.data.value_forms.written_numbers import Decimal, number_column, read_number

BRANDS = ["Nike", "Puma", "Adidas", "Asics"]
NOTHING = [
    *("nan", "NaN", "NULL", "null", "None", "N/A", "n/a", "NA", "nil", "NaT", "<NA>", "#N/A"),
    *("—", "-", "--", "–", "?", "??", ".", "...", "…", "''", "{}", "\\N", "undefined", "Unknown"),
    *("unkonwn", "(none)", "[null]", "(blank brand)", "no brand", "Not Available", "未知"),
    *("", " ", "\u200b", "\u3000", "\xa0 ", "\u2800", "\x1f"),
]
SOMETHING = [
    "Nano",
    "Nonesuch",
    "None the Wiser",
    "A-",
    "B?",
    "Nil by Mouth",
    "3M",
    "Null & Co",
    "@",
]


@pytest.mark.parametrize("word", NOTHING)
def test_words_for_nothing_are_found_and_match_their_option(word: str) -> None:
    """The word alone is found, and what `--missing` is told of it matches it and nothing else."""
    texts = [*BRANDS, word]
    found = absence_words(texts, "brand", is_id=False)
    assert found.tolist() == [False] * 4 + [True]
    assert matching_words(texts, as_words([word])).tolist() == found.tolist()


def test_names_that_begin_like_words_for_nothing_are_names() -> None:
    """Control: longer names, and short codes among short codes, where NA is Namibia."""
    assert not absence_words(SOMETHING, "brand", is_id=False).any()
    assert not absence_words(["US", "DE", "NA", "FR"], "country", is_id=False).any()
    assert not absence_words(["+", "-", "++", "0"], "effect", is_id=False).any()
    assert absence_words(["US", "DE", "nan", "FR"], "country", is_id=False).tolist()[2]


def test_a_user_may_be_called_missing() -> None:
    """Names of users and items are found only where programs write them for nothing."""
    ids = ["missing", "TBA", "nobody", "nan", "null"]
    assert absence_words(ids, "user", is_id=True).tolist() == [False, False, False, True, True]


LISTS = {
    "['Arts', 'Puzzles']": ["Arts", "Puzzles"],
    '["Arts", "Puzzles"]': ["Arts", "Puzzles"],
    "['Arts' 'Puzzles']": ["Arts", "Puzzles"],
    "['Arts'\n 'Puzzles']": ["Arts", "Puzzles"],
    "array(['Arts', 'Puzzles'], dtype=object)": ["Arts", "Puzzles"],
    "('Arts', 'Puzzles')": ["Arts", "Puzzles"],
    "('Arts',)": ["Arts"],
    "[['Arts', 'Puzzles'], ['Games']]": ["Arts", "Puzzles", "Games"],
    "['Arts', nan, None]": ["Arts"],
    "[1 2 3]": ["1", "2", "3"],
    "[1.0, 2]": ["1", "2"],
    "[]": [],
    '"[""Arts""]"': ["Arts"],
    '["Women\'s", "Kid\'s"]': ["Women's", "Kid's"],
    "[&#39;Arts&#39;, &#39;Puzzles&#39;]": ["Arts", "Puzzles"],
    "[{'id': 16, 'name': 'Arts'}]": ["Arts"],
    '["Arts", null]': ["Arts"],
}


@pytest.mark.parametrize("text", LISTS)
def test_lists_that_were_written_as_text_are_read(text: str) -> None:
    """Python's, JSON's and NumPy's forms give their elements."""
    assert list_elements(text) == LISTS[text]


@pytest.mark.parametrize(
    "text",
    ["Arts", "[REC]", "(unnamed root category 1418)", "(2014)", "{}", "[a b]", "['a'", "a['b']"],
)
def test_brackets_alone_make_no_list(text: str) -> None:
    """Control: names with brackets."""
    assert list_elements(text) is None


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=1)))
def test_written_lists_come_back(names: list[str]) -> None:
    """What `str` and JSON write of a list of names is read as that list."""
    names = [name for name in names if name.strip() == name and name]
    assert list_elements(str(names)) == names
    assert list_elements(json.dumps(names)) == names


def test_the_semicolon_of_an_entity_separates_nothing() -> None:
    """`Arts &amp; Crafts; Games` has two parts; other semicolons (control) all count."""
    assert split_at("Arts &amp; Crafts; Games;", ";") == ["Arts &amp; Crafts", "Games"]
    assert split_at("Arts & Crafts; Games", ";") == ["Arts & Crafts", "Games"]


MARKUP = {
    "Tom &amp; Jerry": "Tom & Jerry",
    "Women&#39;s": "Women's",
    "&amp;amp;": "&",
    "&lt;b&gt;x&lt;/b&gt;": "x",
    "</span></span>": "",
    "Hair<br>Care": "Hair Care",
    "Hair<br/>Care": "Hair Care",
    "<b>N</b>ike": "Nike",
    "<a href='x?a=1&b=2'>Nike</a>": "Nike",
    '<span class="a-size-base': "",
    "Nike&nbsp;": "Nike",
    "<P>Nike</P>": "Nike",
    "<!-- x -->Nike": "Nike",
}
NO_MARKUP = [
    "AT&T",
    "<3 love",
    "a < b",
    "a<b and c>d",
    "R&D;",
    "<unknown>",
    "P&G",
    "List<a>",
    "1 <i> 2",
]


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_found_and_cleaned(text: str) -> None:
    """A cleaned text is what a page would show, and has no markup any more."""
    assert cleaned(text) == MARKUP[text]
    assert with_markup([text, cleaned(text), "Nike"]).tolist() == [True, False, False]


@pytest.mark.parametrize("text", NO_MARKUP)
def test_ampersands_and_comparisons_are_no_markup(text: str) -> None:
    """Control: they stay as they are."""
    assert cleaned(text) == text


@given(st.text("ab&;<>/#3= '\"bri", max_size=30))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """Whatever the text, nothing is left to clean."""
    assert cleaned(cleaned(text)) == cleaned(text)


NUMBERS: list[tuple[str, Decimal, float | None]] = [
    ("$957.77", ".", 957.77),
    ("66,56", ",", 66.56),
    ("66,56", ".", None),
    ("2,349", ".", 2349),
    ("2,349", ",", 2.349),
    ("1 234", ".", 1234),
    ("1\u202f234,50 €", ",", 1234.5),
    ("1'234.50", ".", 1234.5),
    ("1.234,56", ",", 1234.56),
    ("1.234,56", ".", None),
    ("1,23,456", ".", 123456),
    ("12%", ".", 12),
    ("12 %", ".", 12),
    ("1.5e3", ".", 1500),
    ("-$5", ".", -5),
    ("$-5", ".", -5),
    ("−5", ".", -5),
    ("＄９", ".", 9),
    ("US$ 9.99", ".", 9.99),
    ("9.99 USD", ".", 9.99),
    (".5", ".", 0.5),
    ("0,5", ",", 0.5),
    ("free", ".", None),
    ("$5.99 - $9.99", ".", None),
    ("2019-01-02", ".", None),
    ("1.2.3", ".", None),
    ("XPS 13", ".", None),
    ("A4", ".", None),
    ("R$ 5", ".", 5),
    (".", ".", None),
    ("", ".", None),
]


@pytest.mark.parametrize(("text", "decimal", "number"), NUMBERS)
def test_numbers_are_read_as_people_write_them(
    text: str, decimal: Decimal, number: float | None
) -> None:
    """Currency, per cent, blanks and thousands; what is no number in this form is none."""
    assert read_number(text, decimal) == number


@given(st.integers(-(10**9), 10**9).map(lambda cents: cents / 100))
def test_either_way_of_writing_gives_the_number(number: float) -> None:
    """English and German thousands and decimals are read as the number that was written."""
    english = f"{number:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert read_number(english, ".") == number
    assert read_number(german, ",") == number


def test_a_column_tells_its_decimal_sign() -> None:
    """One value that only a comma can read decides; `2,349` alone does not (control)."""
    column = number_column(["2,349", "66,56"])
    assert column is not None
    assert (column.decimal, column.is_certain) == (",", True)
    unclear = number_column(["2,349", "1,000"])
    assert unclear is not None
    assert not unclear.is_certain
    assert number_column(["Nike", "Puma", "12"]) is None


@given(st.lists(st.floats(-1e6, 1e9), min_size=1, max_size=50))
def test_suggested_bins_can_be_declared(numbers: list[float]) -> None:
    """Whatever the numbers, the option takes the edges that a hint gives."""
    assert Bins("price", suggested_bins(np.array(numbers))).edges


def test_spellings_of_one_name_are_found() -> None:
    """Case, blanks, width, composition and invisible characters; the commonest comes first."""
    texts = [
        "NIKE",
        "Nike",
        "Ｎｉｋｅ",
        "Púma",
        "Pu\u0301ma",
        "A  B",
        "A B",
        "A\u200bB",
        "AB",
        "Asics",
    ]
    counts = np.arange(1, len(texts) + 1)
    groups = twins(texts, counts).groups
    assert sorted(map(sorted, groups)) == sorted(
        map(
            sorted,
            [
                ["NIKE", "Nike", "Ｎｉｋｅ"],
                ["Púma", "Pu\u0301ma"],
                ["A  B", "A B"],
                ["A\u200bB", "AB"],
            ],
        )
    )
    assert twins(texts, counts).as_mapping()["NIKE"] == "Ｎｉｋｅ"


def test_case_tells_random_codes_apart() -> None:
    """`aBcD` and `AbCd` are two codes; `Nike` and `NIKE` (control) are one name."""
    codes = ["aBcD", "AbCd", "abCD", "xYzW"]
    assert not twins(codes, np.ones(4, dtype=np.int64)).groups
    assert twins(["Nike", "NIKE"], np.ones(2, dtype=np.int64)).groups


@pytest.mark.parametrize(
    ("rule", "here", "there"),
    [
        ("number", [f"{n:05d}" for n in range(30)], [f"{n}.0" for n in range(30)]),
        ("number", [str(n) for n in range(30)], [f"{n:03d}" for n in range(30)]),
        ("text", [f"ab{n}" for n in range(30)], [f"AB{n}" for n in range(30)]),
        ("text", [f"a {n}" for n in range(30)], [f"a  {n}" for n in range(30)]),
        ("prefix", [str(n) for n in range(30)], [f"item_{n}" for n in range(30)]),
        ("prefix", [f"tt{n:07d}" for n in range(30)], [str(n) for n in range(30)]),
        ("prefix", [str(n) for n in range(30)], [f"{n}.jpg" for n in range(30)]),
    ],
)
def test_a_systematic_spelling_explains_a_failed_join(
    rule: str, here: list[str], there: list[str]
) -> None:
    """The rule finds every item, each with its own row."""
    found = explanation(here, there)
    assert found is not None
    assert found.rule == rule
    assert found.there == {one: [other] for one, other in zip(here, there, strict=True)}


def test_other_items_are_explained_by_no_rule() -> None:
    """Control: ids of another catalogue."""
    here, there = [f"ab{n}" for n in range(30)], [f"zq{n}" for n in range(1000, 1030)]
    assert explanation(here, there) is None
    assert not joined_ids("number", ["1", "x"], ["2", "y"]).there
