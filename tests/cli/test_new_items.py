"""Items that the data lack: recommended from a table, and judged on hidden ones."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import sirec as library
from sirec.data.dataset import Dataset
from sirec.data.store import storage

from .conftest import SMALL, Call

OUT = ("--out", "arrivals")
USER = ("--user", "user 00001")


@pytest.fixture
def model(sirec: Call) -> str:
    """A small run that scores items with brand and category."""
    call = ("--data", "shop", "--fields", "brand,category", *SMALL, *OUT)
    assert sirec("train", "comif", *call).code == 0
    return "shop/comif"


@pytest.fixture
def data(prepared: Path) -> Dataset:
    """The data set of the run."""
    return storage.load(prepared / "data/shop")


def values(data: Dataset, name: str, code: int) -> str:
    """The values of an item as a table has them."""
    [table] = [field.values for field in data.fields if field.name == name]
    names = data.vocabularies[name]
    return "|".join(names[value] for value in table[code].tolist() if value)


def arrivals(data: Dataset, **columns: list[str]) -> pd.DataFrame:
    """Two new items with the attributes of the first two items."""
    return pd.DataFrame(
        {
            "item": ["new-1", "new-2"],
            "title": ["First", "Second"],
            "brand": [values(data, "brand", code) for code in (1, 2)],
            "category": [values(data, "category", code) for code in (1, 2)],
            **columns,
        }
    )


def test_new_items_stand_among_the_others_whose_scores_stay(
    sirec: Call, model: str, data: Dataset, prepared: Path
) -> None:
    """Equal attributes give equal scores; a file and a table give the same."""
    arrivals(data).to_csv(prepared / "new.csv", index=False)
    call = ("recommend", model, *USER, "-k", "200", "--seen", "--json", *OUT)
    outcome = sirec(*call, "--new-items", "new.csv")
    assert outcome.code == 0, outcome.err
    rows = json.loads(outcome.out)
    new = {row["item"]: row for row in rows if row["new"]}
    assert set(new) == {"new-1", "new-2"}
    assert new["new-1"]["title"] == "First"
    before = {row["item"]: row["score"] for row in json.loads(sirec(*call).out)}
    for row in rows:
        if not row["new"]:
            assert row["score"] == pytest.approx(before[row["item"]], abs=1e-5)
    twins = arrivals(data, item=["twin-1", "twin-2"])
    twins[["brand", "category"]] = twins[["brand", "category"]].iloc[[0, 0]].to_numpy()
    made = library.recommend(
        model, users=["user 00001"], new_items=twins, results="arrivals", count=200
    )
    one, other = made[made["new"]]["score"]
    assert one == pytest.approx(other)
    assert one == pytest.approx(new["new-1"]["score"], abs=1e-5)
    assert one != pytest.approx(new["new-2"]["score"], abs=1e-5)  # control


def test_an_explanation_of_a_new_item_has_its_attributes(
    sirec: Call, model: str, data: Dataset, prepared: Path
) -> None:
    arrivals(data).to_csv(prepared / "new.csv", index=False)
    (prepared / "only.txt").write_text("new-1\n")
    call = ("--explain", "--json", "--only", "only.txt", "--new-items", "new.csv", *OUT)
    [item] = json.loads(sirec("recommend", model, *USER, *call).out)["items"]
    assert item["item"] == "new-1"
    assert "|".join(item["values"]["brand"]) == values(data, "brand", 1)
    assert "|".join(item["values"]["category"]) == values(data, "category", 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table, data: table.drop(columns="brand"), "'brand' is not a column"),
        (lambda table, data: table.drop(columns="item"), "'item' is not a column"),
        (lambda table, data: table.head(0), "no rows in it"),
        (lambda table, data: table.assign(item=["", "b"]), "row 1 has no item"),
        (lambda table, data: table.assign(item=["a", "a"]), "the item a is there twice"),
        (lambda table, data: table.assign(item=[data.item_names[1], "b"]), "already"),
        (
            lambda table, data: table.assign(brand="?", category="?"),
            "no item has a value that shop knows",
        ),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(
    sirec: Call, model: str, data: Dataset, prepared: Path, change: object, message: str
) -> None:
    """Control: as it is, the table is taken."""
    changed = change(arrivals(data), data)  # type: ignore[operator]
    changed.to_csv(prepared / "wrong.csv", index=False)
    outcome = sirec("recommend", model, *USER, "--new-items", "wrong.csv", *OUT)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_what_is_not_known_of_new_items_is_told(
    sirec: Call, model: str, data: Dataset, prepared: Path
) -> None:
    arrivals(data, brand=["?", "?"], category=["!", values(data, "category", 2)]).to_csv(
        prepared / "some.csv", index=False
    )
    outcome = sirec("recommend", model, *USER, "--new-items", "some.csv", *OUT)
    assert "brand: 1 value is unknown (?): left out" in outcome.err
    assert "1 of 2 items have no known value: left out" in outcome.err


def test_models_of_ids_alone_refuse_with_the_way_out(
    sirec: Call, data: Dataset, prepared: Path
) -> None:
    arrivals(data).to_csv(prepared / "new.csv", index=False)
    for name in ("popularity", "sasrec"):
        sizes = SMALL if name == "sasrec" else ()
        assert sirec("train", name, "--data", "shop", *sizes, *OUT).code == 0
        for call in (("recommend", name, *USER, "--new-items", "new.csv"), ("newitems", name)):
            outcome = sirec(*call, *OUT)
            assert outcome.code == 2
            assert "a new item has none" in outcome.err
            assert "comif" in outcome.err
    for share in ("0", "1", "0.999"):
        assert sirec("newitems", "comif", "--share", share, *OUT).code == 2


def test_hidden_items_judge_models_beside_attributes_alone(sirec: Call, model: str) -> None:
    """A second call trains nothing; `model/refit` still means none of these runs."""
    few = sirec("newitems", model, "--share", "0.1", "--device", "cpu", *OUT)
    assert few.code == 2
    assert "10 items of 98 would be hidden" in few.err
    share = few.err.partition("--share ")[2].split()[0]
    outcome = sirec("newitems", model, "--share", share, "--device", "cpu", *OUT)
    assert outcome.code == 0, outcome.err
    for row in ("COMIF, mean vector", "COMIF, zero vector", "Attributes alone"):
        assert row in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 110
    again = sirec("newitems", model, "--share", share, "--device", "cpu", *OUT)
    assert again.out == outcome.out
    assert "no finished refit" in sirec("recommend", f"{model}/refit", *USER, *OUT).err
    assert sirec("verify", OUT[1]).code == 0
