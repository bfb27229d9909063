"""Every stream of a model learns by itself what comes next (ICAI-SR).

    L = Σ_j mean over targets of −log softmax_v(score(h_j, ê_v))          one term a stream, over the whole catalogue

All streams are compared with the same table of items. The item's own stream is left to the
objective `item`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sirec.core.layers.attention import ITEM
from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.errors import SirecError, unknown
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig
from sirec.objectives.item import FIRST, catalogue_cross_entropy


@dataclass(frozen=True, kw_only=True)
class StreamItem(ObjectiveConfig):
    """Cross-entropy of the next item from each of `streams` (None: every stream but the item's own,
    which `item` teaches).
    """

    name: ClassVar[str] = "stream_item"
    streams: tuple[str, ...] | None = None
    padding_class: bool = False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss of a model with a stream for each attribute; it has no parameters."""
        return self._of([field.name for field in schema.attributes])

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss of this model's streams. Raises `SirecError` for one it lacks or one too wide or
        narrow to score items.
        """
        return self._of(
            [
                name
                for name, width in model.stream_widths.items()
                if name != ITEM and width == model.state_width
            ]
        )

    def _of(self, known: Sequence[str]) -> Objective:
        if not known:
            raise SirecError(
                f"objective {self.name} reads streams as wide as the states that score, and this model has none"
            )
        for name in self.streams or ():
            if name not in known:
                raise unknown("stream", name, known, f"objective {self.name}")
        return StreamItemLoss(self.streams or known, FIRST[self.padding_class])


class StreamItemLoss(Objective):
    """See the module's equation."""

    def __init__(self, streams: Sequence[str], first: int) -> None:
        super().__init__()
        self.streams, self.first = tuple(streams), first

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The losses of all streams, added up."""
        slots = encoded.batch.target_slots
        states = [encoded.states.stream_at(name, slots) for name in self.streams]
        return torch.stack(
            [catalogue_cross_entropy(model, part, encoded, self.first) for part in states]
        ).sum()
