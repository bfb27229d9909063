"""An item is told by its attributes among the targets of a step (TASIF, Luo et al., WSDM 2026).

    L = 1/F Σ_j mean over targets v of −log softmax_u(cos(e_v, AE_j(u)) / τ) at u = v

v and u are the distinct targets of the step; e_v is the raw vector of an item and AE_j(u) that of
an item's attribute. An item that is the target of several rows counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.config.quantities import LossWeight, Temperature
from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.objectives.attribute_widths import check_as_wide_as_items
from sirec.objectives.base import (
    EncoderPass,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
    chosen_attributes,
)


@dataclass(frozen=True, kw_only=True)
class ItemAttributeContrast(ObjectiveConfig):
    """The loss with its switches.

    Attributes:
        attributes: the attributes that are compared with items; None means all in use.
        temperature: τ.
    """

    name: ClassVar[str] = "item_attribute_contrast"
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    weight: LossWeight = 0.01
    attributes: tuple[str, ...] | None = None
    temperature: Temperature = 0.2

    @property
    def reads_catalogue(self) -> bool:
        """The loss reads the targets alone."""
        return False

    def indivisible(self) -> str | None:
        """Each target is compared with all others of the step."""
        return "each target is told from all other targets of the step"

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use; their attributes are compared.
            width: D, the width of a state; not used.

        Raises:
            SirecError: the data have no such attribute.
        """
        names = chosen_attributes(schema, self.attributes, self.name, needs_values=False)
        return ItemAttributeContrastLoss(names, self.temperature)

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss for this model.

        Args:
            schema: fields of the data in use.
            model: the model that will be trained.

        Raises:
            SirecError: the data have no such attribute, or the model has no vectors of it that are
                as wide as its item vectors.
        """
        names = chosen_attributes(schema, self.attributes, self.name, needs_values=False)
        check_as_wide_as_items(model, names, self.name)
        return self.build(schema, model.state_width)


class ItemAttributeContrastLoss(Objective):
    """The loss of the module's equation.

    Args:
        attributes: names of the attributes.
        temperature: τ.
    """

    def __init__(self, attributes: list[str], temperature: float) -> None:
        super().__init__()
        self.attributes, self.temperature = attributes, temperature

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The mean over attributes and distinct targets.

        Args:
            model: the model whose item and attribute vectors are compared.
            encoded: its pass, which gives the targets.
        """
        targets = encoded.batch.target_items  # [N]
        items = F.normalize(model.item_vectors().index_select(0, targets).float(), dim=-1)
        vectors = model.attribute_vectors(targets)
        is_first = _is_first(targets)
        losses = []
        for name in self.attributes:
            sides = F.normalize(vectors[name].float(), dim=-1)
            scores = items @ sides.T / self.temperature  # [N, N]
            own = scores.diagonal()
            among = scores.masked_fill(~is_first, -torch.inf).logsumexp(dim=1)
            losses.append(((among - own) * is_first).sum() / is_first.sum())
        return torch.stack(losses).mean()


def _is_first(targets: Tensor) -> Tensor:
    """Bool[N]: whether no earlier one of the targets Long[N] is the same item."""
    same = targets[:, None] == targets
    return ~same.tril(diagonal=-1).any(dim=1)
