"""A new item whose row says what that of a known item says has the same values."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sirec
from sirec.data.dataset import Dataset
from sirec.data.prepare.filters import PrepareOptions
from sirec.errors import SirecError
from sirec.run.new_item_table import read_new_items

ITEMS, USERS, LENGTH = 40, 30, 8


def _prices(write: Callable[[float], str]) -> list[str]:
    """Prices between 1 and 1,200, of which the names of bins do not ascend as texts."""
    drawn = random.Random(0)
    return [write(round(10 ** drawn.uniform(0, 3.08), 2)) for _ in range(ITEMS)]


def _comma(price: float) -> str:
    return f"{price:,.2f}".replace(",", " ").replace(".", ",")


def _genres(write: Callable[[Sequence[str]], str]) -> list[str]:
    """One to three genres an item."""
    drawn, genres = random.Random(1), ["arts & crafts", "puzzles", "games", "books"]
    return [write(drawn.sample(genres, drawn.randint(1, 3))) for _ in range(ITEMS)]


BINS = {"value": "5q"}
FORMS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "names": (_genres(lambda names: names[0]), {}),
    "lists": (_genres("|".join), {}),
    "points": (_prices(str), {"bins": BINS}),
    "edges": (_prices(str), {"bins": {"value": "5,20,100,400"}}),
    "empty bins": (_prices(str), {"bins": {"value": "0.1,0.2,20,100,400,2000,3000"}}),
    "commas": (_prices(_comma), {"bins": BINS, "decimal": ","}),
    "commas unsaid": (_prices(_comma), {"bins": BINS}),
    "dollars": (_prices(lambda price: f"${price:,.2f}"), {"bins": BINS, "decimal": "."}),
    "semicolons": (_genres("; ".join), {"lists": {"value": ";"}}),
    "literals": (_genres(repr), {"lists": {"value": "literal"}}),
    "markup": (_genres(lambda names: f"<b>{names[0]}</b>".replace("&", "&amp;")), {"clean": True}),
}


def _prepared(folder: Path, values: Sequence[str], options: dict[str, Any]) -> Dataset:
    """A shop whose items have these values."""
    with (folder / "items.csv").open("w", newline="") as file:
        rows = [[f"i{number}", value] for number, value in enumerate(values)]
        csv.writer(file).writerows([["item", "value"], *rows])
    with (folder / "orders.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "item", "time"])
        for number in range(USERS * LENGTH):
            writer.writerow([f"u{number // LENGTH}", f"i{number * 7 % ITEMS}", 10**9 + number])
    source = {"interactions": "orders.csv", "items": "items.csv", "attributes": {"value": "value"}}
    made = sirec.prepare(
        "shop",
        source="table",
        source_options=source | {"time": "time"},
        options={"core": 0} | options,
        raw=folder,
        data_root=folder / "data",
    )
    return made.prepared.dataset


def _codes_of_known(data: Dataset) -> dict[str, list[int]]:
    [field] = [field for field in data.fields if field.name == "value"]
    rows = [sorted(code for code in row if code) for row in field.values.tolist()]
    return dict(zip(data.item_names, rows, strict=True))


def _codes_of_new(table: pd.DataFrame, data: Dataset, options: dict[str, Any]) -> list[list[int]]:
    told: list[str] = []
    new = read_new_items(table, data, "table", told.append, PrepareOptions(**options))
    assert told == []
    return [sorted(code for code in row if code) for row in new.tables["value"].tolist()]


@pytest.mark.parametrize("form", FORMS)
def test_equal_rows_have_equal_values(tmp_path: Path, form: str) -> None:
    """The table of items again, under other ids. Control: not all items have the same values."""
    values, options = FORMS[form]
    data = _prepared(tmp_path, values, options)
    table = pd.DataFrame({"item": [f"new {n}" for n in range(ITEMS)], "value": values})
    known = _codes_of_known(data)
    expected = [known[f"i{number}"] for number in range(ITEMS)]
    assert _codes_of_new(table, data, options) == expected
    assert len(set(map(tuple, expected))) >= 4


@pytest.mark.parametrize("form", ["points", "commas"])
def test_numbers_that_are_no_texts_are_not_read_as_texts(tmp_path: Path, form: str) -> None:
    """With a decimal comma 3.125 as a text is 3125; as a number it is 3.125."""
    options = FORMS[form][1]
    data = _prepared(tmp_path, FORMS[form][0], options)
    prices = [float(text) for text in FORMS["points"][0]]
    table = pd.DataFrame({"item": [f"new {n}" for n in range(ITEMS)], "value": prices})
    known = _codes_of_known(data)
    assert _codes_of_new(table, data, options) == [known[f"i{n}"] for n in range(ITEMS)]


def test_a_text_that_may_be_two_numbers_is_refused(tmp_path: Path) -> None:
    """Unless the data say which sign stands before decimals."""
    values, options = FORMS["points"]
    data = _prepared(tmp_path, values, options)
    table = pd.DataFrame({"item": ["new"], "value": ["1,250"]})
    with pytest.raises(SirecError, match="value: '1,250' may be two numbers"):
        _codes_of_new(table, data, options)
    assert _codes_of_new(table, data, options | {"decimal": "."}) != _codes_of_new(
        table, data, options | {"decimal": ","}
    )
