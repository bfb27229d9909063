"""Rows with gaps."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.data.tasks.base import Task
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.cloze import Cloze
from sirec.data.tasks.next_item import LastItem, NextItem
from sirec.data.tasks.rows import SequenceRows, deal
from sirec.data.tasks.segments import Segments
from sirec.errors import SirecError

N = builders.WINDOW
TASKS = {"sequences": Cloze(), "prefixes": Cloze(prefixes=True)}
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def drawn(task: Cloze, data: Dataset, seed: int = 0) -> tuple[SequenceRows, Batch]:
    """All rows of a task as one batch."""
    torch.manual_seed(seed)
    rows = task.rows(data, N)
    return rows, task.batch(data, rows, N)


@each_task
def test_a_gap_holds_mask_and_asks_for_what_it_hides(task: Cloze, tiny: Dataset) -> None:
    """Slot by slot: the item and no target, or MASK with the item as target; empty slots have
    neither; all is visible.
    """
    rows, batch = drawn(task, tiny)
    items = tiny.items.tolist()
    assert batch.visible == "all"
    for row, (start, stop) in enumerate(zip(rows.start, rows.stop, strict=True)):
        shown, targets = batch.items[row].tolist(), batch.targets[row].tolist()
        for slot, index in enumerate(range(start, stop)):
            assert (shown[slot], targets[slot]) in {
                (items[index], 0),
                (tiny.item_codes, items[index]),
            }
        assert not any(shown[stop - start :])
        assert not any(targets[stop - start :])
    assert (batch.targets != 0).any()
    assert (batch.targets[builders.real(batch)] == 0).any()


@each_task
def test_behaviours_of_a_hidden_interaction_are_hidden_but_position(
    task: Cloze, tiny: Dataset
) -> None:
    """A rating would belong to the answer; where the gap lies is the question."""
    _, batch = drawn(task, tiny)
    gaps = batch.targets != 0
    rating = batch.behaviours["rating"]
    assert not rating[gaps].any()
    assert (rating[builders.real(batch) & ~gaps] > 0).all()  # control
    assert torch.equal(
        batch.behaviours["position"],
        torch.arange(batch.items.shape[1]).expand(len(batch.items), -1),
    )


def test_whole_sequences_can_hide_each_training_item_exactly_once(tiny: Dataset) -> None:
    """Slots that may be hidden are the training interactions of users with two of them, the last
    one among them, each once.
    """
    rows = Cloze().rows(tiny, N)
    spans = [
        (start, end - 2) for start, end in pairwise(tiny.offsets.tolist()) if end - 2 - start >= 2
    ]
    countable = [
        index
        for first, stop in zip(rows.first, rows.stop, strict=True)
        for index in range(first, stop)
    ]
    assert sorted(countable) == [index for span in spans for index in range(*span)]
    assert (rows.lengths <= N).all()
    assert (
        (rows.lengths == N).sum() > (rows.first > rows.start).sum() > 0
    )  # windows beyond the first read what was before
    everything = Cloze(mask_ratio=1.0, last_ratio=0.0)
    _, batch = drawn(everything, tiny)
    assert torch.equal((batch.targets != 0).sum(dim=1), torch.from_numpy(rows.target_counts))


def test_prefixes_are_the_histories_of_prefix_examples(tiny: Dataset) -> None:
    """As `last_item` reads them: an example's own target is never shown and never hidden."""
    ours, theirs = TASKS["prefixes"].rows(tiny, N), LastItem().rows(tiny, N)
    for name in ("user", "start", "stop", "first"):
        assert getattr(ours, name).tolist() == getattr(theirs, name).tolist()


def marked(data: Dataset, back: int) -> tuple[Dataset, int]:
    """The same data with one further item, each user's last but `back`: its code."""
    items = data.items.clone()
    items[data.offsets[1:] - 1 - back] = builders.ITEMS
    others = items == builders.ITEMS
    others[data.offsets[1:] - 1 - back] = False
    items[others] = 1
    return replace(data, items=items), builders.ITEMS


@each_task
@pytest.mark.parametrize("back", [0, 1, 2, 3])
def test_held_out_items_are_neither_shown_nor_asked_for(
    task: Cloze, back: int, tiny: Dataset
) -> None:
    """Test and validation items never appear; the last training item does in whole sequences and
    does not in prefixes.
    """
    data, code = marked(tiny, back)
    _, batch = drawn(replace(task, mask_ratio=0.5), data)
    seen = set(batch.items.flatten().tolist()) | set(batch.targets.flatten().tolist())
    assert (code in seen) == {0: False, 1: False, 2: not task.prefixes, 3: True}[back]


def test_nothing_beyond_the_training_part_is_even_looked_at(tiny: Dataset) -> None:
    """Data that end with the training part give the same batch: no target is read from the
    interaction after a row.
    """
    last = int(tiny.offsets[-1])
    torch.manual_seed(0)
    rows = Cloze().rows(tiny, N)
    of_last_user = rows.take(np.flatnonzero(rows.user == tiny.user_count))
    cut = replace(
        tiny,
        items=tiny.items[: last - 2],
        behaviours={k: v[: last - 2] for k, v in tiny.behaviours.items()},
    )
    assert of_last_user.stop.max() == last - 2
    assert (Cloze().batch(cut, of_last_user, N).targets != 0).any()


def test_each_item_is_hidden_as_often_as_the_ratio_says() -> None:
    """Independently with that probability; where none of a row was drawn, one is hidden all the
    same.
    """
    data = builders.dataset([10] * 3000)
    for ratio in (0.2, 0.6):
        _, batch = drawn(Cloze(mask_ratio=ratio, last_ratio=0.0), data)
        gaps = (batch.targets != 0).float()
        expected = ratio + (1 - ratio) ** 8 / 8
        assert gaps.shape == (3000, 8)
        assert gaps.sum(dim=1).min() == 1
        assert gaps.mean(dim=0).tolist() == pytest.approx([expected] * 8, abs=0.04)
        _, batch = drawn(Cloze(mask_ratio=ratio, prefixes=True, last_ratio=0.0), data)
        rows = batch.lengths == 7
        assert (batch.targets != 0).float()[rows, :7].mean().item() == pytest.approx(
            ratio, abs=0.02
        )
        without = ((batch.targets == 0).all(dim=1))[rows].float().mean().item()
        assert without == pytest.approx((1 - ratio) ** 7, abs=0.03)


def test_a_share_of_rows_hides_the_last_item_alone() -> None:
    """With share 1 each row; with a share of a half about half of the rows beside those that draw
    it by chance; with 0 few.
    """
    data = builders.dataset([13] * 1000)
    alone = {}
    for share in (0.0, 0.5, 1.0):
        _, batch = drawn(Cloze(mask_ratio=0.5, last_ratio=share), data)
        gaps = batch.targets != 0
        only = gaps.sum(dim=1) == 1
        alone[share] = (only & gaps.gather(1, batch.read[:, None]).squeeze(1)).float().mean().item()
    assert alone[1.0] == 1.0
    assert alone[0.5] == pytest.approx(0.5, abs=0.06)
    assert alone[0.0] < 0.02


def test_no_step_is_without_a_gap(tiny: Dataset) -> None:
    """Prefixes of one item at a tiny ratio: a step of them would otherwise have nothing to learn
    from.
    """
    task = Cloze(mask_ratio=1e-9, last_ratio=0.0, prefixes=True)
    rows = task.rows(tiny, N)
    short = rows.take(np.flatnonzero(rows.lengths == 1)[:3])
    for seed in range(3):
        torch.manual_seed(seed)
        assert (task.batch(tiny, short, N).targets != 0).any()


@each_task
def test_an_epoch_has_as_many_steps_as_another_task(task: Cloze, tiny: Dataset) -> None:
    """A budget counts interactions to learn from: prefixes as `last_item` has them, slots about as
    `next_item` has targets.
    """
    rows = task.rows(tiny, N)
    steps = len(list(deal(rows, 50, "random", np.random.default_rng(0))))
    others = NextItem().rows(tiny, N).target_counts.sum()
    assert steps <= math.ceil(rows.target_counts.sum() / 50)
    assert rows.target_counts.sum() - others == (
        0 if task.prefixes else len(set(rows.user.tolist()))
    )


@each_task
def test_gaps_follow_torchs_generator(task: Cloze, tiny: Dataset) -> None:
    """One seed, one batch; another seed, other gaps."""
    first, again, other = (drawn(task, tiny, seed)[1].items for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    "wrong", [{"mask_ratio": 0.0}, {"mask_ratio": 1.2}, {"last_ratio": -0.1}, {"last_ratio": 1.5}]
)
def test_ratios_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    """The message names the ratio."""
    with pytest.raises(SirecError, match=next(iter(wrong))):
        Cloze(**wrong)


@pytest.mark.parametrize(
    "task",
    [*TASKS.values(), *(Segments(reads=reads) for reads in ("prefixes", "examples", "sequences"))],
)
def test_rows_keep_to_the_training_part_of_any_split(task: Task, tiny: Dataset) -> None:
    """Under a temporal split no row reads beyond its user's training part; leave-one-out's rows
    would (control).
    """
    data = builders.split(tiny)
    stops = data.held_out.train_stop[task.rows(data, N).user - 1]
    assert (torch.from_numpy(task.rows(data, N).stop) <= stops).all()
    others = task.rows(tiny, N)
    assert (torch.from_numpy(others.stop) > data.held_out.train_stop[others.user - 1]).any()
