"""SP of S3-Rec: a row without its segment must look more like that segment than like a foreign one
in its place.

    L = 1/B Σ over rows with a segment of −log σ( g(c M · s⁺) − g(c M · s⁻) )        g = σ (`squashed`) or the identity

c, s⁺ and s⁻ are the states at the last slot of the views `context`, `positive` and `negative` (see
`data/tasks/segments.py`), encoded in one pass of their own. Why the sum is divided by all rows B of
the step: see `masked_item.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sirec.core.kernels.precision import Linear
from sirec.core.model import SequentialModel, initialise
from sirec.data.fields import Schema
from sirec.data.tasks.batch import together
from sirec.objectives.base import (
    EncoderPass,
    LossTerm,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
)
from sirec.objectives.masked_item import contrast


@dataclass(frozen=True, kw_only=True)
class Segment(ObjectiveConfig):
    """SP; `squashed` puts each score through a sigmoid before they are compared."""

    name: ClassVar[str] = "segment"
    tasks: ClassVar[tuple[str, ...]] = ("segments",)
    signal: ClassVar[SupervisionSignal | None] = "sequence"
    weight: float = 0.5
    squashed: bool = True

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss with its map M."""
        return SegmentLoss(width, squashed=self.squashed)


class SegmentLoss(Objective):
    """See the module's equation."""

    def __init__(self, width: int, *, squashed: bool) -> None:
        super().__init__()
        self.map = Linear(width, width)
        self.squashed = squashed
        initialise(self)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The rows' losses, added up, a row of the step; 0 where no row has a segment."""
        views = encoded.batch.views
        if not views:
            return encoded.table.new_zeros(())
        rows = together([views["context"], views["positive"], views["negative"]])
        last = (
            torch.arange(len(rows.items), device=rows.items.device) * rows.items.shape[1]
            + rows.read
        )
        context, positive, negative = model.encode(rows).at(last).chunk(3)
        mapped = self.map(context)
        right, wrong = ((mapped * segment).sum(dim=1) for segment in (positive, negative))
        return contrast(right, wrong, squashed=self.squashed).sum() / len(encoded.batch.items)

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """A term a row, with a segment or without."""
        return LossTerm(self(model, encoded), len(encoded.batch.items))
