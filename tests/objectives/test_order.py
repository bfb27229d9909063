"""The true order of behaviours against an altered one."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import reference
import tiny as builders
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.base import Task
from sirec.data.tasks.next_item import LastItem, NextItem
from sirec.data.tasks.rows import gather
from sirec.errors import SirecError
from sirec.objectives import order
from sirec.objectives.alterations import ALTERATIONS, Mode
from sirec.objectives.base import EncoderPass
from sirec.objectives.order import (
    OrderLoss,
    UserPreferenceAlignment,
    choose_prefixes,
    preference_loss,
    prefix_batch,
)

COMIF_LIKE = {
    "attribute": "embedding",
    "behaviour": "attention",
    "score_fusion": "concat",
    "candidates": "fused",
}
CONFIG = TransformerConfig(**builders.SHAPE, **COMIF_LIKE)
numbers = st.floats(-20, 20, width=32)


def a_pass(model: FusedTransformer, data: Dataset, task: Task | None = None) -> EncoderPass:
    batch = gather(data, (task or NextItem()).rows(data, builders.WINDOW))
    states = model.encode(batch)
    return EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


def loss(schema: Schema, **switches: Any) -> OrderLoss:
    built = UserPreferenceAlignment(**switches).build(schema, 8)
    assert isinstance(built, OrderLoss)
    return built


@given(st.integers(1, 6), st.integers(1, 3), st.data())
def test_the_preference_loss_equals_its_loops(prefixes: int, k: int, data: st.DataObject) -> None:
    """-log of the true state's share, mean over the prefixes that have a version left, for any
    scores and any versions left out.
    """
    row = st.lists(numbers, min_size=prefixes, max_size=prefixes)
    choices = st.lists(st.booleans(), min_size=prefixes, max_size=prefixes)
    true, false, kept = (
        data.draw(row),
        [data.draw(row) for _ in range(k)],
        [data.draw(choices) for _ in range(k)],
    )
    given_loss = preference_loss(
        torch.tensor(true), torch.tensor(false), torch.tensor(kept).float()
    )
    assert given_loss.item() == pytest.approx(
        reference.preference(true, false, kept), rel=1e-4, abs=1e-5
    )


@pytest.mark.parametrize("k", [1, 2, 8])
def test_unaltered_versions_cost_the_logarithm_of_their_number(
    k: int, tiny: Dataset, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were behaviours left as they are and the prefixes counted all the same, every version would
    be as likely: log(k + 1).
    """
    monkeypatch.setitem(ALTERATIONS, "reversal", lambda prefixes, fields: prefixes.behaviours)
    model = builders.build(CONFIG, schema)
    part = loss(schema, k=k, mode="reversal", prefixes="all")
    assert (
        part(model, a_pass(model, tiny)).item() == 0.0
    )  # as it is: nothing was altered, nothing counts
    monkeypatch.setattr(order, "differs", lambda prefixes, altered: torch.ones(len(prefixes.items)))
    assert part(model, a_pass(model, tiny)).item() == pytest.approx(math.log(k + 1), abs=1e-5)


def by_definition(model: FusedTransformer, tiny: Dataset, k: int) -> float:
    """Under reversal, prefix by prefix: encode it, encode it with its behaviours backwards, compare
    both with the target.
    """
    total, count = 0.0, 0
    for user, (start, end) in enumerate(
        zip(tiny.offsets[:-1].tolist(), tiny.offsets[1:].tolist(), strict=True), start=1
    ):
        for target in range(start + 2, end - 2):
            first = max(start, target - builders.WINDOW)
            batch = builders.spans(tiny, [(user, first - start, target - 1 - start)])
            backwards = replace(
                batch, behaviours={name: codes.flip(1) for name, codes in batch.behaviours.items()}
            )
            wanted = model.item_table()[tiny.items[target]]
            true, false = (
                (wanted @ model.encode(version).final[0, -1]).item()
                for version in (batch, backwards)
            )
            total += reference.preference([true], [[false]] * k, [[True]] * k)
            count += 1
    return total / count


@pytest.mark.parametrize(
    "task", [NextItem(long_histories="exact"), LastItem()], ids=["next_item", "last_item"]
)
@pytest.mark.parametrize("k", [1, 2])
def test_the_loss_equals_its_definition(task: Task, k: int, tiny: Dataset, schema: Schema) -> None:
    """All prefixes at once cost what they cost one by one."""
    model = builders.build(CONFIG, schema)
    given_loss = loss(schema, mode="reversal", prefixes="all", k=k)(
        model, a_pass(model, tiny, task)
    )
    assert given_loss.item() == pytest.approx(by_definition(model, tiny, k), rel=1e-4)


@pytest.mark.parametrize(
    ("switches", "task"),
    [
        ({"positions": "backward"}, NextItem(long_histories="exact")),
        ({"positions": "backward"}, LastItem()),
        ({"fusion_form": "reference"}, LastItem()),
    ],
    ids=["backward, rows", "backward, prefixes", "reference, prefixes"],
)
def test_true_states_are_those_of_the_prefixes(
    switches: dict[str, Any], task: Task, tiny: Dataset, schema: Schema
) -> None:
    """What comes after a prefix has no part in either state, also where it would change the state
    of the whole row.

    The control takes the row's state for the prefix's, which is right only where the prefix is the
    row.
    """
    model = builders.build(replace(CONFIG, **switches), schema)
    part, expected = loss(schema, mode="reversal", prefixes="all"), by_definition(model, tiny, 1)
    assert not model.single_pass
    assert part(model, a_pass(model, tiny, task)).item() == pytest.approx(expected, rel=1e-4)
    model.single_pass = True
    assert (
        part(model, a_pass(model, tiny, task)).item() == pytest.approx(expected, rel=1e-4)
    ) == isinstance(task, LastItem)


@pytest.mark.parametrize(
    ("switches", "task", "passes"),
    [
        ({}, NextItem(), 1),
        ({"positions": "backward"}, LastItem(), 1),
        ({"positions": "backward"}, NextItem(), 2),
    ],
    ids=["single pass", "whole rows", "neither"],
)
def test_true_states_are_encoded_again_only_where_they_must_be(
    switches: dict[str, Any],
    task: Task,
    passes: int,
    tiny: Dataset,
    schema: Schema,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One pass over altered prefixes is enough where the rows' states are those of the prefixes, as
    in every declared model.
    """
    model = builders.build(replace(CONFIG, **switches), schema)
    encoded, seen = a_pass(model, tiny, task), []
    monkeypatch.setattr(
        model, "encode", lambda batch: seen.append(batch) or FusedTransformer.encode(model, batch)
    )
    loss(schema)(model, encoded)
    assert len(seen) == passes


def test_true_states_are_those_of_prefixes_where_both_sides_are_visible(
    tiny: Dataset, schema: Schema
) -> None:
    """With masked items, too, the true state reads the prefix alone, as the altered one does: later
    items change nothing.
    """
    model = builders.build(replace(CONFIG, mask_token=True), schema)
    batch = replace(builders.spans(tiny, [(tiny.user_count, 0, 9)]), visible="all")
    targets = torch.zeros_like(batch.targets).index_fill(1, torch.tensor([4]), 7)
    batch = replace(batch, targets=targets)
    values = []
    for rows in (
        batch,
        replace(
            batch,
            items=torch.where(torch.arange(10) > 4, batch.items % builders.ITEMS + 1, batch.items),
        ),
    ):
        states = model.encode(rows)
        encoded = EncoderPass(rows, states, states.at(rows.target_slots), model.item_table())
        values.append((loss(schema, mode="reversal")(model, encoded).item(), encoded.predicting))
    assert values[0][0] == pytest.approx(values[1][0], rel=1e-5)
    assert not torch.allclose(
        values[0][1], values[1][1], rtol=1e-2
    )  # control: the whole row's state reads them


def test_each_prefix_of_a_row_is_drawn_equally_often(tiny: Dataset, schema: Schema) -> None:
    """`one` draws each prefix of at least two interactions of a row equally often, and no other."""
    batch = gather(tiny, NextItem().rows(tiny, builders.WINDOW))
    rows, slots = choose_prefixes(batch.predicting, every=True)
    every = set(zip(rows.tolist(), slots.tolist(), strict=True))
    rows, slots = (batch.targets != 0).nonzero(as_tuple=True)
    assert every == {
        (row, slot) for row, slot in zip(rows.tolist(), slots.tolist(), strict=True) if slot > 0
    }
    torch.manual_seed(0)
    longest = int(torch.tensor(batch.lengths).argmax())
    drawn: Counter[tuple[int, int]] = Counter()
    for _ in range(1100):
        rows, slots = choose_prefixes(batch.predicting, every=False)
        assert len(set(rows.tolist())) == len(rows)
        drawn.update(zip(rows.tolist(), slots.tolist(), strict=True))
    assert drawn.keys() == every
    counts = [drawn[place] for place in every if place[0] == longest]
    assert len(counts) == builders.WINDOW - 1
    assert chisquare(counts).pvalue > 0.001


def test_a_prefix_batch_has_the_prefix_and_nothing_after_it(tiny: Dataset) -> None:
    """A prefix holds the items and behaviours up to its slot; its last state is the whole row's
    state there.
    """
    batch = gather(tiny, NextItem().rows(tiny, builders.WINDOW))
    rows, slots = choose_prefixes(batch.predicting, every=True)
    prefixes = prefix_batch(batch, rows, slots, ["rating"])
    assert set(prefixes.behaviours) == {"rating"}
    assert not prefixes.targets.any()
    for index, (row, slot) in enumerate(zip(rows.tolist(), slots.tolist(), strict=True)):
        assert prefixes.items[index, : slot + 1].tolist() == batch.items[row, : slot + 1].tolist()
        assert not prefixes.items[index, slot + 1 :].any()
        assert prefixes.lengths[index] == slot + 1 == prefixes.read[index] + 1


def gradients(model: FusedTransformer, data: Dataset, part: OrderLoss) -> Tensor:
    """The gradient of the position table under this loss alone."""
    model.zero_grad()
    value = part(model, a_pass(model, data))
    if value.requires_grad:
        value.backward()
    weight = model.side.behaviours["position"].values.weight
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


@pytest.mark.parametrize("mode", ["permutation", "derangement", "reversal", "uniform", "sorted"])
def test_positions_have_gradients_from_two_interactions_on(mode: Mode) -> None:
    """The position table gets a gradient from prefixes of two and more; from prefixes of one the
    loss is 0, without any.
    """
    data = builders.dataset([5, 5, 5]).select(
        None, ["position"]
    )  # training prefixes of one and of two
    schema = data.schema(builders.WINDOW, with_position=True)
    model, part = builders.build(CONFIG, schema), loss(schema, mode=mode)
    torch.manual_seed(0)
    assert gradients(model, data, part)[:2].abs().max() > 1e-6
    single = builders.dataset([4, 4, 4]).select(None, ["position"])
    assert loss(schema, mode=mode)(model, a_pass(model, single)).item() == 0.0
    assert not gradients(model, single, part).any()


@pytest.mark.parametrize("mode", ["permutation", "derangement", "reversal", "other_user"])
def test_constant_ratings_carry_no_information(mode: Mode, tiny: Dataset) -> None:
    """Without position, ratings that are all alike leave nothing to alter: weight 0; ratings that
    vary do not.
    """
    varied = tiny.select(None, ["rating"])
    constant = replace(
        varied, behaviours={"rating": torch.full_like(varied.behaviours["rating"], 3)}
    )
    schema = varied.schema(builders.WINDOW, with_position=False)
    model, part = builders.build(CONFIG, schema), loss(schema, mode=mode, prefixes="all")
    torch.manual_seed(0)
    assert part(model, a_pass(model, constant)).item() == 0.0
    assert part(model, a_pass(model, varied)).item() > 0.1


def test_prefixes_without_a_change_are_left_out_of_the_mean(tiny: Dataset, schema: Schema) -> None:
    """A version that equals the truth is dropped, and a prefix with no version left does not count
    in the mean.
    """
    true, false = torch.tensor([1.0, 2.0]), torch.tensor([[0.5, 2.0], [1.5, 2.0]])
    both = preference_loss(true, false, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    first = preference_loss(true[:1], false[:, :1], torch.ones(2, 1))
    assert both.item() == pytest.approx(first.item())
    assert preference_loss(true, false, torch.zeros(2, 2)).item() == 0.0


def test_upa_without_a_behaviour_or_version_is_refused(schema: Schema) -> None:
    """No behaviour in use, or no altered version, is an error that says so."""
    with pytest.raises(SirecError, match="needs a behaviour"):
        loss(Schema(schema.items, builders.WINDOW, schema.attributes))
    with pytest.raises(SirecError, match="k must be from 1"):
        UserPreferenceAlignment(k=0)
