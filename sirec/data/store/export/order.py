"""The order in which interactions are written, so that reading them gives the same codes."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sirec.data.dataset import Dataset
from sirec.data.times import Times
from sirec.errors import SirecError

InteractionIndex = NDArray[np.int64]


def file_order(data: Dataset, timestamps: Times | None) -> InteractionIndex:
    """An order of interactions in which users and items first appear in the order of their codes.

    Interactions of a user keep their order where nothing but the order of the file tells it: at
    equal times, or in data without times. The order of the raw files was such an order, so that one
    exists; and a row that can be written now never prevents another one later.

    Args:
        data: the data set.
        timestamps: the time of each interaction, or None.

    Returns:
        Int[N], indices of interactions.
    """
    items: list[int] = (data.items - 1).tolist()
    if introduces_in_order(data.items.numpy()):
        return np.arange(len(items))
    bound = _bound_to_the_row_before(data, timestamps).tolist()
    # Rows that are about an item that has not appeared yet, by that item.
    waiting: dict[int, list[int]] = defaultdict(list)
    order: list[int] = []
    introduced = 0
    for first, end in pairwise(data.offsets.tolist()):
        ready = [row for row in range(end - 1, first - 1, -1) if not bound[row]]
        while ready:
            row, may_follow = ready.pop(), True
            while may_follow:
                if items[row] > introduced:
                    waiting[items[row]].append(row)
                    break
                order.append(row)
                if items[row] == introduced:
                    introduced += 1
                    ready += waiting.pop(introduced, [])
                row += 1
                may_follow = row < len(items) and bound[row]
    if len(order) < len(items):
        raise SirecError(f"{data.name}: no order of its rows gives its codes", "prepare it again")
    return np.array(order)


def introduces_in_order(codes: InteractionIndex) -> bool:
    """Whether codes Int[N] first appear in ascending order."""
    known = np.maximum.accumulate(codes)
    return bool((np.diff(known, prepend=0) <= 1).all())


def _bound_to_the_row_before(data: Dataset, timestamps: Times | None) -> NDArray[np.bool_]:
    """Bool[N]: whether a row has to come after the row before it."""
    if timestamps is None:
        bound = np.ones(len(data.items), dtype=np.bool_)
    else:
        bound = np.diff(timestamps.numpy(), prepend=0) == 0
    bound[data.offsets[:-1].numpy()] = False
    return bound
