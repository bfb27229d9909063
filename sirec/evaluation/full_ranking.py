"""Full ranking: the rank of every user's target among all items, computed in blocks of users.

Memory is bounded by the scores of a block, not by users × items of the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.split import PARTS, HeldOutPart
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.layout import to_device
from sirec.data.tasks.rows import evaluation_rows, gather
from sirec.evaluation.ranks import (
    RankedBlock,
    RankTable,
    check_finite,
    count_block,
    count_unusable,
)

BLOCK_SCORES = 1 << 23  # scores of one block: 32 MB in fp32
# 512 MB for very large catalogues, so that reading the item table pays for enough users.
MOST_SCORES = 1 << 27
FEWEST_USERS = 64  # of a block of a very large catalogue
BLOCK_SLOTS = 1 << 16  # of the histories of a block, which bounds memory for long windows
OnUsers = Callable[[int, int], None]
"""Called with the number of users ranked so far, and of users to be ranked."""
ALL_USERS = slice(None)


def evaluate(
    model: Recommender, data: Dataset, max_length: int, on_users: OnUsers | None = None
) -> RankTable:
    """Rank the targets of validation and test under both history rules.

    Args:
        model: the model, which is left in evaluation mode.
        data: the data in use, on the model's device.
        max_length: the longest history that the model reads.
        on_users: called as users have been ranked.
    """
    blocks: dict[HeldOutPart, list[RankedBlock]] = {}
    for part in PARTS:
        blocks[part] = [rank_split(model, data, part, max_length, on_users)]
    return RankTable.from_blocks(blocks)


@torch.inference_mode()
def rank_split(
    model: Recommender,
    data: Dataset,
    part: HeldOutPart,
    max_length: int,
    on_users: OnUsers | None = None,
    some: slice = ALL_USERS,
) -> RankedBlock:
    """Doubled ranks of the targets of one part.

    Args:
        model: the model, which is left in evaluation mode.
        data: the data in use, on the model's device.
        part: validation or test.
        max_length: the longest history that the model reads.
        on_users: called as users have been ranked.
        some: which of the users with a target to rank, in the order of their history lengths; the
            ranks of all others are 0, so that the ranks of several processes can be summed.

    Returns:
        Ranks Long[U] of users 1..U in order; 0 for a user without a target.
    """
    model.eval()
    rows = evaluation_rows(data, part, max_length)
    order = np.argsort(rows.lengths, kind="stable")[some]  # rows of similar length share a block
    nobody = torch.zeros(data.user_count, dtype=torch.long, device=data.items.device)
    ranked, done = RankedBlock(nobody, nobody.clone(), nobody.bool()), 0
    histories = HistorySpans.of(data, part)
    unusable = torch.zeros((), dtype=torch.long, device=data.items.device)
    prepared = model.prepared()
    for chosen in length_blocks(order, rows.lengths[order], data.item_codes):
        users = rows.user[chosen] - 1
        batch = gather(data, rows.take(chosen))
        history = full_histories(data, histories.take(users))
        found, wrong = rank_batch(model, batch, prepared, history)
        unusable += wrong
        for column, values in zip(ranked, found, strict=True):
            column.index_copy_(0, batch.users - 1, values)
        done += len(chosen)
        if on_users:
            on_users(done, len(order))
    # Looked at once: within a block the host would wait for an accelerator.
    check_finite(int(unusable), len(order))
    return ranked


def rank_batch(
    model: Recommender, batch: Batch, prepared: Tensor | None, history: Tensor
) -> tuple[RankedBlock, Tensor]:
    """Rank the targets of a block of users; nothing is read back from an accelerator.

    Args:
        model: the model.
        batch: B rows, whose last slots have the targets.
        prepared: what the scores of all batches share (`Recommender.prepared`).
        history: Long[B, H], all that the users had before their targets, padded with 0.

    Returns:
        The ranks, and for how many users they mean nothing because a score is not finite, Long[].
    """
    targets = batch.targets.gather(1, batch.read[:, None]).squeeze(1)
    scores = model.scores(batch, prepared).float()
    return count_block(scores, targets, history), count_unusable(scores)


def _most_users(items: int) -> int:
    """How many users a block may have."""
    return max(BLOCK_SCORES // items, min(FEWEST_USERS, MOST_SCORES // items), 1)


def length_blocks(users: np.ndarray, lengths: np.ndarray, items: int) -> Iterator[np.ndarray]:
    """Divide users into blocks that share one pass of a model.

    Args:
        users: int[U], users in the order of their lengths.
        lengths: int[U], the ascending lengths of their histories.
        items: V, item codes that are scored for each.

    Yields:
        Some of `users`, whose scores and slots have bounded sizes.
    """
    most = _most_users(items)
    first = 0
    while first < len(users):
        last = min(first + most, len(users))
        while last - first > 1 and (last - first) * lengths[last - 1] > BLOCK_SLOTS:
            last = first + max(1, min(last - first - 1, BLOCK_SLOTS // lengths[last - 1]))
        yield users[first:last]
        first = last


class HistorySpans(NamedTuple):
    """Which interactions users had before their target, on the host.

    Attributes:
        start: int[U], the first interaction of each user.
        stop: int[U], the target of each user; -1 where there is none.
    """

    start: np.ndarray
    stop: np.ndarray

    @classmethod
    def of(cls, data: Dataset, part: HeldOutPart) -> HistorySpans:
        """The spans of all users before the targets of a part."""
        stop = data.held_out.targets[part].cpu().numpy()
        return cls(data.offsets.cpu().numpy()[:-1], stop)

    def take(self, users: np.ndarray) -> HistorySpans:
        """The spans of `users` int[B], counted from 0."""
        return HistorySpans(self.start[users], self.stop[users])


def full_histories(data: Dataset, spans: HistorySpans) -> Tensor:
    """Everything that users had before their target, however long ago.

    Args:
        data: the data in use.
        spans: of B users, each with a target.

    Returns:
        Long[B, H], item codes padded with 0.
    """
    lengths = (spans.stop - spans.start)[:, None]
    slots = np.arange(int(lengths.max()))
    real = slots < lengths
    device = data.items.device
    source = to_device(np.where(real, spans.start[:, None] + slots, 0), device)
    return data.items[source] * to_device(real, device)
