"""Rows with gaps and views of their segments."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.next_item import LastItem
from sirec.data.tasks.rows import SequenceRows
from sirec.data.tasks.segments import Foreign, Segments, draw_below, draw_segments
from sirec.errors import SirecError

N = builders.WINDOW
MASK = builders.ITEMS + 1


def drawn(task: Segments, data: Dataset, seed: int = 0) -> tuple[SequenceRows, Batch]:
    """All rows of a task as one batch."""
    torch.manual_seed(seed)
    rows = task.rows(data, N)
    return rows, task.batch(data, rows, N)


def lists(batch: Batch) -> list[list[int]]:
    """The items of each row, without padding."""
    return [
        row[:length]
        for row, length in zip(batch.items.tolist(), batch.lengths.tolist(), strict=True)
    ]


def test_rows_are_what_they_are_called(tiny: Dataset) -> None:
    """Every prefix of the training part; the histories of prefix examples; whole sequences in
    windows.
    """
    spans = [
        (start, end - 2) for start, end in pairwise(tiny.offsets.tolist()) if end - 2 - start >= 2
    ]
    prefixes = Segments().rows(tiny, N)
    assert prefixes.stop.tolist() == [
        stop for start, end in spans for stop in range(start + 1, end + 1)
    ]
    assert (prefixes.target_counts == 1).all()
    assert (prefixes.lengths <= N).all()
    assert (
        Segments(reads="examples").rows(tiny, N).stop.tolist()
        == LastItem().rows(tiny, N).stop.tolist()
    )
    sequences = Segments(reads="sequences").rows(tiny, N)
    assert sequences.target_counts.sum() == sum(end - start for start, end in spans)
    assert len(sequences) < len(prefixes) / 3


@pytest.mark.parametrize("reads", ["prefixes", "examples", "sequences"])
def test_the_row_has_gaps_and_the_last_item_is_one_if_it_should(reads: str, tiny: Dataset) -> None:
    """MASK where a target is, the item elsewhere; the last always or as often as any other."""
    rows, batch = drawn(Segments(reads=reads), tiny)  # type: ignore[arg-type]
    gaps = batch.targets != 0
    assert torch.equal(gaps, batch.items == MASK)
    assert gaps.gather(1, batch.read[:, None]).all()
    assert torch.equal(
        torch.where(gaps, batch.targets, batch.items)[0, 0], tiny.items[rows.start[0]]
    )
    _, batch = drawn(Segments(reads=reads, hide_last=False), tiny)  # type: ignore[arg-type]
    share = (batch.targets.gather(1, batch.read[:, None]) != 0).float().mean().item()
    assert share == pytest.approx(0.2, abs=0.15)


def test_views_are_the_segment_the_rest_and_a_stranger(tiny: Dataset) -> None:
    """Of each row of two items or more: a run of 1 to half its items is hidden, kept, replaced by a
    run from elsewhere.
    """
    rows, batch = drawn(Segments(), tiny)
    long = rows.take(np.flatnonzero(rows.lengths >= 2))
    views = batch.views
    assert list(views) == ["context", "positive", "negative"]
    training = [
        code
        for start, end in pairwise(tiny.offsets.tolist())
        for code in tiny.items[start : end - 2].tolist()
    ]
    runs = {(n, *training[i : i + n]) for n in range(1, N) for i in range(len(training) - n + 1)}
    items = tiny.items.tolist()
    for start, stop, context, positive, negative in zip(
        long.start, long.stop, *map(lists, views.values()), strict=True
    ):
        true = items[start:stop]
        inside = [slot for slot, code in enumerate(context) if code == MASK]
        assert 1 <= len(inside) <= len(true) // 2
        assert inside == list(range(inside[0], inside[-1] + 1))
        assert [code for code in context if code != MASK] == [
            code for slot, code in enumerate(true) if slot not in inside
        ]
        assert positive == [code if slot in inside else MASK for slot, code in enumerate(true)]
        assert [slot for slot, code in enumerate(negative) if code != MASK] == inside
        assert (len(inside), *negative[inside[0] : inside[-1] + 1]) in runs
    assert lists(views["positive"]) != lists(views["negative"])
    for view in views.values():
        assert view.visible == "all"
        assert not view.targets.any()
        assert view.read.tolist() == [length - 1 for length in long.lengths]


def test_a_foreign_segment_brings_its_own_behaviours(tiny: Dataset) -> None:
    """Rating is tied to item in these data: in every view it still is, and what is hidden has
    none.
    """
    data = replace(tiny, behaviours={"rating": tiny.items % 5 + 1})
    _, batch = drawn(Segments(), data)
    for view in (batch, *batch.views.values()):
        shown = (view.items != 0) & (view.items != MASK)
        assert torch.equal(view.behaviours["rating"], torch.where(shown, view.items % 5 + 1, 0))


@pytest.mark.parametrize("negatives", ["training", "everything", "batch"])
def test_strangers_come_from_where_they_should(negatives: Foreign, tiny: Dataset) -> None:
    """Held-out items appear in `everything` alone; `batch` knows only the rows of the step."""
    items = tiny.items.clone()
    held_out = torch.cat([tiny.offsets[1:] - 1, tiny.offsets[1:] - 2])
    items[:] = 1 + torch.arange(len(items)) % 20
    items[held_out] = builders.ITEMS
    first = slice(int(tiny.offsets[-2]), int(tiny.offsets[-1]) - 2)
    items[first] = 30
    data = replace(tiny, items=items)
    torch.manual_seed(0)
    task = Segments(negatives=negatives)
    rows = task.rows(data, N)
    batch = task.batch(data, rows.take(np.flatnonzero(rows.user == data.user_count)), N)
    seen = set(batch.views["negative"].items.flatten().tolist()) - {0, MASK}
    assert (builders.ITEMS in seen) == (negatives == "everything")
    assert (seen == {30}) == (negatives == "batch")


def test_rows_of_one_item_have_no_views(tiny: Dataset) -> None:
    """They are left out of the views; a step of such rows alone has none."""
    task = Segments()
    rows = task.rows(tiny, N)
    short = rows.take(np.flatnonzero(rows.lengths == 1))
    assert len(short)
    assert task.batch(tiny, short, N).views == {}


def test_positions_may_be_counted_from_the_right(tiny: Dataset) -> None:
    """In every view the last item then has n - 1, whatever the length; by default the first has
    0.
    """
    for how, last in (("forward", None), ("right", N - 1)):
        _, batch = drawn(Segments(counted=how), tiny)  # type: ignore[arg-type]
        for view in (batch, *batch.views.values()):
            code = view.behaviours["position"].gather(1, view.read[:, None]).squeeze(1)
            assert code.tolist() == ([last] * len(code) if last else (view.read).tolist())


def test_segments_are_drawn_uniformly() -> None:
    """Of eight items: lengths 1 to 4 and, given the length, every place alike; numbers below a
    limit alike too.
    """
    torch.manual_seed(0)
    first, length = draw_segments(torch.full((20_000,), 8))
    for n in range(1, 5):
        of_length = first[length == n]
        assert len(of_length) / 20_000 == pytest.approx(1 / 4, abs=0.02)
        shares = torch.bincount(of_length, minlength=9 - n).double() / len(of_length)
        assert shares.tolist() == pytest.approx([1 / (9 - n)] * (9 - n), abs=0.03)
    assert set(
        draw_below(torch.tensor([1, 2, 3]).repeat(200)).view(200, 3).amax(dim=0).tolist()
    ) == {0, 1, 2}


def test_views_follow_torchs_generator(tiny: Dataset) -> None:
    """One seed, one set of views; another seed, others."""
    first, again, other = (
        drawn(Segments(), tiny, seed)[1].views["negative"].items for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_ratio_that_is_none_is_refused() -> None:
    """The message names it."""
    with pytest.raises(SirecError, match="mask_ratio"):
        Segments(mask_ratio=0.0)
