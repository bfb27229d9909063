"""gBCE, generalised binary cross-entropy over drawn items (Petrov & Macdonald, RecSys 2023,
arXiv:2308.07192).

    L = mean over targets of −( β log σ(z⁺) + Σ_k log(1 − σ(z_k)) ) / (K + 1)
    β = 1 − t (1 − α),   α = K / (items − 1)

z⁺ is the target's score and z_k that of a drawn item. β lowers the weight of the positive, which
sampling makes too frequent: with t = 1 scores are calibrated, with t = 0 it is plain BCE. With all
other items as negatives it is BCE for every t.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from sirec.config.quantities import MixingWeight
from sirec.data.fields import Schema
from sirec.objectives.base import Objective
from sirec.objectives.sampled import SampledConfig, SampledLoss


@dataclass(frozen=True, kw_only=True)
class GeneralisedBCE(SampledConfig):
    """Binary cross-entropy with the positive's probability to the power β.

    Attributes:
        calibration: t of the equation, in [0, 1].
    """

    name: ClassVar[str] = "gbce"
    calibration: MixingWeight = 0.75

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use, with the number of item codes.
            width: D, the width of a state; not used.
        """
        return GeneralisedBCELoss(self, schema.items)


class GeneralisedBCELoss(SampledLoss):
    """The loss of the module's equation; since log σ(z)^β = β log σ(z), no probability has
    to be clamped.
    """

    config: GeneralisedBCE

    def loss(self, positive: Tensor, negative: Tensor, drawn: Tensor, dropped: Tensor) -> Tensor:
        """Binary cross-entropies, averaged over the target and its K draws; dropped ones give 0.

        Args:
            positive: [N], scores of the targets.
            negative: [N, K], scores of the drawn items.
            drawn: Long[N, K] or Long[K], the drawn items.
            dropped: Bool[N, K], which of them do not count.
        """
        others = self.codes - 2 if self.config.negatives is None else self.config.negatives
        power = positive_power(others, self.codes - 1, self.config.calibration)
        negatives = F.softplus(negative).masked_fill(dropped, 0.0).sum(dim=1)
        return ((power * F.softplus(-positive) + negatives) / (others + 1)).mean()


def positive_power(negatives: int, items: int, calibration: float) -> float:
    """β of gBCE. More draws than there are other items count as all of them.

    Args:
        negatives: K, the number of draws.
        items: the number of items.
        calibration: t.

    >>> positive_power(99, 100, 0.75), positive_power(9, 100, 0.0)
    (1.0, 1.0)
    >>> round(positive_power(9, 100, 1.0), 4)
    0.0909
    """
    sampled = min(1.0, negatives / max(1, items - 1))
    return 1.0 - calibration * (1.0 - sampled)
