"""Losses over the streams of a state."""

from __future__ import annotations

import math
from typing import Any

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor

from sirec.core.layers.attention import ITEM
from sirec.core.model import SequentialModel, States
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.next_item import LastItem
from sirec.data.tasks.rows import gather
from sirec.errors import SirecError
from sirec.models.mssr import MSSR
from sirec.models.sasrec import SASRec
from sirec.objectives.base import EncoderPass
from sirec.objectives.streams import (
    StreamAttributePrediction,
    StreamAttributePredictionLoss,
    StreamContrast,
    StreamContrastLoss,
    view_contrast,
)


def a_pass(data: Dataset, schema: Schema) -> tuple[SequentialModel, EncoderPass]:
    """A pass over some last items of the tiny data set, with attribute streams narrower than
    items.
    """
    model = builders.loud(MSSR(**builders.SHAPE, attribute_width=4).build(schema))
    assert isinstance(model, SequentialModel)
    task = LastItem()
    batch = gather(data, task.rows(data, builders.WINDOW).take(torch.arange(0, 60, 5).numpy()))
    with torch.no_grad():
        states = model.encode(batch)
        return model, EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


def streams_of(encoded: EncoderPass) -> dict[str, list[list[float]]]:
    return {
        name: encoded.states.stream_at(name, encoded.batch.target_slots).tolist()
        for name in encoded.states.streams
    }


def mixed_prediction(
    part: StreamAttributePredictionLoss, schema: Schema, encoded: EncoderPass, name: str
) -> float:
    """One field's loss by loops: two heads, weighed by a sigmoid of both streams, then a binary
    loss a value.
    """
    values = next(field for field in schema.attributes if field.name == name).values.tolist()
    streams, scorer = streams_of(encoded), part.gates[name].scorer.weight[0].tolist()
    losses = []
    for h, c, target in zip(
        streams[ITEM], streams[name], encoded.batch.target_items.tolist(), strict=True
    ):
        gate = 1 / (1 + math.exp(-reference.dot(scorer, [*h, *c])))
        first = reference.linear(h, *builders.numbers(part.heads[name]))
        second = reference.linear(c, *builders.numbers(part.own_heads[name]))
        for value in range(1, len(first)):
            probability = 1 / (1 + math.exp(-(gate * first[value] + (1 - gate) * second[value])))
            losses.append(-math.log(probability if value in values[target] else 1 - probability))
    return sum(losses) / len(losses)


def contrast_by_loops(one: reference.Matrix, other: reference.Matrix, temperature: float) -> float:
    """Each of the 2N vectors must find its counterpart among all but itself."""
    both, count = [*one, *other], len(one)
    losses = []
    for i in range(2 * count):
        scores = [reference.dot(both[i], both[j]) / temperature for j in range(2 * count) if j != i]
        losses.append(
            reference.logsumexp(scores)
            - reference.dot(both[i], both[(i + count) % (2 * count)]) / temperature
        )
    return sum(losses) / len(losses)


def test_attribute_prediction_from_two_streams_equals_its_loops(
    tiny: Dataset, schema: Schema
) -> None:
    """Summed over fields; a weight of its own counts relative to the objective's; the gate
    matters.
    """
    model, encoded = a_pass(tiny, schema)
    part = builders.loud(StreamAttributePrediction().build_for(schema, model))
    assert isinstance(part, StreamAttributePredictionLoss)
    brand, category = (
        mixed_prediction(part, schema, encoded, name) for name in ("brand", "category")
    )
    assert part(model, encoded).item() == pytest.approx(brand + category, rel=1e-5)
    halved = builders.loud(
        StreamAttributePrediction(weights={"brand": 2.0}).build_for(schema, model)
    )
    assert halved(model, encoded).item() == pytest.approx(brand / 2 + category, rel=1e-5)
    with torch.no_grad():
        part.gates["brand"].scorer.weight.zero_()
    assert part(model, encoded).item() != pytest.approx(brand + category, rel=1e-3)  # control


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_the_contrast_equals_its_loops(temperature: float, tiny: Dataset, schema: Schema) -> None:
    """Summed over fields, each with a map of its own from the item stream, without a bias."""
    model, encoded = a_pass(tiny, schema)
    part = builders.loud(StreamContrast(temperature=temperature).build_for(schema, model))
    assert isinstance(part, StreamContrastLoss)
    streams, expected = streams_of(encoded), 0.0
    for name in ("brand", "category"):
        mapped = [reference.linear(h, part.maps[name].weight.tolist()) for h in streams[ITEM]]
        expected += contrast_by_loops(mapped, streams[name], temperature)
    assert part(model, encoded).item() == pytest.approx(expected, rel=1e-5)


def test_the_contrast_tells_counterparts_from_others() -> None:
    """Equal views, far from others, cost nothing; views of nothing cost the logarithm of the
    choices; one target costs 0.
    """
    apart = torch.eye(4) * 10
    assert view_contrast(apart, apart, 1.0).item() < 1e-6
    assert view_contrast(apart, apart.roll(1, 0), 1.0).item() > 50  # control
    nothing = torch.zeros(4, 3)
    assert view_contrast(nothing, nothing, 1.0).item() == pytest.approx(math.log(7))
    assert view_contrast(apart[:1], apart[:1], 1.0).item() == 0.0


@pytest.mark.parametrize(
    "config", [StreamAttributePrediction(), StreamContrast()], ids=lambda config: config.name
)
def test_dropout_falls_in_training_only(config: Any, tiny: Dataset, schema: Schema) -> None:
    """In evaluation two calls agree, in training they do not."""
    model, encoded = a_pass(tiny, schema)
    part = builders.loud(config.build_for(schema, model))
    assert torch.equal(part(model, encoded), part(model, encoded))
    part.train()
    assert not torch.equal(part(model, encoded), part(model, encoded))


@pytest.mark.parametrize(
    "config", [StreamAttributePrediction(), StreamContrast()], ids=lambda config: config.name
)
def test_a_model_without_streams_is_refused(config: Any, schema: Schema) -> None:
    """Heads need streams to stand on, and data must have an attribute."""
    with pytest.raises(SirecError, match="have none"):
        config.build_for(schema, SASRec(**builders.SHAPE).build(schema))
    bare = Schema(schema.items, schema.max_length)
    with pytest.raises(SirecError, match="needs an attribute"):
        config.build_for(bare, MSSR(**builders.SHAPE).build(bare))


def test_streams_of_one_width_need_no_model(tiny: Dataset, schema: Schema) -> None:
    """Built for a width alone, all streams are taken to have it."""
    batch = gather(tiny, LastItem().rows(tiny, builders.WINDOW).take(torch.arange(4).numpy()))
    wide: Tensor = torch.randn(*batch.items.shape, 6)
    states = States(wide, dict.fromkeys((ITEM, "brand", "category"), wide))
    encoded = EncoderPass(
        batch, states, states.at(batch.target_slots), torch.zeros(tiny.item_codes, 6)
    )
    model = SASRec(**builders.SHAPE).build(schema)
    for config in (StreamAttributePrediction(), StreamContrast()):
        assert config.build(schema, 6)(model, encoded).isfinite()


def test_an_unknown_stream_is_named(tiny: Dataset, schema: Schema) -> None:
    """Asking states for another stream is an error with the nearest one."""
    _, encoded = a_pass(tiny, schema)
    with pytest.raises(SirecError, match="'brnd' is not a stream") as caught:
        encoded.states.stream_at("brnd", encoded.batch.target_slots)
    assert "brand" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: StreamContrast(temperature=0.0), "temperature must be above 0"),
        (lambda: StreamContrast(dropout=1.0), "dropout must be at least 0"),
        (lambda: StreamAttributePrediction(dropout=-0.1), "and below 1, got -0.1"),
    ],
)
def test_meaningless_settings_are_refused(make: Any, part: str) -> None:
    """No temperature at all, or a dropout that leaves nothing."""
    with pytest.raises(SirecError, match=part):
        make()
