"""STOSA: items as Gaussians, attention by Wasserstein distance (Fan et al., WWW 2022,
arXiv:2201.06035).

An item is a mean and a diagonal covariance, and slots attend to what is near them:

    A_0 = ELU(Drop(LN(a_v + a_p))),   C_0 = ELU(Drop(LN(c_v + c_p))) + 1     one LN for both
    P   = softmax(−W₂²(query, key) / √d_h + M)                 W₂: `core/layers/gaussian.py`
    A'  = LN(A + Drop(Wa P A_value))                           one LN for both
    C'  = LN(C + Drop(Wc P² C_value))                          P²: entry by entry
    A   = FFN_a(A'),   C = ELU(FFN_c(C')) + 1,   FFN(x) = LN(x + Drop(W₂ ELU(W₁ x)))
    z_v = −W₂²((A[t], C[t]), (a_v, ELU(c_v) + 1))
    L   = pairwise + w · push                                  (`objectives/pairwise.py`)

Covariances pass ELU + 1 after every projection. With Gaussians as vectors [mean; √covariance − 1]
the distance is |k|² − 2 q·k plus a term of the query alone, which cancels in the softmax over keys.
Attention is therefore one product, minus one number for each key.

Departures: positions are counted from the first item (`positions: forward`), so that one pass
trains every prefix exactly; negatives avoid the training part only. The released encoder never
updates the mean stream (a misspelt variable), so that the mean of a state is that of its last item
alone: `fix_mean_stream: false`, which produced the published numbers. It also has a margin for each
user that no loss reads, and one item more than the catalogue has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.config.quantities import DropoutRate, LayerCount, Width
from sirec.core.kernels.precision import Linear, small_products
from sirec.core.layers.attention import visibility
from sirec.core.layers.blocks import NORM_EPS
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.gaussian import GaussianModel, TwoTables, gaussian, variance
from sirec.core.model import initialise
from sirec.core.shape import Shape
from sirec.core.states import States, TokenStates
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import LengthBucket, TokenLayout
from sirec.models.declaration import Declaration
from sirec.objectives.pairwise import Pairwise
from sirec.objectives.stage import Stage

INIT_MEAN = 0.01  # of every weight, as the authors draw them


@dataclass(frozen=True, kw_only=True)
class STOSA(Shape, Declaration):
    """Items and positions as Gaussians; sizes are the authors' for Beauty at width 128."""

    name: ClassVar[str] = "stosa"
    title: ClassVar[str] = "STOSA"
    source: ClassVar[str] = "Fan et al., WWW 2022, arXiv:2201.06035"
    checked = (
        "the authors' code (1f00ecb), as released and corrected: states to 5e-6 in fp32, scores to "
        "1e-13 in fp64"
    )
    attribute: ClassVar[str] = "none"
    behaviour: ClassVar[str] = "embedding"
    fusions = {"behaviour": "sum"}
    stages: ClassVar[tuple[Stage, ...]] = (Stage(objectives=(Pairwise(hinge=0.005),), epochs=500),)
    published: ClassVar[Mapping[str, object]] = {
        "model.fix_mean_stream": False,
        "model.positions": "right",
        "pairwise.exclude": "sequence",
    }

    layers: LayerCount = 1
    inner: Width = 512  # four times the width
    dropout: DropoutRate = 0.3
    attention_dropout: DropoutRate = 0.0
    fix_mean_stream: bool = True  # false: means bypass every block, as in the released code
    # right: the last item of a row has position n − 1, as in the released code
    positions: Literal["forward", "right"] = "forward"

    def build(self, schema: Schema) -> StochasticTransformer:
        """The model for the fields of `schema`, freshly initialised."""
        return StochasticTransformer(self, schema)


class StochasticTransformer(GaussianModel):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    causal = True

    def __init__(self, config: STOSA, schema: Schema) -> None:
        super().__init__()
        d = config.width
        self.state_width, self.window, self.positions = 2 * d, schema.max_length, config.positions
        self.single_pass = config.positions == "forward"
        self.moves_means = config.fix_mean_stream
        self.items = TwoTables(schema.items, d, padded=True)
        self.behaviours = ByField(
            {f.name: TwoTables(f.size, d, padded=f.padded) for f in schema.behaviours}
        )
        self.norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(StochasticBlock(config) for _ in range(config.layers))
        initialise(self, INIT_MEAN)

    def encode(self, batch: Batch) -> States:
        """Float[B, L, 2d]: the Gaussian after each slot; see `SequentialModel.encode`."""
        rows, layout = batch.count_positions(self.positions, self.window), batch.layout
        mean, covariance = self.items(layout.flatten(rows.items))
        for name, tables in self.behaviours.items():
            more_mean, more_covariance = tables(layout.flatten(rows.behaviours[name]))
            mean, covariance = mean + more_mean, covariance + more_covariance
        mean = F.elu(self.dropout(self.norm(mean)))
        covariance = variance(self.dropout(self.norm(covariance)))
        for part in self.blocks:
            moved, covariance = cast(StochasticBlock, part)(mean, covariance, layout, rows.visible)
            mean = moved if self.moves_means else mean
        return TokenStates(layout, gaussian(mean, covariance))

    def item_vectors(self) -> Tensor:
        """Float[V, d]: the raw means."""
        weight: Tensor = self.items.mean.weight
        return weight

    def item_table(self) -> Tensor:
        """Float[V, 2d]: the Gaussian of every item."""
        return gaussian(self.items.mean.weight, variance(self.items.covariance.weight))


class StochasticBlock(nn.Module):
    """Attention by distance, then a feed-forward network for each stream."""

    def __init__(self, config: STOSA) -> None:
        super().__init__()
        d = config.width
        self.attention = StochasticAttention(d, config.heads, config.attention_dropout)
        self.attention_norm = nn.LayerNorm(d, eps=NORM_EPS)  # both streams pass through it
        self.mean = EluForward(d, config.inner, config.dropout)
        self.covariance = EluForward(d, config.inner, config.dropout)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, mean: Tensor, covariance: Tensor, layout: TokenLayout, visible: Visible
    ) -> tuple[Tensor, Tensor]:
        """Both streams after the block.

        Args:
            mean: Float[T, d].
            covariance: Float[T, d].
            layout: where the T tokens lie in their rows.
            visible: which slots a slot may read.

        Returns:
            Float[T, d] each.
        """
        mixed_mean, mixed_covariance = self.attention(mean, covariance, layout, visible)
        mean = self.attention_norm(mean + self.dropout(mixed_mean))
        covariance = self.attention_norm(covariance + self.dropout(mixed_covariance))
        return self.mean(mean), variance(self.covariance(covariance))


class EluForward(nn.Module):
    """LN(x + Drop(W₂ ELU(W₁ x + b₁) + b₂)).

    Args:
        width: d.
        inner: the width of the hidden layer.
        dropout: the dropout rate.
    """

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.expand, self.contract = Linear(width, inner), Linear(inner, width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Float[T, d] -> Float[T, d]."""
        z: Tensor = self.norm(x + self.dropout(self.contract(F.elu(self.expand(x)))))
        return z


class StochasticAttention(nn.Module):
    """Every slot averages the Gaussians it may read, weighted by their nearness.

    Letters: h heads, w width of a head, b rows and l length of a bucket.

    Args:
        width: d.
        heads: h.
        dropout: dropout rate of the attention probabilities.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.scale = heads, 1 / math.sqrt(width // heads)
        self.mean = Linear(width, 3 * width)  # query, key, value
        self.covariance = Linear(width, 3 * width)
        self.mean_out, self.covariance_out = Linear(width, width), Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(
        self, mean: Tensor, covariance: Tensor, layout: TokenLayout, visible: Visible
    ) -> tuple[Tensor, Tensor]:
        """The averaged values of both streams.

        Args:
            mean: Float[T, d].
            covariance: Float[T, d].
            layout: where the T tokens lie in their rows.
            visible: which slots a slot may read.

        Returns:
            Float[T, d] each.
        """
        means = self._split(self.mean(mean)).chunk(3, dim=-1)  # [T, h, w] each
        covariances = self._split(variance(self.covariance(covariance))).chunk(3, dim=-1)
        query = gaussian(means[0], covariances[0])  # [T, h, 2w]
        key = gaussian(means[1], covariances[1])
        joined = torch.cat([query, key, means[2], covariances[2]], dim=-1)  # [T, h, 6w]
        mixed = []
        for bucket, part in zip(layout.buckets, layout.split(joined), strict=True):
            mixed.append(self._attend(bucket, part, visible))
        mixed_mean, mixed_covariance = torch.cat(mixed).chunk(2, dim=-1)  # [T, h, w] each
        return self.mean_out(mixed_mean.flatten(1)), self.covariance_out(
            mixed_covariance.flatten(1)
        )

    def _split(self, vectors: Tensor) -> Tensor:
        """[T, 3d] -> [T, h, 3w], query, key and value of a head side by side."""
        return vectors.unflatten(-1, (3, self.heads, -1)).transpose(1, 2).flatten(2)

    @small_products
    def _attend(self, bucket: LengthBucket, joined: Tensor, visible: Visible) -> Tensor:
        """The averaged values Float[·, h, 2w] of the tokens of a bucket."""
        spread = bucket.spread(joined).transpose(1, 2)
        query, key, values = spread.chunk(3, dim=-1)  # [b, h, l, 2w] each
        squares = key.square().sum(dim=-1)[..., None, :]
        scores = (2 * query @ key.transpose(-1, -2) - squares) * self.scale
        masked = scores.masked_fill(~visibility(bucket, visible), -torch.inf)
        probabilities = self.dropout(masked.softmax(dim=-1))
        mean, covariance = values.chunk(2, dim=-1)
        mixed = torch.cat([probabilities @ mean, probabilities.square() @ covariance], dim=-1)
        return bucket.collect(mixed.transpose(1, 2))
