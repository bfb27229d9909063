"""`sirec recommend`: for users, for new histories, for everybody."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import sirec as library
from sirec.data.store import storage

from .conftest import Call


@pytest.fixture
def run(sirec: Call, prepared: Path) -> str:
    """The folder of a training-free run, which knows no behaviour."""
    assert sirec("train", "transitions", "--data", "shop").code == 0
    [path] = (prepared / "results/runs/shop/transitions").iterdir()
    return str(path)


def rows(sirec: Call, *call: str) -> list[dict[str, object]]:
    """What a command prints as JSON."""
    outcome = sirec("recommend", *call, "--json")
    assert outcome.code == 0, outcome.err
    found: list[dict[str, object]] = json.loads(outcome.out)
    return found


def test_a_user_and_the_same_history_get_the_same(sirec: Call, run: str, prepared: Path) -> None:
    """Item transitions read items alone; a screen shows titles; what was bought is left out."""
    data = storage.load(prepared / "data" / "shop")
    user = data.user_names[1]
    bought = [data.item_names[code] for code in data.items[: int(data.offsets[1])].tolist()]
    mine = rows(sirec, run, "--user", user, "-k", "4")
    theirs = rows(sirec, run, "--history", ",".join(bought), "-k", "4")
    assert [row["item"] for row in mine] == [row["item"] for row in theirs]
    assert [row["rank"] for row in mine] == [1, 2, 3, 4]
    assert not {row["item"] for row in mine} & set(bought)
    assert {row["item"] for row in rows(sirec, run, "--user", user, "-k", "99", "--seen")} & set(
        bought
    )
    screen = sirec("recommend", run, "--user", user, "-k", "4").out
    assert all(str(row["title"]) in screen for row in mine)


def test_everybody_goes_into_a_file(sirec: Call, run: str, prepared: Path) -> None:
    """All users, whose rows agree with what each gets alone; the library gives the same."""
    path = prepared / "all.parquet"
    assert sirec("recommend", run, "--all", "--to", str(path), "-k", "3").code == 0
    table = pd.read_parquet(path)
    data = storage.load(prepared / "data" / "shop")
    assert set(table["user"]) == set(data.user_names[1:])
    user = data.user_names[5]
    alone = rows(sirec, run, "--user", user, "-k", "3")
    mine = table[table["user"] == user].sort_values("rank")
    assert mine["item"].tolist() == [row["item"] for row in alone]
    made = library.recommend(run, users=[user], count=3)
    assert made["item"].tolist() == [row["item"] for row in alone]


def test_stock_and_unknown_ids(sirec: Call, run: str, prepared: Path) -> None:
    """Files of ids decide; what is unknown is named and counted."""
    data = storage.load(prepared / "data" / "shop")
    stock = data.item_names[1:4]
    (prepared / "stock.txt").write_text("\n".join([*stock, "nowhere"]))
    (prepared / "not.txt").write_text(stock[0])
    call = ("recommend", run, "--user", data.user_names[1], "--seen", "--json")
    outcome = sirec(*call, "--only", "stock.txt", "--exclude", "not.txt")
    assert {row["item"] for row in json.loads(outcome.out)} == set(stock[1:])
    assert "only: 1 of 4 items is unknown (nowhere): without effect" in outcome.err
    known = data.item_names[7]
    outcome = sirec("recommend", run, "--history", f"gone,{known},lost", "--json")
    assert "2 of 3 items are unknown (gone, lost): left out" in outcome.err
    (prepared / "many.csv").write_text(f"user,item\nann,{known}\nbob,{stock[1]}\nann,{stock[2]}\n")
    found = rows(sirec, run, "--histories", "many.csv", "-k", "1")
    assert [row["user"] for row in found] == ["ann", "bob"]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_of_histories_is_read_as_it_is_written(
    sirec: Call, run: str, prepared: Path, sign: str, encoding: str
) -> None:
    """As spreadsheets of any country save it; a user called NA is somebody. Control: the items of
    each user decide.
    """
    data = storage.load(prepared / "data" / "shop")
    first, second = data.item_names[1:3]
    lines = [("item", "user"), (first, "NA"), (second, "null"), (first, "null")]
    text = "\r\n".join(sign.join(line) for line in lines)
    (prepared / "written.csv").write_text(text, encoding=encoding)
    found = rows(sirec, run, "--histories", "written.csv", "-k", "3", "--seen")
    assert [row["user"] for row in found] == ["NA"] * 3 + ["null"] * 3
    alone = rows(sirec, run, "--history", first, "-k", "3", "--seen")
    assert [row["item"] for row in found[:3]] == [row["item"] for row in alone]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ((), "for whom?"),
        (("--all",), "--to FILE.parquet"),
        (("--user", "nobody"), "'nobody' is not a user"),
        (("--user", "user 0000"), "users whom preparation left out (--core)"),
        (("--history", "gone,lost"), "none of its 2 items is known to shop"),
        (("--history", ","), "history: there is no item in it"),
        (("--user", "x", "-k", "0"), "recommend 1 to 1,000 items"),
        (("--histories", "absent.csv"), "no such file"),
        (("--histories", "stock.txt"), "column"),
        (("--user", "x", "--only", "absent.txt"), "no such file"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    sirec: Call, run: str, prepared: Path, call: tuple[str, ...], message: str
) -> None:
    """One line each."""
    (prepared / "stock.txt").write_text("a\n")
    outcome = sirec("recommend", run, *call)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
