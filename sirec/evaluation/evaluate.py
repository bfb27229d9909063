"""Full ranking of a split: every user's target among all items, block by block.

Memory is bounded by the block (users × items scores), not by users × items of the data set.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.tasks import HELD_OUT, Split, evaluation_rows, gather
from sirec.evaluation.ranks import SPLITS, RankedBlock, RankTable, rank_block

BLOCK_SCORES = 1 << 23  # scores of one block: 32 MB in fp32, whatever the catalogue
OnUsers = Callable[[int, int], None]  # users ranked, users in all


def evaluate(model: Recommender, data: Dataset, max_length: int, on_users: OnUsers | None = None) -> RankTable:
    """Ranks of both splits, history kept and masked; the model is left in evaluation mode."""
    return RankTable.from_blocks({split: [rank_split(model, data, split, max_length, on_users)] for split in SPLITS})


@torch.inference_mode()
def rank_split(
    model: Recommender, data: Dataset, split: Split, max_length: int, on_users: OnUsers | None = None
) -> RankedBlock:
    """Doubled ranks of one split, users in order."""
    model.eval()
    rows = evaluation_rows(data, split, max_length)
    order = np.argsort(rows.lengths, kind="stable")  # rows of similar length share a block
    block = max(1, BLOCK_SCORES // data.item_codes)
    parts, done = [], 0
    for chosen in np.array_split(order, max(1, int(np.ceil(len(order) / block)))):
        batch = gather(data, rows.take(chosen))
        targets = batch.targets.gather(1, batch.read[:, None]).squeeze(1)
        parts.append(rank_block(model.scores(batch).float(), targets, full_histories(data, split, chosen)))
        done += len(chosen)
        if on_users:
            on_users(done, len(order))
    back = torch.from_numpy(np.argsort(order)).to(data.items.device)
    return RankedBlock(*(torch.cat(column)[back] for column in zip(*parts, strict=True)))


def full_histories(data: Dataset, split: Split, users: np.ndarray) -> Tensor:
    """Long[B, H]: everything each user (0-based) had before the split's target, beyond the window too, padded with 0."""
    offsets = data.offsets.cpu().numpy()
    start, stop = offsets[users], offsets[users + 1] - (1 if split == "test" else HELD_OUT)
    slots = np.arange(int((stop - start).max()))
    real = slots < (stop - start)[:, None]
    source = torch.from_numpy(np.where(real, start[:, None] + slots, 0)).to(data.items.device)
    return data.items[source] * torch.from_numpy(real).to(data.items.device)
