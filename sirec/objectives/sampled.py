"""Losses that score the target and a few drawn items, never the catalogue: sampled softmax, and
gBCE.

    sampled softmax  = −log( e^z⁺ / (e^z⁺ + Σ_k e^{z_k − log q_k}) )          log q_k = 0 unless `log_q`
    gBCE             = −( β log σ(z⁺) + Σ_k log(1 − σ(z_k)) ) / (K + 1),   β = 1 − t (1 − α),   α = K / (items − 1)

q_k is how often item k is expected among the K draws; with it Σ is an unbiased estimate of the sum
over all other items, and without it uniform negatives count as if there were no others. gBCE
(Petrov & Macdonald, RecSys 2023, arXiv:2308.07192) lowers the weight of the positive, which
sampling makes too frequent: with t = 1 scores are calibrated, with t = 0 it is plain BCE. With all
other items as negatives sampled softmax is the full cross-entropy, and gBCE is BCE.

Draws are with replacement. A drawn item that is the target itself is a hit: dropped, or kept as a
negative as in the authors' codes. Only the table of vectors is as large as the catalogue; models
that fuse candidates compute it whole.

Letters: N targets, K negatives of each, D width of a state, V item codes.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.rows import training_items
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig

Draw = Literal["uniform", "popularity"]
# unless something else is set; the one number that may exceed the catalogue, so that any shop can
# be tried
NEGATIVES = 256


@dataclass(frozen=True, kw_only=True)
class SampledConfig(ObjectiveConfig):
    """What is drawn: `negatives` a target (None: every item once), or `shared` by the targets of a
    step.

    `popularity` draws an item as often as it occurs in training, `uniform` all alike.
    """

    negatives: int | None = NEGATIVES
    draw: Draw = "uniform"
    shared: bool = False
    hits: Literal["dropped", "kept"] = "dropped"

    def __post_init__(self) -> None:
        """Refuse a draw of nothing."""
        super().__post_init__()
        if self.negatives is not None and self.negatives < 1:
            raise SirecError(
                f"negatives {self.negatives} of {self.name} must be at least 1, or null for all items"
            )

    @property
    def reads_catalogue(self) -> bool:
        """Only where every item is a negative."""
        return self.negatives is None

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The objective for this model. Raises `SirecError` where more is to be drawn than there
        is.
        """
        items = schema.items - 1
        if self.negatives is not None and self.negatives > max(items, NEGATIVES):
            raise SirecError(
                f"negatives {self.negatives} of {self.name}: there are {items:,} items to draw from",
                f"set {self.name}.negatives=null to score every item once",
            )
        return super().build_for(schema, model)


@dataclass(frozen=True, kw_only=True)
class SampledSoftmax(SampledConfig):
    """Cross-entropy of the target among drawn items; `log_q` corrects for how they were drawn."""

    name: ClassVar[str] = "sampled_softmax"
    log_q: bool = False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss; it has no parameters."""
        return SampledSoftmaxLoss(self, schema.items)


@dataclass(frozen=True, kw_only=True)
class GeneralisedBCE(SampledConfig):
    """Binary cross-entropy with the positive's probability to the power β; `calibration` is t."""

    name: ClassVar[str] = "gbce"
    calibration: float = 0.75

    def __post_init__(self) -> None:
        """Refuse a t outside [0, 1]."""
        super().__post_init__()
        if not 0 <= self.calibration <= 1:
            raise SirecError(f"calibration {self.calibration} of {self.name} must lie in [0, 1]")

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss; it has no parameters."""
        return GeneralisedBCELoss(self, schema.items)


class SampledLoss(Objective):
    """Draws, scores, and leaves the loss of positive and negative scores to the kind."""

    frequency: Tensor  # [V], how often an item is drawn by one draw
    reach: Tensor  # [V], the same added up

    def __init__(self, config: SampledConfig, codes: int) -> None:
        super().__init__()
        self.config, self.codes = config, codes
        frequency = torch.full((codes,), 1 / (codes - 1), dtype=torch.float64).index_fill(
            0, torch.tensor(0), 0
        )
        self.register_buffer("frequency", frequency, persistent=False)
        self.register_buffer("reach", frequency.cumsum(0), persistent=False)

    def fit_statistics(self, data: Dataset) -> None:
        """Note how often each item occurs in training, if that decides what is drawn."""
        if self.config.draw == "popularity":
            counts = torch.bincount(training_items(data)[1], minlength=self.codes).double()
            self.frequency = counts / counts.sum()
            self.reach = self.frequency.cumsum(0)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The mean over the step's targets."""
        targets = encoded.batch.target_items
        drawn = self.draw(len(targets))
        taken = encoded.vectors(
            torch.cat([targets, drawn.flatten()])
        )  # at once: each may have a gradient of [V, D]
        rows = taken[len(targets) :].unflatten(0, drawn.shape)
        positive = model.score_pairs(encoded.predicting, taken[: len(targets)])
        negative = (
            model.score(encoded.predicting, rows)
            if drawn.dim() == 1
            else model.score_each(encoded.predicting, rows)
        )
        hits = drawn == targets[:, None]
        return self.loss(
            positive.float(),
            negative.float(),
            drawn,
            hits if self._drops_hits else torch.zeros_like(hits),
        )

    def draw(self, targets: int) -> Tensor:
        """Long[N, K] of items, or Long[K] for all targets alike."""
        if self.config.negatives is None:
            return torch.arange(1, self.codes, device=self.reach.device)
        shape = (self.config.negatives,) if self.config.shared else (targets, self.config.negatives)
        if self.config.draw == "uniform":
            return torch.randint(1, self.codes, shape, device=self.reach.device)
        chance = torch.rand(shape, dtype=torch.float64, device=self.reach.device) * self.reach[-1]
        return torch.searchsorted(self.reach, chance, right=True)

    @abstractmethod
    def loss(self, positive: Tensor, negative: Tensor, drawn: Tensor, dropped: Tensor) -> Tensor:
        """Scores [N] and [N, K] of targets and drawn items, Bool[N, K] of those that do not count
        -> a scalar.
        """

    @property
    def _drops_hits(self) -> bool:
        return self.config.negatives is None or self.config.hits == "dropped"


class SampledSoftmaxLoss(SampledLoss):
    """See the module's first equation."""

    config: SampledSoftmax

    def loss(self, positive: Tensor, negative: Tensor, drawn: Tensor, dropped: Tensor) -> Tensor:
        """Cross-entropy with the target in front."""
        if self.config.log_q and self.config.negatives is not None:
            expected = self.config.negatives * self.frequency.index_select(0, drawn.flatten()).view(
                drawn.shape
            )
            negative = negative - expected.log().float()
        scores = torch.cat([positive[:, None], negative.masked_fill(dropped, -torch.inf)], dim=1)
        return (scores.logsumexp(dim=1) - positive).mean()


class GeneralisedBCELoss(SampledLoss):
    """See the module's second equation; log σ(z)^β is β log σ(z), so nothing is clamped."""

    config: GeneralisedBCE

    def loss(self, positive: Tensor, negative: Tensor, drawn: Tensor, dropped: Tensor) -> Tensor:
        """Binary cross-entropies, averaged over the target and its K draws, dropped ones among them
        at 0.
        """
        others = self.codes - 2 if self.config.negatives is None else self.config.negatives
        power = positive_power(others, self.codes - 1, self.config.calibration)
        negatives = F.softplus(negative).masked_fill(dropped, 0.0).sum(dim=1)
        return ((power * F.softplus(-positive) + negatives) / (others + 1)).mean()


def positive_power(negatives: int, items: int, calibration: float) -> float:
    """β for `negatives` draws out of `items`; more draws than there are other items count as all of
    them.

    >>> positive_power(99, 100, 0.75), positive_power(9, 100, 0.0), round(positive_power(9, 100, 1.0), 4)
    (1.0, 1.0, 0.0909)
    """
    sampled = min(1.0, negatives / max(1, items - 1))
    return 1.0 - calibration * (1.0 - sampled)
