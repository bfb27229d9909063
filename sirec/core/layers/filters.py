"""Filters over the window of a sequence: its slow part, and a learned share of its fast part.

    F(X) = LFC(X) + β² (X − LFC(X))          LFC: the c lowest of the window's n frequencies

LFC is the matrix (1/n) Σ_{|j| ≤ c/2} cos(2π j (t − s) / n) of two slots t and s (BSARec, Shin et
al., AAAI 2024). Where empty slots are 0, only real slots are computed, and no Fourier transform is
needed. A filter reads the whole window, later slots too, so that states behind it are not causal.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from sirec.core.layers.dropout import Dropout
from sirec.data.tasks.layout import TokenLayout
from sirec.errors import SirecError

Window = Literal["zeros", "tokens"]
"""What empty slots of a window hold: nothing, or the padding item as a token like any other."""


class RescaledFilter(nn.Module):
    """F(X), over a window that holds 0 where there is no token.

    Args:
        weights: how many β are learned: one for each channel, or 1 for all channels together.
        window: n, the length of the window.
        components: c, the number of low frequencies.
    """

    low: Tensor

    def __init__(self, weights: int, window: int, components: int) -> None:
        super().__init__()
        self.register_buffer("low", low_pass(window, components), persistent=False)  # [n, n]
        self.beta = nn.Parameter(torch.randn(weights))

    def forward(self, x: Tensor, layout: TokenLayout) -> Tensor:
        """Filter every row.

        Args:
            x: Float[T, d].
            layout: where the T tokens lie in their rows.

        Returns:
            Float[T, d].
        """
        smoothed = []
        for bucket, part in zip(layout.buckets, layout.split(x), strict=True):
            smoothed.append(bucket.collect(self._smooth(bucket.spread(part))))
        low = torch.cat(smoothed)
        return low + self.beta.square() * (x - low)

    def _smooth(self, rows: Tensor) -> Tensor:
        """LFC of the rows of a bucket, Float[b, l, d] -> Float[b, l, d]."""
        length = rows.shape[1]
        return self.low[:length, :length] @ rows


class ResidualFilter(nn.Module):
    """LN(X + Drop(F(X))), with one β for all channels (DIFF, Kim et al., SIGIR 2025).

    Args:
        width: d, the number of channels.
        window: n, the length of the window.
        components: c, the number of low frequencies.
        dropout: probability of dropping a value of F(X).
        eps: ε of the norm LN.
    """

    def __init__(
        self, width: int, window: int, components: int, dropout: float, eps: float
    ) -> None:
        super().__init__()
        self.filter = RescaledFilter(1, window, components)
        self.norm = nn.LayerNorm(width, eps=eps)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, layout: TokenLayout) -> Tensor:
        """Filter every row.

        Args:
            x: Float[T, d].
            layout: where the T tokens lie in their rows.

        Returns:
            Float[T, d].
        """
        filtered: Tensor = self.norm(x + self.dropout(self.filter(x, layout)))
        return filtered


def check_odd(low_frequencies: int) -> None:
    """Raise `SirecError` for half a pair of frequencies.

    Args:
        low_frequencies: c, the constant and (c − 1) / 2 pairs.
    """
    if low_frequencies % 2 == 0:
        raise SirecError(
            f"low_frequencies {low_frequencies} must be odd: the constant, and frequencies in pairs"
        )


def low_pass(window: int, components: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """LFC: the projection of a window on its lowest frequencies.

    Args:
        window: n, the length of the window.
        components: c, the constant and (c − 1) / 2 pairs of frequencies; odd.
        dtype: the type of the result; it is computed in double precision.

    Returns:
        Float[n, n], whose entries depend on the distance of two slots alone.
    """
    slots = torch.arange(window, dtype=torch.float64)
    distance = slots[:, None] - slots
    kept = []
    for pair in range(1, components // 2 + 1):
        wave = torch.cos(2 * math.pi * pair * distance / window)
        kept.append(wave * _copies(pair, window))
    return (torch.stack([torch.ones_like(distance), *kept]).sum(dim=0) / window).to(dtype)


def _copies(pair: int, window: int) -> int:
    """The number of distinct frequencies ±pair: 2, 1 for the highest of an even window, else 0."""
    return 2 if 2 * pair < window else int(2 * pair == window)
