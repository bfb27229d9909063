"""The best items of a history: those that a loop over all scores finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import SequenceRows, gather
from sirec.evaluation.top_items import Histories, TopItems, allowed_items, top_items
from sirec.models import MODELS

N = builders.WINDOW


def a_model(data: Dataset, name: str = "comif") -> torch.nn.Module:
    """A small untrained model with loud weights."""
    schema = data.schema(N, with_position=True)
    torch.manual_seed(0)
    model = builders.sized(MODELS[name](), **builders.SHAPE).build(schema)
    model.fit_statistics(data)
    return builders.loud(model).eval()


def answers(blocks: list[TopItems]) -> dict[int, list[int]]:
    """Number of a history -> its items, without the places where none was left."""
    found: dict[int, list[int]] = {}
    for block in blocks:
        for place, items in zip(block.place.tolist(), block.items.tolist(), strict=True):
            found[place] = [item for item in items if item]
    return found


def by_loop(model: torch.nn.Module, data: Dataset, user: int, count: int, seen: bool) -> list[int]:
    """One user at a time, sorted in Python."""
    start, stop = data.offsets[user - 1 : user + 1].tolist()
    span = SequenceRows(*(np.array([each]) for each in (user, max(start, stop - N), stop, stop)))
    with torch.no_grad():
        [scores] = model.scores(gather(data, span)).tolist()  # type: ignore[operator]
    had = set() if seen else set(data.items[start:stop].tolist())
    left = [item for item in range(1, data.item_codes) if item not in had]
    return sorted(left, key=lambda item: (-scores[item], item))[:count]


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("name", ["comif", "gru4rec", "bert4rec"])
def test_they_are_what_a_loop_finds(name: str, seen: bool, tiny: Dataset) -> None:
    """For every user of the data, in blocks, with the history in or out."""
    model = a_model(tiny, name)
    users = np.arange(1, tiny.user_count + 1)
    found = answers(list(top_items(model, Histories.of_users(tiny, users), N, 5, seen=seen)))
    for place, user in enumerate(users.tolist()):
        assert found[place] == by_loop(model, tiny, user, 5, seen)
    if not seen:
        had = set(tiny.items[: int(tiny.offsets[1])].tolist())
        assert not had & set(found[0])


def test_equal_scores_stand_in_the_order_of_codes(tiny: Dataset) -> None:
    """Item transitions give many items the same score: what is shown does not depend on chance."""
    model = a_model(tiny, "transitions")
    users = Histories.of_users(tiny, np.arange(1, tiny.user_count + 1))
    ties = 0
    for block in top_items(model, users, N, 30, seen=True):
        for items, scores in zip(block.items, block.scores, strict=True):
            assert (np.diff(scores) <= 0).all()
            tied = np.diff(scores) == 0
            assert (np.diff(items)[tied] > 0).all()
            ties += int(tied.sum())
    assert ties > 0  # control


def test_a_new_history_is_a_user_who_said_nothing_else(tiny: Dataset) -> None:
    """The same items as those of a user get the same answer, where the model reads no more."""
    data = replace(tiny, behaviours={}, fields=tuple(f for f in tiny.fields if f.table is not None))
    model = a_model(data)
    users = np.array([3, 1, 7])
    histories = []
    for user in users.tolist():
        start, stop = data.offsets[user - 1 : user + 1].tolist()
        histories.append(data.items[start:stop].tolist())
    known = answers(list(top_items(model, Histories.of_users(data, users), N, 6)))
    assert answers(list(top_items(model, Histories.new(data, histories), N, 6))) == known
    shorter = [history[:-1] for history in histories]
    assert answers(list(top_items(model, Histories.new(data, shorter), N, 6))) != known  # control


def test_stock_is_respected(tiny: Dataset) -> None:
    """Only what may be recommended is; fewer items than asked for where no more are left."""
    model = a_model(tiny)
    users = Histories.of_users(tiny, np.arange(1, 6))
    allowed = allowed_items(tiny.item_codes, [4, 5, 6], [5])
    found = answers(list(top_items(model, users, N, 5, allowed=allowed, seen=True)))
    assert all(set(items) == {4, 6} for items in found.values())
    without = allowed_items(tiny.item_codes, None, [1, 2])
    found = answers(list(top_items(model, users, N, tiny.item_codes, allowed=without, seen=True)))
    assert all(set(items) == set(range(3, tiny.item_codes)) for items in found.values())
