"""Laws of the one encoder, over every legal combination of its switches."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor, nn

from sirec.core.layers.fusion import ConcatFusion, ConcatScores, GateFusion, GateScores
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema, position
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.rectangular import whole
from sirec.errors import SirecError

each = pytest.mark.parametrize("config", builders.COMBINATIONS.values(), ids=builders.COMBINATIONS)
both_views = pytest.mark.parametrize("visible", ["past", "all"])
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
ORDER = ("brand", "category"), ("rating", "position")


@cache
def built(config: TransformerConfig, schema: Schema) -> FusedTransformer:
    """The model of a declaration, shared by the tests that leave its weights alone."""
    return builders.build(config, schema)


def final(model: FusedTransformer, batch: Batch) -> Tensor:
    with torch.no_grad():
        return model.encode(batch).final


def test_there_are_this_many_combinations() -> None:
    """Nothing falls out of the list unseen: 172 ways to set the switches, 36 of which read all
    keys.
    """
    reading = [
        config for config in builders.COMBINATIONS.values() if builders.reads_all_keys(config)
    ]
    assert (len(builders.COMBINATIONS), len(reading)) == (172, 36)


@each
def test_single_pass_is_a_property_of_the_resolved_switches(
    config: TransformerConfig, schema: Schema
) -> None:
    """All positions may be trained at once unless rows of several score matrices are fused before
    the mask.
    """
    assert config.build(schema).single_pass != builders.reads_all_keys(config)


@each
def test_a_state_ignores_what_comes_after_it(
    config: TransformerConfig, tiny: Dataset, schema: Schema
) -> None:
    """Changing items and ratings from a slot on leaves earlier states exactly as they were;
    reference forms change them.
    """
    model, batch, cut = built(config, schema), builders.a_batch(tiny), 4
    before, after = final(model, batch), final(model, builders.changed(batch, cut))
    assert torch.equal(after[:, :cut], before[:, :cut]) == model.single_pass
    long = batch.lengths > cut
    assert (
        not torch.isclose(after[long, cut:], before[long, cut:])
        .all(dim=-1)[builders.real(batch)[long, cut:]]
        .any()
    )  # control


@each
def test_seeing_all_a_state_depends_on_what_comes_after_it(
    config: TransformerConfig, tiny: Dataset, schema: Schema
) -> None:
    """The control of causality: with `visible="all"` the same change reaches every earlier state of
    a row that has it.
    """
    model, batch, cut = built(config, schema), builders.a_batch(tiny, "all"), 4
    before, after = final(model, batch), final(model, builders.changed(batch, cut))
    long = batch.lengths > cut
    assert not torch.isclose(after[long, :cut], before[long, :cut]).all(dim=-1).any()
    assert torch.equal(after[~long], before[~long])  # and no row reads another


@each
def test_a_prefix_has_the_state_of_the_whole_at_its_end(
    config: TransformerConfig, tiny: Dataset, schema: Schema
) -> None:
    """The state at t of a whole sequence is the last state of its prefix of t, which no reference
    form can promise.
    """
    model = built(config, schema)
    user, length = tiny.user_count, 10
    together = final(model, builders.spans(tiny, [(user, 0, length - 1)]))[0]
    prefixes = builders.spans(tiny, [(user, 0, last) for last in range(length)])
    apart = final(model, prefixes)[torch.arange(length), prefixes.read]
    torch.testing.assert_close(apart[-1], together[-1], **CLOSE)
    if model.single_pass:
        torch.testing.assert_close(apart, together[:length], **CLOSE)
    else:
        assert not torch.isclose(apart[:-1], together[: length - 1], **CLOSE).all(dim=-1).all()


@each
@both_views
def test_empty_slots_change_nothing(
    config: TransformerConfig, visible: Visible, tiny: Dataset, schema: Schema
) -> None:
    """More empty slots on the right leave states as they were: beyond the window exactly, and in
    reference forms up to it.
    """
    model, batch = built(config, schema), builders.a_batch(tiny, visible)
    states = final(model, batch)
    wide = batch.padded(builders.WINDOW + (10 if model.single_pass else 0))
    padded = final(model, wide)
    torch.testing.assert_close(padded[:, : states.shape[1]], states, rtol=0, atol=0)
    if model.single_pass:
        assert not padded[:, states.shape[1] :].any()


@each
@both_views
def test_the_ragged_layout_equals_one_rectangle(
    config: TransformerConfig, visible: Visible, tiny: Dataset, schema: Schema
) -> None:
    """Bucketed rows, and fusion maps cut to their length, give what one rectangle over the whole
    window gives.
    """
    model, batch = built(config, schema), builders.a_batch(tiny, visible)
    untrimmed = batch.padded(builders.WINDOW)
    vars(untrimmed)["layout"] = whole(untrimmed.items)
    assert len(batch.layout.buckets) > 1
    mask = builders.real(batch)
    torch.testing.assert_close(
        final(model, batch)[mask], final(model, untrimmed)[:, : mask.shape[1]][mask], **CLOSE
    )


@each
def test_a_longer_window_changes_nothing(
    config: TransformerConfig, tiny: Dataset, schema: Schema
) -> None:
    """A model with room for ten more slots and the same weights in the old ones gives the same
    states (masked models).
    """
    model, batch = built(config, schema), builders.a_batch(tiny)
    longer = builders.build(config, tiny.schema(builders.WINDOW + 10, with_position=True), seed=2)
    same = torch.allclose(final(widened(model, longer), batch), final(model, batch), **CLOSE)
    assert same == model.single_pass


def widened(model: FusedTransformer, longer: FusedTransformer) -> FusedTransformer:
    """`longer` with the weights of `model`; what only the further slots use stays as it is, and
    must not matter.
    """
    old, n = dict(model.named_modules()), model.max_length
    with torch.no_grad():
        for name, part in longer.named_modules():
            before = old[name]
            if isinstance(part, ConcatScores) and isinstance(before, ConcatScores):
                sources = part.map.in_features // part.max_length
                part.map.weight.view(part.max_length, sources, -1)[:n, :, :n] = (
                    before.map.weight.view(n, sources, n)
                )
                part.map.bias[:n] = before.map.bias
            elif isinstance(part, GateScores) and isinstance(before, GateScores):
                part.hidden.weight[:n, :n], part.hidden.bias[:n] = (
                    before.hidden.weight,
                    before.hidden.bias,
                )
                part.energy.weight.zero_()
                part.energy.weight[:, :n], part.energy.bias[:] = (
                    before.energy.weight,
                    before.energy.bias,
                )
            elif "attention.fusion." not in name:  # the maps inside a row fusion are copied above
                for key, parameter in part.named_parameters(recurse=False):
                    mine = before.get_parameter(key)
                    (parameter[: len(mine)] if parameter.dim() else parameter).copy_(mine)
    return longer


@each
@both_views
def test_scores_follow_a_renumbering_of_items(
    config: TransformerConfig, visible: Visible, tiny: Dataset, schema: Schema
) -> None:
    """Other codes for the items, with their rows of every table, give the same scores under the
    other codes.
    """
    new = torch.cat(
        [
            torch.zeros(1, dtype=torch.long),
            torch.randperm(builders.ITEMS, generator=torch.Generator().manual_seed(5)) + 1,
        ]
    )
    fields = tuple(
        replace(field, table=torch.empty_like(field.values).index_copy(0, new, field.values))
        if field.table is not None
        else field
        for field in tiny.fields
    )
    renumbered = replace(tiny, items=new[tiny.items], fields=fields)
    model = built(config, schema)
    other = builders.build(config, renumbered.schema(builders.WINDOW, with_position=True))
    scores, there = (
        model.scores(builders.a_batch(tiny, visible)),
        builders.a_batch(renumbered, visible),
    )
    assert scores.shape == (6, tiny.item_codes)
    assert not torch.allclose(
        other.scores(there)[:, new], scores, **CLOSE
    )  # control: the item table stayed as it was
    with torch.no_grad():
        other.items.weight.index_copy_(0, new, model.items.weight.clone())
    torch.testing.assert_close(other.scores(there)[:, new], scores, **CLOSE)


@each
def test_targets_never_reach_the_encoder(
    config: TransformerConfig, tiny: Dataset, schema: Schema
) -> None:
    """Other targets, other users: the same states exactly; other items: other states."""
    model, batch = built(config, schema), builders.a_batch(tiny)
    other = replace(batch, targets=batch.targets.flip(0) + 1, users=batch.users.flip(0))
    assert torch.equal(final(model, other), final(model, batch))
    assert not torch.equal(
        final(model, replace(batch, items=batch.items.flip(0))), final(model, batch)
    )


@each
@both_views
def test_states_equal_the_equations(
    config: TransformerConfig, visible: Visible, tiny: Dataset, schema: Schema
) -> None:
    """The whole encoder and its item table, switch by switch, agree with the formulas in plain
    loops.
    """
    config = replace(config, layers=1)
    model = builders.build(config, schema).double()
    batch = builders.a_batch(tiny, visible, lengths=[3])
    states = final(model, batch)[0]
    expected = torch.tensor(
        states_by_loops(model, config, batch, schema)[: len(states)], dtype=torch.float64
    )
    torch.testing.assert_close(states, expected, rtol=1e-8, atol=1e-8)
    table = torch.tensor(table_by_loops(model, config, schema), dtype=torch.float64)
    torch.testing.assert_close(model.item_table(), table, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "switches",
    [{"scale": "width"}, {"attribute_pooling": "mean"}, {"attribute_width": 5, "layers": 2}],
)
def test_states_equal_the_equations_under_the_other_switches(
    switches: dict[str, object], tiny: Dataset, schema: Schema
) -> None:
    """Scale by √d, mean pooling and narrow attributes (heads of ⌊5/2⌋) agree with the formulas
    too.
    """
    config = TransformerConfig(
        attribute="attention",
        behaviour="attention",
        score_fusion="gate",
        **{**builders.SHAPE, **switches},
    )
    model = builders.build(config, schema).double()
    batch = builders.a_batch(tiny, lengths=[4])
    expected = states_by_loops(model, config, batch, schema)
    torch.testing.assert_close(final(model, batch)[0].tolist(), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("level", ["embedding", "query_key", "attention"])
def test_a_vector_gates_at_every_level(level: Any, tiny: Dataset, schema: Schema) -> None:
    """`gate_form: vector` reads every gate off one vector, wherever fields join; with two layers
    there are more weights.
    """
    gates: Any = dict.fromkeys(
        ("attribute_fusion", "behaviour_fusion", "query_key_fusion", "score_fusion"), "gate"
    )
    config = TransformerConfig(
        attribute=level, behaviour=level, gate_form="vector", **gates, **builders.SHAPE
    )
    model = builders.build(config, schema).double()
    batch = builders.a_batch(tiny, lengths=[4])
    expected = states_by_loops(model, config, batch, schema)
    torch.testing.assert_close(final(model, batch)[0].tolist(), expected, rtol=1e-8, atol=1e-8)
    layers = [
        name for name, _ in replace(config, gate_form="two_layer").build(schema).named_parameters()
    ]
    assert len(layers) > len(list(model.parameters()))  # control


def fused_by_loops(fusion: nn.Module, parts: list[list[float]]) -> list[float]:
    if isinstance(fusion, ConcatFusion):
        return reference.concat(parts, *builders.numbers(fusion.map))
    if isinstance(fusion, GateFusion):
        return reference.gate(parts, builders.vector_gate_weights(fusion))
    return reference.add(*parts)


def side_by_loops(
    model: FusedTransformer,
    config: TransformerConfig,
    schema: Schema,
    item: int,
    codes: dict[str, int],
) -> dict[str, list[float]]:
    """The vectors of every field for one slot."""
    side = {}
    for field in schema.attributes if config.attribute != "none" else ():
        table = model.value_vectors(field.name).tolist()
        side[field.name] = reference.pooled(
            table, field.values[item].tolist(), config.attribute_pooling
        )
    for name, part in model.side.behaviours.items():
        side[name] = part.values.weight[codes[name]].tolist()
    return side


def states_by_loops(
    model: FusedTransformer, config: TransformerConfig, batch: Batch, schema: Schema
) -> list[list[float]]:
    """The encoder's equations for a batch of one row, over all slots that the form reads."""
    row = batch.padded(builders.WINDOW) if builders.reads_all_keys(config) else batch
    items = row.items[0].tolist()
    codes = [
        {name: int(values[0, t]) for name, values in row.behaviours.items()}
        for t in range(len(items))
    ]
    sides = [
        side_by_loops(model, config, schema, item, code)
        for item, code in zip(items, codes, strict=True)
    ]
    attributes, behaviours = ORDER
    at = {
        level: (
            [n for n in attributes if config.attribute == level],
            [n for n in behaviours if config.behaviour == level],
        )
        for level in builders.LEVELS
    }
    x = []
    for item, side in zip(items, sides, strict=True):
        with_attributes = [
            model.items.weight[item].tolist(),
            *(side[name] for name in at["embedding"][0]),
        ]
        fused = (
            fused_by_loops(model.fuse_attributes, with_attributes)
            if len(with_attributes) > 1
            else with_attributes[0]
        )
        with_behaviours = [fused, *(side[name] for name in at["embedding"][1])]
        fused = (
            fused_by_loops(model.fuse_behaviours, with_behaviours)
            if len(with_behaviours) > 1
            else fused
        )
        x.append(reference.norm(fused, *builders.numbers(model.norm)))
    may = reference.visible([item != 0 for item in items], batch.visible == "past")
    scale = 1 / math.sqrt(8 if config.scale == "width" else 4)
    order = [*at["attention"][0], "item", *at["attention"][1]]
    for block in model.blocks:
        before, after = at["query_key"]
        query_key = x
        if before or after:
            parts = [
                [*(side[n] for n in before), vector, *(side[n] for n in after)]
                for vector, side in zip(x, sides, strict=True)
            ]
            query_key = [fused_by_loops(block.query_key.fusion, part) for part in parts]
        sources = {"item": query_key} | {
            name: [side[name] for side in sides] for name in order if name != "item"
        }
        x = reference.block(
            x, sources, may, builders.block_weights(block, order, config.fusion_form, scale)
        )
    return x


def table_by_loops(
    model: FusedTransformer, config: TransformerConfig, schema: Schema
) -> list[list[float]]:
    """Each item's vector, or its fusion with its attributes where candidates are fused."""
    rows = model.items.weight.tolist()
    if config.candidates == "id":
        return rows
    codes = dict.fromkeys(ORDER[1], 0)
    sides = [side_by_loops(model, config, schema, item, codes) for item in range(len(rows))]
    return [
        fused_by_loops(model.fuse_attributes, [row, *(side[name] for name in ORDER[0])])
        for row, side in zip(rows, sides, strict=True)
    ]


@pytest.mark.parametrize(
    ("switches", "part"),
    [
        ({"heads": 3}, "not a multiple"),
        ({"heads": 0}, "heads must be from 1"),
        ({"layers": 0}, "layers must be from 1"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ({"attribute": "embedding", "attribute_width": 4}, "attribute_width 4"),
        (
            {"attribute": "query_key", "query_key_fusion": "gate", "attribute_width": 4},
            "attribute_width 4",
        ),
        ({"attribute": "attention", "attribute_width": 1}, "leaves nothing"),
        ({"score_fusion": "gate", "fusion_form": "source_axis"}, "source_axis"),
    ],
)
def test_meaningless_switches_are_refused(switches: dict[str, object], part: str) -> None:
    """Sizes and combinations without meaning are errors that say which."""
    with pytest.raises(SirecError, match=part):
        TransformerConfig(**{**builders.SHAPE, **switches})


def test_attributes_of_another_width_are_legal_where_they_are_mapped() -> None:
    """Concatenation and a score of its own take narrow attributes, which sum and gate refuse."""
    field = Field("brand", "attribute", 3, torch.tensor([[0], [1], [2]]))
    for switches in (
        {"attribute": "embedding", "attribute_fusion": "concat"},
        {"attribute": "attention"},
    ):
        config = TransformerConfig(**{**builders.SHAPE, **switches, "attribute_width": 4})
        assert config.build(Schema(3, 5, (field, position(5)))).value_vectors("brand").shape == (
            3,
            4,
        )


def test_an_attribute_that_is_not_used_has_no_vectors(schema: Schema) -> None:
    """Asking a model for the table of a field it does not read is an error that names the field."""
    with pytest.raises(SirecError, match="brand"):
        TransformerConfig(**builders.SHAPE).build(schema).value_vectors("brand")
