"""Caser: convolutions over the last items as an image (Tang & Wang, WSDM 2018, arXiv:1809.07426).

    E   = the n item vectors of the window as rows, 0 where there is no item           [n, e]
    o_h = max_t relu(K · E_{t..t+a−1} + b)    `horizontal` filters K of every height a = 1..n
    o_v = Σ_t w_t E_t + b                     `vertical` filters w
    z   = relu(W Drop([o_v; o_h]) + b)
    h   = relu(W' [z; g_u] + b')              g_u: the vector of the user
    z_v = h · e_v
    L   = cross-entropy over the catalogue + λ Σ ‖·‖₂ of all weights   (`objectives/norms.py`)

This is RecBole's form: a full softmax, the last relu, and candidates that are the item vectors
themselves. The paper has a sigmoid for each candidate with sampled negatives, and an output table.
The window is `max_length` of the data; the paper's has 5 to 9 items, all real. `align: right`
(paper) ends histories at the edge of the window, so that a row of a filter always has the same age;
`align: left` (RecBole) begins them there. The fork behind the published numbers leaves the
horizontal filters out of the penalty by mistake.

The window is read as a whole, so that a row has one state, which all its slots carry, and each
target is trained as the last of its row. Most of a window is empty. With P the padding vector,
K · E = K · (E − P) + K · P, where E − P is 0 beyond the history. Filters are therefore cut to the
longest history of a bucket, and windows beyond it cost nothing; the result is that of the whole
window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from sirec.config import check_numbers
from sirec.config.quantities import DropoutRate, FilterCount, Width
from sirec.core.kernels.precision import Linear
from sirec.core.layers.dropout import Dropout
from sirec.core.model import BareItems, States
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.next_item import LastItem
from sirec.models.declaration import PREFIX_EXAMPLES, Declaration
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.norms import NormPenalty
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Caser(Declaration):
    """Items in a window, and the user; no side information. Sizes are those of the DIF-SR fork."""

    name: ClassVar[str] = "caser"
    title: ClassVar[str] = "Caser"
    source: ClassVar[str] = "Tang & Wang, WSDM 2018; RecBole's form"
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(task=LastItem(), objectives=(ItemCrossEntropy(), NormPenalty())),
    )
    published = {
        **PREFIX_EXAMPLES,
        "model.align": "left",
        "norms.leave_out": ["convolutions.horizontal"],
    }
    checked = (
        "RecBole 1.2.1 and the DIF-SR repository: scores to 3e-6, or to 3e-5 where they reach 57, "
        "the penalty included"
    )
    attribute: ClassVar[str] = "none"
    behaviour: ClassVar[str] = "none"

    width: Width = 64  # e
    vertical: FilterCount = 8  # filters over all n rows
    horizontal: FilterCount = 16  # filters of each height
    dropout: DropoutRate = 0.4  # on the outputs of the filters
    align: Literal["right", "left"] = "right"

    def __post_init__(self) -> None:
        """Raise `SirecError` for sizes that have no meaning."""
        check_numbers(self)

    def build(self, schema: Schema) -> ConvolutionalRecommender:
        """The network for the items and users of `schema`, freshly initialised."""
        return ConvolutionalRecommender(self, schema)


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
        down = (
            self.vertical[:, : x.shape[1]] @ x
            + torch.outer(self.vertical.sum(dim=1), padding)
            + self.vertical_bias[:, None]
        )
        return torch.cat([down.flatten(1), self._across(x, padding)], dim=1)

    def _across(self, x: Tensor, padding: Tensor) -> Tensor:
        """Float[b, n·k]: the largest response of each horizontal filter."""
        heights, length = self.heights, x.shape[1]
        responses = []
        for below, upto in self._bands(length):
            responses.append(self._band(x, heights[below:upto], below))
        answers = torch.cat(responses, dim=1)
        empty = torch.stack([height.sum(dim=0) @ padding for height in heights])  # [n, k]: K · P
        return (answers.flatten(1) + empty.flatten() + self.horizontal_bias).relu()

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
        length, tallest = x.shape[1], min(len(heights[-1]), x.shape[1])
        kernel = pad_sequence(
            [height[:tallest] for height in heights], batch_first=True
        )  # [H, r, k, e]
        weight = kernel.permute(0, 2, 3, 1).flatten(0, 1)  # [H·k, e, r]
        padded = nn.functional.pad(x.mT, (0, tallest - 1))
        answers = nn.functional.conv1d(padded, weight)  # [b, H·k, l], by the window's first row
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


class ConvolutionalRecommender(BareItems):
    """The network of the module's equations.

    Args:
        config: the declaration.
        schema: the items and users of the data, and the length of the window.
    """

    def __init__(self, config: Caser, schema: Schema) -> None:
        super().__init__()
        e = self.state_width = config.width
        self.newest_first = config.align == "right"
        self.items = nn.Embedding(schema.items, e, padding_idx=PADDING)
        self.users = nn.Embedding(schema.users, e, padding_idx=PADDING)
        self.convolutions = Convolutions(schema.max_length, e, config.vertical, config.horizontal)
        self.dropout = Dropout(config.dropout)
        self.hidden = Linear(config.vertical * e + config.horizontal * schema.max_length, e)
        self.out = Linear(2 * e, e)
        self._draw()

    def encode(self, batch: Batch) -> States:
        """The state of each row, at all of its slots: Float[B, L, e]."""
        rows = batch.with_static_length()
        layout = rows.layout
        padding = self.items.weight[PADDING].detach()  # never trained
        vectors = layout.split(self.items(layout.flatten(self._from_edge(rows))) - padding)
        readers = layout.split(
            self.users(layout.flatten(rows.users[:, None].expand_as(rows.items)))
        )
        states = []
        for bucket, mine, who in zip(layout.buckets, vectors, readers, strict=True):
            found = self.convolutions(bucket.spread(mine), padding)
            z = self.hidden(self.dropout(found)).relu()
            h = self.out(torch.cat([z, bucket.spread(who)[:, 0]], dim=1)).relu()
            states.append(bucket.collect(h[:, None].expand(-1, bucket.real.shape[1], -1)))
        return States(layout.unflatten(torch.cat(states))[:, : batch.items.shape[1]])

    def weight_norms(self) -> dict[str, Tensor]:
        """As for any model, but each height of filters has a norm of its own."""
        own = {f"convolutions.{name}": norm for name, norm in self.convolutions.norms().items()}
        return {**super().weight_norms(), **own}

    def _from_edge(self, batch: Batch) -> Tensor:
        """Long[B, L]: items from the window's edge on; the newest first under `align: right`."""
        if not self.newest_first:
            return batch.items
        last = batch.row_lengths - 1
        slots = torch.arange(batch.items.shape[1], device=batch.items.device)
        return batch.items.gather(1, (last[:, None] - slots).clamp(min=0))

    def _draw(self) -> None:
        for table in (self.items, self.users):
            nn.init.normal_(table.weight, std=1 / table.embedding_dim)
            with torch.no_grad():
                table.weight[PADDING].zero_()
        for part in (self.hidden, self.out):
            nn.init.xavier_normal_(part.weight)
            nn.init.zeros_(part.bias)
