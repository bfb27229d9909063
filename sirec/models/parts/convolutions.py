"""Caser's filters over the items of a window (`models/caser.py`).

Letters: b rows, l slots, n the length of the window, e the width of an item vector, v vertical
filters, k horizontal filters of each height a = 1..n, E the item vectors, P the vector of a slot
without an item. Filters read E − P, which is 0 where there is no item, so that only slots with
items are computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils.rnn import pad_sequence

from sirec.core.kernels.precision import small_products
from sirec.data.tasks.layout import take_distinct, to_device


class Convolutions(nn.Module):
    """All filters over a window of n rows of width e.

    The parameter `horizontal` Float[n (n + 1) / 2, k, e] holds the rows of the filters of height 1,
    then of height 2, and so on.

    Args:
        window: n, the length of the window.
        width: e, the width of an item vector.
        vertical: v, the number of vertical filters.
        horizontal: k, the number of horizontal filters of each height.
    """

    def __init__(self, window: int, width: int, vertical: int, horizontal: int) -> None:
        super().__init__()
        self.window, self.filters = window, horizontal
        self.vertical = nn.Parameter(torch.empty(vertical, window))
        self.vertical_bias = nn.Parameter(torch.empty(vertical))
        self.horizontal = nn.Parameter(torch.empty(window * (window + 1) // 2, horizontal, width))
        self.horizontal_bias = nn.Parameter(torch.empty(window * horizontal))
        self._draw()

    @property
    def heights(self) -> tuple[Tensor, ...]:
        """The horizontal filters of each height a = 1..n: Float[a, k, e]."""
        return self.horizontal.split(list(range(1, self.window + 1)))

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """[o_v; o_h] of some rows.

        Args:
            x: Float[b, l, e], E − P from one edge of the window on.
            padding: Float[e], P, the vector of all other slots.

        Returns:
            Float[b, v·e + n·k].
        """
        down = self.vertical[:, : x.shape[1]] @ x
        answers = []
        for below, upto in self._bands(x.shape[1]):
            answers.append(self._band(x, self.heights[below:upto], below))
        found = torch.cat([down.flatten(1), torch.cat(answers, dim=1).flatten(1)], dim=1)
        return self._outputs(found, padding)

    def at_every_slot(self, buckets: Sequence[Tensor], padding: Tensor) -> list[Tensor]:
        """[o_v; o_h] of the history up to each slot; histories end at the window's edge.

        Args:
            buckets: rows of each length as Float[b, l, e], E − P in the order of time.
            padding: Float[e], P, the vector of all other slots.

        Returns:
            Float[b, l, v·e + n·k] for each bucket.
        """
        rows = self._by_row()
        outputs = []
        for x in buckets:
            slots = torch.arange(x.shape[1], device=x.device)
            ages = slots[:, None] - slots  # [l, l]: how many slots before the first the second lies
            weights = self.vertical[:, ages.clamp(min=0)] * (ages >= 0)  # [v, l, l]
            down = torch.einsum("fts,bse->btfe", weights, x)
            answers = self._largest(self._answers(x, rows))
            found = torch.cat([down.flatten(2), answers.flatten(2)], dim=2)
            outputs.append(self._outputs(found, padding))
        return outputs

    def _outputs(self, found: Tensor, padding: Tensor) -> Tensor:
        """[o_v; o_h] from the filters' answers to E − P.

        Args:
            found: Float[..., v·e + n·k], the sums of the vertical filters, then the largest answer
                of each horizontal one.
            padding: Float[e], P.

        Returns:
            Float[..., v·e + n·k].
        """
        down = torch.outer(self.vertical.sum(dim=1), padding) + self.vertical_bias[:, None]
        each = [height.sum(dim=0) for height in self.heights]
        across = torch.cat(each) @ padding + self.horizontal_bias  # K · P + b
        whole = found + torch.cat([down.flatten(), across])
        sums, answers = whole.split([down.numel(), len(across)], dim=-1)
        return torch.cat([sums, answers.relu()], dim=-1)

    def _bands(self, length: int) -> Iterator[tuple[int, int]]:
        """Ranges (below, upto) of heights below + 1..upto that one convolution computes.

        The heights of a range are padded to the tallest, so they lie within a factor of 2, or all
        beyond the history.
        """
        below, upto = 0, 1
        while below < self.window:
            yield below, (upto := min(upto, self.window) if upto < length else self.window)
            below, upto = upto, 2 * upto

    def _band(self, x: Tensor, heights: tuple[Tensor, ...], below: int) -> Tensor:
        """Float[b, H, k]: max K · (E − P) over the windows of the H heights from below + 1 on."""
        length = x.shape[1]
        kernel = _kernel(heights, length)
        padded = nn.functional.pad(x.mT, (0, kernel.shape[-1] - 1))
        answers = nn.functional.conv1d(padded, kernel)  # [b, H·k, l], by the window's first row
        # The last row at which a window of each height can begin.
        last = self.window - 1 - torch.arange(below, below + len(heights), device=x.device)
        outside = torch.arange(length, device=x.device) > last[:, None]  # [H, l]
        strongest = (
            answers.unflatten(1, (len(heights), -1))
            .masked_fill(outside[:, None], -torch.inf)
            .amax(dim=-1)
        )
        beyond = (last >= length)[:, None]  # some windows lie past the history, where E − P is 0
        return torch.where(beyond, strongest.clamp(min=0), strongest)

    @small_products
    def _answers(self, x: Tensor, rows: Tensor) -> Tensor:
        """The answers of all filters at all places; see `_Responses.forward`."""
        answers: Tensor = _Responses.apply(x, rows, self.filters)  # type: ignore[no-untyped-call]
        return answers

    def _by_row(self) -> Tensor:
        """Float[n (n + 1) / 2, k, e]: the first rows of all heights 1..n, then the second of 2..n,
        and so on.
        """
        first = np.arange(self.window) * np.arange(1, self.window + 1) // 2  # of each height
        order = [first[row:] + row for row in range(self.window)]
        return take_distinct(
            self.horizontal, to_device(np.concatenate(order), self.horizontal.device)
        )

    def _largest(self, answers: Tensor) -> Tensor:
        """For the history up to each slot, the largest answer of each filter in the window.

        Args:
            answers: Float[b, l, n, k], by the slot at which a filter ends.

        Returns:
            Float[b, l, n, k].
        """
        length = answers.shape[1]
        # A filter of height a has n − a + 1 places in the window.
        places = np.arange(self.window, 0, -1)
        all_slots = int((places >= length).sum())  # heights with a place for every slot
        largest = [answers[:, :, :all_slots].cummax(dim=1).values]
        for height in range(all_slots, self.window):
            own = answers[:, :, height : height + 1]
            largest.append(_sliding_maximum(own, int(places[height])))
        # Before so many slots some places hold no item, where E − P is 0.
        empty = np.arange(length)[:, None] < places - 1
        some = to_device(empty[..., None], answers.device)  # [l, n, 1]
        found = torch.cat(largest, dim=2)
        return torch.where(some, found.clamp(min=0), found)

    def norms(self) -> dict[str, Tensor]:
        """The norm of the vertical filters, and the sum of the norms of each height."""
        return {
            "vertical": self.vertical.norm(),
            "horizontal": torch.stack([height.norm() for height in self.heights]).sum(),
        }

    def _draw(self) -> None:
        """Draw as torch draws convolutions: U(−r, r), r = 1 / √(number of inputs of a filter)."""
        with torch.no_grad():
            for weight in (self.vertical, self.vertical_bias):
                weight.uniform_(-(self.window**-0.5), self.window**-0.5)
            for weights, biases in zip(
                self.heights, self.horizontal_bias.split(self.filters), strict=True
            ):
                bound = weights[:, 0].numel() ** -0.5
                weights.uniform_(-bound, bound)
                biases.uniform_(-bound, bound)


def _kernel(heights: tuple[Tensor, ...], length: int) -> Tensor:
    """The filters of H heights as one kernel, cut to `length` rows: Float[H·k, e, r]."""
    rows = [height[:length] for height in heights]
    return pad_sequence(rows, batch_first=True).permute(0, 2, 3, 1).flatten(0, 1)


def _sliding_maximum(values: Tensor, size: int) -> Tensor:
    """The largest of each value and the size − 1 before it, along the second axis of four."""
    padded = nn.functional.pad(values, (0, 0, 0, 0, size - 1, 0), value=-torch.inf)
    return padded.unfold(1, size, 1).amax(dim=-1)


class _Responses(torch.autograd.Function):
    """Filters of all heights laid on all places of some rows: one product for each filter row.

    answers[p, a] = Σ_{r < a} rows[r, a] · x[p − r]
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor, filters: int) -> Tensor:
        """The answers of each filter, by the slot at which it ends.

        Args:
            ctx: where the backward pass finds its tensors.
            x: Float[b, l, e], in the order of time.
            rows: Float[n (n + 1) / 2, k, e], by row and then by height.
            filters: k, the number of filters of each height.

        Returns:
            Float[b, l, n, k].
        """
        ctx.save_for_backward(x, rows)
        length, window = x.shape[1], _window_of(len(rows))
        answers = x.new_zeros(len(x), length, window, filters)
        for row, weight in enumerate(_weights_of_rows(rows, length)):
            found = x[:, : length - row] @ weight.T
            answers[:, row:, row:] += found.unflatten(-1, (-1, filters))
        return answers

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """The gradients of `x` and of `rows`."""
        x, rows = ctx.saved_tensors
        length = x.shape[1]
        by_x, by_rows, first = torch.zeros_like(x), torch.zeros_like(rows), 0
        for row, weight in enumerate(_weights_of_rows(rows, length)):
            mine = gradient[:, row:, row:].flatten(2).flatten(0, 1)  # [b · (l − r), (n − r) · k]
            read = x[:, : length - row]
            by_x[:, : length - row] += (mine @ weight).view(read.shape)
            count = len(weight) // rows.shape[1]
            by_rows[first : first + count] = (mine.T @ read.flatten(0, 1)).view(
                count, *rows.shape[1:]
            )
            first += count
        return by_x, by_rows, None


def _window_of(rows: int) -> int:
    """n, if the filters of heights 1..n together have n (n + 1) / 2 rows."""
    return math.isqrt(2 * rows)


def _weights_of_rows(rows: Tensor, length: int) -> Iterator[Tensor]:
    """The first `length` rows of all filters that have such a row: Float[(n − r)·k, e] each."""
    window, first = _window_of(len(rows)), 0
    for row in range(min(length, window)):
        yield rows[first : first + window - row].flatten(0, 1)
        first += window - row
