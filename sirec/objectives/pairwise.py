"""Pairwise ranking against one drawn item, and a push that keeps the two items apart (STOSA,
DLFS-Rec).

    L = mean over targets of  −log σ(z⁺ − z⁻)  +  w · max(0, z± − z⁺)

z⁺ and z⁻ are the scores of the target and of an item drawn uniformly, z± how high the drawn item
would score if the target were the state. Where scores are negative distances the second term is
max(0, d⁺ − d±): a state must be nearer to its target than the drawn item is. Without it (w = 0)
this is BPR, for any model.

The user must not have had the drawn item: in training (`training`); in training or among what is
held out (`sequence`, STOSA's code, which so tells the model which items cannot be the answer to be
found); or in what the row shows and predicts (`read`, DLFS-Rec's code). Targets of a user who had
every item are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import owners, training_items
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass, LossTerm, Objective, ObjectiveConfig
from sirec.objectives.negatives import FreeItems, free_items

Exclude = Literal["training", "sequence", "read"]


@dataclass(frozen=True, kw_only=True)
class Pairwise(ObjectiveConfig):
    """The loss with its switches: `hinge` is w, `exclude` what may not be drawn."""

    name: ClassVar[str] = "pairwise"
    hinge: float = 0.0
    exclude: Exclude = "training"

    def __post_init__(self) -> None:
        """Refuse a hinge below 0."""
        super().__post_init__()
        if not self.hinge >= 0:
            raise SirecError(f"hinge {self.hinge} of {self.name} must be 0 or more")

    @property
    def reads_catalogue(self) -> bool:
        """An item that is drawn, and no more."""
        return False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss; it has no parameters."""
        return PairwiseLoss(self, schema.items)


class PairwiseLoss(Objective):
    """See the module's equation; `count` must have seen the data."""

    free: FreeItems  # of users, 0-based

    def __init__(self, config: Pairwise, codes: int) -> None:
        super().__init__()
        self.config, self.codes = config, codes

    def fit_statistics(self, data: Dataset) -> None:
        """Note what each user has not had. Raises `SirecError` if everybody had everything."""
        users, items = (
            (owners(data), data.items)
            if self.config.exclude == "sequence"
            else training_items(data)
        )
        self.free = free_items(users - 1, items, data.user_count, self.codes)
        if not int(self.free.counts.max()):
            raise SirecError(
                f"{data.name}: every user has had every item, so objective pairwise has none to draw",
                "use objective item",
            )

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The mean over the step's targets for which an item is left to draw."""
        return self.loss_term(model, encoded).loss

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """A term for each target that has an item to draw."""
        drawn, counts = self.draw(encoded.batch)
        positive, negative = (
            encoded.vectors(items) for items in (encoded.batch.target_items, drawn)
        )
        right, wrong = (
            model.score_pairs(encoded.predicting, positive),
            model.score_pairs(encoded.predicting, negative),
        )
        losses = -F.logsigmoid(right - wrong)  # [N]
        if self.config.hinge:
            losses = (
                losses + self.config.hinge * (model.score_pairs(positive, negative) - right).relu()
            )
        terms = counts.sum()
        return LossTerm((losses * counts).sum() / terms.clamp(min=1), terms)

    def draw(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Long[N], Bool[N]: an item for each target of the batch, and whether there was one."""
        rows = batch.target_slots // batch.items.shape[1]
        if self.config.exclude != "read":
            return self.free.draw(batch.users.index_select(0, rows) - 1)
        shown = torch.cat([batch.items, batch.targets], dim=1)  # [B, 2L]
        each = torch.arange(len(shown), device=shown.device)[:, None].expand_as(shown)
        return free_items(each.flatten(), shown.flatten(), len(shown), self.codes).draw(rows)
