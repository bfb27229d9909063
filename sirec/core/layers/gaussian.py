"""Items and states as Gaussians with diagonal covariance, compared by the 2-Wasserstein distance
(STOSA, DLFS-Rec).

    W₂²(N(a, A), N(b, B)) = |a − b|² + |√A − √B|²

So a Gaussian is one vector of width 2d, its distances are Euclidean, and a score is a negative
distance: one matrix product for all pairs of states and items. The vector is [a ; √A − 1]:
variances lie around 1, what all vectors share has no part in a distance, and as a large number in
the product it would take digits from it (a STOSA trained on Beauty: 6 % of ranks).

Letters: T tokens, V item codes, d width of a mean.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.core.model import SequentialModel
from sirec.data.fields import PADDING

LEAST = 1e-24  # a variance of 0 has no gradient of its root


def variance(values: Tensor) -> Tensor:
    """What a map gave, made positive: ELU(x) + 1."""
    return F.elu(values) + 1


def gaussian(mean: Tensor, covariance: Tensor) -> Tensor:
    """[..., d] and the diagonal [..., d] -> [..., 2d]: the vector [mean ; √covariance − 1]."""
    return torch.cat([mean, covariance.clamp(min=LEAST).sqrt() - 1], dim=-1)


class TwoTables(nn.Module):
    """For each code a mean and a covariance, the latter not yet made positive."""

    def __init__(self, size: int, width: int, *, padded: bool) -> None:
        super().__init__()
        padding = PADDING if padded else None
        self.mean = nn.Embedding(size, width, padding_idx=padding)
        self.covariance = nn.Embedding(size, width, padding_idx=padding)

    def forward(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Long[T] -> [T, d], [T, d]."""
        return self.mean(codes), self.covariance(codes)


class GaussianModel(SequentialModel):
    """A model whose states and items are such vectors: `state_width` is 2d."""

    def factors(self, states: Tensor, table: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """2 s, t and −|t|²."""
        return 2 * states, table, -table.square().sum(dim=-1)

    def score(self, states: Tensor, table: Tensor) -> Tensor:
        """[..., 2d], [V, 2d] -> [..., V]: −|s − t|² = 2 s·t − |t|² − |s|²."""
        return super().score(states, table) - states.square().sum(dim=-1, keepdim=True)

    def score_each(self, states: Tensor, vectors: Tensor) -> Tensor:
        """[N, 2d], [N, K, 2d] -> [N, K]: −|s − t|²."""
        return super().score_each(states, vectors) - states.square().sum(dim=-1, keepdim=True)

    def score_pairs(self, states: Tensor, vectors: Tensor) -> Tensor:
        """[..., 2d], [..., 2d] -> [...]: −|s − t|²."""
        return -(states - vectors).square().sum(dim=-1)
