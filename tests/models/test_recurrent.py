"""GRU4Rec and GRU4RecF against their gates in plain loops, and how they are drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest
import reference
import tiny as builders
import torch
from torch import nn

from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.models.gru4rec import GRU4Rec, RecurrentRecommender
from sirec.models.gru4recf import GRU4RecF, TwoRecurrences
from sirec.run.config import resolve

SIZES: dict[str, Any] = {"width": 5, "hidden": 3, "layers": 2, "dropout": 0.0}


def steps(inputs: list[list[float]], units: nn.GRU) -> list[list[float]]:
    """The last layer's states, gate by gate; torch stacks the maps of r, u and c."""
    for layer in range(units.num_layers):
        into = units.get_parameter(f"weight_ih_l{layer}").tolist()
        back = units.get_parameter(f"weight_hh_l{layer}").tolist()
        g, state, states = units.hidden_size, [0.0] * units.hidden_size, []
        for x in inputs:
            fresh, old = reference.linear(x, into), reference.linear(state, back)
            reset = [1 / (1 + math.exp(-fresh[c] - old[c])) for c in range(g)]
            update = [1 / (1 + math.exp(-fresh[g + c] - old[g + c])) for c in range(g)]
            candidate = [math.tanh(fresh[2 * g + c] + reset[c] * old[2 * g + c]) for c in range(g)]
            state = [(1 - update[c]) * candidate[c] + update[c] * state[c] for c in range(g)]
            states.append(state)
        inputs = states
    return inputs


def mapped(states: list[list[float]], out: nn.Linear) -> torch.Tensor:
    """W s + b of every state."""
    return torch.tensor([reference.linear(state, *builders.numbers(out)) for state in states])


def rows(batch: Batch) -> list[list[int]]:
    """The items of each row, without padding."""
    return [batch.items[row, :length].tolist() for row, length in enumerate(batch.lengths)]


@pytest.fixture
def schema(tiny: Dataset) -> Schema:
    """The tiny data with brand, category and rating."""
    return tiny.schema(builders.WINDOW, with_position=True)


def test_gru4rec_is_its_loops(tiny: Dataset, schema: Schema) -> None:
    """Every state of every ragged row, from gates written out; slots beyond a row are 0."""
    model = builders.loud(GRU4Rec(**SIZES).build(schema))
    assert isinstance(model, RecurrentRecommender)
    batch = builders.a_batch(tiny)
    states = model.encode(batch).final
    for row, items in enumerate(rows(batch)):
        expected = mapped(
            steps(model.items.weight[items].tolist(), model.recurrence.units), model.out
        )
        torch.testing.assert_close(states[row, : len(items)], expected, rtol=1e-5, atol=1e-6)
        assert not states[row, len(items) :].any()
    torch.testing.assert_close(model.scores(batch)[2], states[2, 3] @ model.items.weight.T)


def test_gru4recf_is_its_loops(tiny: Dataset, schema: Schema) -> None:
    """Two recurrences, one over items and one over the attributes side by side, meet in one map;
    ids alone are scored.
    """
    model = builders.loud(GRU4RecF(attribute_width=4, **SIZES).build(schema))
    assert isinstance(model, TwoRecurrences)
    batch = builders.a_batch(tiny)
    states = model.encode(batch).final
    for row, items in enumerate(rows(batch)):
        of_items = steps(model.items.weight[items].tolist(), model.of_items.units)
        tables = list(model.side.attributes.values())
        sides = [
            torch.cat([table(torch.tensor([item]))[0] for table in tables]).tolist()
            for item in items
        ]
        of_attributes = steps(sides, model.of_attributes.units)
        both = [[*one, *other] for one, other in zip(of_items, of_attributes, strict=True)]
        torch.testing.assert_close(
            states[row, : len(items)], mapped(both, model.out), rtol=1e-5, atol=1e-6
        )
    assert model.item_table() is model.items.weight


def test_attributes_reach_the_states_and_not_the_candidates(tiny: Dataset, schema: Schema) -> None:
    """Louder values change every state of GRU4RecF, and no row of its item table."""
    model = builders.loud(GRU4RecF(**SIZES).build(schema))
    assert isinstance(model, TwoRecurrences)
    batch = builders.a_batch(tiny)
    with torch.no_grad():
        before, table = model.encode(batch).final, model.item_table().clone()
        model.value_vectors("category").mul_(3.0)
        after = model.encode(batch).final
    assert not torch.isclose(after, before)[builders.real(batch)].all()
    assert torch.equal(model.item_table(), table)


def test_weights_are_drawn_as_declared() -> None:
    """Xavier's laws where RecBole has them, torch's elsewhere, no bias in a recurrence, a padding
    row of 0.
    """
    torch.manual_seed(0)
    items, e, g = 3_000, 64, 128
    brand = Field("brand", "attribute", 50, torch.randint(0, 50, (items, 1)))
    plain = GRU4Rec(width=e, hidden=g, layers=2).build(Schema(items, 50))
    rich = GRU4RecF(width=e, hidden=g).build(Schema(items, 50, (brand,)))
    assert isinstance(rich, TwoRecurrences)
    for model in (plain, rich):
        assert model.items.weight.std().item() == pytest.approx(
            math.sqrt(2 / (items + e)), rel=0.02
        )
        assert not model.items.weight[0].any()
        assert not [name for name, _ in model.named_parameters() if "units.bias" in name]
    first, second = (
        plain.recurrence.units.get_parameter(f"weight_ih_l{layer}") for layer in (0, 1)
    )
    assert first.abs().max().item() == pytest.approx(math.sqrt(6 / (e + 3 * g)), rel=0.01)
    assert second.abs().max().item() == pytest.approx(1 / math.sqrt(g), rel=0.01)
    assert plain.out.bias.any()
    assert rich.of_items.units.get_parameter("weight_ih_l0").abs().max().item() == pytest.approx(
        1 / math.sqrt(g), rel=0.01
    )
    assert rich.out.weight.std().item() == pytest.approx(math.sqrt(2 / (e + 2 * g)), rel=0.05)
    assert not rich.out.bias.any()
    assert rich.value_vectors("brand").std().item() == pytest.approx(0.02, rel=0.1)


def test_published_is_recboles_form(tiny: Dataset) -> None:
    """Prefix examples with code 0 among the classes, and attribute tables that stay at N(0, 1)."""
    config = resolve("gru4recf", tiny, profile="published")
    assert (config.stages[0].task.name, config.stages[0].objectives[0].padding_class) == (
        "last_item",
        True,
    )  # type: ignore[union-attr]
    assert (config.model.attribute_trainable, config.model.attribute_std) == (False, 1.0)  # type: ignore[union-attr]


def test_mistakes_are_named(schema: Schema) -> None:
    """Sizes without meaning, and data without an attribute for a model that needs one."""
    with pytest.raises(SirecError, match="hidden must be from 1 to"):
        GRU4Rec(hidden=0)
    with pytest.raises(SirecError, match=r"dropout must be at least 0 and below 1, got 1\.0"):
        GRU4RecF(dropout=1.0)
    with pytest.raises(SirecError, match="gru4recf needs an attribute"):
        GRU4RecF(**SIZES).build(Schema(schema.items, 5, schema.behaviours))
