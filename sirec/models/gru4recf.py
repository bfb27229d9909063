"""GRU4RecF: one recurrent network over items, one over their attributes (Hidasi et al., RecSys
2016, doi 10.1145/2959100.2959167).

    s_t = GRU(Drop(e_t), s_{t-1})
    a_t = GRU([AE_1(v_t); …; AE_F(v_t)], a_{t-1})
    z_v = (W [s_t; a_t] + b) · e_v
    L   = cross-entropy over the catalogue

The paper calls this the parallel architecture and alternates the training of its parts. RecBole,
whose form is in DIF-SR's table, trains both at once and scores items without attributes. Items and
the last map are drawn by Xavier's normal rule, the recurrent networks as in torch, attribute tables
with `attribute_std` (RecBole: Xavier's rule too; the DIF-SR fork: N(0, 1), not trained).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import AttributeTables, SideEmbedding, needed_attributes
from sirec.core.layers.recurrent import RecurrentShape, order_of
from sirec.core.model import BareItems
from sirec.core.states import States
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class GRU4RecF(RecurrentShape, AttributeTables, Declaration):
    """Attributes are a stream; the recurrences know the order, so there is no position."""

    name: ClassVar[str] = "gru4recf"
    title: ClassVar[str] = "GRU4RecF"
    source: ClassVar[str] = "Hidasi et al., RecSys 2016; RecBole's form"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
    published = {**PREFIX_EXAMPLES, **FROZEN_ATTRIBUTES}
    checked = (
        "RecBole 1.2.1 and the DIF-SR repository: the same scores to 1e-6, the same loss to 8e-7"
    )
    attribute: ClassVar[str] = "stream"
    behaviour: ClassVar[str] = "none"
    fusions = {"attribute": "concat"}

    def __post_init__(self) -> None:
        """Raise `SirecError` for sizes that have no meaning."""
        RecurrentShape.__post_init__(self)
        AttributeTables.__post_init__(self)

    def build(self, schema: Schema) -> TwoRecurrences:
        """The network for the attributes of `schema`, freshly initialised.

        Raises `SirecError` where the data have no attribute.
        """
        return TwoRecurrences(self, schema)


class TwoRecurrences(BareItems):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    causal = single_pass = True

    def __init__(self, config: GRU4RecF, schema: Schema) -> None:
        super().__init__()
        self.state_width = config.width
        self.items = nn.Embedding(schema.items, config.width, padding_idx=PADDING)
        tables = config.attribute_embeddings(needed_attributes(schema, config.name), config.width)
        self.side = SideEmbedding(tables, {})
        self.dropout = Dropout(config.dropout)
        self.of_items = config.recurrence(config.width)
        self.of_attributes = config.recurrence(sum(part.width for part in tables.values()))
        self.out = Linear(2 * config.hidden, config.width)
        self._draw()

    def encode(self, batch: Batch) -> States:
        """The state after each slot, Float[B, L, e]."""
        order = order_of(batch)
        attributes = torch.cat(list(self.side.of_items(order.items).values()), dim=-1)  # [T, F·e]
        both = [
            self.of_items(self.dropout(self.items(order.items)), order),
            self.of_attributes(attributes, order),
        ]
        return States(order.unpack(self.out(torch.cat(both, dim=-1))))

    def value_vectors(self, attribute: str) -> Tensor:
        """Float[A, d_f]: the raw table of an attribute's values."""
        return self.side.value_vectors(attribute)

    def _draw(self) -> None:
        nn.init.xavier_normal_(self.items.weight)
        nn.init.xavier_normal_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.items.weight[PADDING].zero_()
        self.side.reset()
