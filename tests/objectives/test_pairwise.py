"""The pairwise loss, and the items it draws."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import reference
import tiny as builders
import torch

from sirec.core.model import SequentialModel
from sirec.core.transformer import TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.next_item import LastItem, NextItem
from sirec.data.tasks.rows import gather
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass
from sirec.objectives.negatives import draw_absent, free_items
from sirec.objectives.pairwise import Exclude, Pairwise, PairwiseLoss


def a_loss(data: Dataset, schema: Schema, **switches: object) -> PairwiseLoss:
    """The loss, having seen the data."""
    loss = Pairwise(**switches).build(schema, 8)  # type: ignore[arg-type]
    assert isinstance(loss, PairwiseLoss)
    loss.fit_statistics(data)
    return loss


def a_pass(data: Dataset, schema: Schema) -> tuple[SequentialModel, EncoderPass]:
    """A pass over every position of the tiny data set, in 64 bit."""
    model = builders.build(TransformerConfig(**builders.SHAPE), schema).double()
    batch = gather(data, NextItem().rows(data, builders.WINDOW))
    states = model.encode(batch)
    return model, EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


@pytest.mark.parametrize("hinge", [0.0, 0.3])
def test_the_loss_equals_its_loops(hinge: float, tiny: Dataset, schema: Schema) -> None:
    """Mean over targets of the cost of the order and, weighted, of a drawn item nearer to the
    target than the state is.
    """
    model, encoded = a_pass(tiny, schema)
    loss = a_loss(tiny, schema, hinge=hinge)
    torch.manual_seed(3)
    drawn = loss.draw(encoded.batch)[0].tolist()
    torch.manual_seed(3)
    value = loss(model, encoded).item()
    table, order, push = encoded.table.tolist(), [], []
    for state, target, other in zip(
        encoded.predicting.tolist(), encoded.batch.target_items.tolist(), drawn, strict=True
    ):
        right, wrong = reference.dot(state, table[target]), reference.dot(state, table[other])
        order.append(math.log(1 + math.exp(wrong - right)))
        push.append(max(0.0, reference.dot(table[target], table[other]) - right))
    assert value == pytest.approx((sum(order) + hinge * sum(push)) / len(order), rel=1e-9)
    assert sum(push) > 0  # control: the second term is not idle here


def test_free_items_are_drawn_uniformly() -> None:
    """Over many draws each free item comes up as often as any other, and no other item at all; code
    0 never.
    """
    had = {0: [1, 2, 5], 1: [], 2: [9, 9, 1, 8], 3: [3]}
    pairs: list[tuple[int, int]] = []
    for owner, mine in had.items():
        pairs += [(owner, item) for item in [*mine, 0]]
    users, items = torch.tensor(pairs).T
    free = free_items(users, items, 4, 10)
    torch.manual_seed(0)
    for owner, mine in had.items():
        allowed = [item for item in range(1, 10) if item not in mine]
        assert free.counts[owner] == len(allowed)
        drawn, some = free.draw(torch.full((20_000,), owner))
        assert some.all()
        counts = np.bincount(drawn.numpy(), minlength=10)
        assert np.flatnonzero(counts).tolist() == allowed
        assert np.abs(counts[allowed] / 20_000 - 1 / len(allowed)).max() < 0.02


def test_ranks_enumerate_the_free_items_in_order() -> None:
    """Walked through in order, ranks 0, 1, … are the free items in ascending order, for sets of
    every size.
    """
    rng = np.random.default_rng(0)
    for size in range(12):
        mine = rng.choice(np.arange(1, 13), size, replace=False)
        free = free_items(torch.zeros(size, dtype=torch.long), torch.from_numpy(mine), 1, 13)
        ranks = torch.arange(int(free.counts[0]))
        found = ranks + 1 + torch.searchsorted(free.before, ranks, right=True)
        assert found.tolist() == [item for item in range(1, 13) if item not in mine]


def test_absent_items_are_those_that_free_items_give() -> None:
    """From one seed both ways draw the same: rows of any content, full rows and empty ones too."""
    rng = np.random.default_rng(0)
    read = torch.from_numpy(rng.integers(0, 8, (50, 9)))
    read[0], read[1] = 0, torch.tensor([1, 2, 3, 4, 5, 6, 7, 7, 0])
    rows = torch.arange(50).repeat(40)
    owners = torch.arange(50)[:, None].expand_as(read)
    torch.manual_seed(1)
    expected, has_any = free_items(owners.flatten(), read.flatten(), 50, 8).draw(rows)
    torch.manual_seed(1)
    drawn, is_drawn = draw_absent(read, rows, 8)
    assert torch.equal(drawn, expected)
    assert torch.equal(is_drawn, has_any)
    assert not has_any[1]
    assert (drawn[is_drawn, None] != read[rows][is_drawn]).all()


@pytest.mark.parametrize("exclude", ["training", "sequence", "read"])
def test_exactly_the_items_that_exclude_permits_are_drawn(exclude: Exclude, schema: Schema) -> None:
    """Every item that the rule allows to a row is drawn in time, and none that it forbids."""
    data = builders.dataset([8, 8, 11], seed=1)
    rows = LastItem().rows(data, builders.WINDOW)
    batch = gather(
        data, rows.take(np.arange(len(rows) - 6, len(rows) - 1))
    )  # prefixes of the last user
    loss = a_loss(data, schema, exclude=exclude)
    torch.manual_seed(0)
    drawn = torch.stack([loss.draw(batch)[0] for _ in range(1500)])
    user = int(batch.users[0])
    whole = data.items[data.offsets[user - 1] : data.offsets[user]].tolist()
    for row in range(len(batch.items)):
        shown = [*batch.items[row].tolist(), *batch.targets[row].tolist()]
        forbidden = {"training": whole[:-2], "sequence": whole, "read": shown}[exclude]
        assert set(drawn[:, row].tolist()) == set(range(1, builders.ITEMS + 1)) - set(forbidden)
    assert set(whole) > set(whole[:-2]) > set(shown) - {0}  # control: the three rules differ here


def test_targets_of_a_user_with_every_item_are_left_out(schema: Schema) -> None:
    """Nothing is left to draw for the second user: the loss is the first one's alone; with nobody
    else it is refused.
    """
    data = replace(
        builders.dataset([5, 8], items=4),
        items=torch.tensor([1, 2, 1, 3, 1, 2, 3, 1, 2, 3, 4, 2, 1]),
    )
    mine = data.schema(builders.WINDOW, with_position=True)
    model = builders.build(TransformerConfig(**builders.SHAPE), mine)
    loss, losses = a_loss(data, mine), {}
    for users in ([0], [1], [0, 1]):
        batch = gather(data, NextItem().rows(data, builders.WINDOW).take(np.array(users)))
        states = model.encode(batch)
        torch.manual_seed(0)
        losses[tuple(users)] = loss(
            model, EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())
        ).item()
    assert losses[0,] == pytest.approx(losses[0, 1]) != 0
    assert losses[1,] == 0
    alone = replace(data, offsets=torch.tensor([0, 8]), items=data.items[5:])
    with pytest.raises(SirecError, match="every user has had every item"):
        a_loss(alone, mine)


def test_a_negative_hinge_is_refused() -> None:
    """A negative weight would pull the drawn item towards the target."""
    with pytest.raises(SirecError, match="hinge"):
        Pairwise(hinge=-0.1)
