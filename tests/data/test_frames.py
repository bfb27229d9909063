"""DataFrames become the data set that the same table becomes as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sirec.data.frames import FrameColumns, read_frames
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.base import RawData
from sirec.data.sources.table import TableSource
from sirec.errors import SirecError

COLUMNS = FrameColumns(
    time="time", behaviours={"stars": "stars"}, attributes={"brand": "brand"}, title="title"
)


def orders() -> pd.DataFrame:
    """Eight users with six interactions each, in no order of time."""
    rng = np.random.default_rng(0)
    count = 48
    return pd.DataFrame(
        {
            "user": np.repeat(np.arange(8), 6),
            "item": rng.integers(0, 9, count),
            "time": 1_600_000_000 + rng.permutation(count),
            "stars": rng.integers(1, 6, count),
        }
    )


def products() -> pd.DataFrame:
    """Nine items, two of them without a brand."""
    brands = ["a", "b", None, "a", "c", "b", None, "c", "a"]
    titles = [f"Item {number}" for number in range(9)]
    return pd.DataFrame({"item": np.arange(9), "brand": brands, "title": titles})


def fingerprint(raw: RawData) -> str:
    """The fingerprint of the prepared data."""
    return prepare(raw, "shop", PrepareOptions(core=1)).dataset.fingerprint()


def from_csv(folder: Path, interactions: pd.DataFrame) -> RawData:
    """The tables, written as CSV and read."""
    interactions.to_csv(folder / "orders.csv", index=False)
    products().to_csv(folder / "products.csv", index=False)
    source = TableSource(
        interactions="orders.csv",
        items="products.csv",
        time="time",
        behaviours={"stars": "stars"},
        attributes={"brand": "brand"},
        title="title",
    )
    return source.read(folder)


def as_datetimes(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(time=pd.to_datetime(frame["time"], unit="s"))


def as_zoned_datetimes(frame: pd.DataFrame) -> pd.DataFrame:
    zoned = pd.to_datetime(frame["time"], unit="s", utc=True).dt.tz_convert("Asia/Tokyo")
    return frame.assign(time=zoned)


def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(time=frame["time"].astype(str), user=frame["user"].astype(str))


def as_iso_dates(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(time=pd.to_datetime(frame["time"], unit="s").astype(str))


def as_floats(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(user=frame["user"].astype(float), time=frame["time"].astype(float))


def as_categories(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(user=frame["user"].astype(str).astype("category"))


def as_nullable_integers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.convert_dtypes()


def under_another_index(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(range(100, 100 + len(frame)))


FORMS: list[Callable[[pd.DataFrame], pd.DataFrame]] = [
    as_datetimes,
    as_zoned_datetimes,
    as_texts,
    as_iso_dates,
    as_floats,
    as_categories,
    as_nullable_integers,
    under_another_index,
]


@pytest.mark.parametrize("form", FORMS)
def test_frames_of_any_type_are_what_their_csv_is(
    form: Callable[[pd.DataFrame], pd.DataFrame], tmp_path: Path
) -> None:
    """Equal fingerprints; one changed item (control) changes it."""
    wanted = fingerprint(from_csv(tmp_path, orders()))
    assert fingerprint(read_frames(form(orders()), products(), COLUMNS)) == wanted
    changed = orders()
    changed.loc[0, "item"] = (changed.loc[0, "item"] + 1) % 9
    assert fingerprint(read_frames(form(changed), products(), COLUMNS)) != wanted


@pytest.mark.parametrize("column", ["user", "item", "time", "stars"])
@pytest.mark.parametrize("value", [None, float("nan"), "", "  "])
def test_a_missing_value_is_named_by_row_and_column(column: str, value: object) -> None:
    """As in a file, an interaction needs all of its values."""
    frame = orders().astype(object)
    frame.loc[5, column] = value
    with pytest.raises(SirecError, match=f"row 5 .*column {column}: it is missing or empty"):
        read_frames(frame, products(), COLUMNS)


@pytest.mark.parametrize(
    ("column", "value"),
    [("time", np.inf), ("time", "soon"), ("time", -1e30), ("stars", np.inf), ("user", True)],
)
def test_a_value_of_another_kind_is_named_by_row_and_column(column: str, value: object) -> None:
    """Infinite times and numbers, words for times, and truth values for names are refused."""
    frame = orders()
    if isinstance(value, float):
        frame[column] = frame[column].astype(float)
        frame.loc[7, column] = value
    elif isinstance(value, bool):
        frame[column] = value
    else:
        frame[column] = frame[column].astype(object)
        frame.loc[7, column] = value
    row = 0 if isinstance(value, bool) else 7
    with pytest.raises(SirecError, match=f"row {row} .*column {column}: expected"):
        read_frames(frame, products(), COLUMNS)


def test_a_cell_may_hold_a_list_of_values() -> None:
    """An item has every value of its list; a text is one value whatever stands in it."""
    items = products()
    items["brand"] = [["a", "b"], ["b"], None, "a|b", "c", "b", None, "c", []]
    brands = read_frames(orders(), items, COLUMNS).attributes["brand"]
    values = brands.groupby("item")["value"].apply(list).to_dict()
    assert values["0"] == ["a", "b"]
    assert values["3"] == ["a|b"]
    assert "8" not in values


def test_a_column_that_is_missing_or_doubled_is_named() -> None:
    """The nearest name is offered; of two columns with one name none is chosen."""
    with pytest.raises(SirecError, match="usr"):
        read_frames(orders(), products(), FrameColumns(user="usr"))
    doubled = pd.concat([orders(), orders()[["user"]]], axis=1)
    with pytest.raises(SirecError, match="2 columns are called user"):
        read_frames(doubled, products(), COLUMNS)
