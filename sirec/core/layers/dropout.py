"""Dropout whose random numbers cost little.

A uniform integer of 16 bits decides whether a value is kept; each number of torch's generator gives
four of them. On a CPU this is seven to eight times faster than `nn.Dropout`, which took up to a
third of a training step (`benchmarks/trials.py`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 1 << 16  # the probability of staying is a multiple of 1 / LEVELS


class Dropout(nn.Module):
    """x · m / P(m = 1) in training, with m ~ Bernoulli(1 − p) for each value; x in evaluation.

    p is rounded to a multiple of 2⁻¹⁶. The division is by the rounded probability, so that the
    expectation is x exactly. On other devices than the CPU torch's own dropout is used.

    Args:
        p: probability of dropping a value.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"a dropout of {p} is not in [0, 1)")
        self.p = p
        self.staying = min(max(round((1 - p) * LEVELS), 1), LEVELS)

    def forward(self, x: Tensor) -> Tensor:
        """Drop values of `x`, a tensor of any shape."""
        if not self.training or self.staying == LEVELS:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p)
        return x * self.mask(x)

    def mask(self, x: Tensor) -> Tensor:
        """A fresh mask, 0 or 1 / P(m = 1), in the shape and type of `x`."""
        count = x.numel()
        lowest = torch.iinfo(torch.int64).min
        bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(lowest, None)
        drawn = bits.view(torch.int16)[:count].view(x.shape)  # from −LEVELS / 2 to LEVELS / 2 − 1
        kept = torch.empty_like(drawn, dtype=x.dtype)
        torch.lt(drawn, self.staying - LEVELS // 2, out=kept)
        return kept.mul_(LEVELS / self.staying)

    def extra_repr(self) -> str:
        """The probability, as torch prints that of its own dropout."""
        return f"p={self.p}"
