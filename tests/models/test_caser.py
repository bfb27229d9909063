"""Caser against its formulas in plain loops, over the whole window; the norm penalty."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.errors import SirecError
from sirec.models.caser import Caser, ConvolutionalRecommender
from sirec.models.parts.convolutions import Convolutions
from sirec.models.sasrec import SASRec
from sirec.objectives.base import EncoderPass
from sirec.objectives.norms import NormPenalty
from sirec.run.config import resolve

SIZES: dict[str, Any] = {"width": 5, "vertical": 2, "horizontal": 3, "dropout": 0.0}
Rows = list[list[float]]


def a_model(schema: Schema, **switches: Any) -> ConvolutionalRecommender:
    """Loud weights, and a padding row as loud as any: what fills the window must be read."""
    model = builders.loud(Caser(**SIZES, **switches).build(schema))
    assert isinstance(model, ConvolutionalRecommender)
    with torch.no_grad():
        model.items.weight[0] = torch.linspace(-0.7, 0.9, SIZES["width"])
    return model


@pytest.fixture
def schema(tiny: Dataset) -> Schema:
    """The tiny data."""
    return tiny.schema(builders.WINDOW, with_position=True)


def convolved(window: Rows, part: Convolutions) -> list[float]:
    """Every filter laid on every place of the whole window, padding and all."""
    n, e = len(window), len(window[0])
    down = [
        sum(part.vertical[f, t].item() * window[t][c] for t in range(n))
        + part.vertical_bias[f].item()
        for f in range(len(part.vertical))
        for c in range(e)
    ]
    across = []
    for index, kernel in enumerate(part.heights):
        for k, rows in enumerate(kernel.transpose(0, 1).tolist()):
            bias = part.horizontal_bias[index * part.filters + k].item()
            answers = [
                sum(reference.dot(rows[r], window[s + r]) for r in range(index + 1))
                for s in range(n - index)
            ]
            across.append(max(max(0.0, answer + bias) for answer in answers))
    return down + across


def in_loops(model: ConvolutionalRecommender, history: list[int], user: int, align: str) -> Any:
    """The state after a history, by the formulas."""
    empty = [0] * (builders.WINDOW - len(history))
    # Filters of a right-aligned window count their rows from its end.
    items = (empty + history)[::-1] if align == "right" else history + empty
    found = convolved([model.items.weight[item].tolist() for item in items], model.convolutions)
    z = [max(0.0, value) for value in reference.linear(found, *builders.numbers(model.hidden))]
    both = [*z, *model.users.weight[user].tolist()]
    return torch.tensor(reference.linear(both, *builders.numbers(model.out))).relu()


LENGTHS = (12, 9, 1, 4, 2, 10, 9)


@pytest.mark.parametrize("align", ["right", "left"])
def test_the_state_of_a_history_is_its_loops(tiny: Dataset, schema: Schema, align: Any) -> None:
    """Filters cut to the history give what whole ones on the whole window give, however much of it
    is padding.
    """
    model = a_model(schema, align=align)
    batch = replace(builders.a_batch(tiny, lengths=LENGTHS), only_last=True)
    states = model.encode(batch).final
    for row, length in enumerate(batch.lengths):
        history, user = batch.items[row, :length].tolist(), int(batch.users[row])
        expected = in_loops(model, history, user, align)
        torch.testing.assert_close(states[row, length - 1], expected, rtol=1e-4, atol=1e-5)
        assert not states[row, length:].any()


def test_one_pass_gives_the_state_of_every_history(tiny: Dataset, schema: Schema) -> None:
    """Right-aligned, each slot has the state of the history up to it, short or as long as the
    window; left-aligned, all slots of a row have the state of the whole row.
    """
    right, left = (a_model(schema, align=align) for align in ("right", "left"))
    batch = builders.a_batch(tiny, lengths=LENGTHS)
    assert max(LENGTHS) == builders.WINDOW
    states = right.encode(batch).final
    for row, length in enumerate(batch.lengths):
        for end in range(1, int(length) + 1):
            history, user = batch.items[row, :end].tolist(), int(batch.users[row])
            expected = in_loops(right, history, user, "right")
            torch.testing.assert_close(states[row, end - 1], expected, rtol=1e-4, atol=1e-5)
        assert not states[row, length:].any()
    whole = left.encode(batch).final
    assert torch.equal(whole[0], whole[0, :1].expand(int(batch.lengths[0]), -1))
    assert not torch.allclose(states[0, 0], states[0, -1])


def test_alignments_are_two_models(tiny: Dataset, schema: Schema) -> None:
    """The same weights read a history from its other end; one that is the same from both gives the
    same scores.
    """
    right, left = (a_model(schema, align=align) for align in ("right", "left"))
    batch = builders.a_batch(tiny, lengths=(3, 1))
    mirror = replace(
        batch,
        items=batch.items.scatter(
            1, torch.tensor([[2], [2]]), batch.items[:, :1] * torch.tensor([[1], [0]])
        ),
    )
    with torch.no_grad():
        assert not torch.allclose(left.scores(batch)[0], right.scores(batch)[0])
        torch.testing.assert_close(left.scores(batch)[1], right.scores(batch)[1])
        torch.testing.assert_close(left.scores(mirror), right.scores(mirror))


def test_users_are_read(tiny: Dataset, schema: Schema) -> None:
    """The same history gives another user other scores; a user that is not known is the zero
    vector.
    """
    model, batch = a_model(schema), builders.a_batch(tiny)
    with torch.no_grad():
        scores = model.scores(batch)
        assert not torch.allclose(model.scores(replace(batch, users=batch.users.roll(1))), scores)
        nobody = model.scores(replace(batch, users=torch.zeros_like(batch.users)))
        model.users.weight.zero_()
        torch.testing.assert_close(model.scores(batch), nobody)
    assert schema.users == tiny.user_count + 1 == len(model.users.weight)


def test_gradients_are_those_of_the_whole_window(schema: Schema) -> None:
    """A look-up of padding trains nothing, and filters learn from padded windows as from any
    other.
    """
    part = Convolutions(6, 4, 2, 3).double()
    x, padding = torch.randn(5, 3, 4, dtype=torch.double), torch.randn(4, dtype=torch.double)
    whole = torch.cat(
        [x + padding, padding.expand(5, 3, 4)], dim=1
    )  # the same window, all six rows of it
    short, long = part(x, padding), part(whole, torch.zeros(4, dtype=torch.double))
    torch.testing.assert_close(short, long)
    weight = torch.randn_like(short)
    for name in ("vertical", "vertical_bias", "horizontal", "horizontal_bias"):
        gradients = [
            torch.autograd.grad(out, getattr(part, name), weight, retain_graph=True)[0]
            for out in (short, long)
        ]
        torch.testing.assert_close(*gradients)
        assert gradients[0].any()


def test_gradients_of_one_pass_are_those_of_each_history() -> None:
    """Every filter and item learns from all slots of a row what it learns from its histories one
    by one, also where the window holds no more of them.
    """
    part = Convolutions(6, 4, 2, 3).double()
    padding = torch.randn(4, dtype=torch.double)
    for length in (1, 3, 5, 6):
        x = torch.randn(5, length, 4, dtype=torch.double, requires_grad=True)
        [together] = part.at_every_slot([x], padding)
        alone = []
        for end in range(1, length + 1):
            alone.append(part(x[:, :end].flip(1), padding))  # the newest item first
        apart = torch.stack(alone, dim=1)
        torch.testing.assert_close(together, apart)
        weight = torch.randn_like(together)
        for learner in (x, part.vertical, part.horizontal, part.horizontal_bias):
            gradients = []
            for out in (together, apart):
                gradients.append(torch.autograd.grad(out, learner, weight, retain_graph=True)[0])
            torch.testing.assert_close(*gradients)
            assert gradients[0].any()


def test_weights_are_drawn_as_declared() -> None:
    """N(0, 1/e²) for items and users, Xavier for maps, uniform up to one over the root of a
    filter's inputs for filters.
    """
    torch.manual_seed(0)
    model = Caser(width=32).build(Schema(2_000, 20, (), users=3_000))
    for table in (model.items, model.users):
        assert table.weight.std().item() == pytest.approx(1 / 32, rel=0.02)
        assert not table.weight[0].any()
    assert model.hidden.weight.std().item() == pytest.approx(
        math.sqrt(2 / (32 + 8 * 32 + 16 * 20)), rel=0.05
    )
    assert not model.out.bias.any()
    for height, kernel in enumerate(model.convolutions.heights, start=1):
        assert kernel.abs().max().item() == pytest.approx((height * 32) ** -0.5, rel=0.02)
    assert model.convolutions.vertical.abs().max().item() == pytest.approx(20**-0.5, rel=0.02)


def test_the_penalty_is_the_sum_of_norms(tiny: Dataset, schema: Schema) -> None:
    """Tables, vertical filters, both maps and each height's filters, not squared; the fork forgets
    the last.
    """
    model = a_model(schema)
    batch = builders.a_batch(tiny)
    states = model.encode(batch)
    done = EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())

    def length(*weights: torch.Tensor) -> float:
        return sum(
            float(np.sqrt((weight.detach().double().numpy() ** 2).sum())) for weight in weights
        )

    rest = length(
        model.users.weight,
        model.items.weight,
        model.convolutions.vertical,
        model.hidden.weight,
        model.out.weight,
    )
    whole, forgetful = (
        NormPenalty(leave_out=names).build_for(schema, model)
        for names in ((), ("convolutions.horizontal",))
    )
    assert whole(model, done).item() == pytest.approx(
        rest + length(*model.convolutions.heights), rel=1e-5
    )
    assert forgetful(model, done).item() == pytest.approx(rest, rel=1e-5)


def test_any_model_can_be_penalised(schema: Schema) -> None:
    """Frozen weights, biases and scales of norms do not count; a weight that is not there cannot be
    left out.
    """
    model = SASRec(**builders.SHAPE).build(schema)
    model.items.weight.requires_grad_(False)
    names = model.weight_norms()
    assert "items.weight" not in names
    assert "blocks.0.expand.weight" in names
    assert not [name for name in names if name.endswith("bias") or "norm" in name]
    with pytest.raises(SirecError, match=r"'users\.weight' is not a weight"):
        NormPenalty(leave_out=("users.weight",)).build_for(schema, model)


def test_published_is_the_forks_form(tiny: Dataset) -> None:
    """Histories from the left, horizontal filters out of the penalty, code 0 among the classes."""
    config = resolve("caser", tiny, profile="published")
    item, norms = config.stages[0].objectives
    assert (config.model.align, norms.leave_out, item.padding_class) == (
        "left",
        ("convolutions.horizontal",),
        True,
    )  # type: ignore[union-attr]
    assert resolve("caser", tiny).model.align == "right"  # type: ignore[union-attr]


def test_sizes_without_meaning_are_refused() -> None:
    """No filter, or a dropout of everything."""
    with pytest.raises(SirecError, match="horizontal must be from 1"):
        Caser(horizontal=0)
    with pytest.raises(SirecError, match="dropout"):
        Caser(dropout=1.0)
