"""The sizes that every attention model here shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sirec.core.layers.attention import ITEM, SourceAttention
from sirec.core.layers.blocks import Block
from sirec.core.layers.fusion import SumScores
from sirec.errors import SirecError


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Width and depth of a model; the defaults are SASRec's under protocol `comif`."""

    width: int = 128  # d
    layers: int = 2
    heads: int = 4
    inner: int = 256  # width inside the feed-forward
    dropout: float = 0.5  # hidden
    attention_dropout: float = 0.3  # on attention probabilities

    def __post_init__(self) -> None:
        """Refuse sizes that have no meaning."""
        if min(self.width, self.layers, self.heads, self.inner) < 1:
            raise SirecError("width, layers, heads and inner must be at least 1")
        if self.width % self.heads:
            raise SirecError(f"width {self.width} is not a multiple of heads {self.heads}")
        if not (0 <= self.dropout < 1 and 0 <= self.attention_dropout < 1):
            raise SirecError(
                f"dropout {self.dropout} and attention_dropout {self.attention_dropout} "
                "must lie in [0, 1)"
            )

    def plain_blocks(self) -> list[Block]:
        """SASRec's blocks: items alone attend, with one score matrix a head, divided by √d_h."""
        scale = 1 / math.sqrt(self.width // self.heads)
        sources = {ITEM: self.width}
        attentions: list[SourceAttention] = []
        for _ in range(self.layers):
            fusion = SumScores()
            attentions.append(
                SourceAttention(sources, self.heads, fusion, self.attention_dropout, scale)
            )
        return [Block(attention, self.inner, self.dropout) for attention in attentions]
