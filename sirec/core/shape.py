"""The sizes that every attention model here shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sirec.config import check_numbers
from sirec.config.quantities import DropoutRate, HeadCount, LayerCount, Width
from sirec.core.layers.attention import ITEM, SourceAttention
from sirec.core.layers.blocks import Block
from sirec.core.layers.fusion import SumScores
from sirec.errors import SirecError


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Width and depth of a model; the defaults are SASRec's under protocol `comif`."""

    width: Width = 128  # d
    layers: LayerCount = 2
    heads: HeadCount = 4
    inner: Width = 256  # width inside the feed-forward
    dropout: DropoutRate = 0.5  # hidden
    attention_dropout: DropoutRate = 0.3  # on attention probabilities

    def __post_init__(self) -> None:
        """Refuse sizes that have no meaning."""
        check_numbers(self)
        if self.width % self.heads:
            raise SirecError(f"width {self.width} is not a multiple of heads {self.heads}")

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
