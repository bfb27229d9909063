"""How much each of several streams counts: γ = softmax(Drop(W[x_1; …; x_S])), read off the streams
themselves (MSSR).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.dropout import Dropout


class StreamWeights(nn.Module):
    """One number a stream, adding up to 1; of two streams one number is scored against 0, which is
    a sigmoid.
    """

    def __init__(self, widths: Iterable[int], dropout: float) -> None:
        super().__init__()
        widths = list(widths)
        self.scorer = Linear(sum(widths), 1 if len(widths) == 2 else len(widths), bias=False)
        self.dropout = Dropout(dropout)  # on the scores, not on what they are read off

    def forward(self, streams: Iterable[Tensor]) -> tuple[Tensor, ...]:
        """[..., w_s] of each stream -> its share [..., 1]."""
        streams = list(streams)
        scores = self.dropout(self.scorer(torch.cat(streams, dim=-1)))
        if len(streams) == 2:
            scores = torch.cat([scores, torch.zeros_like(scores)], dim=-1)
        return scores.softmax(dim=-1).split(1, dim=-1)
