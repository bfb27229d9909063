"""The objectives of S3-Rec's pre-training: masked items, their attributes, and segments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import reference
import tiny as builders
import torch

from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.cloze import Cloze
from sirec.data.tasks.segments import Segments
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.masked_attribute import AssociatedAttribute, MaskedAttribute
from sirec.objectives.masked_item import MaskedItem, MaskedItemLoss
from sirec.objectives.segment import Segment
from sirec.objectives.stage import Stage

N = builders.WINDOW
CONFIG = TransformerConfig(**builders.SHAPE, attribute="objective", mask_token=True)
Numbers = Sequence[float]


@pytest.fixture
def model(schema: Schema) -> FusedTransformer:
    """S3-Rec's encoder with loud weights."""
    return builders.build(CONFIG, schema)


def a_pass(model: FusedTransformer, data: Dataset, task: Segments | None = None) -> EncoderPass:
    """One pass over all rows of the task."""
    torch.manual_seed(0)
    task = task or Segments()
    batch = task.batch(data, task.rows(data, N), N)
    with torch.no_grad():
        states = model.encode(batch)
        return EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


def part_of(config: ObjectiveConfig, schema: Schema) -> Objective:
    part = builders.loud(config.build(schema, builders.SHAPE["width"]))
    assert isinstance(part, Objective)
    return part


def g(score: float, squashed: bool) -> float:
    return 1 / (1 + math.exp(-score)) if squashed else score


def log_loss(right: float, wrong: float, squashed: bool) -> float:
    return math.log(1 + math.exp(g(wrong, squashed) - g(right, squashed)))


@pytest.mark.parametrize("squashed", [True, False])
def test_masked_items_equal_their_loops(
    squashed: bool, model: FusedTransformer, schema: Schema, tiny: Dataset
) -> None:
    """The sum over masked slots of the loss against a drawn item, divided by the rows."""
    part, encoded = part_of(MaskedItem(squashed=squashed), schema), a_pass(model, tiny)
    assert isinstance(part, MaskedItemLoss)
    torch.manual_seed(3)
    negatives = part.draw(encoded.batch)[0].tolist()
    table, total = encoded.table.tolist(), 0.0
    for state, target, other in zip(
        encoded.predicting.tolist(), encoded.batch.target_items.tolist(), negatives, strict=True
    ):
        mapped = reference.linear(state, *builders.numbers(part.map))
        total += log_loss(
            reference.dot(mapped, table[target]), reference.dot(mapped, table[other]), squashed
        )
    torch.manual_seed(3)
    loss = part(model, encoded).item()
    assert loss == pytest.approx(total / len(encoded.batch.items), rel=1e-5)
    torch.manual_seed(4)
    assert part(model, encoded).item() != loss  # control: another draw


def test_a_sigmoid_on_each_score_bounds_the_loss_of_a_masked_item(
    model: FusedTransformer, schema: Schema, tiny: Dataset
) -> None:
    """Between log(1 + 1/e) and log(1 + e), whatever the scores; with one sigmoid there is no
    bound.
    """
    encoded = a_pass(model, tiny)
    per_slot = {}
    for squashed in (True, False):
        part = part_of(MaskedItem(squashed=squashed), schema)
        with torch.no_grad():
            part.map.weight *= 1000  # type: ignore[union-attr, operator]
        per_slot[squashed] = (
            part(model, encoded).item() * len(encoded.batch.items) / len(encoded.predicting)
        )
    assert math.log(1 + math.exp(-1)) < per_slot[True] < math.log(1 + math.e) < per_slot[False]


def test_a_negative_item_is_not_in_its_row(
    model: FusedTransformer, schema: Schema, tiny: Dataset
) -> None:
    """Neither shown nor hidden there, never padding or MASK, and every other item comes up; full
    rows have none.
    """
    part, encoded = part_of(MaskedItem(), schema), a_pass(model, tiny)
    assert isinstance(part, MaskedItemLoss)
    length, seen = encoded.batch.items.shape[1], set()
    true = torch.where(
        encoded.batch.targets > 0, encoded.batch.targets, encoded.batch.items
    ).tolist()
    for _ in range(5):
        for slot, item in zip(
            encoded.batch.target_slots.tolist(), part.draw(encoded.batch)[0].tolist(), strict=True
        ):
            assert 1 <= item <= builders.ITEMS
            assert item not in true[slot // length]
            seen.add(item)
    assert len(seen) == builders.ITEMS
    few = replace(tiny, items=tiny.items % 2 + 1, fields=())
    task = Segments()
    rows = task.rows(few, N)
    full = task.batch(few, rows.take(np.flatnonzero(rows.lengths == N)), N)
    items, drawn = MaskedItemLoss(3, 8, squashed=True).draw(full)
    assert not drawn.any()
    assert not items.any()


@pytest.mark.parametrize(
    ("config", "hidden"), [(MaskedAttribute(), True), (AssociatedAttribute(), False)]
)
def test_attribute_losses_equal_their_loops(
    config: ObjectiveConfig, hidden: bool, model: FusedTransformer, schema: Schema, tiny: Dataset
) -> None:
    """Binary cross-entropy against the model's own vectors of the values: at masked slots, or at
    all other real slots.
    """
    part, encoded = part_of(config, schema), a_pass(model, tiny)
    batch, states = encoded.batch, encoded.states.final.tolist()
    total = 0.0
    for row, length in enumerate(batch.lengths.tolist()):
        for slot in range(length):
            target = int(batch.targets[row, slot])
            if (target != 0) != hidden:
                continue
            item = target or int(batch.items[row, slot])
            matrix = builders.numbers(part.map)  # type: ignore[arg-type]
            mapped = reference.linear(states[row][slot], *matrix)
            for field in schema.attributes:
                vectors, values = (
                    model.value_vectors(field.name).tolist(),
                    field.values[item].tolist(),
                )
                for value in range(1, field.size):
                    probability = g(reference.dot(mapped, vectors[value]), True)
                    total -= math.log(probability if value in values else 1 - probability)
    assert part(model, encoded).item() == pytest.approx(total / len(batch.items), rel=1e-4)


def test_attribute_losses_have_gradients_for_value_vectors_and_states(
    model: FusedTransformer, schema: Schema, tiny: Dataset
) -> None:
    """Gradients reach the values' vectors, but padding's, and the encoder, which reads no attribute
    itself.
    """
    task = Segments()
    torch.manual_seed(0)
    batch = task.batch(tiny, task.rows(tiny, N), N)
    for config in (
        MaskedAttribute(attributes=("brand",)),
        AssociatedAttribute(attributes=("brand",)),
    ):
        model.zero_grad()
        states = model.encode(batch)
        part = part_of(config, schema)
        part(
            model, EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())
        ).backward()
        gradient = model.value_vectors("brand").grad
        assert gradient is not None
        assert gradient[1:].any(dim=1).all()
        assert not gradient[0].any()
        assert model.value_vectors("category").grad is None
        assert model.items.weight.grad is not None


def test_values_of_another_width_are_refused(schema: Schema, tiny: Dataset) -> None:
    """States and values are compared by a dot product: the message names both widths."""
    model = builders.build(replace(CONFIG, attribute_width=5), schema)
    with pytest.raises(SirecError, match="width 8 with values of brand of width 5"):
        part_of(MaskedAttribute(), schema)(model, a_pass(model, tiny))


@pytest.mark.parametrize("config", [MaskedAttribute(), AssociatedAttribute()])
def test_data_without_attributes_are_refused(config: ObjectiveConfig, schema: Schema) -> None:
    """There must be something to predict."""
    with pytest.raises(SirecError, match="needs an attribute"):
        config.build(Schema(schema.items, N), 8)


@pytest.mark.parametrize("squashed", [True, False])
def test_segments_equal_their_loops(
    squashed: bool, model: FusedTransformer, schema: Schema, tiny: Dataset
) -> None:
    """Each row's views encoded by themselves: the last state of the context against those of both
    segments.
    """
    part, encoded = part_of(Segment(squashed=squashed), schema), a_pass(model, tiny)
    with torch.no_grad():
        last = {
            name: model.encode(view).final[torch.arange(len(view.read)), view.read].tolist()
            for name, view in encoded.batch.views.items()
        }
    total = 0.0
    for context, positive, negative in zip(
        last["context"], last["positive"], last["negative"], strict=True
    ):
        mapped = reference.linear(context, *builders.numbers(part.map))  # type: ignore[arg-type]
        total += log_loss(
            reference.dot(mapped, positive), reference.dot(mapped, negative), squashed
        )
    assert len(last["context"]) < len(encoded.batch.items)
    assert part(model, encoded).item() == pytest.approx(total / len(encoded.batch.items), rel=1e-5)


def test_a_step_without_segments_costs_nothing(
    model: FusedTransformer, schema: Schema, tiny: Dataset
) -> None:
    """No views, no loss; the other objectives go on."""
    encoded = a_pass(model, tiny)
    part = part_of(Segment(), schema)
    assert part(model, replace(encoded, batch=replace(encoded.batch, views={}))).item() == 0
    assert part(model, encoded).item() > 0  # control


@pytest.mark.parametrize(
    "config", [MaskedItem(), MaskedAttribute(), AssociatedAttribute(), Segment()]
)
def test_objectives_of_masked_items_refuse_a_task_without_them(config: ObjectiveConfig) -> None:
    """Under another task they would learn from nothing, or from something else; the message names
    the right ones.
    """
    with pytest.raises(
        SirecError, match=f"{config.name} cannot read batches of task next_item"
    ) as caught:
        Stage(objectives=(ItemCrossEntropy(), config))  # type: ignore[arg-type]
    assert "segments" in str(caught.value.hint)
    Stage(task=Segments(), objectives=(config,))  # type: ignore[arg-type]
    if config.name == "segment":
        with pytest.raises(SirecError, match="task cloze"):
            Stage(task=Cloze(), objectives=(config,))  # type: ignore[arg-type]
