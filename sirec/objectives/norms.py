"""A penalty on the length of weights (Caser): Σ_W ‖W‖₂, not squared, over every weight that is no
bias and no norm.

Unlike weight decay, which pulls in proportion to a weight's length, this pulls by the same amount
however long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.errors import unknown
from sirec.objectives.base import EncoderPass, LossTerm, Objective, ObjectiveConfig


@dataclass(frozen=True, kw_only=True)
class NormPenalty(ObjectiveConfig):
    """The sum of norms; `leave_out` names weights that do not count, as
    `SequentialModel.weight_norms` calls them.
    """

    name: ClassVar[str] = "norms"
    weight: float = 1e-4
    leave_out: tuple[str, ...] = ()

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss; it has no parameters."""
        return NormLoss(self.leave_out)

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss of this model's weights. Raises `SirecError` if it lacks one that is to be left
        out.
        """
        known = model.weight_norms()
        for name in self.leave_out:
            if name not in known:
                raise unknown("weight", name, known, f"objective {self.name}: leave_out")
        return self.build(schema, model.state_width)


class NormLoss(Objective):
    """See the module's sum."""

    def __init__(self, leave_out: Sequence[str]) -> None:
        super().__init__()
        self.leave_out = frozenset(leave_out)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The norms added up; the step's rows do not matter."""
        return torch.stack(
            [norm for name, norm in model.weight_norms().items() if name not in self.leave_out]
        ).sum()

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term, the same for every row."""
        return LossTerm(self(model, encoded), 1)
