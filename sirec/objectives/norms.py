"""Penalty on the norms of weights, as in Caser's code (Tang & Wang, WSDM 2018; RecBole).

    L = Σ_W ‖W‖₂

The sum is over every weight that is neither a bias nor a parameter of a normalisation, and the norm
is not squared. Weight decay pulls in proportion to a weight's norm; this penalty pulls by the same
amount whatever the norm is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sirec.config.quantities import LossWeight
from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.errors import unknown
from sirec.objectives.base import EncoderPass, LossTerm, Objective, ObjectiveConfig


@dataclass(frozen=True, kw_only=True)
class NormPenalty(ObjectiveConfig):
    """The sum of norms.

    Attributes:
        leave_out: weights without a penalty, by the names of `SequentialModel.weight_norms`.
    """

    name: ClassVar[str] = "norms"
    weight: LossWeight = 1e-4
    leave_out: tuple[str, ...] = ()

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use; not used.
            width: D, the width of a state; not used.
        """
        return NormLoss(self.leave_out)

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss of this model's weights.

        Args:
            schema: fields of the data in use; not used.
            model: the model whose weights are penalised.

        Raises:
            SirecError: the model has no weight of a name in `leave_out`.
        """
        known = model.weight_norms()
        for name in self.leave_out:
            if name not in known:
                raise unknown("weight", name, known, f"objective {self.name}: leave_out")
        return self.build(schema, model.state_width)


class NormLoss(Objective):
    """The loss of the module's equation, without the weights named in `leave_out`."""

    def __init__(self, leave_out: Sequence[str]) -> None:
        super().__init__()
        self.leave_out = frozenset(leave_out)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The sum of norms.

        Args:
            model: the model whose weights are penalised.
            encoded: its pass; not used, since the rows of a step do not matter.
        """
        norms = []
        for name, norm in model.weight_norms().items():
            if name not in self.leave_out:
                norms.append(norm)
        return torch.stack(norms).sum()

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term, which is the same for every row.

        Args:
            model: the model in training.
            encoded: its pass over some rows of a step.
        """
        return LossTerm(self(model, encoded), 1)
