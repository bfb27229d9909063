"""Pairwise ranking against one drawn item, with a hinge that keeps the two items apart (STOSA, Fan
et al., WWW 2022; DLFS-Rec, Liu et al., RecSys 2023).

    L = mean over targets of  −log σ(z⁺ − z⁻)  +  w · max(0, z± − z⁺)

z⁺ and z⁻ are the scores of the target and of an item drawn uniformly; z± is the score of the drawn
item when the target's vector is taken as the state. Where scores are negative distances, the second
term is max(0, d⁺ − d±): a state must be nearer to its target than the drawn item is. With w = 0
this is BPR, for any model.

The drawn item must not be one of the user's items. `exclude` says which: those in `training`; the
whole `sequence`, held-out items included (STOSA's code, which tells the model which items cannot be
the answer of the test); or those that the row shows and predicts (`read`, DLFS-Rec's code). Targets
of a user who has had every item are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.config.quantities import PartWeight
from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import owners, training_items
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass, LossTerm, Objective, ObjectiveConfig
from sirec.objectives.negatives import FreeItems, draw_absent, free_items

Exclude = Literal["training", "sequence", "read"]


@dataclass(frozen=True, kw_only=True)
class Pairwise(ObjectiveConfig):
    """Pairwise ranking with its switches.

    Attributes:
        hinge: w, the weight of the second term.
        exclude: which items of a user are never drawn, see above.
    """

    name: ClassVar[str] = "pairwise"
    hinge: PartWeight = 0.0
    exclude: Exclude = "training"

    @property
    def reads_catalogue(self) -> bool:
        """The loss reads targets and drawn items alone."""
        return False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use, with the number of item codes.
            width: D, the width of a state; not used.
        """
        return PairwiseLoss(self, schema.items)


class PairwiseLoss(Objective):
    """The loss of the module's equation. `fit_statistics` must have been called before a step.

    Args:
        config: the switches.
        codes: V, the number of item codes.
    """

    free: FreeItems  # per user, counted from 0

    def __init__(self, config: Pairwise, codes: int) -> None:
        super().__init__()
        self.config, self.codes = config, codes

    def fit_statistics(self, data: Dataset) -> None:
        """Find out which items each user of `data` has not had.

        Raises:
            SirecError: every user has had every item.
        """
        if self.config.exclude == "sequence":
            users, items = owners(data), data.items
        else:
            users, items = training_items(data)
        self.free = free_items(users - 1, items, data.user_count, self.codes)
        if not int(self.free.counts.max()):
            raise SirecError(
                f"{data.name}: every user has had every item, "
                "so objective pairwise has none to draw",
                "use objective item",
            )

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The mean over the targets for which an item could be drawn.

        Args:
            model: the model that scores items.
            encoded: its pass over the rows of the step.
        """
        return self.loss_term(model, encoded).loss

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term for each target for which an item could be drawn.

        Args:
            model: the model that scores items.
            encoded: its pass over some rows of a step.
        """
        drawn, is_drawn = self.draw(encoded.batch)
        positive = encoded.vectors(encoded.batch.target_items)  # [N, D]
        negative = encoded.vectors(drawn)  # [N, D]
        right = model.score_pairs(encoded.predicting, positive)
        wrong = model.score_pairs(encoded.predicting, negative)
        losses = -F.logsigmoid(right - wrong)  # [N]
        if self.config.hinge:
            between_items = model.score_pairs(positive, negative)
            losses = losses + self.config.hinge * (between_items - right).relu()
        terms = is_drawn.sum()
        return LossTerm((losses * is_drawn).sum() / terms.clamp(min=1), terms)

    def draw(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A negative item for each target of the batch.

        Returns:
            Long[N], the items; and Bool[N], whether there was one to draw.
        """
        rows = batch.target_slots // batch.items.shape[1]
        if self.config.exclude != "read":
            return self.free.draw(batch.users.index_select(0, rows) - 1)
        read = torch.cat([batch.items, batch.targets], dim=1)  # [B, 2L]
        return draw_absent(read, rows, self.codes)
