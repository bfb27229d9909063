"""All pairs of sources, and the streams that they make."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference
import tiny as builders
import torch
from torch import Tensor, nn

from sirec.core.layers.attention import ITEM
from sirec.core.layers.stream_weights import StreamWeights
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.tasks.next_item import NextItem
from sirec.errors import SirecError
from sirec.models.mssr import MSSR, MultiSequenceEncoder
from sirec.models.parts.pair_stream import PairStream
from sirec.models.parts.source_pairs import PairBlock
from sirec.objectives.stage import Stage
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import Store
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
HEADS = builders.SHAPE["heads"]
SCALE = 1 / math.sqrt(
    builders.SHAPE["width"] / HEADS
)  # by the item's heads in every stream, however wide attributes are
Rows = Mapping[str, list[list[float]]]


def built(schema: Schema, seed: int = 1, **switches: Any) -> MultiSequenceEncoder:
    """The encoder in the tiny shape, with loud weights."""
    model = builders.loud(MSSR(**{**builders.SHAPE, **switches}).build(schema), seed)
    assert isinstance(model, MultiSequenceEncoder)
    return model


def only(schema: Schema, *names: str) -> Schema:
    """The same data with these fields alone."""
    return replace(schema, fields=tuple(field for field in schema.fields if field.name in names))


def finished(stream: PairStream, x: Sequence[float], mixed: Sequence[float]) -> list[float]:
    """A stream's slot after its attention: projection, residual and norm, twice."""
    numbers = builders.numbers
    y = reference.norm(
        reference.add(x, reference.linear(mixed, *numbers(stream.out))),
        *numbers(stream.attention_norm),
    )
    inner = [reference.gelu(value) for value in reference.linear(y, *numbers(stream.feed[0]))]
    return reference.norm(
        reference.add(y, reference.linear(inner, *numbers(stream.feed[2]))),
        *numbers(stream.forward_norm),
    )


def one_stream(
    block: PairBlock,
    stream: PairStream,
    own: str,
    sources: Rows,
    theta: Sequence[float],
    may: reference.Visible,
    form: str,
) -> list[list[float]]:
    """One stream of one row by loops: the matrices of all pairs of sources are weighted and gated,
    and mix its values.
    """
    names, length = list(sources), range(len(sources[own]))
    share = dict(
        zip(
            itertools.product(names, names),  # key source, query source
            reference.softmax(theta),
            strict=True,
        )
    )
    gate = {"name": "gate", "form": form, "window": builders.WINDOW}
    gate |= builders.gate_weights([block.gate.hidden, block.gate.energy])
    values = [reference.linear(x, *builders.numbers(stream.value)) for x in sources[own]]
    width, mixed = len(values[0]) // HEADS, [[] for _ in length]  # type: ignore[var-annotated]
    for head in range(HEADS):
        matrices = []
        for key_source in names:
            keys = [
                reference.linear(x, *builders.numbers(block.keys[key_source]))
                for x in sources[key_source]
            ]
            for query_source in names:
                shared = not {query_source, key_source} & set(block.sources.attribute_widths)
                projection = block.queries[query_source][query_source if shared else key_source]
                queries = [
                    reference.linear(x, *builders.numbers(projection))
                    for x in sources[query_source]
                ]
                weight = share[key_source, query_source]
                for_scores = reference.raw_scores(queries, keys, head, HEADS)
                matrices.append([[weight * score for score in row] for row in for_scores])
        fused = reference.fuse_scores(matrices, may, gate)
        for t in length:
            shares = reference.softmax(
                [fused[t][k] * SCALE if may[t][k] else -float("inf") for k in length]
            )
            mixed[t] += [
                sum(shares[k] * values[k][head * width + c] for k in length) for c in range(width)
            ]
    return [finished(stream, x, mix) for x, mix in zip(sources[own], mixed, strict=True)]


def by_loops(
    model: MultiSequenceEncoder, items: Sequence[int], codes: Mapping[str, Sequence[int]], form: str
) -> Rows:
    """The streams of one row, slot by slot, before they are weighed."""
    row = torch.tensor(items)
    attributes = {name: part(row).tolist() for name, part in model.side.attributes.items()}
    behaviours = {
        name: part(torch.tensor(codes[name])).tolist()
        for name, part in model.side.behaviours.items()
    }
    h = [reference.norm(x, *builders.numbers(model.norm)) for x in model.items(row).tolist()]
    moved, may = dict(attributes), reference.visible([item != 0 for item in items], past=True)
    for block in model.blocks:
        assert isinstance(block, PairBlock)
        now = {
            name: one_stream(
                block,
                stream,
                name,
                {**behaviours, **moved},
                model.attribute_pairs[j].tolist(),
                may,
                form,
            )
            for j, (name, stream) in enumerate(block.moved.items())
        }
        h = one_stream(
            block,
            block.item,
            ITEM,
            {ITEM: h, **attributes, **behaviours},
            model.item_pairs.tolist(),
            may,
            form,
        )
        moved = now or moved
    return {ITEM: h, **moved}


@pytest.mark.parametrize("attr_layer", ["first", "last"])
@pytest.mark.parametrize("form", ["masked", "reference"])
@pytest.mark.parametrize(
    "names", [("brand", "position"), ("brand", "category", "rating", "position")]
)
def test_the_streams_equal_their_loops(
    names: tuple[str, ...], form: Any, attr_layer: Any, tiny: Dataset, schema: Schema
) -> None:
    """Every source asks every other, in the item stream and in the attributes', for one field of a
    kind and for two.
    """
    schema = only(schema, *names)
    model = built(schema, fusion_form=form, attr_layer=attr_layer, attribute_width=4)
    batch = builders.a_batch(tiny, lengths=(5, 1, 3))
    with torch.no_grad():
        states = model.encode(batch)
        for row, length in enumerate(batch.lengths.tolist()):
            shown = (
                builders.WINDOW if form == "reference" else length
            )  # the reference form reads empty slots too
            empty = [0] * (shown - length)
            codes = {
                "position": [*range(length - 1, -1, -1), *empty],
                "rating": [*batch.behaviours["rating"][row, :length].tolist(), *empty],
            }
            expected = by_loops(model, [*batch.items[row, :length].tolist(), *empty], codes, form)
            for name, stream in states.streams.items():
                torch.testing.assert_close(
                    stream[row, :length], torch.tensor(expected[name])[:length], **CLOSE
                )


def test_the_score_is_a_weighed_sum_over_streams(tiny: Dataset, schema: Schema) -> None:
    """γ_0 h · e_v + Σ_f γ_f c_f · AE_f(v) with shares that add up to 1, though it is computed as
    one dot product.
    """
    model, batch = built(schema, attribute_width=4), builders.a_batch(tiny)
    rows = torch.arange(len(batch.read))
    with torch.no_grad():
        streams = {
            name: stream[rows, batch.read] for name, stream in model.encode(batch).streams.items()
        }
        shares = (torch.cat(list(streams.values()), dim=1) @ model.shares.scorer.weight.T).softmax(
            dim=1
        )
        tables = {ITEM: model.items.weight} | {
            name: part.of_all_items() for name, part in model.side.attributes.items()
        }
        expected = sum(
            shares[:, [j]] * (streams[name] @ tables[name].T) for j, name in enumerate(streams)
        )
        assert isinstance(expected, Tensor)
        torch.testing.assert_close(model.scores(batch), expected)
        assert model.state_width == 8 + 4 + 4 == sum(model.stream_widths.values())


def test_two_shares_are_a_sigmoid() -> None:
    """Of two streams one number decides; of three, one each."""
    two, three = (
        builders.loud(StreamWeights([3, 2], 0.0)),
        builders.loud(StreamWeights([3, 2, 1], 0.0)),
    )
    assert isinstance(two, StreamWeights)
    a, b, c = torch.randn(5, 3), torch.randn(5, 2), torch.randn(5, 1)
    first, second = two([a, b])
    torch.testing.assert_close(first, two.scorer(torch.cat([a, b], dim=1)).sigmoid())
    torch.testing.assert_close(first + second, torch.ones(5, 1))
    shares = torch.cat(three([a, b, c]), dim=1)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(5))
    assert shares.shape == (5, 3)


def test_positions_are_counted_from_the_end(tiny: Dataset, schema: Schema) -> None:
    """The last item of every row has position 0, however long the row; forward, as a switch, the
    first one has.
    """
    seen = []
    for positions in ("backward", "forward"):
        model = built(only(schema, "position"), positions=positions)
        table = model.side.behaviours["position"].values
        assert isinstance(table, nn.Embedding)
        batch = builders.spans(tiny, [(tiny.user_count, 0, 4)])
        with torch.no_grad():
            before = model.encode(batch).final[0]
            table.weight[0] += 1.0
            moved = (model.encode(batch).final[0] - before).abs().sum(dim=1)
        seen.append((moved > 1e-6).tolist())
        assert model.single_pass == (positions == "forward")
    assert seen == [
        [False] * 4 + [True],
        [False] + [True] * 4,
    ]  # a first state reads itself alone, whatever its position


@pytest.mark.parametrize(
    ("switches", "causal", "single_pass"),
    [
        ({}, True, False),
        ({"positions": "forward"}, True, True),
        ({"fusion_form": "reference"}, False, False),
    ],
)
def test_what_a_state_reads_is_as_declared(
    switches: dict[str, Any], causal: bool, single_pass: bool, tiny: Dataset, schema: Schema
) -> None:
    """Masked gates read the past alone; the reference form reads the window, so that every position
    cannot be trained.
    """
    model, batch, cut = built(schema, **switches), builders.a_batch(tiny), 4
    assert (model.causal, model.single_pass) == (causal, single_pass)
    with torch.no_grad():
        before, after = (
            model.encode(rows).final[:, :cut] for rows in (batch, builders.changed(batch, cut))
        )
    assert torch.equal(before, after) == causal
    if not causal:
        with pytest.raises(SirecError, match="would leak"):
            Trainer(model, Stage(task=NextItem()), tiny, schema, SeedKey(0))


def test_the_first_layer_alone_carries_attribute_streams(tiny: Dataset, schema: Schema) -> None:
    """`attr_layer: first` builds no attribute stream later, and later blocks do not change what it
    reads.
    """
    one, two = (built(schema, layers=layers, attr_layer="first") for layers in (1, 2))
    last = built(schema, layers=2)
    assert [len(list(block.moved)) for block in two.blocks] == [2, 0]  # type: ignore[union-attr,arg-type]
    assert [len(list(block.moved)) for block in last.blocks] == [2, 2]  # type: ignore[union-attr,arg-type]
    two.load_state_dict({**two.state_dict(), **one.state_dict()})
    missing = last.load_state_dict({**last.state_dict(), **two.state_dict()}, strict=True)
    assert not missing.missing_keys
    batch = builders.a_batch(tiny)
    with torch.no_grad():
        streams = [model.encode(batch).streams for model in (one, two, last)]
    assert torch.equal(streams[0]["brand"], streams[1]["brand"])
    torch.testing.assert_close(
        streams[1][ITEM], streams[2][ITEM]
    )  # no attribute stream reaches the items'
    assert not torch.allclose(streams[1]["brand"], streams[2]["brand"], atol=1e-2)  # control
    assert not torch.allclose(streams[0][ITEM], streams[1][ITEM], atol=1e-2)  # control


@pytest.mark.parametrize("names", [(), ("position",), ("brand",), ("rating", "position")])
def test_any_set_of_fields_will_do(names: tuple[str, ...], tiny: Dataset, schema: Schema) -> None:
    """Without attributes the state is the item stream; without behaviours, and without both, there
    are fewer pairs.
    """
    model, batch = built(only(schema, *names)), builders.a_batch(tiny)
    with torch.no_grad():
        states = model.encode(batch)
        assert model.scores(batch).isfinite().all()
    assert len(model.item_pairs) == (1 + len(names)) ** 2
    if "brand" not in names:
        torch.testing.assert_close(states.final, states.streams[ITEM])


def test_every_weight_learns(tiny: Dataset, schema: Schema) -> None:
    """With all objectives each parameter gets a gradient, pair weights and gates among them;
    nothing is dead.
    """
    model = built(schema)
    trainer = Trainer(model, replace(MSSR.stages[0], budget=64), tiny, schema, SeedKey(0))
    model.eval()
    batch = trainer.stage.task.batch(tiny, trainer.rows.take(np.arange(40)), builders.WINDOW)
    losses = {name: part.loss for name, part in trainer.loss_terms(batch).items()}
    sum(trainer.weights[name] * loss for name, loss in losses.items()).backward()  # type: ignore[union-attr]
    assert set(losses) == {"item", "stream_aap", "stream_contrast"}
    silent = {
        name
        for name, parameter in trainer.parameters
        if parameter.grad is None or not parameter.grad.any()
    }
    assert silent == set()


def test_widths_that_leave_heads_unequal_are_refused() -> None:
    """Attribute streams have values of their own, whose heads must be of one size."""
    with pytest.raises(SirecError, match="attribute_width 30"):
        MSSR(attribute_width=30)


def test_the_published_profile_is_the_authors_code(tmp_path: Any) -> None:
    """It sets what their code does, builds, and trains an epoch."""
    data = prepare(DemoSource(users=120, items=60).read(), "demo").dataset
    sizes = {
        "width": 16,
        "layers": 2,
        "heads": 2,
        "inner": 16,
        "epochs": 1,
        "budget": 128,
        "threads": 1,
        "max_length": 8,
    }
    config = resolve("mssr", data, profile="published", assignments=sizes)
    model = config.model
    assert isinstance(model, MSSR)
    assert (model.fusion_form, model.attr_layer, model.positions) == (
        "reference",
        "first",
        "backward",
    )
    assert (model.attribute_trainable, model.attribute_std, model.attribute_pooling) == (
        False,
        1.0,
        "mean",
    )
    assert config.stages[0].task.name == "last_item"
    folder = execute(config, data, Store(tmp_path))
    assert (folder.path / "metrics.json").exists()
