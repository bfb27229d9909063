"""Fields as vectors."""

from __future__ import annotations

from dataclasses import replace

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
    VectorEmbedding,
)
from sirec.core.model import initialise
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema, position
from sirec.errors import SirecError


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


def vector_field() -> Field:
    """Vectors of five items; the padding item and item 3 have none."""
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(3)) * 7
    vectors[0] = vectors[3] = 0
    return Field("text", "attribute", 4, vectors, form="vector")


def test_a_vector_is_mapped_as_loops_map_it() -> None:
    """M x / r in plain loops, where r is the root mean square of the lengths that are not 0; an
    item without a vector has 0.
    """
    field = vector_field()
    part = builders.loud(VectorEmbedding(field, 3, std=0.02)).double()
    weight, rows = part.map.weight.tolist(), field.vectors.tolist()
    squares = [sum(number**2 for number in row) for row in rows]
    given = [square for square in squares if square > 0]
    scale = (sum(given) / len(given)) ** 0.5
    for item, vector in enumerate(part.of_all_items().tolist()):
        expected = [reference.dot(line, rows[item]) / scale for line in weight]
        assert vector == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert not part(torch.tensor([0, 3])).any()
    assert part(torch.tensor([1])).any()  # control


def test_vectors_are_frozen_and_their_map_is_learned() -> None:
    """Only the map is a parameter, and no vector is stored with the weights."""
    part = VectorEmbedding(vector_field(), 3, std=0.02)
    assert [name for name, _ in part.named_parameters()] == ["map.weight"]
    assert list(part.state_dict()) == ["map.weight"]
    part.of_all_items().sum().backward()
    assert part.map.weight.grad is not None


def test_an_embedded_vector_begins_as_large_as_the_vector_of_a_value() -> None:
    """Whatever the unit: initial deviations are those of a table; without the scale (control) those
    of vectors of length 100 are a hundred times as large.
    """
    vectors = torch.randn(400, 64, generator=torch.Generator().manual_seed(0)) * 12.5
    part = VectorEmbedding(Field("text", "attribute", 64, vectors, form="vector"), 32, std=0.02)
    part.reset()
    assert part.of_all_items().std().item() == pytest.approx(0.02, rel=0.1)
    assert (vectors @ part.map.weight.T).std().item() > 1


def test_vectors_in_another_order_are_embedded_in_that_order() -> None:
    """Embedding commutes with a permutation of the items: a placebo moves whole vectors."""
    field = vector_field()
    order = torch.tensor([0, 3, 1, 5, 2, 4])
    part = VectorEmbedding(field, 3, std=0.02)
    other = VectorEmbedding(replace(field, table=field.vectors[order]), 3, std=0.02)
    other.load_state_dict(part.state_dict())
    assert torch.allclose(other.of_all_items(), part.of_all_items()[order])
    assert not torch.allclose(other.of_all_items(), part.of_all_items())  # control


def test_what_needs_values_refuses_vectors() -> None:
    """Values and vectors of a table of values are asked for in vain, in one line."""
    field = vector_field()
    side = SideEmbedding({"text": VectorEmbedding(field, 3, std=0.02)}, {})
    with pytest.raises(SirecError, match="no values"):
        side.value_vectors("text")
    with pytest.raises(SirecError, match="text has vectors"):
        field.values  # noqa: B018
