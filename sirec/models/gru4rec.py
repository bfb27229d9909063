"""GRU4Rec: a recurrent network over the history (Hidasi et al., ICLR 2016, arXiv:1511.06939;
trained as in Tan et al., DLRS 2016).

    s_t = GRU(Drop(e_t), s_{t-1}),   s_0 = 0,   no biases        (gates: `core/layers/recurrent.py`)
    z_v = (W s_t + b) · e_v
    L   = cross-entropy over the catalogue

This is RecBole's form, from which the rows of both papers come: items are embedded, histories are
those of users, and the loss is the full softmax. The original reads one-hot items in
session-parallel mini-batches and has the losses TOP1 or BPR, with the items of the other rows as
negatives. Items are drawn by Xavier's normal rule, the maps of the first layer by his uniform rule
over the three gates together, the rest as in torch. DIF-SR says only that its attention models have
d = 256; RecBole's sizes are e = 64 and g = 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.recurrent import RecurrentShape, order_of
from sirec.core.model import BareItems
from sirec.core.states import States
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch
from sirec.models.declaration import PREFIX_EXAMPLES, Declaration
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class GRU4Rec(RecurrentShape, Declaration):
    """Items alone; the recurrence knows their order, so there is no position."""

    name: ClassVar[str] = "gru4rec"
    title: ClassVar[str] = "GRU4Rec"
    source: ClassVar[str] = "Hidasi et al., ICLR 2016; RecBole's form"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
    published = PREFIX_EXAMPLES
    checked = "RecBole 1.2.1 and the DIF-SR repository: the same scores to 6e-7, the same loss"
    attribute: ClassVar[str] = "none"
    behaviour: ClassVar[str] = "none"

    def build(self, schema: Schema) -> RecurrentRecommender:
        """The network for the items of `schema`, freshly initialised."""
        return RecurrentRecommender(self, schema)


class RecurrentRecommender(BareItems):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    causal = single_pass = True

    def __init__(self, config: GRU4Rec, schema: Schema) -> None:
        super().__init__()
        self.state_width = config.width
        self.items = nn.Embedding(schema.items, config.width, padding_idx=PADDING)
        self.dropout = Dropout(config.dropout)
        self.recurrence = config.recurrence(config.width)
        self.out = Linear(config.hidden, config.width)
        self._draw()

    def encode(self, batch: Batch) -> States:
        """The state after each slot, Float[B, L, e]."""
        order = order_of(batch)
        states = self.recurrence(self.dropout(self.items(order.items)), order)
        return States(order.unpack(self.out(states)))

    def _draw(self) -> None:
        nn.init.xavier_normal_(self.items.weight)
        with torch.no_grad():
            self.items.weight[PADDING].zero_()
        for name in ("weight_ih_l0", "weight_hh_l0"):
            nn.init.xavier_uniform_(self.recurrence.units.get_parameter(name))
