"""Filters over the window of a sequence.

    F(X) = LFC(X) + β² (X − LFC(X))          LFC: the c lowest of the window's n frequencies
    K(X) = φ⁻¹(K ⊙ φ(X))                     φ: the Fourier transform over the window

F keeps the slow part of a sequence and a learned share of its fast part. LFC is the matrix
(1/n) Σ_{|j| ≤ c/2} cos(2π j (t − s) / n) of two slots t and s (BSARec, Shin et al., AAAI 2024);
where empty slots are 0, only real slots are computed, and no transform is needed. K learns a weight
for every frequency of every channel (DLFS-Rec, Liu et al., RecSys 2023). A filter reads the whole
window, later slots too, so that states behind it are not causal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sirec.core.layers.dropout import Dropout
from sirec.core.model import INIT_STD
from sirec.data.fields import PADDING
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
        low = _over_rows(self._smooth, x, layout)
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


class CircularFilter(nn.Module):
    """φ⁻¹(K ⊙ φ(X)) over the window: a circular convolution of each channel.

    Args:
        width: d, the number of channels.
        window: n, the length of the window.
    """

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        # Real and imaginary parts of K.
        self.weight = nn.Parameter(torch.randn(window // 2 + 1, width, 2) * INIT_STD)

    def forward(self, x: Tensor) -> Tensor:
        """The filtered rows, Float[B, n, d] -> Float[B, n, d]."""
        weight = torch.view_as_complex(self.weight)
        filtered: Tensor = _Filtered.apply(x, weight)  # type: ignore[no-untyped-call]
        return filtered


class _Filtered(torch.autograd.Function):
    """The circular convolution of real rows, with gradients by real transforms alone.

    Both gradients are correlations of real rows. torch's own gradient of a real transform takes a
    complex one of the whole window.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:
        """φ⁻¹(K ⊙ φ(X)).

        Args:
            ctx: where the backward pass finds its tensors.
            x: Float[B, n, d].
            kernel: Complex[n // 2 + 1, d], K.

        Returns:
            Float[B, n, d].
        """
        spectrum = torch.fft.rfft(x, dim=1)
        ctx.save_for_backward(spectrum, kernel)
        return torch.fft.irfft(spectrum * kernel, n=x.shape[1], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The gradients φ⁻¹(K* ⊙ φ(G)) of the rows and Σ_rows φ(X)* ⊙ φ(G) of the kernel.

        All frequencies but the first and, for an even window, the last stand for ±k and count
        twice.

        Args:
            ctx: the tensors of the forward pass.
            gradient: Float[B, n, d], G.

        Returns:
            Float[B, n, d] and Complex[n // 2 + 1, d].
        """
        spectrum, kernel = ctx.saved_tensors
        window = gradient.shape[1]
        transformed = torch.fft.rfft(gradient, dim=1)
        of_rows = None
        if ctx.needs_input_grad[0]:
            of_rows = torch.fft.irfft(transformed * kernel.conj(), n=window, dim=1)
        twice = torch.full(
            (len(kernel), 1), 2 / window, dtype=gradient.dtype, device=gradient.device
        )
        twice[0] = 1 / window
        if window % 2 == 0:
            twice[-1] = 1 / window
        return of_rows, (spectrum.conj() * transformed).sum(dim=0) * twice


class TokenFilter(nn.Module):
    """K(X) of rows that are given by their tokens; slots without a token are 0.

    Args:
        width: d, the number of channels.
        window: n, the length of the window.
    """

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.rows = CircularFilter(width, window)

    def forward(self, x: Tensor, layout: TokenLayout) -> Tensor:
        """Filter every row.

        Args:
            x: Float[T, d].
            layout: where the T tokens lie in their rows.

        Returns:
            Float[T, d].
        """
        return _over_rows(self._filter, x, layout)

    def _filter(self, rows: Tensor) -> Tensor:
        """K of the rows of a bucket, Float[b, l, d] -> Float[b, l, d]."""
        length = rows.shape[1]
        whole = F.pad(rows, (0, 0, 0, self.window - length))
        filtered: Tensor = self.rows(whole)[:, :length]
        return filtered


class GatedFilter(nn.Module):
    """LN(g Drop(K(X)) + (1 − g) X),  g = σ(w) (TASIF, Luo et al., WSDM 2026).

    Args:
        width: d, the number of channels.
        window: n, the length of the window.
        dropout: probability of dropping a value of K(X).
        eps: ε of the norm LN.
    """

    def __init__(self, width: int, window: int, dropout: float, eps: float) -> None:
        super().__init__()
        self.filter = TokenFilter(width, window)
        self.share = nn.Parameter(torch.tensor(0.5))  # w, one number for all channels
        self.norm = nn.LayerNorm(width, eps=eps)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, layout: TokenLayout) -> Tensor:
        """Filter every row; slots without a token are 0.

        Args:
            x: Float[T, d].
            layout: where the T tokens lie in their rows.

        Returns:
            Float[T, d].
        """
        share = self.share.sigmoid()
        passed = self.dropout(self.filter(x, layout))
        mixed: Tensor = self.norm(share * passed + (1 - share) * x)
        return mixed


def embedding_for(window: Window, items: int, width: int) -> nn.Embedding:
    """A table of items; that of the padding item is drawn like any other where it is a token.

    Args:
        window: what empty slots hold.
        items: V, the number of item codes.
        width: d, the width of a vector.
    """
    return nn.Embedding(items, width, padding_idx=None if window == "tokens" else PADDING)


def _over_rows(function: Callable[[Tensor], Tensor], x: Tensor, layout: TokenLayout) -> Tensor:
    """A function of the rows Float[b, l, d] of each bucket, applied to tokens Float[T, d]."""
    results = []
    for bucket, part in zip(layout.buckets, layout.split(x), strict=True):
        results.append(bucket.collect(function(bucket.spread(part))))
    return torch.cat(results)


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
