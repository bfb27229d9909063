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
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sirec.core.kernels.precision import small_products
from sirec.core.layers.dropout import Dropout
from sirec.core.model import INIT_STD
from sirec.data.fields import PADDING
from sirec.data.tasks.layout import TokenLayout, to_device
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

    With slots first, the transform of all rows and channels is one matrix product, several times
    faster than fast transforms of so few slots. Complex numbers are pairs of real matrices.

    Args:
        width: d, the number of channels.
        window: n, the length of the window.
    """

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        self.window = window
        # Real and imaginary parts of K.
        self.weight = nn.Parameter(torch.randn(window // 2 + 1, width, 2) * INIT_STD)

    @small_products
    def forward(self, x: Tensor, *, last_slot_only: bool = False) -> Tensor:
        """The filtered rows.

        Args:
            x: Float[l, B, d], the first l ≤ n slots of B rows, slots first; the others are 0.
            last_slot_only: compute the value in the window's last slot and no other; l is n.

        Returns:
            Float[l, B, d], or Float[B, d] of the last slot.
        """
        into, back = transforms(self.window, x)
        if last_slot_only:
            response = back @ torch.cat(self.weight.unbind(dim=-1))  # to a one in slot 0, [n, d]
            return (response.flip(0)[:, None] * x).sum(dim=0)
        spectrum = _mapped(into[:, : x.shape[0]], x)
        filtered: Tensor = _Product.apply(spectrum, self.weight)  # type: ignore[no-untyped-call]
        return _mapped(back[: x.shape[0]], filtered)


class _Product(torch.autograd.Function):
    """K ⊙ φ(X), element by element.

    torch's own gradients of the products of real and imaginary parts go through memory twice as
    often.
    """

    @staticmethod
    def forward(ctx: Any, spectrum: Tensor, kernel: Tensor) -> Tensor:
        """Multiply.

        Args:
            ctx: where the backward pass finds its tensors.
            spectrum: Float[2 m, B, d], φ(X): real parts and then imaginary ones.
            kernel: Float[m, d, 2], K.

        Returns:
            Float[2 m, B, d].
        """
        ctx.save_for_backward(spectrum, kernel)
        return _multiplied(spectrum, *kernel[:, None].unbind(dim=-1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients G ⊙ K* of the spectrum, and Σ_rows G ⊙ φ(X)* of the kernel."""
        spectrum, kernel = ctx.saved_tensors
        factors = kernel[:, None].unbind(dim=-1)
        by_kernel = _multiplied(gradient, *spectrum.chunk(2), conjugate=True).sum(dim=1)
        by_spectrum = _multiplied(gradient, *factors, conjugate=True)
        return by_spectrum, torch.stack(by_kernel.chunk(2), dim=-1)


def _multiplied(x: Tensor, real: Tensor, imaginary: Tensor, *, conjugate: bool = False) -> Tensor:
    """Complex products, element by element.

    Args:
        x: Float[2 m, B, d], real parts and then imaginary ones.
        real: Float[m, B, d] or Float[m, 1, d], the real parts of the other factor.
        imaginary: its imaginary parts.
        conjugate: whether the other factor is conjugate.

    Returns:
        Float[2 m, B, d].
    """
    x_real, x_imaginary = x.chunk(2)
    products, sign = torch.empty_like(x), -1 if conjugate else 1
    of_real, of_imaginary = products.chunk(2)
    torch.mul(x_real, real, out=of_real).addcmul_(x_imaginary, imaginary, value=-sign)
    torch.mul(x_imaginary, real, out=of_imaginary).addcmul_(x_real, imaginary, value=sign)
    return products


def _mapped(matrix: Tensor, x: Tensor) -> Tensor:
    """A map of slots: Float[o, l] and Float[l, B, d] -> Float[o, B, d]."""
    return (matrix @ x.flatten(1)).unflatten(1, x.shape[1:])


def transforms(window: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """The Fourier transform of real sequences, and its inverse, as real matrices.

    With m = n // 2 + 1, the first m rows of the transform give the real parts of the frequencies
    0..m − 1, the others their imaginary parts. All frequencies but 0 and, for an even window, the
    last stand for ±k and count twice on the way back.

    Args:
        window: n, the length of the sequences.
        like: a tensor of the type and on the device that the matrices shall have.

    Returns:
        Float[2 m, n] and Float[n, 2 m].
    """
    into, back = _transforms(window)
    return to_device(into, like.device).to(like.dtype), to_device(back, like.device).to(like.dtype)


@lru_cache(maxsize=8)
def _transforms(window: int) -> tuple[np.ndarray, np.ndarray]:
    """The matrices of `transforms` in double precision."""
    frequencies, slots = np.arange(window // 2 + 1)[:, None], np.arange(window)
    angles = 2 * np.pi * (frequencies * slots % window) / window
    into = np.concatenate([np.cos(angles), -np.sin(angles)])
    copies = np.array([_copies(pair, window) for pair in range(1, len(frequencies))])
    weights = np.concatenate([[1], copies]) / window
    return into, (into * np.tile(weights, 2)[:, None]).T


class TokenFilter(nn.Module):
    """K(X) of rows that are given by their tokens; slots without a token are 0.

    Args:
        width: d, the number of channels.
        window: n, the length of the window.
    """

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
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
        filtered: Tensor = self.rows(rows.transpose(0, 1))
        return filtered.transpose(0, 1)


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
