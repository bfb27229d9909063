"""The items with the highest scores for histories, in blocks of histories.

Letters: B histories of a block, V item codes (0 pads), K items a history, H slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.tasks.layout import to_device
from sirec.data.tasks.rows import SequenceRows, gather
from sirec.evaluation.full_ranking import HistorySpans, OnUsers, full_histories, length_blocks
from sirec.evaluation.ranks import check_finite, count_unusable


@dataclass(frozen=True, eq=False)
class Histories:
    """Histories to recommend for: some users of a data set, or new ones.

    Attributes:
        data: a data set whose interactions are the histories.
        users: int[R], codes of the users in `data`, from 1: the histories.
        known_users: int[R], their codes for the model; 0 for a user whom it was not trained on.
    """

    data: Dataset
    users: np.ndarray
    known_users: np.ndarray

    @classmethod
    def of_users(cls, data: Dataset, users: np.ndarray) -> Histories:
        """All that users of a data set did, held-out interactions included.

        Args:
            data: the data set with the fields that the model reads.
            users: int[R], codes of users.
        """
        return cls(data, users, users)

    @classmethod
    def new(cls, data: Dataset, histories: Sequence[Sequence[int]]) -> Histories:
        """Histories of users whom the model does not know.

        What a list of items does not say, such as ratings, is `unknown` where the data have this
        value, and else padding.

        Args:
            data: the data set with the fields that the model reads.
            histories: item codes, oldest first; at least one item each.
        """
        lengths = np.array([len(history) for history in histories], dtype=np.int64)
        items = torch.tensor(np.concatenate(histories).astype(np.int64), device=data.items.device)
        offsets = torch.from_numpy(np.concatenate([[0], lengths.cumsum()])).to(items.device)
        behaviours: dict[str, Tensor] = {}
        for name in data.behaviours:
            behaviours[name] = torch.full_like(items, data.unknown_code(name))
        unknown = replace(data, offsets=offsets, items=items, behaviours=behaviours, cut=None)
        count = len(lengths)
        return cls(unknown, np.arange(1, count + 1), np.zeros(count, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class TopItems:
    """The best items of some histories.

    Attributes:
        place: int[B], the number of each history among all, from 0.
        items: int[B, K], item codes, best first; 0 where no item is left to recommend.
        scores: float[B, K], their scores.
    """

    place: np.ndarray
    items: np.ndarray
    scores: np.ndarray


@torch.inference_mode()
def top_items(
    model: Recommender,
    histories: Histories,
    max_length: int,
    count: int,
    *,
    allowed: Tensor | None = None,
    seen: bool = False,
    on_users: OnUsers | None = None,
) -> Iterator[TopItems]:
    """Recommend items, block by block; histories of similar length share a block.

    Args:
        model: the model, in evaluation mode.
        histories: the histories.
        max_length: the longest history that the model reads; older items are still not recommended.
        count: K, how many items; fewer if there are not so many.
        allowed: Bool[V], the items that may be recommended; None for all.
        seen: whether items of the history may be recommended.
        on_users: called with the number of histories done, and of all.

    Yields:
        The best items of a block.

    Raises:
        SirecError: if a score is not finite.
    """
    data = histories.data
    offsets = data.offsets.cpu().numpy()
    start, stop = offsets[histories.users - 1], offsets[histories.users]
    first = np.maximum(start, stop - max_length)
    order = np.argsort(stop - first, kind="stable")
    shown = min(count, data.item_codes - 1)
    prepared, done = model.prepared(), 0
    padding = torch.zeros(1, dtype=torch.long, device=data.items.device)
    for chosen in length_blocks(order, (stop - first)[order], data.item_codes):
        known = histories.known_users[chosen]
        rows = SequenceRows(known, first[chosen], stop[chosen], stop[chosen])
        scores = model.scores(gather(data, rows), prepared).float()
        check_finite(int(count_unusable(scores)), len(chosen))
        scores = scores.index_fill(1, padding, -torch.inf)  # rows may share memory
        if allowed is not None:
            scores = scores.masked_fill(~allowed, -torch.inf)
        if not seen:
            spans = HistorySpans(start[chosen], stop[chosen])
            scores = scores.scatter(1, full_histories(data, spans), -torch.inf)
        values, items = best_items(scores, shown)
        items = items.masked_fill(values == -torch.inf, 0)
        done += len(chosen)
        if on_users is not None:
            on_users(done, len(order))
        yield TopItems(chosen, items.cpu().numpy(), values.cpu().numpy())


def best_items(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(scores, items) [B, K], best first; of equal scores the item with the smaller code first.

    Args:
        scores: Float[B, V].
        count: K.
    """
    best = scores.topk(count, dim=1)
    by_code = best.indices.sort(dim=1)
    values = best.values.gather(1, by_code.indices)
    order = values.sort(dim=1, descending=True, stable=True)
    return order.values, by_code.values.gather(1, order.indices)


def allowed_items(codes: int, only: Sequence[int] | None, exclude: Sequence[int]) -> Tensor:
    """Bool[V]: which items may be recommended.

    Args:
        codes: V.
        only: codes of the only items that may be; None for all.
        exclude: codes of items that may not be.
    """
    allowed = np.full(codes, only is None)
    if only is not None:
        allowed[np.asarray(only, dtype=np.int64)] = True
    allowed[np.asarray(exclude, dtype=np.int64)] = False
    allowed[0] = False
    return to_device(allowed, torch.device("cpu"))
