"""TASIF against its equations, one row at a time over the whole window, and what follows from
them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import tiny as builders
import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.models.diff import DIFF
from sirec.models.tasif import TASIF
from sirec.objectives.base import EncoderPass
from sirec.objectives.item_attribute_contrast import ItemAttributeContrast
from sirec.objectives.stream_catalogue import StreamCatalogue

N = builders.WINDOW
JOINS = "rating"  # stands for the interval of the calendar, which the tiny data set has not


def loud_model(config: Any, data: Dataset) -> Any:
    """Loud and in 64 bit, so that two ways of computing may agree to the last digits."""
    return builders.loud(config.build(data.schema(N, with_position=True))).double()


def small(**settings: Any) -> TASIF:
    """A small declaration without dropout."""
    sizes = {**builders.SHAPE, "filter_dropout": 0.0, "joins": JOINS, **settings}
    return TASIF(**sizes)


def norm(layer: Any, x: Tensor) -> Tensor:
    """Zero mean, unit variance, the norm's scale and shift."""
    return F.layer_norm(x, (x.shape[-1],), layer.weight, layer.bias, 1e-12)


def filtered(x: Tensor, part: Any) -> Tensor:
    """LN(g K(x) + (1 − g) x) of a whole window [n, d], by the transform's own matrices."""
    n = len(x)
    kernel = torch.view_as_complex(part.filter.rows.weight)
    passed = torch.fft.irfft(torch.fft.rfft(x, dim=0) * kernel, n=n, dim=0)
    share = 1 / (1 + math.exp(-float(part.share)))
    return norm(part.norm, share * passed + (1 - share) * x)


def block(part: Any, guide: Tensor, x: Tensor, may: Tensor) -> Tensor:
    """SASRec's block with queries and keys of `guide` and values of `x`."""
    attention = part.attention
    width = x.shape[1] // attention.heads
    outs = []
    for head in range(attention.heads):
        own = slice(head * width, (head + 1) * width)
        queries = attention.queries["item"](guide)[:, own]
        scores = queries @ attention.keys["item"](guide)[:, own].T / math.sqrt(width)
        shares = scores.masked_fill(~may, -torch.inf).softmax(dim=1)
        outs.append(shares @ attention.value(x)[:, own])
    y = norm(part.attention_norm, x + attention.out(torch.cat(outs, dim=1)))
    return norm(part.forward_norm, y + part.contract(F.gelu(part.expand(y))))


def states(model: Any, config: TASIF, batch: Batch, row: int) -> dict[str, Tensor]:
    """The streams at the real slots of one row, computed over its whole window."""
    length = int(batch.lengths[row])
    codes = F.pad(batch.items[row, :length], (0, N - length))
    real = codes != 0
    keep = real[:, None] if config.window == "zeros" else torch.ones(N, 1, dtype=torch.bool)
    may = real[None, :] & torch.ones(N, N, dtype=torch.bool).tril()
    joined = F.pad(batch.behaviours[JOINS][row, :length], (0, N - length))
    x = model.items(codes) + model.side.behaviours[JOINS].values.weight[joined]
    x = norm(model.norm, x)
    places = model.side.behaviours["position"].values.weight
    streams = dict(model.side.of_items(codes))
    for part in model.blocks:
        x = filtered(x * keep, part.item_filter)
        for name in streams:
            streams[name] = filtered(streams[name] * keep, part.attribute_filters[name])
        guide = part.item.query_key.fusion([x, *streams.values(), places])
        x = block(part.item, guide, x, may)
        for name in streams:
            streams[name] = block(part.attributes[name], streams[name], streams[name], may)
    return {name: stream[:length] for name, stream in {"item": x, **streams}.items()}


@pytest.mark.parametrize("window", ["zeros", "tokens"])
@pytest.mark.parametrize("fusion", ["sum", "concat", "gate"])
def test_streams_are_those_of_the_equations(fusion: Any, window: Any, tiny: Dataset) -> None:
    """Every stream at every slot; the state weighs them by w."""
    config = small(query_key_fusion=fusion, window=window, attribute_share=0.3)
    model, batch = loud_model(config, tiny), builders.a_batch(tiny)
    with torch.no_grad():
        found = model.encode(batch)
        for row, length in enumerate(batch.lengths.tolist()):
            expected = states(model, config, batch, row)
            for name, stream in expected.items():
                torch.testing.assert_close(found.streams[name][row, :length], stream)
            weighted = [
                0.7 * expected["item"],
                *(0.15 * expected[name] for name in model.side.attributes),
            ]
            torch.testing.assert_close(found.final[row, :length], torch.cat(weighted, dim=1))
        other = "tokens" if window == "zeros" else "zeros"
        control = states(model, small(query_key_fusion=fusion, window=other), batch, 0)
    assert not torch.allclose(found.streams["item"][0, : len(control["item"])], control["item"])


def test_attributes_guide_and_are_not_read(tiny: Dataset) -> None:
    """Without queries and keys the item stream is the same for other attributes; with them
    (control) it is not.
    """
    model, batch = loud_model(small(), tiny), builders.a_batch(tiny)
    before = _item_stream(model, batch)
    with torch.no_grad():
        for part in model.side.attributes.values():
            part.values.weight[1:].add_(torch.arange(8.0))
    assert not torch.allclose(_item_stream(model, batch), before)
    with torch.no_grad():
        for part in model.blocks:
            for layer in (part.item.attention.queries["item"], part.item.attention.keys["item"]):
                layer.weight.zero_()
    same = _item_stream(model, batch)
    with torch.no_grad():
        for part in model.side.attributes.values():
            part.values.weight[1:].add_(torch.arange(8.0))
    torch.testing.assert_close(_item_stream(model, batch), same)


def _item_stream(model: Any, batch: Batch) -> Tensor:
    with torch.no_grad():
        stream: Tensor = model.encode(batch).streams["item"]
    return stream


def test_a_closed_filter_leaves_states_causal(tiny: Dataset) -> None:
    """With g = 0 a later item changes no earlier state; with the filter (control) it does."""
    model, batch = loud_model(small(), tiny), builders.a_batch(tiny, lengths=(9, 9))
    changed = replace(batch, items=batch.items.clone())
    changed.items[0, 7] = changed.items[0, 7] % (builders.ITEMS - 1) + 1
    assert not torch.allclose(
        _item_stream(model, batch)[0, :7], _item_stream(model, changed)[0, :7]
    )
    with torch.no_grad():
        for part in model.blocks:
            for one in (part.item_filter, *part.attribute_filters.values()):
                one.share.fill_(-torch.inf)
    torch.testing.assert_close(
        _item_stream(model, batch)[0, :7], _item_stream(model, changed)[0, :7]
    )


def test_without_a_share_items_are_ranked_by_their_own_stream(tiny: Dataset) -> None:
    """With w = 0 by h · e_v; with w = 1 by attributes, the same for items with the same ones."""
    alone, attributes = (loud_model(small(attribute_share=w), tiny) for w in (0.0, 1.0))
    batch = builders.a_batch(tiny)
    with torch.no_grad():
        streams = alone.encode(replace(batch, only_last=False)).streams["item"]
        last = streams[torch.arange(len(streams)), torch.from_numpy(batch.lengths).long() - 1]
        torch.testing.assert_close(alone.scores(batch), last @ alone.items.weight.T)
        scores = attributes.scores(batch)
    values = torch.cat(
        [field.values for field in tiny.schema(N, with_position=True).attributes], dim=1
    )
    twins = [
        (v, w)
        for v in range(1, len(values))
        for w in range(1, v)
        if torch.equal(values[v], values[w])
    ]
    assert twins
    for v, w in twins:
        torch.testing.assert_close(scores[:, v], scores[:, w])


def _pass(model: Any, batch: Batch) -> EncoderPass:
    done = model.encode(batch)
    return EncoderPass(batch, done, done.at(batch.target_slots), model.item_table())


@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_the_catalogue_of_streams_is_that_of_the_loops(weight: float, tiny: Dataset) -> None:
    """One softmax over all items for each stream, attributes as a mean."""
    model, batch = loud_model(small(), tiny), builders.a_batch(tiny)
    config = StreamCatalogue(attribute_weight=weight)
    loss = config.build_for(tiny.schema(N, with_position=True), model)
    with torch.no_grad():
        done = _pass(model, batch)
        tables = {
            "item": model.items.weight,
            **model.side.of_items(torch.arange(len(model.items.weight))),
        }
        terms = {}
        for name, table in tables.items():
            flat = done.states.streams[name].flatten(0, 1)
            losses = []
            for slot, target in zip(
                batch.target_slots.tolist(), batch.target_items.tolist(), strict=True
            ):
                scores = [float(flat[slot] @ table[v]) for v in range(1, len(table))]
                total = math.log(math.fsum(map(math.exp, scores)))
                losses.append(total - scores[target - 1])
            terms[name] = sum(losses) / len(losses)
        attributes = [terms[name] for name in model.side.attributes]
        expected = terms["item"] + weight * sum(attributes) / len(attributes)
        assert float(loss(model, done)) == pytest.approx(expected, rel=1e-6)


def test_the_contrast_counts_a_repeated_target_once(tiny: Dataset) -> None:
    """A softmax over the distinct targets of the step, in loops; a target that is repeated changes
    nothing, another one (control) does.
    """
    model, batch = loud_model(small(), tiny), builders.a_batch(tiny)
    loss = ItemAttributeContrast(temperature=0.3).build_for(
        tiny.schema(N, with_position=True), model
    )
    found = {}
    for name, targets in {
        "plain": [5, 9, 2, 7, 11, 3],
        "repeated": [5, 9, 2, 7, 11, 3, 9, 5],
        "other": [5, 9, 2, 7, 11, 4],
    }.items():
        done = _pass(model, batch)
        given: Any = SimpleNamespace(target_items=torch.tensor(targets))
        done = replace(done, batch=given)
        with torch.no_grad():
            found[name] = float(loss(model, done))
    distinct, losses = [5, 9, 2, 7, 11, 3], []
    for part in model.side.attributes.values():
        for v in distinct:
            item = F.normalize(model.items.weight[v], dim=0)
            sides = F.normalize(part(torch.tensor(distinct)), dim=1)
            scores = (sides @ item / 0.3).log_softmax(dim=0)
            losses.append(-scores[distinct.index(v)].item())
    assert found["plain"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    assert found["repeated"] == pytest.approx(found["plain"], rel=1e-6)
    assert found["other"] != pytest.approx(found["plain"], rel=1e-3)


def test_what_has_no_meaning_is_refused(tiny: Dataset) -> None:
    """Attributes of another width, data without attributes, and a model without streams."""
    with pytest.raises(SirecError, match="attribute_width 4"):
        small(attribute_width=4)
    bare = replace(tiny.schema(N, with_position=True), fields=())
    with pytest.raises(SirecError, match="tasif needs an attribute"):
        small().build(bare)
    schema = tiny.schema(N, with_position=True)
    other = DIFF(**builders.SHAPE).build(schema)
    with pytest.raises(SirecError, match="reads the stream of item"):
        StreamCatalogue().build_for(schema, other)


def test_a_behaviour_that_is_not_read_cannot_join(tiny: Dataset) -> None:
    """Named, it is refused; the default, an interval that few data have, is not (control)."""
    schema = tiny.schema(N, with_position=True)
    with pytest.raises(SirecError, match="'ratings' is not a behaviour"):
        small(joins="ratings").build(schema)
    assert small(joins="span").build(schema).joining == []
