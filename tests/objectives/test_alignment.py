"""Alignment of items with their own attribute values."""

from __future__ import annotations

import math
from typing import Any

import pytest
import reference
import tiny as builders
import torch

from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema
from sirec.data.tasks.next_item import NextItem
from sirec.data.tasks.rows import gather
from sirec.errors import SirecError
from sirec.objectives.alignment import AlignmentLoss, ItemAttributeAlignment
from sirec.objectives.base import EncoderPass

CONFIG = TransformerConfig(**builders.SHAPE, attribute="embedding")


def a_model(schema: Schema, config: TransformerConfig = CONFIG) -> FusedTransformer:
    return builders.build(config, schema).double()


def a_pass(data: Dataset, model: FusedTransformer) -> EncoderPass:
    batch = gather(data, NextItem().rows(data, builders.WINDOW))
    states = model.encode(batch)
    return EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


def loss(schema: Schema, **switches: Any) -> AlignmentLoss:
    built = ItemAttributeAlignment(**{"sample": None, **switches}).build(schema, 8)
    assert isinstance(built, AlignmentLoss)
    return built


def by_loops(
    model: FusedTransformer, schema: Schema, name: str, kind: str, chosen: list[int] | None = None
) -> float:
    """The loss of one field over the given items, or all, that hold a value."""
    values = next(field for field in schema.attributes if field.name == name).values.tolist()
    holders = [item for item in (chosen or range(len(values))) if any(values[item])]
    return reference.alignment(
        model.items.weight.tolist(), model.value_vectors(name).tolist(), values, holders, kind
    )


@pytest.mark.parametrize("kind", ["soft_label", "multi_positive"])
def test_the_loss_equals_its_loops(kind: str, tiny: Dataset, schema: Schema) -> None:
    """Mean over the catalogue's items with a value, then over fields, of each reading of several
    values.
    """
    model = a_model(schema)
    encoded = a_pass(tiny, model)
    brand, category = (by_loops(model, schema, name, kind) for name in ("brand", "category"))
    assert loss(schema, multi_value=kind)(model, encoded).item() == pytest.approx(
        (brand + category) / 2, rel=1e-5
    )
    alone = loss(schema, multi_value=kind, attributes=("category",))(model, encoded).item()
    assert alone == pytest.approx(category, rel=1e-5)


def test_soft_label_and_multi_positive_differ_only_for_items_with_several_values(
    tiny: Dataset, schema: Schema
) -> None:
    """Brand has one value an item: both are plain cross-entropy over values. Category has up to
    three: they are not equal.
    """
    model = a_model(schema)
    encoded = a_pass(tiny, model)
    table = schema.attributes[0].values.squeeze(1)
    holders = table.nonzero().squeeze(1)
    logits = model.items.weight[holders] @ model.value_vectors("brand")[1:].T
    plain = torch.nn.functional.cross_entropy(logits, table[holders] - 1).item()
    for kind in ("soft_label", "multi_positive"):
        assert loss(schema, multi_value=kind, attributes=("brand",))(
            model, encoded
        ).item() == pytest.approx(plain, rel=1e-5)
    soft, multi = (
        loss(schema, multi_value=kind, attributes=("category",))(model, encoded)
        for kind in ("soft_label", "multi_positive")
    )
    assert soft > multi


def test_soft_labels_cost_at_least_the_logarithm_of_the_number_of_values(
    tiny: Dataset, schema: Schema
) -> None:
    """With |A| values an item costs at least log |A|, reached by splitting all probability evenly
    among them.
    """
    values = torch.zeros(tiny.item_codes, 3, dtype=torch.long)
    values[1:] = torch.tensor([1, 2, 3])
    field = Field("tag", "attribute", 6, values)
    model = a_model(
        Schema(tiny.item_codes, builders.WINDOW, (field,)),
        TransformerConfig(**builders.SHAPE, attribute="embedding", behaviour="none"),
    )
    part = loss(Schema(tiny.item_codes, builders.WINDOW, (field,)))
    everything = torch.arange(1, tiny.item_codes)
    assert part.field_loss("tag", everything, model).item() > math.log(3)
    with torch.no_grad():
        model.items.weight[1:] = 1.0
        model.value_vectors("tag")[1:4] = 10.0
        model.value_vectors("tag")[4:] = -10.0
    assert part.field_loss("tag", everything, model).item() == pytest.approx(math.log(3), abs=1e-6)
    with torch.no_grad():
        model.value_vectors("tag")[1] = 20.0
    assert (
        part.field_loss("tag", everything, model).item() > math.log(3) + 1
    )  # control: one value favoured
    multi = loss(Schema(tiny.item_codes, builders.WINDOW, (field,)), multi_value="multi_positive")
    assert multi.field_loss("tag", everything, model).item() == pytest.approx(
        0.0, abs=1e-6
    )  # which the other reading allows


def test_a_sample_estimates_the_catalogue_without_bias(tiny: Dataset, schema: Schema) -> None:
    """The mean of many drawn losses is the exact one within four standard errors, and they vary as
    independent items do.

    With five drawn a field, alone of the other's, the variance is a fifth of that of single items'
    losses; of a mean of two fields a quarter of the sum of both.
    """
    model = a_model(schema)
    encoded = a_pass(tiny, model)
    exact = loss(schema)(model, encoded).item()
    drawn = loss(schema, sample=5)
    torch.manual_seed(0)
    with torch.no_grad():
        draws = torch.stack([drawn(model, encoded) for _ in range(2000)])
    single = []
    for field in schema.attributes:
        holders = field.values.any(dim=1).nonzero().flatten().tolist()
        single.append(
            [by_loops(model, schema, field.name, "soft_label", [item]) for item in holders]
        )
    std = math.sqrt(sum(torch.tensor(losses).var(correction=0).item() / 5 for losses in single) / 4)
    assert abs(draws.mean().item() - exact) < 4 * std / math.sqrt(len(draws))
    assert draws.std().item() == pytest.approx(
        std, rel=0.08
    )  # five standard errors of a deviation of 2000 draws
    assert (
        loss(schema, sample=1000)(model, encoded).item() == exact
    )  # more than there are: all of them


def test_batch_targets_weigh_by_popularity(tiny: Dataset, schema: Schema) -> None:
    """The other scope averages over the step's targets, repeats included, that hold a value."""
    model = a_model(schema)
    encoded = a_pass(tiny, model)
    given = loss(schema, scope="batch_targets", attributes=("brand",))(model, encoded).item()
    assert given == pytest.approx(
        by_loops(model, schema, "brand", "soft_label", encoded.batch.target_items.tolist()),
        rel=1e-5,
    )
    assert given != pytest.approx(by_loops(model, schema, "brand", "soft_label"), rel=1e-3)


def test_gradients_reach_only_the_vectors_of_items_with_a_value(
    tiny: Dataset, schema: Schema
) -> None:
    """Gradients reach item rows that hold a value and rows of real values; nothing of the
    encoder.
    """
    model = a_model(schema)
    loss(schema, attributes=("brand",))(model, a_pass(tiny, model)).backward()
    holders = schema.attributes[0].values.squeeze(1) != 0
    assert torch.equal(model.items.weight.grad.any(dim=1), holders)
    assert model.value_vectors("brand").grad.any(dim=1).tolist() == [False] + [True] * 5
    assert model.blocks[0].attention.value.weight.grad is None


@pytest.mark.parametrize("kind", ["soft_label", "multi_positive"])
def test_an_attribute_that_nobody_has_costs_nothing(
    kind: str, tiny: Dataset, schema: Schema
) -> None:
    """Without a single holder the loss is 0, not undefined."""
    field = Field("none", "attribute", 4, torch.zeros(tiny.item_codes, 1, dtype=torch.long))
    empty = Schema(tiny.item_codes, builders.WINDOW, (field, *schema.behaviours))
    model = a_model(empty)
    for scope in ("catalogue", "batch_targets"):
        assert loss(empty, scope=scope, multi_value=kind)(model, a_pass(tiny, model)).item() == 0.0


def test_models_without_value_vectors_of_the_item_width_are_refused(
    tiny: Dataset, schema: Schema
) -> None:
    """A model that embeds no attributes, or narrower ones, and data that have none, are errors that
    say so.
    """
    plain = a_model(schema, TransformerConfig(**builders.SHAPE))
    with pytest.raises(SirecError, match="brand"):
        loss(schema)(plain, a_pass(tiny, plain))
    narrow = a_model(
        schema, TransformerConfig(**builders.SHAPE, attribute="attention", attribute_width=4)
    )
    with pytest.raises(SirecError, match="width 4"):
        loss(schema)(narrow, a_pass(tiny, narrow))
    with pytest.raises(SirecError, match="needs an attribute"):
        loss(Schema(tiny.item_codes, builders.WINDOW))
    with pytest.raises(SirecError, match="sample must be from 1"):
        ItemAttributeAlignment(sample=0)
