"""Fields as vectors."""

from __future__ import annotations

import pytest
import reference
import tiny as builders
import torch

from sirec.core.layers.embedding import (
    AttributeEmbedding,
    AttributeTables,
    BehaviourEmbedding,
    Pooling,
    SideEmbedding,
)
from sirec.core.model import initialise
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema, position


def attribute(schema: Schema, name: str) -> Field:
    return next(field for field in schema.attributes if field.name == name)


@pytest.mark.parametrize("name", ["brand", "category"])
@pytest.mark.parametrize("pooling", ["sum", "mean"])
def test_an_attribute_pools_the_vectors_of_its_values(
    schema: Schema, name: str, pooling: Pooling
) -> None:
    """Sum or mean over an item's values, whether it has none, one or several; padding is no
    value.
    """
    field = attribute(schema, name)
    part = builders.loud(AttributeEmbedding(field, 4, pooling, trainable=True, std=0.02)).double()
    table, vectors = part.values.weight.tolist(), part.of_all_items().tolist()
    counts = (field.values != 0).sum(dim=1)
    assert set(counts.tolist()) == ({0, 1} if name == "brand" else {0, 1, 2, 3})
    for item, values in enumerate(field.values.tolist()):
        assert vectors[item] == pytest.approx(reference.pooled(table, values, pooling), abs=1e-12)
    assert not any(vectors[0])


def test_missing_values_are_zero_vectors_and_stay_so(schema: Schema) -> None:
    """The padding row of a fresh table is 0 and gets no gradient, even where an item has no
    value.
    """
    field = attribute(schema, "brand")
    part = AttributeEmbedding(field, 4, "sum", trainable=True, std=0.02)
    initialise(part)
    part.reset()
    missing = (field.values == 0).all(dim=1).nonzero().squeeze(1)
    assert len(missing) > 1
    assert not part(missing).any()
    part.of_all_items().sum().backward()
    gradient = part.values.weight.grad
    assert not gradient[0].any()
    assert gradient[1:].any()  # control


def test_frozen_tables_are_standard_normal_and_no_parameters_of_an_optimiser(
    schema: Schema,
) -> None:
    """`trainable=False, std=1` gives tables of unit deviation without gradient; the default gives
    small trainable ones.
    """
    large = Field("tag", "attribute", 2000, torch.zeros(3, 1, dtype=torch.long))
    for trainable, std in ((False, 1.0), (True, 0.02)):
        tables = AttributeTables(attribute_trainable=trainable, attribute_std=std)
        side = SideEmbedding(tables.attribute_embeddings([large], 16), {})
        initialise(side)
        side.reset()
        weight = side.attributes["tag"].values.weight
        assert weight.requires_grad == trainable
        assert weight[1:].std().item() == pytest.approx(std, rel=0.03)
        assert not weight[0].any()


def test_position_zero_is_a_position(tiny: Dataset) -> None:
    """Code 0 pads a stored behaviour, but is the first slot of position, with a vector of its
    own.
    """
    rating = BehaviourEmbedding(Field("rating", "behaviour", 6), 4)
    slots = BehaviourEmbedding(position(5), 4)
    for part in (rating, slots):
        initialise(part)
    assert not rating(torch.tensor([0])).any()
    assert slots(torch.tensor([0])).any()
    assert slots.values.weight.shape == (5, 4)
