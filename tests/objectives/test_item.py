"""The main loss."""

from __future__ import annotations

import math

import pytest
import reference
import tiny as builders
import torch

from sirec.core.transformer import TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.next_item import NextItem
from sirec.data.tasks.rows import gather
from sirec.objectives.base import EncoderPass
from sirec.objectives.item import ItemCrossEntropy


def a_pass(data: Dataset, schema: Schema) -> tuple[torch.nn.Module, EncoderPass]:
    """A pass over every position of the tiny data set, in 64 bit."""
    model = builders.build(TransformerConfig(**builders.SHAPE), schema).double()
    batch = gather(data, NextItem().rows(data, builders.WINDOW))
    states = model.encode(batch)
    return model, EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


@pytest.mark.parametrize("padding_class", [False, True])
def test_cross_entropy_equals_its_loops(padding_class: bool, tiny: Dataset, schema: Schema) -> None:
    """Mean over targets of the log-sum of all classes less the target's score; code 0 is a class
    only where asked for.
    """
    model, encoded = a_pass(tiny, schema)
    loss = ItemCrossEntropy(padding_class=padding_class).build(schema, 8)(model, encoded)
    arguments = (
        encoded.predicting.tolist(),
        encoded.table.tolist(),
        encoded.batch.target_items.tolist(),
    )
    assert loss.item() == pytest.approx(
        reference.item_cross_entropy(*arguments, 0 if padding_class else 1), rel=1e-5
    )
    assert loss.item() != pytest.approx(
        reference.item_cross_entropy(*arguments, 1 if padding_class else 0), rel=1e-5
    )


def test_equal_scores_cost_the_logarithm_of_the_catalogue(tiny: Dataset, schema: Schema) -> None:
    """With a table of zeros the loss is ln of the number of items, padding not counted."""
    model, encoded = a_pass(tiny, schema)
    flat = EncoderPass(
        encoded.batch, encoded.states, encoded.predicting, torch.zeros_like(encoded.table)
    )
    assert ItemCrossEntropy().build(schema, 8)(model, flat).item() == pytest.approx(
        math.log(tiny.item_count)
    )
