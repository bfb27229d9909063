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

Most of a window is empty. With P the padding vector, K · E = K · (E − P) + K · P, where E − P is 0
beyond the history. Filters are therefore cut to the longest history of a bucket, and windows beyond
it cost nothing; the result is that of the whole window.

Under `align: right` the responses of a filter to one history are among those to any longer one: the
histories of a user that end at different interactions differ in the range of the maximum alone.
One pass over a sequence therefore gives the state after each of its interactions, each the same as
if its history stood alone, and every position can be trained at once (`next_item`). With n the
window, and e the interaction at which the rows of a filter of height a end,

    o_h[p] = max of relu(K · E_{e−a+1..e} + b) over e = p − n + a .. p

Under `align: left` the filters that reach beyond the last item respond to each history in another
way. A row then has one state, which all its slots carry, and each target needs a row of its own
(`last_item`, as `--profile published` has it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from sirec.config import check_numbers
from sirec.config.quantities import DropoutRate, FilterCount, Width
from sirec.core.kernels.precision import Linear
from sirec.core.layers.dropout import Dropout
from sirec.core.model import BareItems
from sirec.core.states import States, TokenStates
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.next_item import NextItem
from sirec.models.declaration import PREFIX_EXAMPLES, Declaration
from sirec.models.parts.convolutions import Convolutions
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
        Stage(task=NextItem(), objectives=(ItemCrossEntropy(), NormPenalty())),
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


class ConvolutionalRecommender(BareItems):
    """The network of the module's equations.

    Args:
        config: the declaration.
        schema: the items and users of the data, and the length of the window.
    """

    remedies = {"causal": "align=right"}

    def __init__(self, config: Caser, schema: Schema) -> None:
        super().__init__()
        e = self.state_width = config.width
        self.newest_first = config.align == "right"
        self.causal = self.single_pass = config.align == "right"
        self.items = nn.Embedding(schema.items, e, padding_idx=PADDING)
        self.users = nn.Embedding(schema.users, e, padding_idx=PADDING)
        self.convolutions = Convolutions(schema.max_length, e, config.vertical, config.horizontal)
        self.dropout = Dropout(config.dropout)
        self.hidden = Linear(config.vertical * e + config.horizontal * schema.max_length, e)
        self.out = Linear(2 * e, e)
        self._draw()

    def encode(self, batch: Batch) -> States:
        """The state after each slot, Float[B, L, e]; under `align: left` that of the whole row."""
        if self.single_pass and not batch.only_last:
            return self._encode_every_slot(batch)
        rows = batch.with_static_length()
        layout = rows.layout
        padding = self.items.weight[PADDING].detach()  # never trained
        vectors = layout.split(self.items(layout.flatten(self._from_edge(rows))) - padding)
        readers = layout.split(self._readers(rows))
        states = []
        for bucket, mine, who in zip(layout.buckets, vectors, readers, strict=True):
            found = self.convolutions(bucket.spread(mine), padding)
            h = self._combined(found, bucket.spread(who)[:, 0])
            states.append(bucket.collect(h[:, None].expand(-1, bucket.real.shape[1], -1)))
        return TokenStates(layout, torch.cat(states), length=batch.items.shape[1])

    def _encode_every_slot(self, batch: Batch) -> States:
        """The states of all histories that each row holds, from one pass over the row."""
        layout = batch.layout
        padding = self.items.weight[PADDING].detach()  # never trained
        vectors = layout.split(self.items(layout.flatten(batch.items)) - padding)
        rows, found = [], []
        for bucket, mine in zip(layout.buckets, vectors, strict=True):
            rows.append(bucket.spread(mine))
        outputs = self.convolutions.at_every_slot(rows, padding)
        for bucket, output in zip(layout.buckets, outputs, strict=True):
            found.append(bucket.collect(output))
        return TokenStates(layout, self._combined(torch.cat(found), self._readers(batch)))

    def _readers(self, rows: Batch) -> Tensor:
        """Float[T, e]: the vector of the user of each token."""
        layout = rows.layout
        readers: Tensor = self.users(layout.flatten(rows.users[:, None].expand_as(rows.items)))
        return readers

    def _combined(self, found: Tensor, readers: Tensor) -> Tensor:
        """The state h from the filters' outputs [o_v; o_h] and the vector of the user.

        Args:
            found: Float[..., v·e + n·k].
            readers: Float[..., e], g_u.

        Returns:
            Float[..., e].
        """
        z = self.hidden(self.dropout(found)).relu()
        h: Tensor = self.out(torch.cat([z, readers], dim=-1)).relu()
        return h

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
