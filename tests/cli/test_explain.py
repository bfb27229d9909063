"""`sirec recommend --explain`: where the scores come from, on one screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sirec as library
from sirec.data.store import storage

from .conftest import SMALL, Call

OUT = ("--out", "explained")
USER = ("--user", "user 00001")


@pytest.fixture
def model(sirec: Call) -> str:
    """A small run whose candidates are fused with their attributes by a sum."""
    call = ("--data", "shop", "--fields", "brand,category", *SMALL, *OUT)
    assert sirec("train", "comif", *call).code == 0
    return "shop/comif"


def test_one_screen_says_what_the_score_is_made_of(sirec: Call, model: str) -> None:
    """80 columns and 24 lines; the items are those that are recommended."""
    screen = sirec("recommend", model, *USER, "--explain", *OUT).out
    lines = screen.splitlines()
    assert len(lines) <= 24
    assert [line for line in lines if len(line) > 80] == []
    assert "add up to the score exactly" in screen
    recommended = json.loads(sirec("recommend", model, *USER, "-k", "3", "--json", *OUT).out)
    explained = json.loads(sirec("recommend", model, *USER, "--explain", "--json", *OUT).out)
    assert [each["item"] for each in explained["items"]] == [each["item"] for each in recommended]
    for mine, theirs in zip(explained["items"], recommended, strict=True):
        assert [part["source"] for part in mine["parts"]] == ["item", "brand", "category"]
        total = sum(part["value"] for part in mine["parts"])
        assert total == pytest.approx(mine["score"], abs=1e-4)
        assert mine["score"] == pytest.approx(theirs["score"], abs=1e-4)
        assert mine["rank"] == theirs["rank"]
        assert [field["source"] for field in mine["fields"]] == ["brand", "category"]


def test_a_past_item_counts_what_the_score_is_without_it(
    sirec: Call, model: str, prepared: Path
) -> None:
    """As recommending for the shorter history gives it; a history of one has none to leave out."""
    data = storage.load(prepared / "data/shop")
    first, second, third = data.item_names[1:4]
    made = library.explain(model, history=[first, second, third], results="explained")
    [best, *_] = made.items
    past = {each.source: each for each in best.past}
    shorter = library.recommend(
        model, history=[first, second], count=99, results="explained", exclude=[third]
    )
    [row] = shorter[shorter["item"] == best.item].to_dict("records")
    assert best.score - past[third].change == pytest.approx(row["score"], abs=1e-4)
    assert past[third].rank == row["rank"]
    assert past[third].change != 0  # control
    assert {"part", "without past item", "without field"} == set(made.to_frame()["kind"])
    alone = library.explain(model, history=[first], results="explained", count=1)
    assert alone.items[0].past == ()
    assert "cannot be left out" in alone.notes[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("popularity", *USER), "a baseline without training"),
        (("transitions", *USER), "a baseline without training"),
        (("shop/comif", *USER, "--user", "user 00002"), "explanations for 2 at once"),
        (("shop/comif", *USER, "--history", "D00023"), "explanations for 2 at once"),
        (("shop/comif", "--all"), "--all is for a file"),
        (("shop/comif", *USER, "--to", "x.parquet"), "--explain is for one user"),
        (("shop/comif",), "for whom?"),
        (("shop/comif", "--user", "nobody"), "'nobody' is not a user"),
        (("shop/comif", "--history", "gone"), "none of its 1 items is known"),
        (("shop/comif", *USER, "-k", "0"), "recommend 1 to"),
        (("shop/nothing", *USER), "is not a run"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    sirec: Call, model: str, call: tuple[str, ...], message: str
) -> None:
    for baseline in ("popularity", "transitions"):
        assert sirec("train", baseline, "--data", "shop", *OUT).code == 0
    outcome = sirec("recommend", *call, "--explain", *OUT)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
