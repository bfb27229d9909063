"""Weights of several streams, computed from the streams (MSSR): γ = softmax(Drop(W[x_1; …;
x_S])).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.dropout import Dropout


class StreamWeights(nn.Module):
    """A weight for each stream; the weights add up to 1.

    Of two streams the first has a score and the second the score 0, which makes the weight a
    sigmoid.

    Args:
        widths: width of each stream.
        dropout: probability of dropping a score.
    """

    def __init__(self, widths: Iterable[int], dropout: float) -> None:
        super().__init__()
        widths = list(widths)
        scores = 1 if len(widths) == 2 else len(widths)
        self.scorer = Linear(sum(widths), scores, bias=False)
        self.dropout = Dropout(dropout)  # of the scores, not of the streams

    def forward(self, streams: Iterable[Tensor]) -> tuple[Tensor, ...]:
        """Float[..., w_s] of each stream -> its weight Float[..., 1]."""
        streams = list(streams)
        scores = self.dropout(self.scorer(torch.cat(streams, dim=-1)))
        if len(streams) == 2:
            scores = torch.cat([scores, torch.zeros_like(scores)], dim=-1)
        return scores.softmax(dim=-1).split(1, dim=-1)
