"""Losses that score the target and a few drawn items instead of the catalogue; sampled softmax.

    L = mean over targets of −log( e^z⁺ / (e^z⁺ + Σ_k e^{z_k − log q_k}) )

z⁺ is the target's score and z_k that of a drawn item. q_k is how often item k is expected among the
K draws. With it (`log_q`) the sum over k is an unbiased estimate of the sum over all other items;
without it log q_k is 0, and uniform negatives count as if there were no other items. With all other
items as negatives the loss is the full cross-entropy. `gbce.py` has binary cross-entropy over the
same draws.

Items are drawn with replacement. A drawn item that is the target itself is a hit: it is dropped, or
kept as a negative as in the authors' codes. Only the table of vectors is as large as the catalogue;
models that fuse attributes into candidates compute all of it.

Letters: N targets, K negatives of each, D width of a state, V item codes.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from sirec.config.quantities import NegativeCount
from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.rows import training_items
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig

Draw = Literal["uniform", "popularity"]
# The default number of negatives. It alone may exceed the catalogue, so that the default works for
# data of any size.
NEGATIVES = 256


@dataclass(frozen=True, kw_only=True)
class SampledConfig(ObjectiveConfig):
    """What losses over drawn items have in common: which items are drawn.

    Attributes:
        negatives: K; None means every item once.
        draw: `uniform` draws all items alike, `popularity` as often as they occur in training.
        shared: whether all targets of a step share one draw.
        hits: whether a drawn item that is the target is dropped or kept.
    """

    negatives: NegativeCount | None = NEGATIVES
    draw: Draw = "uniform"
    shared: bool = False
    hits: Literal["dropped", "kept"] = "dropped"

    @property
    def reads_catalogue(self) -> bool:
        """The whole table is read only where every item is a negative."""
        return self.negatives is None

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss for this model.

        Args:
            schema: fields of the data in use, with the number of items.
            model: the model that will be trained.

        Raises:
            SirecError: more items are to be drawn than there are.
        """
        items = schema.items - 1
        if self.negatives is not None and self.negatives > max(items, NEGATIVES):
            raise SirecError(
                f"negatives {self.negatives} of {self.name}: "
                f"there are {items:,} items to draw from",
                f"set {self.name}.negatives=null to score every item once",
            )
        return super().build_for(schema, model)


@dataclass(frozen=True, kw_only=True)
class SampledSoftmax(SampledConfig):
    """Cross-entropy of the target among drawn items.

    Attributes:
        log_q: correct each score for how often its item is expected among the draws.
    """

    name: ClassVar[str] = "sampled_softmax"
    log_q: bool = False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use, with the number of item codes.
            width: D, the width of a state; not used.
        """
        return SampledSoftmaxLoss(self, schema.items)


class SampledLoss(Objective):
    """Draws items and scores them; a subclass turns the scores into a loss.

    Args:
        config: which items are drawn.
        codes: V, the number of item codes.
    """

    frequency: Tensor  # [V], the probability that one draw gives an item
    reach: Tensor  # [V], its cumulative sum

    def __init__(self, config: SampledConfig, codes: int) -> None:
        super().__init__()
        self.config, self.codes = config, codes
        frequency = torch.full((codes,), 1 / (codes - 1), dtype=torch.float64)
        frequency = frequency.index_fill(0, torch.tensor(0), 0)
        self.register_buffer("frequency", frequency, persistent=False)
        self.register_buffer("reach", frequency.cumsum(0), persistent=False)

    def fit_statistics(self, data: Dataset) -> None:
        """Count how often each item of `data` occurs in training, where draws depend on it."""
        if self.config.draw == "popularity":
            counts = torch.bincount(training_items(data)[1], minlength=self.codes).double()
            self.frequency = counts / counts.sum()
            self.reach = self.frequency.cumsum(0)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The mean over the targets of the step.

        Args:
            model: the model that scores items.
            encoded: its pass over the rows of the step.
        """
        targets = encoded.batch.target_items
        drawn = self.draw(len(targets))
        # One read for both: each read of the table may have a gradient of [V, D].
        vectors = encoded.vectors(torch.cat([targets, drawn.flatten()]))
        negatives = vectors[len(targets) :].unflatten(0, drawn.shape)
        positive = model.score_pairs(encoded.predicting, vectors[: len(targets)])  # [N]
        if drawn.dim() == 1:
            negative = model.score(encoded.predicting, negatives)  # [N, K]
        else:
            negative = model.score_each(encoded.predicting, negatives)  # [N, K]
        dropped = drawn == targets[:, None]
        if not self._drops_hits:
            dropped = torch.zeros_like(dropped)
        return self.loss(positive.float(), negative.float(), drawn, dropped)

    def draw(self, targets: int) -> Tensor:
        """Long[N, K] of items for a number of `targets`, or Long[K] that all of them share."""
        if self.config.negatives is None:
            return torch.arange(1, self.codes, device=self.reach.device)
        shape = (self.config.negatives,) if self.config.shared else (targets, self.config.negatives)
        if self.config.draw == "uniform":
            return torch.randint(1, self.codes, shape, device=self.reach.device)
        chance = torch.rand(shape, dtype=torch.float64, device=self.reach.device) * self.reach[-1]
        return torch.searchsorted(self.reach, chance, right=True)

    @abstractmethod
    def loss(self, positive: Tensor, negative: Tensor, drawn: Tensor, dropped: Tensor) -> Tensor:
        """The loss of scores, a scalar.

        Args:
            positive: [N], scores of the targets.
            negative: [N, K], scores of the drawn items.
            drawn: Long[N, K] or Long[K], the drawn items.
            dropped: Bool[N, K], which of them do not count.
        """

    @property
    def _drops_hits(self) -> bool:
        return self.config.negatives is None or self.config.hits == "dropped"


class SampledSoftmaxLoss(SampledLoss):
    """The loss of the module's equation."""

    config: SampledSoftmax

    def loss(self, positive: Tensor, negative: Tensor, drawn: Tensor, dropped: Tensor) -> Tensor:
        """Mean cross-entropy of the target among itself and the drawn items.

        Args:
            positive: [N], scores of the targets.
            negative: [N, K], scores of the drawn items.
            drawn: Long[N, K] or Long[K], the drawn items.
            dropped: Bool[N, K], which of them do not count.
        """
        if self.config.log_q and self.config.negatives is not None:
            frequency = self.frequency.index_select(0, drawn.flatten()).view(drawn.shape)
            expected = self.config.negatives * frequency
            negative = negative - expected.log().float()
        scores = torch.cat([positive[:, None], negative.masked_fill(dropped, -torch.inf)], dim=1)
        return (scores.logsumexp(dim=1) - positive).mean()
