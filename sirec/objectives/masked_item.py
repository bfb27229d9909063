"""MIP of S3-Rec (Zhou et al., CIKM 2020): a masked item must score higher in its slot
than an item that the row does not hold.

    L = 1/B Σ over masked slots of −log σ( g(h M · e⁺) − g(h M · e⁻) )

h is the state at the slot, M a matrix of the loss, e⁺ and e⁻ the vectors of the masked and of the
drawn item; g is the sigmoid (`squashed`) or the identity. The sigmoid is what the authors' and
RecBole's code compute: the difference then lies in (−1, 1), and a slot costs between 0.313 and
1.313 whatever the model does. e⁻ is drawn uniformly; a row that holds the whole catalogue costs
nothing. Sums over slots are divided by the number of rows B of the step alone, so that the
objectives of a stage keep the ratio that they have in the code, where all are sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.core.kernels.precision import Linear
from sirec.core.model import SequentialModel, initialise
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch
from sirec.objectives.base import (
    EncoderPass,
    LossTerm,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
)
from sirec.objectives.negatives import draw_absent


@dataclass(frozen=True, kw_only=True)
class MaskedItem(ObjectiveConfig):
    """MIP.

    Attributes:
        squashed: apply a sigmoid to each score before they are compared.
    """

    name: ClassVar[str] = "masked_item"
    tasks: ClassVar[tuple[str, ...]] = ("cloze", "segments")
    signal: ClassVar[SupervisionSignal | None] = "item"
    squashed: bool = True

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss with its matrix M.

        Args:
            schema: fields of the data in use, with the number of item codes.
            width: D, the width of a state.
        """
        return MaskedItemLoss(schema.items, width, squashed=self.squashed)


class MaskedItemLoss(Objective):
    """The loss of the module's equation.

    Args:
        codes: V, the number of item codes.
        width: D, the width of a state and of M.
        squashed: apply a sigmoid to each score before they are compared.
    """

    def __init__(self, codes: int, width: int, *, squashed: bool) -> None:
        super().__init__()
        self.map = Linear(width, width)
        self.codes, self.squashed = codes, squashed
        initialise(self)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The sum over masked slots, divided by the number of rows.

        Args:
            model: the model that scores items.
            encoded: its pass over the rows of the step.
        """
        mapped = self.map(encoded.predicting)  # [N, D]
        positive = encoded.table.index_select(0, encoded.batch.target_items)
        items, is_drawn = self.draw(encoded.batch)
        negative = encoded.table.index_select(0, items)
        right = model.score_pairs(mapped, positive)
        wrong = model.score_pairs(mapped, negative)
        losses = contrast(right, wrong, squashed=self.squashed) * is_drawn
        return losses.sum() / len(encoded.batch.items)

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term for each row.

        Args:
            model: the model in training.
            encoded: its pass over some rows of a step.
        """
        return LossTerm(self(model, encoded), len(encoded.batch.items))

    def draw(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A negative item for each masked slot.

        Returns:
            Long[N], an item that the row does not hold, masked items included; and Bool[N], whether
            there is such an item.
        """
        original = torch.where(batch.targets != PADDING, batch.targets, batch.items)  # [B, L]
        return draw_absent(original, batch.target_slots // batch.items.shape[1], self.codes)


def contrast(right: Tensor, wrong: Tensor, *, squashed: bool) -> Tensor:
    """−log σ(g(right) − g(wrong)) of each pair.

    Args:
        right: [N], scores of the right items.
        wrong: [N], scores of the wrong ones.
        squashed: whether g is the sigmoid; otherwise it is the identity.

    Returns:
        [N].
    """
    if squashed:
        right, wrong = right.sigmoid(), wrong.sigmoid()
    return -F.logsigmoid((right - wrong).float())
