"""Items and states as Gaussians with diagonal covariance, compared by the 2-Wasserstein distance
(STOSA, DLFS-Rec).

    W₂²(N(a, A), N(b, B)) = |a − b|² + |√A − √B|²

So a Gaussian is one vector of width 2d, its distances are Euclidean, and a score is a negative
distance, which one matrix product gives for all pairs of states and items. The vector is
[a ; √A − 1]: variances lie around 1, and a constant that all vectors share does not change a
distance, but costs digits of the product (for a STOSA trained on Beauty 6 % of ranks were wrong).

Letters: T tokens, V item codes, d width of a mean.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.core.model import SequentialModel
from sirec.data.fields import PADDING

LEAST = 1e-24  # the square root has no gradient at a variance of 0


def variance(values: Tensor) -> Tensor:
    """A positive variance from any number: ELU(x) + 1."""
    return F.elu(values).add_(1)


def gaussian(mean: Tensor, covariance: Tensor) -> Tensor:
    """A Gaussian as one vector: [mean ; √covariance − 1].

    Args:
        mean: Float[..., d].
        covariance: Float[..., d], the diagonal of the covariance.

    Returns:
        Float[..., 2d].
    """
    return torch.cat([mean, covariance.clamp(min=LEAST).sqrt() - 1], dim=-1)


class TwoTables(nn.Module):
    """A mean and an unconstrained covariance for each code.

    Args:
        size: how many codes.
        width: d, the width of a mean.
        padded: whether code 0 is padding, whose vectors stay 0.
    """

    def __init__(self, size: int, width: int, *, padded: bool) -> None:
        super().__init__()
        padding = PADDING if padded else None
        self.mean = nn.Embedding(size, width, padding_idx=padding)
        self.covariance = nn.Embedding(size, width, padding_idx=padding)

    def forward(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Codes Long[T] -> means and unconstrained covariances, Float[T, d] each."""
        return self.mean(codes), self.covariance(codes)


class GaussianModel(SequentialModel):
    """A model whose states and items are Gaussians; `state_width` is 2d."""

    def factors(self, states: Tensor, table: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Q = 2 `states`, K = `table` and b = −|t|² for each row t of `table`."""
        return 2 * states, table, -table.square().sum(dim=-1)

    def score(self, states: Tensor, table: Tensor) -> Tensor:
        """Scores of `states` Float[..., 2d] with `table` Float[V, 2d]: −|s − t|², Float[..., V]."""
        return super().score(states, table) - states.square().sum(dim=-1, keepdim=True)

    def score_each(self, states: Tensor, vectors: Tensor) -> Tensor:
        """Scores of `states` Float[N, 2d] with `vectors` Float[N, K, 2d]: −|s − t|², Float[N,
        K].
        """
        return super().score_each(states, vectors) - states.square().sum(dim=-1, keepdim=True)

    def score_pairs(self, states: Tensor, vectors: Tensor) -> Tensor:
        """Score of each of `states` with one of `vectors`, both Float[..., 2d]: −|s − t|²."""
        return -(states - vectors).square().sum(dim=-1)
