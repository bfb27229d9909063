"""FDSA and ICAI-SR against their formulas in plain loops."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor, nn

from sirec.core.layers.attention import ITEM
from sirec.core.layers.blocks import Block
from sirec.core.layers.embedding import BehaviourEmbedding
from sirec.core.layers.fusion import GateFusion
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.models.fdsa import FDSA, TwoStacks
from sirec.models.icai_sr import ICAISR, Aggregator
from sirec.run.config import resolve
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

Rows = list[list[float]]
HEAD = 1 / math.sqrt(builders.SHAPE["width"] // builders.SHAPE["heads"])


@pytest.fixture
def schema(tiny: Dataset) -> Schema:
    """The tiny data: brand, category, rating and position."""
    return tiny.schema(builders.WINDOW, with_position=True)


def through(blocks: Iterable[nn.Module], x: Rows) -> Rows:
    """Causal blocks one after the other; items alone attend."""
    may = reference.visible([True] * len(x), past=True)
    for block in blocks:
        x = reference.block(
            x, {ITEM: x}, may, builders.block_weights(cast(Block, block), [ITEM], "masked", HEAD)
        )
    return x


def normed(x: Rows, norm: nn.LayerNorm) -> Rows:
    """LN of every vector."""
    return [reference.norm(row, *builders.numbers(norm)) for row in x]


def behaviours(
    tables: Iterable[tuple[str, BehaviourEmbedding]], batch: Batch, row: int, slot: int
) -> Rows:
    """The vector of each behaviour of an interaction."""
    return [part.values.weight[batch.behaviours[name][row, slot]].tolist() for name, part in tables]


@pytest.mark.parametrize("gate_form", ["two_layer", "vector"])
def test_fdsa_is_its_loops(gate_form: Any, tiny: Dataset, schema: Schema) -> None:
    """Attributes averaged and gated, two stacks that share positions and a norm, and that norm
    again at the end.
    """
    model = builders.loud(FDSA(gate_form=gate_form, **builders.SHAPE).build(schema))
    assert isinstance(model, TwoStacks)
    assert isinstance(model.fuse, GateFusion)
    batch = builders.a_batch(tiny)
    states = model.encode(batch).final
    gates = builders.vector_gate_weights(model.fuse)
    for row, length in enumerate(batch.lengths):
        x, y = [], []
        for slot, item in enumerate(batch.items[row, :length].tolist()):
            added = behaviours(model.side.behaviours.items(), batch, row, slot)
            values = [
                reference.pooled(part.values.weight.tolist(), part.table[item].tolist(), "mean")
                for part in model.side.attributes.values()
            ]
            x.append(reference.add(model.items.weight[item].tolist(), *added))
            y.append(reference.add(reference.gate(values, gates), *added))
        x, y = (
            through(blocks, normed(rows, model.norm))
            for blocks, rows in ((model.of_items, x), (model.of_attributes, y))
        )
        both = [
            reference.linear([*one, *other], *builders.numbers(model.out))
            for one, other in zip(x, y, strict=True)
        ]
        expected = torch.tensor(normed(both, model.norm))
        torch.testing.assert_close(states[row, :length], expected, rtol=1e-4, atol=1e-5)
    assert model.item_table() is model.items.weight


def test_one_attribute_needs_no_gate(tiny: Dataset) -> None:
    """A single field is its own stream: there is no scorer to train, and the feature is the field's
    vector.
    """
    schema = tiny.select(["brand"], []).schema(builders.WINDOW, with_position=True)
    model = builders.loud(FDSA(**builders.SHAPE).build(schema))
    assert isinstance(model, TwoStacks)
    assert not list(model.fuse.parameters())
    items = torch.arange(5)
    assert torch.equal(
        model.fuse([model.side.attributes["brand"](items)]), model.side.attributes["brand"](items)
    )


def inner(model: Aggregator, name: str, item: int) -> list[float]:
    """c_j of one item: its values weighed by what the item asks of them."""
    part = model.types[name]
    values = [value for value in part.table[item].tolist() if value]
    if not values:
        return [0.0] * model.state_width
    vectors = [part.values.weight[value].tolist() for value in values]
    mixed = [reference.linear(vector, part.value.weight.tolist()) for vector in vectors]
    if part.query is None or part.key is None:
        [single] = mixed
        return single
    query = reference.linear(model.items.weight[item].tolist(), part.query.weight.tolist())
    keys = [reference.linear(vector, part.key.weight.tolist()) for vector in vectors]
    return weighed(mixed, [reference.dot(query, key) / math.sqrt(len(query)) for key in keys])


def weighed(parts: Rows, scores: list[float]) -> list[float]:
    """Σ_x softmax_x(score) x."""
    shares = reference.softmax(scores)
    return [
        sum(share * part[c] for share, part in zip(shares, parts, strict=True))
        for c in range(len(parts[0]))
    ]


def across(model: Aggregator, parts: Rows) -> list[float]:
    """ê of one item from its own vector and those of its types."""
    weight, bias = builders.numbers(cast(nn.Linear, model.across.energy[0]))
    scorer = cast(nn.Linear, model.across.energy[2]).weight[0].tolist()
    return weighed(
        parts,
        [
            reference.dot(scorer, [math.tanh(v) for v in reference.linear(part, weight, bias)])
            for part in parts
        ],
    )


@pytest.fixture
def icai(schema: Schema) -> Aggregator:
    """ICAI-SR with loud weights."""
    model = builders.loud(ICAISR(**builders.SHAPE).build(schema))
    assert isinstance(model, Aggregator)
    return model


def test_a_type_without_values_can_be_left_out_of_the_weights(schema: Schema) -> None:
    """An item that has one type of two is the mean, by their weights, of itself and that type; with
    zeros (control) the missing type takes a share, and items that have all types are the same.
    """
    torch.manual_seed(1)
    zero = builders.loud(ICAISR(**builders.SHAPE).build(schema))
    left_out = builders.loud(ICAISR(**builders.SHAPE, missing="left_out").build(schema))
    left_out.load_state_dict(zero.state_dict())
    codes = torch.arange(1, schema.items)
    with_zeros, without = zero.aggregate(codes)[0], left_out.aggregate(codes)[0]
    types = zero.aggregate(codes)[1]
    known = {name: part.is_known(codes) for name, part in zero.types.items()}
    whole = torch.stack(list(known.values())).all(dim=0)
    assert whole.any()
    assert not whole.all()
    torch.testing.assert_close(with_zeros[whole], without[whole])
    index = int((~whole).nonzero()[0])
    assert not torch.allclose(with_zeros[index], without[index])
    parts = [zero.items(codes[index])]
    parts += [vectors[index] for name, vectors in types.items() if known[name][index]]
    energies = torch.cat([zero.across.energy(part) for part in parts]).softmax(dim=0)
    expected = sum(weight * part for weight, part in zip(energies, parts, strict=True))
    torch.testing.assert_close(without[index], expected)


def test_items_aggregate_their_attributes(icai: Aggregator) -> None:
    """The item table is each item's two attentions in loops, items without values included; padding
    is 0.

    The tiny brand has one value an item, so nothing to choose from: it has no attention to train.
    """
    assert [part.query is None for part in icai.types.values()] == [True, False]
    table = icai.item_table()
    for item in range(len(table)):
        parts = [
            icai.items.weight[item].tolist(),
            *(inner(icai, name, item) for name in icai.types),
        ]
        torch.testing.assert_close(
            table[item], torch.tensor(across(icai, parts)), rtol=1e-4, atol=1e-5
        )
    assert not table[0].any()
    assert any(
        not icai.types["category"].table[item].any() for item in range(1, len(table))
    )  # control: some have none


def test_icai_streams_are_their_loops(tiny: Dataset, icai: Aggregator) -> None:
    """Each stream is a causal SASRec of its own over its vectors; the item's stream is the
    state.
    """
    batch = builders.a_batch(tiny)
    states = icai.encode(batch)
    assert list(states.streams) == [ITEM, "brand", "category"] == list(icai.stream_widths)
    assert torch.equal(states.final, states.streams[ITEM])
    table = icai.item_table()
    for name, part in icai.streams.items():
        for row, length in enumerate(batch.lengths):
            x = []
            for slot, item in enumerate(batch.items[row, :length].tolist()):
                own = table[item].tolist() if name == ITEM else inner(icai, name, item)
                x.append(
                    reference.add(own, *behaviours(part.side.behaviours.items(), batch, row, slot))
                )
            expected = torch.tensor(through(part.blocks, normed(x, part.norm)))
            torch.testing.assert_close(
                states.streams[name][row, :length], expected, rtol=1e-4, atol=1e-5
            )


def test_padding_values_are_never_trained(icai: Aggregator) -> None:
    """No gradient reaches the row of padding in any table, nor anything that is not a number where
    an item has no value.
    """
    icai.item_table().square().sum().backward()
    for part in icai.types.values():
        gradient = cast(Tensor, part.values.weight.grad)
        assert not gradient[0].any()
        assert gradient.isfinite().all()
        assert gradient[1:].any()
    assert not cast(Tensor, icai.items.weight.grad)[0].any()


@pytest.mark.parametrize("config", [FDSA(**builders.SHAPE), ICAISR(**builders.SHAPE)])
def test_streams_need_an_attribute(config: Any, schema: Schema) -> None:
    """Data without an attribute are refused, and so is an attribute that the data do not have."""
    with pytest.raises(SirecError, match=f"{config.name} needs an attribute"):
        config.build(Schema(schema.items, 5, schema.behaviours))
    with pytest.raises(SirecError, match="colour"):
        config.build(schema).value_vectors("colour")


def test_features_are_as_wide_as_positions() -> None:
    """FDSA adds positions to attributes: another width is refused."""
    with pytest.raises(SirecError, match="attribute_width 4"):
        FDSA(width=8, heads=2, attribute_width=4)


def test_published_switches(tiny: Dataset) -> None:
    """FDSA as RecBole's fork had it; ICAI-SR, of which no code is known, with prefix examples and
    code 0 in both losses.
    """
    fdsa, icai = (resolve(name, tiny, profile="published") for name in ("fdsa", "icai-sr"))
    assert (fdsa.model.attribute_trainable, fdsa.model.attribute_std) == (False, 1.0)  # type: ignore[union-attr]
    assert [config.stages[0].task.name for config in (fdsa, icai)] == ["last_item", "last_item"]
    assert [part.padding_class for part in icai.stages[0].objectives] == [True, True]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["gru4rec", "gru4recf", "caser", "fdsa", "icai-sr"])
def test_published_profiles_train(name: str, tiny: Dataset, schema: Schema) -> None:
    """An epoch as the authors' code has it: losses are numbers, frozen tables stay as drawn,
    everything else moves.
    """
    config = resolve(name, tiny, profile="published", shared={**builders.SHAPE, "hidden": 8})
    model = config.model.build(schema)
    before = {
        key: weight.clone()
        for key, weight in model.state_dict().items()
        if not key.endswith("bias")
    }  # some cancel out
    [report] = Trainer(model, replace(config.stages[0], epochs=1), tiny, schema, SeedKey(0)).run(
        lambda: {"Recall@20": 0.0}
    )  # type: ignore[arg-type]
    assert all(math.isfinite(loss) for loss in report.losses.values())
    still = {key for key, weight in before.items() if torch.equal(weight, model.state_dict()[key])}
    assert still == {key for key, weight in model.named_parameters() if not weight.requires_grad}
    assert bool(still) == (name in ("gru4recf", "fdsa"))
