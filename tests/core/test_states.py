"""States of tokens are the states of their slots, wherever somebody reads them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sirec.core.states import States, TokenStates
from sirec.data.tasks.layout import TokenLayout, ragged
from sirec.data.tasks.rectangular import whole
from sirec.errors import SirecError

LENGTHS = np.array([2, 9, 1, 10, 4])  # two buckets, rows not in the order of their lengths
SLOTS, WIDTH = 10, 3


def flat_slots(layout: TokenLayout, length: int) -> Tensor:
    """All slots of [B · L] that hold a token, in another order than the tokens."""
    rows = torch.tensor([(row, slot) for row, n in enumerate(LENGTHS) for slot in range(n)])
    return rows[:, 0] * length + rows[:, 1]


def drawn(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, WIDTH, generator=generator, requires_grad=True)


def pair(layout: TokenLayout, length: int, readout: Tensor | None) -> tuple[States, TokenStates]:
    """The same states in slots and as tokens."""
    count = len(layout.slots) if readout is None else len(readout)
    final, stream, hidden = (drawn(count, seed) for seed in range(3))
    dense = [layout.unflatten(x, readout)[:, :length] for x in (final, stream, hidden)]
    tokens = TokenStates(
        layout, final, streams={"item": stream}, hidden=hidden, readout=readout, length=length
    )
    return States(dense[0], {"item": dense[1]}, dense[2]), tokens


def assert_equal(dense: States, tokens: TokenStates, slots: Tensor) -> None:
    """Both give the same states at the slots, with the same gradients, and the same rectangles."""
    reads = [
        (states.at(slots), states.stream_at("item", slots), states.hidden_at(slots))
        for states in (dense, tokens)
    ]
    parts = (tokens.tokens, tokens.stream_tokens["item"], tokens.hidden_tokens)
    for expected, found, part in zip(*reads, parts, strict=True):
        torch.testing.assert_close(found, expected)
        wanted = torch.arange(found.numel(), dtype=found.dtype).view_as(found)
        gradients = [torch.autograd.grad(x, part, wanted)[0] for x in (expected, found)]
        torch.testing.assert_close(*gradients)
    assert torch.equal(tokens.final, dense.final)
    assert torch.equal(tokens.streams["item"], dense.streams["item"])
    assert torch.equal(tokens.hidden, dense.hidden)


def test_all_tokens() -> None:
    """Whatever the order in which they are asked for."""
    layout = ragged(LENGTHS, SLOTS, torch.device("cpu"))
    slots = flat_slots(layout, SLOTS)
    dense, tokens = pair(layout, SLOTS, None)
    assert_equal(dense, tokens, slots)
    assert_equal(*pair(layout, SLOTS, None), slots.flip(0)[::2])
    assert not torch.equal(tokens.at(slots), tokens.tokens)  # control: slots decide


def test_the_last_tokens_alone() -> None:
    """At the rows' last slots; another slot has no state, and asking for it fails."""
    layout = ragged(LENGTHS, SLOTS, torch.device("cpu"))
    last = torch.arange(len(LENGTHS)) * SLOTS + torch.from_numpy(LENGTHS) - 1
    dense, tokens = pair(layout, SLOTS, layout.last_tokens)
    assert_equal(dense, tokens, last.flip(0))
    for slots in (last[1:2] - 1, last[:1] + 1):
        with pytest.raises((IndexError, RuntimeError)):
            tokens.at(slots)


@pytest.mark.parametrize("last_only", [False, True])
def test_rows_that_were_filled_to_the_window(last_only: bool) -> None:
    """Slots are counted in the rows as they were given."""
    items = torch.zeros(len(LENGTHS), SLOTS + 4, dtype=torch.long)
    for row, length in enumerate(LENGTHS):
        items[row, :length] = 1
    layout = whole(items)
    slots = flat_slots(layout, SLOTS)
    if last_only:
        slots = torch.arange(len(LENGTHS)) * SLOTS + torch.from_numpy(LENGTHS) - 1
    readout = layout.last_tokens if last_only else None
    assert_equal(*pair(layout, SLOTS, readout), slots)


def test_an_unknown_stream_is_refused() -> None:
    """By name, as with states in slots."""
    layout = ragged(LENGTHS, SLOTS, torch.device("cpu"))
    for states in pair(layout, SLOTS, None):
        with pytest.raises(SirecError, match="brand"):
            states.stream_at("brand", torch.zeros(1, dtype=torch.long))
