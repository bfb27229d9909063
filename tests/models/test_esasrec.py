"""LiGR's block in the shared encoder, and eSASRec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import reference
import tiny as builders
import torch

from sirec.core.layers.attention import ITEM
from sirec.core.layers.blocks import Block, LigrBlock
from sirec.core.layers.fusion import GateFusion
from sirec.core.transformer import TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.tasks.next_item import NextItem
from sirec.models.esasrec import ESASRec
from sirec.objectives.sampled import SampledSoftmax
from sirec.objectives.stage import Stage
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import Store
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

SMALL_SHAPE = {"width": 8, "heads": 2, "layers": 1, "inner": 8}
# combinations of levels and fusions, one that every kind of block part takes part in
COMBINED: Mapping[str, dict[str, Any]] = {
    "items and positions": {},
    "fields at the attention": {
        "attribute": "attention",
        "behaviour": "attention",
        "score_fusion": "concat",
    },
    "fields in queries and keys": {
        "attribute": "query_key",
        "behaviour": "query_key",
        "query_key_fusion": "gate",
    },
}


def times(a: list[float], b: list[float]) -> list[float]:
    """Number by number."""
    return [x * y for x, y in zip(a, b, strict=True)]


def sigmoid(x: list[float]) -> list[float]:
    """1 / (1 + e^-x) of each."""
    return [1 / (1 + math.exp(-value)) for value in x]


def norm(x: reference.Vector, weight: reference.Vector, bias: reference.Vector) -> list[float]:
    """Zero mean and unit variance, with LiGR's ε, then scale and shift."""
    mean = sum(x) / len(x)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in x) / len(x) + 1e-5)
    return [(x[c] - mean) / deviation * weight[c] + bias[c] for c in range(len(x))]


def ligr(
    x: reference.Matrix,
    side: Mapping[str, reference.Matrix],
    may: reference.Visible,
    block: LigrBlock,
) -> Any:
    """The block by loops, from the stream `x` and the vectors of fields, in the authors' order,
    that do not join it before.
    """
    numbers, normed = (
        builders.numbers,
        [norm(row, *builders.numbers(block.attention_norm)) for row in x],
    )
    before, after = (
        [name for name in names if name in side]
        for names in (("brand", "category"), ("rating", "position"))
    )
    if block.query_key is None:
        sources = {
            **{name: side[name] for name in before},
            ITEM: normed,
            **{name: side[name] for name in after},
        }
    else:
        fusion = block.query_key.fusion
        assert isinstance(fusion, GateFusion)
        gate = builders.vector_gate_weights(fusion)
        parts = zip(
            *(side[name] for name in before), normed, *(side[name] for name in after), strict=True
        )
        sources = {ITEM: [reference.gate(part, gate) for part in parts]}
    scale = 1 / math.sqrt(builders.SHAPE["width"] / builders.SHAPE["heads"])
    weights = builders.attention_weights(block.attention, list(sources), "masked", scale)
    mixed = reference.attention(normed, sources, may, weights)
    result = []
    for row, mix in zip(x, mixed, strict=True):
        y = reference.add(
            row, times(sigmoid(reference.linear(row, *numbers(block.attention_gate))), mix)
        )
        n = norm(y, *numbers(block.forward_norm))
        opened = reference.linear(n, block.expand.weight.tolist())
        inner = times(
            times(opened, sigmoid(opened)), reference.linear(n, block.scale.weight.tolist())
        )
        forward = reference.linear(inner, block.contract.weight.tolist())
        result.append(
            reference.add(
                y, times(sigmoid(reference.linear(y, *numbers(block.forward_gate))), forward)
            )
        )
    return result


@pytest.mark.parametrize("switches", COMBINED.values(), ids=COMBINED)
def test_the_block_equals_its_loops(
    switches: dict[str, Any], tiny: Dataset, schema: Schema
) -> None:
    """Slot by slot: a norm before each half, a gate on what each adds, SwiGLU between, wherever
    fields join.
    """
    model = builders.build(
        TransformerConfig(block="ligr", **{**builders.SHAPE, **switches}), schema
    )
    batch = builders.a_batch(tiny, lengths=(6,))
    block = model.layers[0]
    assert isinstance(block, LigrBlock)
    with torch.no_grad():
        items, side = model.vectors(batch, batch.layout)
        x = model.join(items, side)
        apart = {
            name: vectors.tolist() for name, vectors in side.items() if switches
        }  # else they have joined already
        expected = ligr(x.tolist(), apart, reference.visible([True] * 6, past=True), block)
        torch.testing.assert_close(
            block(x, side, batch.layout, "past"), torch.tensor(expected), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("switches", COMBINED.values(), ids=COMBINED)
def test_a_state_reads_its_past_alone(
    switches: dict[str, Any], tiny: Dataset, schema: Schema
) -> None:
    """Later items change no earlier state, and a prefix has the state of the whole at its end, as
    with the other block.
    """
    model = builders.build(
        TransformerConfig(block="ligr", **{**builders.SHAPE, **switches}), schema
    )
    batch, cut, user = builders.a_batch(tiny), 4, tiny.user_count
    prefixes = builders.spans(tiny, [(user, 0, last) for last in range(10)])
    with torch.no_grad():
        before, after = (model.encode(rows).final for rows in (batch, builders.changed(batch, cut)))
        apart = model.encode(prefixes).final[torch.arange(10), prefixes.read]
        together = model.encode(builders.spans(tiny, [(user, 0, 9)])).final[0]
    assert model.single_pass
    assert torch.equal(before[:, :cut], after[:, :cut])
    assert not torch.equal(before[:, cut:], after[:, cut:])  # control
    torch.testing.assert_close(apart, together, rtol=1e-4, atol=1e-5)


def test_closed_gates_let_nothing_in(tiny: Dataset, schema: Schema) -> None:
    """With gates shut the states are the inputs, un-normed; what is added passes through the gate
    alone.
    """
    model, batch = builders.build(ESASRec(**builders.SHAPE), schema), builders.a_batch(tiny)
    with torch.no_grad():
        items, side = model.vectors(batch, batch.layout)
        for block in model.layers:
            assert isinstance(block, LigrBlock)
            for gate in (block.attention_gate, block.forward_gate):
                gate.weight.zero_()
                gate.bias.fill_(-50.0)
        expected = batch.layout.unflatten(items + side["rating"] + side["position"])
        torch.testing.assert_close(model.encode(batch).final, expected)
        model.layers[0].forward_gate.bias.zero_()  # type: ignore[union-attr,operator]
        assert not torch.allclose(model.encode(batch).final, expected)  # control


def test_positions_may_be_counted_from_the_end(tiny: Dataset, schema: Schema) -> None:
    """Backward, a row's last item has position 0; its prefixes then have other states, and the
    model says so.
    """
    forward, backward = (
        builders.build(TransformerConfig(positions=how, **builders.SHAPE), schema)
        for how in ("forward", "backward")
    )
    batch = builders.spans(tiny, [(tiny.user_count, 0, 4)])
    turned = replace(
        batch, behaviours={**batch.behaviours, "position": batch.behaviours["position"].flip(1)}
    )
    with torch.no_grad():
        torch.testing.assert_close(backward.encode(batch).final, forward.encode(turned).final)
        assert not torch.allclose(
            backward.encode(batch).final, forward.encode(batch).final
        )  # control
    assert (forward.single_pass, backward.single_pass, backward.causal) == (True, False, True)


def test_the_blocks_are_told_apart(schema: Schema) -> None:
    """Post-norm blocks read a normed input, LiGR's do not; a plain configuration is as it was."""
    plain, gated = (
        TransformerConfig(block=name, **builders.SHAPE).build(schema)
        for name in ("post_norm", "ligr")
    )
    assert isinstance(plain.norm, torch.nn.LayerNorm)
    assert isinstance(gated.norm, torch.nn.Identity)
    assert {type(block) for block in plain.layers} == {Block}
    assert {type(block) for block in gated.layers} == {LigrBlock}


def test_it_learns_with_sampled_and_full_losses_alike(tiny: Dataset, schema: Schema) -> None:
    """The loss falls, and every weight gets a gradient."""
    torch.manual_seed(0)
    model = ESASRec(**builders.SHAPE).build(schema)
    stage = Stage(
        objectives=(SampledSoftmax(negatives=20),),
        learning_rate=0.01,
        budget=64,
        epochs=6,
        patience=6,
    )
    trainer = Trainer(model, stage, tiny, schema, SeedKey(0))
    losses = [report.loss for report in trainer.run(lambda: {stage.metric: 0.0})]
    assert losses[-1] < losses[0] - 0.1
    assert all(
        parameter.grad is not None and parameter.grad.any() for _, parameter in trainer.parameters
    )
    assert NextItem().every_position


def test_the_published_profile_is_the_authors_code(tmp_path: Any) -> None:
    """It counts positions from the end, keeps hits, and trains an epoch."""
    data = prepare(DemoSource(users=120, items=60).read(), "demo").dataset
    sizes = {
        "width": 16,
        "layers": 1,
        "heads": 1,
        "inner": 64,
        "epochs": 1,
        "budget": 128,
        "threads": 1,
        "max_length": 8,
    }
    config = resolve("esasrec", data, profile="published", assignments=sizes)
    model, [loss] = config.model, config.stages[0].objectives
    assert isinstance(model, ESASRec)
    assert isinstance(loss, SampledSoftmax)
    assert (model.positions, loss.hits, loss.negatives, loss.draw, loss.log_q) == (
        "backward",
        "kept",
        256,
        "uniform",
        False,
    )
    folder = execute(config, data, Store(tmp_path))
    assert (folder.path / "metrics.json").exists()


def test_xaviers_rule_draws_by_the_size_of_each_table(tiny: Dataset) -> None:
    """The deviation of a map [m, n] is √(2 / (m + n)); N(0, 0.02²) (control) is the same for all.

    Biases are 0, and so is the padding row.
    """
    schema = tiny.schema(builders.WINDOW, with_position=True)
    shape = builders.SHAPE | {"width": 64, "inner": 512}
    for initial in ("xavier", "normal"):
        torch.manual_seed(0)
        model = ESASRec(**shape, initial=initial).build(schema)
        for part in model.modules():
            if isinstance(part, torch.nn.Linear) and part.weight.numel() > 4_000:
                expected = math.sqrt(2 / sum(part.weight.shape)) if initial == "xavier" else 0.02
                assert part.weight.std().item() == pytest.approx(expected, rel=0.06)
                assert part.bias is None or not part.bias.any()
        assert not model.items.weight[0].any()


def test_adam_has_the_betas_of_its_stage(tiny: Dataset) -> None:
    """Both reach the optimiser; without a setting (control) they are 0.9 and 0.999."""
    for settings, betas in (({}, (0.9, 0.999)), ({"beta1": 0.8, "beta2": 0.98}, (0.8, 0.98))):
        config = resolve("esasrec", tiny, assignments={**SMALL_SHAPE, **settings})
        schema = tiny.schema(builders.WINDOW, with_position=True)
        model = config.model.build(schema)
        trainer = Trainer(model, config.stages[0], tiny, schema, SeedKey(0, 0, "fp32"))  # type: ignore[arg-type]
        assert trainer.optimizer.defaults["betas"] == betas
