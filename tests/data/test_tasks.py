"""What training may read and predict."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import tiny as builders
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sirec.core.transformer import TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.split import HeldOutPart
from sirec.data.tasks.base import Task
from sirec.data.tasks.next_item import LastItem, NextItem
from sirec.data.tasks.rows import (
    Composition,
    SequenceRows,
    deal,
    evaluation_rows,
    gather,
    training_items,
)

EXACT, WINDOWS, LAST = (
    NextItem(long_histories="exact"),
    NextItem(long_histories="windows"),
    LastItem(),
)
TASKS: dict[str, Task] = {"exact": EXACT, "windows": WINDOWS, "last_item": LAST}
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
each_composition = pytest.mark.parametrize("composition", ["random", "pools"])
N = builders.WINDOW


def reads(rows: SequenceRows) -> dict[int, list[int]]:
    """Index of a target in the compressed rows -> indices of the history it is predicted from (one
    list a prediction).
    """
    found: dict[int, list[int]] = {}
    for start, stop, first in zip(rows.start, rows.stop, rows.first, strict=True):
        for last in range(first, stop):
            assert last + 1 not in found, "predicted twice"
            found[last + 1] = list(range(start, last + 1))
    return found


def training_targets(data: Dataset) -> dict[int, int]:
    """Index of each target that leave-one-out trains on -> index of its user's first
    interaction.
    """
    spans = pairwise(data.offsets.tolist())
    return {index: start for start, end in spans for index in range(start + 1, end - 2)}


@each_task
def test_every_training_target_is_predicted_once_from_its_own_past(
    task: Task, tiny: Dataset
) -> None:
    """v_2 to v_{m-2} of each user, each once; the history ends right before the target and stays
    within user and window.
    """
    found, expected = reads(task.rows(tiny, N)), training_targets(tiny)
    assert found.keys() == expected.keys()
    assert len(found) == len(tiny.items) - 3 * tiny.user_count
    for target, history in found.items():
        whole = range(expected[target], target)
        assert history[-1] == target - 1
        assert len(history) <= N
        assert history == list(whole[-len(history) :])
        if len(whole) <= N:
            assert len(history) == len(whole)
        elif task is WINDOWS:
            assert len(history) >= N / 2
        else:
            assert len(history) == N


@given(st.lists(st.integers(3, 40), min_size=1, max_size=8), st.integers(1, 15))
@settings(deadline=None)
def test_targets_are_covered_whatever_the_window(lengths: list[int], window: int) -> None:
    """For any users and any window: each target once, at least half a window of context, no row
    beyond the window.
    """
    data = builders.dataset(lengths)
    expected = training_targets(data)
    for task in TASKS.values():
        rows = task.rows(data, window)
        found = reads(rows)
        assert found.keys() == expected.keys()
        assert rows.target_counts.sum() == sum(lengths) - 3 * len(lengths)
        assert (rows.lengths <= window).all()
        for target, history in found.items():
            assert len(history) >= min(target - expected[target], window / 2)


def test_rows_are_as_few_as_the_task_promises(tiny: Dataset) -> None:
    """One row a user with a target, one more per target beyond the window (exact) or per half
    window; one a target.
    """
    counts = tiny.lengths.numpy() - 3
    assert (counts == 0).any()
    beyond = np.maximum(counts - N, 0)
    assert len(EXACT.rows(tiny, N)) == (counts > 0).sum() + beyond.sum()
    assert len(WINDOWS.rows(tiny, N)) == (counts > 0).sum() + np.ceil(beyond / (N // 2)).sum()
    assert len(LAST.rows(tiny, N)) == counts.sum()
    assert len(WINDOWS.rows(tiny, N)) < len(EXACT.rows(tiny, N))


@each_task
@each_composition
@pytest.mark.parametrize("budget", [1, 7, 50, 10_000])
def test_an_epoch_deals_every_row_once(
    task: Task, composition: Composition, budget: int, tiny: Dataset
) -> None:
    """A permutation of the rows, cut into steps of `budget` targets on average; exactly so where a
    row has one target.
    """
    rows = task.rows(tiny, N)
    steps = list(deal(rows, budget, composition, np.random.default_rng(0)))
    assert sorted(np.concatenate(steps)) == list(range(len(rows)))
    total, largest = int(rows.target_counts.sum()), int(rows.target_counts.max())
    sizes = np.array([rows.target_counts[step].sum() for step in steps])
    assert sizes.min() > 0
    assert sizes.max() < budget + largest
    assert len(steps) <= math.ceil(total / budget)
    if task is LAST:
        assert len(steps) == math.ceil(total / budget)
        assert sorted(sizes)[1:] == [budget] * (len(steps) - 1) or len(steps) == 1
    elif budget >= largest:
        assert len(steps) >= math.ceil(total / budget) - 1
        assert abs(total / len(steps) - budget) < budget / 2 or len(steps) < 3


@each_composition
def test_dealing_follows_its_generator(composition: Composition, tiny: Dataset) -> None:
    """One seed, one order; another seed, another order."""
    rows = EXACT.rows(tiny, N)
    first, again, other = (
        list(deal(rows, 20, composition, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert np.concatenate(first).tolist() != np.concatenate(other).tolist()


def test_pools_hold_rows_of_similar_length() -> None:
    """Within a step of a pool lengths differ less than within a step of random rows."""
    data = builders.dataset([*range(4, 54)] * 8)
    rows = LAST.rows(data, 50)

    def spread(composition: Composition) -> float:
        return float(
            np.mean(
                [
                    np.ptp(rows.lengths[step])
                    for step in deal(rows, 64, composition, np.random.default_rng(0))
                ]
            )
        )

    assert spread("pools") < spread("random") / 4


@each_task
def test_gathered_batches_hold_what_their_rows_say(task: Task, tiny: Dataset) -> None:
    """Items, ratings, positions and targets of a batch, slot by slot, are those of the compressed
    rows.
    """
    rows = task.rows(tiny, N)
    batch = gather(tiny, rows, task.visible)
    items, ratings = tiny.items.tolist(), tiny.behaviours["rating"].tolist()
    assert batch.items.shape == (len(rows), rows.lengths.max())
    for row, (start, stop, first) in enumerate(zip(rows.start, rows.stop, rows.first, strict=True)):
        read = range(start, stop)
        empty = [0] * (batch.items.shape[1] - len(read))
        assert batch.items[row].tolist() == [*(items[i] for i in read), *empty]
        assert batch.behaviours["rating"][row].tolist() == [*(ratings[i] for i in read), *empty]
        assert batch.targets[row].tolist() == [
            *(items[i + 1] if i >= first else 0 for i in read),
            *empty,
        ]
        assert batch.read[row] == batch.lengths[row] - 1 == len(read) - 1
        assert tiny.offsets[batch.users[row] - 1] <= start < stop < tiny.offsets[batch.users[row]]
    assert torch.equal(
        batch.behaviours["position"], torch.arange(batch.items.shape[1]).expand(len(rows), -1)
    )
    assert len(batch.target_items) == len(tiny.items) - 3 * tiny.user_count


def test_position_can_be_left_out(tiny: Dataset) -> None:
    """A batch without position has the stored behaviours only."""
    assert set(gather(tiny, LAST.rows(tiny, N), with_position=False).behaviours) == {"rating"}


@pytest.mark.parametrize(("part", "back"), [("valid", 2), ("test", 1)])
def test_evaluation_predicts_the_held_out_interaction(
    part: HeldOutPart, back: int, tiny: Dataset
) -> None:
    """One row a user, in order: the last interactions before the held-out one, and that one as the
    only target.
    """
    rows = evaluation_rows(tiny, part, N)
    batch = gather(tiny, rows)
    assert batch.users.tolist() == list(range(1, tiny.user_count + 1))
    held_out = tiny.offsets[1:] - back
    assert (
        batch.targets.gather(1, batch.read[:, None]).squeeze(1).tolist()
        == tiny.items[held_out].tolist()
    )
    assert (batch.targets != 0).sum() == tiny.user_count
    assert batch.lengths.tolist() == np.minimum(tiny.lengths.numpy() - back, N).tolist()
    last = batch.items.gather(1, batch.read[:, None]).squeeze(1)
    assert last.tolist() == tiny.items[held_out - 1].tolist()


def marked(data: Dataset) -> tuple[Dataset, int]:
    """The same data with a code of its own for every held-out interaction: the first such code."""
    first = data.item_codes
    items = data.items.clone()
    for back in (1, 2):
        items[data.offsets[1:] - back] = first
    return replace(data, items=items), first


def seen_in_training(data: Dataset) -> set[int]:
    seen: set[int] = set(training_items(data)[1].tolist())
    for task in TASKS.values():
        batch = gather(data, task.rows(data, N))
        seen |= set(batch.items.flatten().tolist()) | set(batch.targets.flatten().tolist())
    return seen


def test_training_never_sees_what_is_held_out(tiny: Dataset) -> None:
    """No row of any task, and no count of a floor, holds a held-out item; a split that is off by
    one is caught.
    """
    data, code = marked(tiny)
    assert code not in seen_in_training(data)
    assert code in set(
        gather(data, evaluation_rows(data, "test", N)).items.flatten().tolist()
    )  # history of test: validation
    late = replace(data.held_out, train_stop=data.held_out.train_stop + 1)
    assert code in seen_in_training(replace(data, cut=late))  # control


def test_floors_count_the_training_part(tiny: Dataset) -> None:
    """The training part is every interaction but each user's last two, in order, with its user."""
    users, items = training_items(tiny)
    spans = list(pairwise(tiny.offsets.tolist()))
    assert items.tolist() == [
        code for start, end in spans for code in tiny.items[start : end - 2].tolist()
    ]
    assert users.tolist() == [
        user for user, (start, end) in enumerate(spans, start=1) for _ in range(start, end - 2)
    ]


CAUSAL = {
    f"{attribute}-{behaviour}-{fusion}": TransformerConfig(
        **builders.SHAPE,
        attribute=attribute,
        behaviour=behaviour,
        score_fusion=fusion,
        query_key_fusion="gate",
    )
    for (attribute, behaviour), fusion in product(
        [
            ("none", "embedding"),
            ("query_key", "query_key"),
            ("attention", "attention"),
            ("embedding", "attention"),
        ],
        builders.FUSIONS,
    )
}


def summed_loss(config: TransformerConfig, task: Task, data: Dataset, schema: Schema) -> float:
    """Evaluation-mode cross-entropy of every training target, added up."""
    model = builders.build(config, schema)
    total = 0.0
    with torch.no_grad():
        for step in deal(task.rows(data, N), 40, "random", np.random.default_rng(0)):
            batch = gather(data, task.rows(data, N).take(step))
            logits = model.score(model.encode(batch).at(batch.target_slots), model.item_table())
            total += float(
                torch.nn.functional.cross_entropy(
                    logits[:, 1:].double(), batch.target_items - 1, reduction="sum"
                )
            )
    return total


@pytest.mark.parametrize("config", CAUSAL.values(), ids=CAUSAL)
def test_both_tasks_have_one_loss(config: TransformerConfig, tiny: Dataset, schema: Schema) -> None:
    """All positions at once sum to the loss of one prefix at a time, users beyond the window
    included; `windows` does not.
    """
    assert (tiny.lengths - 3 > N).any()
    last = summed_loss(config, LAST, tiny, schema)
    assert summed_loss(config, EXACT, tiny, schema) == pytest.approx(last, rel=1e-6)
    assert summed_loss(config, WINDOWS, tiny, schema) != pytest.approx(
        last, rel=1e-6
    )  # control: less context


def test_reference_forms_have_another_loss_at_all_positions(tiny: Dataset, schema: Schema) -> None:
    """The control of legality: where rows read later keys, all positions at once are another loss
    than prefixes.
    """
    config = replace(CAUSAL["attention-attention-concat"], fusion_form="reference")
    assert summed_loss(config, EXACT, tiny, schema) != pytest.approx(
        summed_loss(config, LAST, tiny, schema), rel=1e-3
    )
