"""Full ranking by blocks is full ranking."""

from __future__ import annotations

import numpy as np
import pytest
import tiny as builders
import torch
from torch import Tensor

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.split import NO_TARGET, PARTS
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import evaluation_rows, gather
from sirec.evaluation import full_ranking as module
from sirec.evaluation.full_ranking import HistorySpans, evaluate, full_histories, rank_split
from sirec.models import MODELS


class Drawn(Recommender):
    """Scores drawn once for every user, so that a loop can rank them too."""

    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer(
            "table", torch.randint(0, 9, (users + 1, items), generator=generator).float()
        )

    def scores(self, batch: Batch, prepared: Tensor | None = None) -> Tensor:
        return self.get_buffer("table")[batch.users]


@pytest.mark.parametrize("block", [1, 200, 1 << 20])
def test_ranks_equal_a_loop_over_users(
    tiny: Dataset, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of a block: 2 + 2·#greater + #ties among allowed items, users in order,
    ties included.
    """
    monkeypatch.setattr(module, "BLOCK_SCORES", block)
    monkeypatch.setattr(module, "FEWEST_USERS", 1)
    model = Drawn(tiny.user_count, tiny.item_codes)
    table = evaluate(model, tiny, max_length=5)
    bounds = tiny.offsets.tolist()
    for split, back in (("valid", 2), ("test", 1)):
        for user in range(tiny.user_count):
            sequence = tiny.items[bounds[user] : bounds[user + 1]].tolist()
            target, history = sequence[-back], set(sequence[:-back])
            scores = model.get_buffer("table")[user + 1].tolist()
            others = [item for item in range(1, tiny.item_codes) if item != target]
            keep = 2 + sum(
                2 * (scores[i] > scores[target]) + (scores[i] == scores[target]) for i in others
            )
            assert table.ranks[split]["keep"][user] == keep
            if target not in history:
                allowed = [item for item in others if item not in history]
                mask = 2 + sum(
                    2 * (scores[i] > scores[target]) + (scores[i] == scores[target])
                    for i in allowed
                )
                assert table.ranks[split]["mask"][user] == mask
    assert not np.array_equal(
        table.ranks["test"]["keep"], table.ranks["test"]["mask"]
    )  # control: masking matters here


@pytest.mark.parametrize("block", [1, 200, 1 << 20])
def test_only_users_with_a_target_are_ranked(
    tiny: Dataset, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a temporal split: rank and tie of each target by a loop, everything before it masked; 0
    for all other users.
    """
    monkeypatch.setattr(module, "BLOCK_SCORES", block)
    monkeypatch.setattr(module, "FEWEST_USERS", 1)
    data = builders.split(tiny)
    model = Drawn(data.user_count, data.item_codes)
    table = evaluate(model, data, max_length=5)
    for part in PARTS:
        ties = []
        for user, (place, begin) in enumerate(
            zip(data.held_out.targets[part].tolist(), data.offsets.tolist(), strict=False)
        ):
            found = [int(table.ranks[part][rule][user]) for rule in ("keep", "mask")]
            if place == NO_TARGET:
                assert found == [0, 0]
                continue
            target, history = int(data.items[place]), set(data.items[begin:place].tolist())
            scores = model.get_buffer("table")[user + 1].tolist()
            others = [item for item in range(1, data.item_codes) if item != target]
            rivals = [others, [item for item in others if item not in history]]
            expected = [
                2
                + sum(
                    2 * (scores[i] > scores[target]) + (scores[i] == scores[target]) for i in some
                )
                for some in rivals
            ]
            assert found[0] == expected[0]
            assert target in history or found[1] == expected[1]
            ties.append(any(scores[i] == scores[target] for i in others))
        assert 0 < len(ties) < data.user_count  # control: there are users of both kinds
        assert table.ties[part] == pytest.approx(np.mean(ties))


def test_a_model_never_sees_the_target_it_is_ranked_on(tiny: Dataset, schema: Schema) -> None:
    """The batch of a split ends before the split's target; what follows it may change without any
    effect.
    """
    model = MODELS["sasrec"]().build(schema).eval()
    rows = evaluation_rows(tiny, "valid", schema.max_length)
    changed = tiny.items.clone()
    changed[tiny.offsets[1:] - 1] = 1  # the test targets
    other = Dataset(tiny.name, tiny.offsets, changed, tiny.fields, tiny.behaviours)
    with torch.inference_mode():
        assert torch.equal(model.scores(gather(tiny, rows)), model.scores(gather(other, rows)))
        test = evaluation_rows(tiny, "test", schema.max_length)
        changed[tiny.offsets[1:] - 2] = (
            1  # control: the validation target is part of test's history
        )
        assert not torch.equal(model.scores(gather(tiny, test)), model.scores(gather(other, test)))


def test_masking_reaches_beyond_the_window(tiny: Dataset) -> None:
    """The whole history is masked, not only what the model's window holds."""
    longest = int(tiny.lengths.argmax())
    history = full_histories(tiny, HistorySpans.of(tiny, "test").take(np.array([longest])))[
        0
    ].tolist()
    start, stop = tiny.offsets[longest].item(), tiny.offsets[longest + 1].item()
    assert history == tiny.items[start : stop - 1].tolist()
    assert len(history) > 12


@pytest.mark.parametrize("slots", [1, 7, 40, 1 << 20])
@pytest.mark.parametrize("most", [1, 3, 100])
def test_blocks_hold_all_users_within_both_bounds(
    slots: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody once, in order; no block has more users, or (but for a lone user) more slots than
    it may.
    """
    monkeypatch.setattr(module, "BLOCK_SLOTS", slots)
    users, lengths = np.arange(20)[::-1], np.sort(np.random.default_rng(0).integers(1, 12, 20))
    monkeypatch.setattr(module, "_most_users", lambda items: most)
    blocks = list(module.length_blocks(users, lengths, 1))
    assert np.concatenate(blocks).tolist() == users.tolist()
    for block in blocks:
        assert len(block) <= most
        assert len(block) == 1 or len(block) * lengths[19 - block[-1]] <= slots
    assert len(blocks) == 1 or min(most, slots) < 240  # control: without bounds there is one


def test_what_blocks_have_in_common_is_made_once(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """COMIF fuses its item table once for a ranking, however many blocks there are."""
    monkeypatch.setattr(module, "BLOCK_SCORES", tiny.item_codes)
    monkeypatch.setattr(module, "FEWEST_USERS", 1)
    model = builders.sized(MODELS["comif"](), **builders.SHAPE).build(
        tiny.schema(builders.WINDOW, with_position=True)
    )
    made = []
    table = model.item_table
    monkeypatch.setattr(model, "item_table", lambda: made.append(1) or table())
    alone = rank_split(model, tiny, "test", builders.WINDOW)
    assert len(made) == 1
    monkeypatch.setattr(model, "prepared", lambda: None)
    assert torch.equal(rank_split(model, tiny, "test", builders.WINDOW).keep, alone.keep)
    assert len(made) == 1 + tiny.user_count  # control


@pytest.mark.parametrize(("fewest", "blocks"), [(1, 30), (7, 5), (100, 1)])
def test_a_table_is_not_read_for_next_to_nobody(
    tiny: Dataset, fewest: int, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a block holds the scores of one user by its size, it has as many users as it must at
    least have.
    """
    monkeypatch.setattr(module, "BLOCK_SCORES", tiny.item_codes)
    monkeypatch.setattr(module, "FEWEST_USERS", fewest)
    seen: list[int] = []
    rank_split(
        Drawn(tiny.user_count, tiny.item_codes), tiny, "test", 5, lambda done, _: seen.append(done)
    )
    assert len(seen) == blocks
    assert seen[-1] == tiny.user_count
