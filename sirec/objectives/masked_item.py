"""MIP of S3-Rec: a hidden item must look likelier in its gap than an item that the row does not
hold.

    L = 1/B Σ over gaps of −log σ( g(h M · e⁺) − g(h M · e⁻) )        g = σ (`squashed`) or the identity

g = σ is what the authors' and RecBole's code compute: the difference then lies in (−1, 1), and a
gap costs 0.313 to 1.313 whatever the model does. e⁻ is drawn uniformly; a row that holds the whole
catalogue costs nothing. Sums over gaps are divided by the rows B of the step alone: so the
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
from sirec.objectives.negatives import free_items


@dataclass(frozen=True, kw_only=True)
class MaskedItem(ObjectiveConfig):
    """MIP; `squashed` puts each score through a sigmoid before they are compared."""

    name: ClassVar[str] = "masked_item"
    tasks: ClassVar[tuple[str, ...]] = ("cloze", "segments")
    signal: ClassVar[SupervisionSignal | None] = "item"
    squashed: bool = True

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss with its map M."""
        return MaskedItemLoss(schema.items, width, squashed=self.squashed)


class MaskedItemLoss(Objective):
    """See the module's equation."""

    def __init__(self, codes: int, width: int, *, squashed: bool) -> None:
        super().__init__()
        self.map = Linear(width, width)
        self.codes, self.squashed = codes, squashed
        initialise(self)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The gaps' losses, added up, a row of the step."""
        mapped = self.map(encoded.predicting)  # [N, D]
        positive = encoded.table.index_select(0, encoded.batch.target_items)
        items, drawn = self.draw(encoded.batch)
        negative = encoded.table.index_select(0, items)
        right, wrong = model.score_pairs(mapped, positive), model.score_pairs(mapped, negative)
        return (contrast(right, wrong, squashed=self.squashed) * drawn).sum() / len(
            encoded.batch.items
        )

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """A term a row."""
        return LossTerm(self(model, encoded), len(encoded.batch.items))

    def draw(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Long[N], Bool[N]: for each gap an item that its row does not hold, gaps included, and
        whether there is one.
        """
        shown = torch.where(
            batch.targets != PADDING, batch.targets, batch.items
        )  # [B, L], without MASK
        rows = torch.arange(len(shown), device=shown.device)[:, None].expand_as(shown)
        free = free_items(rows.flatten(), shown.flatten(), len(shown), self.codes)
        return free.draw(batch.target_slots // batch.items.shape[1])


def contrast(right: Tensor, wrong: Tensor, *, squashed: bool) -> Tensor:
    """−log σ(g(right) − g(wrong)), each pair for itself."""
    if squashed:
        right, wrong = right.sigmoid(), wrong.sigmoid()
    return -F.logsigmoid((right - wrong).float())
