"""Full ranking of a split: every user's target among all items, block by block.

Memory is bounded by the block (users × items scores), not by users × items of the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.split import PARTS, HeldOutPart
from sirec.data.tasks.rows import evaluation_rows, gather
from sirec.evaluation.ranks import RankedBlock, RankTable, rank_block

BLOCK_SCORES = 1 << 23  # scores of one block: 32 MB in fp32,
MOST_SCORES = (
    1 << 27
)  # and 512 MB where a catalogue is so large that otherwise few users would share a reading of its table
FEWEST_USERS = 64  # who should share it
BLOCK_SLOTS = (
    1 << 16
)  # of histories in one block, so that long windows of a small catalogue do not fill the memory
OnUsers = Callable[[int, int], None]  # users ranked, users to be ranked
EVERYBODY = slice(None)


def evaluate(
    model: Recommender, data: Dataset, max_length: int, on_users: OnUsers | None = None
) -> RankTable:
    """Ranks of both splits, history kept and masked; the model is left in evaluation mode."""
    return RankTable.from_blocks(
        {part: [rank_split(model, data, part, max_length, on_users)] for part in PARTS}
    )


@torch.inference_mode()
def rank_split(
    model: Recommender,
    data: Dataset,
    part: HeldOutPart,
    max_length: int,
    on_users: OnUsers | None = None,
    some: slice = EVERYBODY,
) -> RankedBlock:
    """Doubled ranks of one part, users 1..U in order; 0 for a user without a target there.

    With `some` of those who have one, in order of length, the others are 0 too: what several
    processes ranked adds up.
    """
    model.eval()
    rows = evaluation_rows(data, part, max_length)
    order = np.argsort(rows.lengths, kind="stable")[some]  # rows of similar length share a block
    nobody = torch.zeros(data.user_count, dtype=torch.long, device=data.items.device)
    ranked, done = RankedBlock(nobody, nobody.clone(), nobody.bool()), 0
    prepared = model.prepared()
    for chosen in _blocks(order, rows.lengths[order], _most_users(data.item_codes)):
        batch = gather(data, rows.take(chosen))
        targets = batch.targets.gather(1, batch.read[:, None]).squeeze(1)
        found = rank_block(
            model.scores(batch, prepared).float(),
            targets,
            full_histories(data, part, rows.user[chosen] - 1),
        )
        for column, values in zip(ranked, found, strict=True):
            column.index_copy_(0, batch.users - 1, values)
        done += len(chosen)
        if on_users:
            on_users(done, len(order))
    return ranked


def _most_users(items: int) -> int:
    """Of one block."""
    return max(BLOCK_SCORES // items, min(FEWEST_USERS, MOST_SCORES // items), 1)


def _blocks(users: np.ndarray, lengths: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """`users` in pieces of at most `most`, and of `BLOCK_SLOTS` slots; their `lengths` ascend."""
    first = 0
    while first < len(users):
        last = min(first + most, len(users))
        while last - first > 1 and (last - first) * lengths[last - 1] > BLOCK_SLOTS:
            last = first + max(1, min(last - first - 1, BLOCK_SLOTS // lengths[last - 1]))
        yield users[first:last]
        first = last


def full_histories(data: Dataset, part: HeldOutPart, users: np.ndarray) -> Tensor:
    """Long[B, H]: all that each user (0-based, with a target) had before the part's target, past
    the window too, 0-padded.
    """
    start, stop = (
        bounds.cpu().numpy()[users] for bounds in (data.offsets, data.held_out.targets[part])
    )
    slots = np.arange(int((stop - start).max()))
    real = slots < (stop - start)[:, None]
    source = torch.from_numpy(np.where(real, start[:, None] + slots, 0)).to(data.items.device)
    return data.items[source] * torch.from_numpy(real).to(data.items.device)
