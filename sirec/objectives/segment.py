"""SP of S3-Rec (Zhou et al., CIKM 2020): a row without one of its segments must be more
similar to that segment than to a segment of another row.

    L = 1/B Σ over rows with a segment of −log σ( g(c M · s⁺) − g(c M · s⁻) )

c, s⁺ and s⁻ are the states at the last slot of the views `context`, `positive` and `negative` (see
`data/tasks/segments.py`), which are encoded in one pass of their own; M is a matrix of the loss,
and g is the sigmoid (`squashed`) or the identity. `masked_item.py` says why the sum is divided by
all B rows of the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sirec.config.quantities import LossWeight
from sirec.core.kernels.precision import Linear
from sirec.core.model import SequentialModel, initialise
from sirec.data.fields import Schema
from sirec.data.tasks.batch import concatenate_batches
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
    """SP.

    Attributes:
        squashed: apply a sigmoid to each score before they are compared.
    """

    name: ClassVar[str] = "segment"
    tasks: ClassVar[tuple[str, ...]] = ("segments",)
    signal: ClassVar[SupervisionSignal | None] = "sequence"
    weight: LossWeight = 0.5
    squashed: bool = True

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss with its matrix M.

        Args:
            schema: fields of the data in use; not used.
            width: D, the width of a state.
        """
        return SegmentLoss(width, squashed=self.squashed)


class SegmentLoss(Objective):
    """The loss of the module's equation.

    Args:
        width: D, the width of a state and of M.
        squashed: apply a sigmoid to each score before they are compared.
    """

    def __init__(self, width: int, *, squashed: bool) -> None:
        super().__init__()
        self.map = Linear(width, width)
        self.squashed = squashed
        initialise(self)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The sum over rows with a segment, divided by the number of rows; 0 if there is none.

        Args:
            model: the model, which encodes the views.
            encoded: its pass over the rows of the step, whose batch has the views.
        """
        views = encoded.batch.views
        if not views:
            return encoded.table.new_zeros(())
        rows = concatenate_batches([views["context"], views["positive"], views["negative"]])
        row = torch.arange(len(rows.items), device=rows.items.device)
        last_slots = row * rows.items.shape[1] + rows.read
        context, positive, negative = model.encode(rows).at(last_slots).chunk(3)
        mapped = self.map(context)
        right = (mapped * positive).sum(dim=1)
        wrong = (mapped * negative).sum(dim=1)
        losses = contrast(right, wrong, squashed=self.squashed)
        return losses.sum() / len(encoded.batch.items)

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term for each row, with a segment or without.

        Args:
            model: the model in training.
            encoded: its pass over some rows of a step.
        """
        return LossTerm(self(model, encoded), len(encoded.batch.items))
