"""Batches and their layouts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny as builders
import torch
from hypothesis import given
from hypothesis import strategies as st

from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch, concatenate_batches
from sirec.data.tasks.layout import SHORTEST_BUCKET, ragged, take_distinct
from sirec.data.tasks.rectangular import whole

CPU = torch.device("cpu")
row_lengths = st.lists(st.integers(1, 70), min_size=1, max_size=30)


@given(row_lengths, st.integers(0, 5))
def test_a_ragged_layout_holds_every_real_slot_once(lengths: list[int], extra: int) -> None:
    """Flattening keeps the real slots and nothing else; unflattening puts them back where they
    were, zeros elsewhere.
    """
    length = max(lengths) + extra
    layout = ragged(np.array(lengths), length, CPU)
    real = torch.arange(length) < torch.tensor(lengths)[:, None]
    values = torch.arange(1, real.numel() + 1).view(real.shape)
    assert sorted(layout.slots.tolist()) == real.flatten().nonzero().squeeze(1).tolist()
    assert torch.equal(layout.unflatten(layout.flatten(values)), values * real)
    assert layout.flatten(values[..., None].expand(-1, -1, 3)).shape == (sum(lengths), 3)


@given(row_lengths)
def test_buckets_are_rectangles_of_the_rows_they_hold(lengths: list[int]) -> None:
    """A bucket's row is one row's tokens in order, 0 in empty slots; collecting undoes spreading;
    no token is left out.
    """
    length = max(lengths)
    layout = ragged(np.array(lengths), length, CPU)
    numbers = 1 + torch.arange(len(lengths))[:, None] * length + torch.arange(length)
    tokens = layout.flatten(numbers)  # which slot a token is
    seen: list[int] = []
    for bucket, part in zip(layout.buckets, layout.split(tokens), strict=True):
        assert torch.equal(part, tokens[bucket.first : bucket.first + len(bucket.kept)])
        assert torch.equal(bucket.collect(bucket.spread(part)), part)
        for chosen, mask in zip(bucket.spread(part), bucket.real, strict=True):
            row = (int(chosen[0]) - 1) // length
            assert not chosen[~mask].any()
            assert mask.tolist() == [True] * lengths[row] + [False] * (len(mask) - lengths[row])
            assert chosen[mask].tolist() == numbers[row, : lengths[row]].tolist()
        seen += part.tolist()
        assert torch.equal(bucket.real.flatten().nonzero().squeeze(1), bucket.kept)
    assert seen == tokens.tolist()
    assert sorted(seen) == sorted(
        numbers[torch.arange(length) < torch.tensor(lengths)[:, None]].tolist()
    )


@given(row_lengths)
def test_buckets_waste_less_than_half(lengths: list[int]) -> None:
    """No row is more than twice as long as another of its bucket, but for short ones, which share
    the last bucket.
    """
    layout = ragged(np.array(lengths), max(lengths), CPU)
    for bucket in layout.buckets:
        sizes = bucket.real.sum(dim=1)
        longest = int(sizes.max())
        assert longest == bucket.real.shape[1]
        assert longest <= SHORTEST_BUCKET or int(sizes.min()) > longest // 2
    assert len(layout.buckets) <= 1 + int(np.log2(max(lengths)))


def test_a_row_of_nothing_is_refused() -> None:
    """A row without interactions has no state; it is an error, not an endless search for its
    bucket.
    """
    with pytest.raises(ValueError, match="row"):
        ragged(np.array([3, 0]), 3, CPU)


def test_the_whole_layout_is_the_rectangle_itself(tiny: Dataset) -> None:
    """Every slot is a token, in order; what may be read is what holds an item."""
    batch = builders.a_batch(tiny)
    layout = whole(batch.items)
    assert torch.equal(layout.flatten(batch.items), batch.items.flatten())
    assert torch.equal(layout.unflatten(layout.flatten(batch.items)), batch.items)
    assert torch.equal(layout.buckets[0].real, builders.real(batch))


def test_padding_widens_and_counts_on(tiny: Dataset) -> None:
    """Empty slots hold item 0, target 0, rating 0 and the next positions; a shorter wish changes
    nothing.
    """
    batch = builders.a_batch(tiny)
    length = batch.items.shape[1]
    wide = batch.padded(length + 3)
    assert torch.equal(wide.items[:, :length], batch.items)
    assert wide.behaviours["position"].tolist() == [list(range(length + 3))] * len(batch.items)
    for extended in (wide.items, wide.targets, wide.behaviours["rating"]):
        assert extended.shape[1] == length + 3
        assert not extended[:, length:].any()
    assert wide.lengths.tolist() == batch.lengths.tolist()
    assert batch.padded(length - 1) is batch
    assert torch.equal(wide.target_items, batch.target_items)


def test_target_slots_point_at_the_targets(tiny: Dataset) -> None:
    """Flat slots of the targets, row by row, and the items there."""
    batch = builders.a_batch(tiny)
    rows, slots = batch.targets.nonzero(as_tuple=True)
    assert batch.target_slots.tolist() == (rows * batch.items.shape[1] + slots).tolist()
    assert batch.target_items.tolist() == batch.targets[rows, slots].tolist()
    assert len(rows) == len(batch.items)


def test_taking_distinct_rows_has_the_gradient_of_an_index() -> None:
    """Values and gradients equal plain indexing; with a repeated index they would not (control)."""
    generator = torch.Generator().manual_seed(0)
    for index, same in ((torch.tensor([4, 0, 2]), True), (torch.tensor([1, 1, 3]), False)):
        first, second = (
            torch.randn(5, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
            for _ in range(2)
        )
        weights = torch.randn(3, 2, generator=generator)
        (take_distinct(first, index) * weights).sum().backward()
        (second[index] * weights).sum().backward()
        assert first.grad is not None
        assert second.grad is not None
        assert torch.allclose(first.grad, second.grad) == same


def test_positions_are_counted_from_where_one_likes(tiny: Dataset) -> None:
    """Of a row of three in a window of n: 0 1 2 from the front, 2 1 0 from the back, n-3 n-2 n-1
    from the right edge.
    """
    batch = builders.a_batch(tiny, lengths=(3, 9, 1))
    n = builders.WINDOW
    expected = {"forward": [0, 1, 2], "backward": [2, 1, 0], "right": [n - 3, n - 2, n - 1]}
    for how, codes in expected.items():
        counted = batch.count_positions(how, n)  # type: ignore[arg-type]
        assert counted.behaviours["position"][0, :3].tolist() == codes
        assert counted.behaviours["position"].min() >= 0
        assert counted.behaviours["position"].max() < n
        assert torch.equal(counted.behaviours["rating"], batch.behaviours["rating"])
        assert counted.positions == how
        assert (
            counted.count_positions("right", n) is counted or how == "forward"
        )  # a second count would count from nowhere
    without = replace(batch, behaviours={"rating": batch.behaviours["rating"]})
    assert without.count_positions("right", n) is without


@given(st.lists(st.integers(1, builders.WINDOW), min_size=1, max_size=8), st.integers(0, 3))
def test_asking_puts_a_gap_after_the_last_item(lengths: list[int], extra: int) -> None:
    """Each row and then MASK; a row that fills the window loses its oldest item; positions count
    on, other behaviours stop.
    """
    window, mask = builders.WINDOW, 99
    rows = [list(range(10 * row + 1, 10 * row + 1 + length)) for row, length in enumerate(lengths)]
    items = torch.tensor([row + [0] * (max(lengths) + extra - len(row)) for row in rows])
    position = torch.arange(items.shape[1]).expand(len(items), -1)
    none = torch.zeros_like(items)
    codes = {"rating": items * 2, "position": position}
    batch = Batch(
        torch.arange(len(items)), items, np.array(lengths), codes, none, torch.tensor(lengths) - 1
    )
    asking = batch.append_mask(mask, window)
    assert asking.visible == "all"
    assert not asking.targets.any()
    for row, true in enumerate(rows):
        kept = true[-(window - 1) :]
        length = asking.lengths[row]
        assert length == len(kept) + 1 <= window
        assert asking.read[row] == length - 1
        assert asking.items[row].tolist() == [*kept, mask, *[0] * (asking.items.shape[1] - length)]
        assert asking.behaviours["rating"][row].tolist() == [
            *(2 * code for code in kept),
            *[0] * (asking.items.shape[1] - length + 1),
        ]
        assert asking.behaviours["position"][row, :length].tolist() == list(range(length))


def test_batches_put_together_are_their_rows_in_order(tiny: Dataset) -> None:
    """Every tensor of the first, then of the second."""
    first, second = (
        builders.a_batch(tiny, "all"),
        builders.changed(builders.a_batch(tiny, "all"), 2),
    )
    both = concatenate_batches([first, second])
    assert torch.equal(both.items, torch.cat([first.items, second.items]))
    assert both.lengths.tolist() == [*first.lengths.tolist(), *second.lengths.tolist()]
    assert torch.equal(
        both.behaviours["rating"],
        torch.cat([first.behaviours["rating"], second.behaviours["rating"]]),
    )
    assert torch.equal(both.read, torch.cat([first.read, second.read]))
    assert torch.equal(both.targets, torch.cat([first.targets, second.targets]))
    assert both.visible == "all"
