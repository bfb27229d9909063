"""Prediction of the next item's attributes."""

from __future__ import annotations

import math

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor

from sirec.core.model import SequentialModel, States
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema
from sirec.data.tasks.next_item import NextItem
from sirec.data.tasks.rows import gather
from sirec.errors import SirecError
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.objectives.base import EncoderPass

WIDTH = 8


def a_pass(data: Dataset, width: int = WIDTH, scale: float = 1.0) -> EncoderPass:
    """A pass whose states are random; with scale 1 they are as long as a layer norm leaves them."""
    batch = gather(data, NextItem().rows(data, builders.WINDOW))
    final = (
        torch.randn(*batch.items.shape, width, generator=torch.Generator().manual_seed(0)) * scale
    )
    states = States(final)
    return EncoderPass(
        batch, states, states.at(batch.target_slots), torch.zeros(data.item_codes, width)
    )


def loss_of(
    config: AttributePrediction, schema: Schema, encoded: EncoderPass
) -> tuple[float, dict[str, tuple[list, list]]]:
    part = builders.loud(config.build(schema, WIDTH))
    heads = {name: builders.numbers(head) for name, head in part.heads.items()}
    return part(None, encoded).item(), heads


def by_loops(
    heads: dict[str, tuple[list, list]], schema: Schema, encoded: EncoderPass, name: str
) -> float:
    values = next(field for field in schema.attributes if field.name == name).values.tolist()
    return reference.attribute_prediction(
        encoded.predicting.tolist(), *heads[name], values, encoded.batch.target_items.tolist()
    )


def test_the_loss_equals_its_loops(tiny: Dataset, schema: Schema) -> None:
    """Mean over targets and real values, added over fields; with the column of padding left out."""
    encoded = a_pass(tiny)
    total, heads = loss_of(AttributePrediction(), schema, encoded)
    brand, category = (by_loops(heads, schema, encoded, name) for name in ("brand", "category"))
    assert total == pytest.approx(brand + category, rel=1e-5)


def test_fields_can_be_chosen_weighted_and_summed(tiny: Dataset, schema: Schema) -> None:
    """One field alone; a weight of its own, relative to the objective's; the printed sum over a
    field's real values.
    """
    encoded = a_pass(tiny)
    alone, heads = loss_of(AttributePrediction(attributes=("category",)), schema, encoded)
    assert alone == pytest.approx(by_loops(heads, schema, encoded, "category"), rel=1e-5)
    total, heads = loss_of(
        AttributePrediction(weight=10.0, weights={"brand": 5.0}), schema, encoded
    )
    brand, category = (by_loops(heads, schema, encoded, name) for name in ("brand", "category"))
    assert total == pytest.approx(brand / 2 + category, rel=1e-5)
    summed, heads = loss_of(AttributePrediction(reduction="sum"), schema, encoded)
    brand, category = (by_loops(heads, schema, encoded, name) for name in ("brand", "category"))
    assert summed == pytest.approx(5 * brand + 7 * category, rel=1e-5)


def test_a_value_listed_twice_is_one_label(tiny: Dataset) -> None:
    """Labels say whether a value is there, not how often: with a label of 2 the loss would have no
    lower bound.
    """
    once = torch.zeros(tiny.item_codes, 2, dtype=torch.long)
    once[1:, 0] = 1
    twice = torch.where(once.any(dim=1, keepdim=True), torch.ones_like(once), once)
    encoded, losses = a_pass(tiny), []
    for table in (once, twice):
        schema = Schema(tiny.item_codes, builders.WINDOW, (Field("tag", "attribute", 3, table),))
        losses.append(loss_of(AttributePrediction(), schema, encoded)[0])
    assert losses[0] == losses[1] > 0


def test_padding_is_no_value_to_predict(tiny: Dataset, schema: Schema) -> None:
    """Whatever the head says of code 0 costs nothing and gets no gradient."""
    part, encoded = (
        builders.loud(AttributePrediction(attributes=("brand",)).build(schema, WIDTH)),
        a_pass(tiny),
    )
    before = part(None, encoded)
    before.backward()
    head = part.heads["brand"]
    assert not head.weight.grad[0].any()
    assert head.weight.grad[1:].any()  # control
    with torch.no_grad():
        head.bias[0] += 100.0
    assert part(None, encoded).item() == before.item()


@pytest.mark.parametrize(("width", "expected"), [(128, 0.6995), (256, 0.7059)])
def test_an_untrained_head_costs_as_much_as_chance(
    width: int, expected: float, tiny: Dataset, schema: Schema
) -> None:
    """At initialisation: ln 2 and an eighth of the logits' variance, d · 0.02² (DIF-SR's logs begin
    at 0.7057 to 0.7059).
    """
    torch.manual_seed(0)
    fresh = AttributePrediction(attributes=("category",)).build(schema, width)
    assert fresh(None, a_pass(tiny, width)).item() == pytest.approx(expected, abs=4e-3)
    assert expected == pytest.approx(math.log(2) + width * 0.02**2 / 8, abs=1e-4)


@pytest.mark.parametrize(
    ("config", "part"),
    [
        (AttributePrediction(attributes=("city",)), "'city'"),
        (AttributePrediction(weights={"barnd": 1.0}), "'barnd'"),
    ],
)
def test_unknown_attributes_are_refused(
    config: AttributePrediction, part: str, schema: Schema
) -> None:
    """A field that is not there, to predict or to weigh, is an error that names it."""
    with pytest.raises(SirecError, match=part):
        config.build(schema, WIDTH)


def test_data_without_attributes_are_refused(schema: Schema) -> None:
    """There must be something to predict."""
    with pytest.raises(SirecError, match="needs an attribute"):
        AttributePrediction().build(Schema(schema.items, 5), WIDTH)


def test_heads_belong_to_the_loss_and_not_to_the_model(tiny: Dataset, schema: Schema) -> None:
    """The loss reads states and targets: it never calls the model."""

    class Untouchable(SequentialModel):
        def encode(self, batch: object) -> States:
            raise AssertionError("called")

        def item_table(self) -> Tensor:
            raise AssertionError("called")

    assert AttributePrediction().build(schema, WIDTH)(Untouchable(), a_pass(tiny)).isfinite()
