"""What a stream of MSSR does with the values that its attention has mixed."""

from __future__ import annotations

from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.blocks import NORM_EPS
from sirec.core.layers.dropout import Dropout
from sirec.core.shape import Shape


class PairStream(nn.Module):
    """The value projection, norms and feed-forward network of one stream.

        Y = LN(X + Drop(P X Wv Wo)),   Z = LN(Y + Drop(FFN(Y)))

    Args:
        width: w, the width of the stream.
        config: the inner width and the dropout rate.
    """

    def __init__(self, width: int, config: Shape) -> None:
        super().__init__()
        self.value = Linear(width, width)
        self.out = Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.forward_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.feed = nn.Sequential(
            Linear(width, config.inner), nn.GELU(), Linear(config.inner, width)
        )
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        """The stream after the block.

        Args:
            x: Float[T, w], the stream before the block.
            mixed: Float[T, w], P X Wv: its values, averaged by the attention.

        Returns:
            Float[T, w].
        """
        y = self.attention_norm(x + self.dropout(self.out(mixed)))
        z: Tensor = self.forward_norm(y + self.dropout(self.feed(y)))
        return z
