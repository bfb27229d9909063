"""Ids of another tool that are those of the data set in another spelling are a mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metrics
from sirec.report.results import View
from sirec.studies.compare.external import recommended, refuse_unknown
from sirec.studies.compare.external_files import read_recommendations
from sirec.studies.compare.spellings import likely_spelling


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Items called 1, 2, …."""
    made = prepare(DemoSource(users=40, items=30).read(), "shop").dataset
    return replace(made, item_names=["", *map(str, range(1, made.item_count + 1))])


def write_lists(path: Path, data: Dataset, spell: Callable[[str], str], length: int = 5) -> Path:
    """The same list of items for every user, with ids spelt by `spell`."""
    lines = ["user,item,rank"]
    for user in data.user_names[1:]:
        for rank, item in enumerate(data.item_names[1 : length + 1]):
            lines.append(f"{user},{spell(item)},{rank}")
    path.write_text("\n".join(lines) + "\n")
    return path


SPELLINGS: dict[str, tuple[Callable[[str], str], str]] = {
    "a float": (lambda item: f"{item}.0", "without '.0': '1', '2', '3', …"),
    "zeros": (lambda item: f"{item:0>5}", "without zeros in front: '1'"),
    "quotes": (lambda item: f"'{item}'", "without blanks or quotes around: '1'"),
}


@pytest.mark.parametrize("way", SPELLINGS)
def test_most_ids_in_another_spelling_are_refused(way: str, data: Dataset, tmp_path: Path) -> None:
    """The message counts the unknown ids, shows some, and says how the data set spells them."""
    spell, hint = SPELLINGS[way]
    path = write_lists(tmp_path / "theirs.csv", data, spell)
    with pytest.raises(SirecError, match="5 of 5 items are not in the data set") as no:
        read_recommendations(path, data)
    assert f"('{spell('1')}'" in no.value.message
    assert hint in str(no.value.hint)
    read_recommendations(write_lists(path, data, str), data)  # as the hint has it


def test_some_ids_in_another_spelling_are_refused(data: Dataset, tmp_path: Path) -> None:
    """A program that turned the larger numbers into floats misspells a part of the ids."""
    path = write_lists(
        tmp_path / "theirs.csv", data, lambda item: item if int(item) < 4 else f"{item}.0"
    )
    with pytest.raises(SirecError, match=r"2 of 5 items are not in the data set \('4.0', '5.0'\)"):
        read_recommendations(path, data)


def test_a_few_unknown_ids_are_left_out_with_their_likely_spelling(
    data: Dataset, tmp_path: Path
) -> None:
    """One of fifteen is no reason to refuse a file; what it may be is said."""
    path = write_lists(
        tmp_path / "theirs.csv", data, lambda item: "15.0" if item == "15" else item, length=15
    )
    remark = read_recommendations(path, data).rank(data, "test").remarks[0]
    assert remark == "1 item not in shop left out ('15.0'); it has '15', without '.0'"


def test_lists_that_unknown_items_make_too_short_say_so(data: Dataset, tmp_path: Path) -> None:
    """Where no metric is known, the unknown ids are named, and no cutoff of 0 is advised."""
    path = write_lists(
        tmp_path / "theirs.csv", data, lambda item: "x" * int(item) if int(item) > 1 else item
    )
    theirs, notes = recommended([path], data, "test")
    with pytest.raises(SirecError, match="exact to cutoff 1") as refused:
        refuse_unknown(theirs, parse_metrics(["Recall@5"]), View(), notes=notes)
    assert "4 items not in shop left out ('xx', 'xxx', 'xxxx', …)" in str(refused.value.hint)
    assert "--metric Recall@1," in str(refused.value.hint)
    with pytest.raises(SirecError, match="exact to cutoff 0") as refused:
        refuse_unknown(theirs, parse_metrics(["Recall@5"]), View(history="mask"), notes=notes)
    assert "at most 0" not in str(refused.value.hint)
    assert "--history keep, where they are exact to 1" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("unknown", "names", "description"),
    [
        (["12.0", "7.00"], ["12", "7"], "without '.0'"),
        (["12"], ["12.0"], "with '.0'"),
        (["7", "12"], ["0007", "0012"], "with zeros in front"),
        (["0", "1"], ["000", "001"], "with zeros in front"),
        (["b00A"], ["B00a"], "in other letters, small or capital"),
        ([" 1 ", '"2"'], ["1", "2"], "without blanks or quotes around"),
    ],
)
def test_spellings_are_found(unknown: list[str], names: list[str], description: str) -> None:
    """Floats, zeros, letters, blanks and quotes, in both directions."""
    spelling = likely_spelling(unknown, names)
    assert spelling is not None
    assert spelling.description == description
    assert list(spelling.known.values()) == names


@pytest.mark.parametrize(
    ("unknown", "names"),
    [
        (["12.5", "3.1"], ["12", "3"]),  # other numbers
        (["1", "2", "3"], ["01"]),  # one of three
        (["abc"], ["ABC", "Abc"]),  # two candidates
        ([], ["1"]),
        (["0"], ["", "1"]),
        (["."], ["0"]),
    ],
)
def test_other_ids_have_no_spelling(unknown: list[str], names: list[str]) -> None:
    """What could be several ids, or hardly any, is unknown and not misspelt."""
    assert likely_spelling(unknown, names) is None
