"""DLFS-Rec: Gaussians of items and attributes under learnable filters (Liu et al., RecSys 2023, doi
10.1145/3604915.3608782).

    a   = F_a(a_v, s_a(v)),   c = F_c(c_v, s_c(v))      means and covariances; F: sum, concat, gate
    s(v) = Σ_j AE_j(v) + b
    A_0 = Drop(LN_a(a)),   C_0 = ELU(Drop(LN_c(c))) + 1          a = c = 0 in empty slots
    A   = LN(A + Drop(φ⁻¹(K_a ⊙ φ(A))))                          one LN for both streams
    C   = ELU(LN(C + Drop(φ⁻¹(K_c ⊙ φ(C))))) + 1
    z_v = −W₂²((A[L−1], C[L−1]), (a, ELU(c) + 1) of v)
    L   = pairwise + w · push                                    (`objectives/pairwise.py`)

φ is the Fourier transform over the n slots of the window; K_a and K_c are learned complex numbers,
one for each frequency and channel. There are no positions: the filters distinguish slots. A
circular filter commutes with shifts and all empty slots are equal, so that rows may stand anywhere
in the window; here all end in its last slot, as the authors' do, and the last block computes that
slot alone where no other state is read. Filters read the whole window: no state is causal, and each
prefix is an example of its own.

The authors map [time; price; category bits; brand bits] by one matrix. A matrix times bits is a sum
of its columns; attributes are therefore tables here, item vectors are computed once for each step
or evaluation, and no array of user × item × feature is needed. Departures: there is no time, which
the authors' candidates take from the very interaction that is to be predicted (`use_time_context`;
batches carry no times), no price, and no empty history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from sirec.config.quantities import DropoutRate, LayerCount, Width
from sirec.core.layers.blocks import NORM_EPS
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import AttributeTables, ItemEmbedding
from sirec.core.layers.filters import CircularFilter
from sirec.core.layers.fusion import FusionName, GateForm, vector_fusion
from sirec.core.layers.gaussian import GaussianModel, gaussian, variance
from sirec.core.model import initialise
from sirec.core.states import States, TokenStates
from sirec.data.fields import PADDING, FieldKind, Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.next_item import LastItem
from sirec.errors import SirecError
from sirec.models.declaration import Declaration
from sirec.objectives.pairwise import Pairwise
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class DLFSRec(AttributeTables, Declaration):
    """Attributes enter items and candidates; sizes are the authors' for Beauty."""

    name: ClassVar[str] = "dlfs-rec"
    title: ClassVar[str] = "DLFS-Rec"
    source: ClassVar[str] = "Liu et al., RecSys 2023"
    checked = (
        "the authors' code (9259e57), time and price 0: states to 2e-6 in fp32, scores to 1e-13 "
        "in fp64, losses alike"
    )
    revision: ClassVar[int] = 2  # 1: dropout was drawn for every slot of the last block
    attribute: ClassVar[str] = "embedding"
    behaviour: ClassVar[str] = "none"
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(task=LastItem(), objectives=(Pairwise(hinge=0.005, exclude="read"),)),
    )

    width: Width = 128
    layers: LayerCount = 4
    dropout: DropoutRate = 0.5
    attribute_fusion: FusionName = "sum"
    gate_form: GateForm = "two_layer"
    candidates: Literal["id", "fused"] = "fused"
    use_time_context: bool = False

    def __post_init__(self) -> None:
        """Raise `SirecError` for sizes without meaning and for data that batches do not have."""
        super().__post_init__()
        if self.use_time_context:
            raise SirecError(
                "use_time_context: batches carry no times, and a candidate's would be that of "
                "the interaction to be predicted",
                "leave it false: models are compared on what is known before the request",
            )
        if self.attribute_fusion != "concat" and self.attribute_width not in (None, self.width):
            raise SirecError(
                f"attribute_width {self.attribute_width}: {self.attribute_fusion} adds to items "
                f"of width {self.width}",
                "use concat, or leave attribute_width out",
            )

    def fusion(self, kind: FieldKind) -> str | None:
        """How attributes are fused with the item; None for behaviours, which are not read."""
        return self.attribute_fusion if kind == "attribute" else None

    def build(self, schema: Schema) -> FilteredGaussians:
        """The model for the fields of `schema`, freshly initialised."""
        return FilteredGaussians(self, schema)


class FilteredGaussians(GaussianModel):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    def __init__(self, config: DLFSRec, schema: Schema) -> None:
        super().__init__()
        self.state_width, self.max_length = 2 * config.width, schema.max_length
        self.mean, self.covariance = ItemStream(config, schema), ItemStream(config, schema)
        self.mean_norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.covariance_norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            FilterBlock(config, schema.max_length) for _ in range(config.layers)
        )
        self.reset()

    def reset(self) -> None:
        """Draw all weights again from torch's generator."""
        initialise(self)
        for stream in (self.mean, self.covariance):
            for part in stream.values.values():
                part.reset()

    def encode(self, batch: Batch) -> States:
        """Float[B, L, 2d]: the Gaussian after each slot; see `SequentialModel.encode`."""
        layout, readout = batch.layout, batch.readout
        items = layout.flatten(batch.items)
        rows = layout.slots // layout.length
        positions = layout.slots - rows * layout.length
        slots = positions + self.max_length - batch.row_lengths[rows]
        # Every row ends in the window's last slot; a token without an item goes round to the first.
        where = slots % self.max_length * layout.rows + rows
        real = (items != PADDING)[:, None]
        mean = self._spread(self.mean(items) * real, where, layout.rows)
        covariance = self._spread(self.covariance(items) * real, where, layout.rows)
        mean = self.dropout(self.mean_norm(mean))
        covariance = variance(self.dropout(self.covariance_norm(covariance)))
        for block in self.blocks:
            is_last = readout is not None and block is self.blocks[-1]
            mean, covariance = cast(FilterBlock, block)(mean, covariance, last_slot_only=is_last)
        read = where if readout is None else rows[readout]
        states = gaussian(mean, covariance).flatten(0, -2).index_select(0, read)
        return TokenStates(layout, states, readout=readout)

    def _spread(self, values: Tensor, where: Tensor, rows: int) -> Tensor:
        """Values Float[T, d] of tokens in their slots, Float[n, B, d]; 0 in empty slots.

        Args:
            values: one vector a token.
            where: Long[T], slot × B + row of each token.
            rows: B.
        """
        empty = values.new_zeros(self.max_length * rows, values.shape[1])
        return empty.index_copy_(0, where, values).unflatten(0, (self.max_length, rows))

    def item_vectors(self) -> Tensor:
        """Float[V, d]: the raw means."""
        return self.mean.items.weight

    def item_table(self) -> Tensor:
        """Float[V, 2d]: the Gaussian of every item, without attributes for `candidates: id`."""
        return gaussian(self.mean.candidates(), variance(self.covariance.candidates()))


class ItemStream(nn.Module):
    """The means, or the covariances, of items: F(e_v, Σ_j AE_j(v) + b); without attributes e_v.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    def __init__(self, config: DLFSRec, schema: Schema) -> None:
        super().__init__()
        d, d_s = config.width, config.attribute_width or config.width
        self.items = nn.Embedding(schema.items, d, padding_idx=PADDING)
        self.values: ByField[ItemEmbedding] = ByField(
            config.attribute_embeddings(schema.attributes, d)
        )
        self.bias = nn.Parameter(torch.zeros(d_s)) if schema.attributes else None
        self.fusion = vector_fusion(config.attribute_fusion, [d, d_s], d, config.gate_form)
        self.fuses_candidates = config.candidates == "fused"

    def forward(self, items: Tensor) -> Tensor:
        """The vectors Float[T, d] of items Long[T]."""
        vectors: Tensor = self.items(items)
        if self.bias is None:
            return vectors
        side = torch.stack([part(items) for part in self.values.values()]).sum(dim=0) + self.bias
        fused: Tensor = self.fusion([vectors, side])
        return fused

    def candidates(self) -> Tensor:
        """Float[V, d]: all items as candidates."""
        table = self.items.weight
        return (
            self(torch.arange(len(table), device=table.device)) if self.fuses_candidates else table
        )


class FilterBlock(nn.Module):
    """A filter for each stream, one norm for both.

    Args:
        config: width and dropout.
        max_length: n, the length of the window.
    """

    def __init__(self, config: DLFSRec, max_length: int) -> None:
        super().__init__()
        self.mean = CircularFilter(config.width, max_length)
        self.covariance = CircularFilter(config.width, max_length)
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, mean: Tensor, covariance: Tensor, *, last_slot_only: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Both streams after the block.

        Args:
            mean: Float[n, B, d], slots first.
            covariance: Float[n, B, d].
            last_slot_only: compute the window's last slot and no other.

        Returns:
            Float[n, B, d] each, or Float[B, d] of the last slot.
        """
        mean = self._stream(self.mean, mean, last_slot_only)
        return mean, variance(self._stream(self.covariance, covariance, last_slot_only))

    def _stream(self, part: CircularFilter, x: Tensor, last_slot_only: bool) -> Tensor:
        """LN(X + Drop(K(X))) of one stream; arguments and result as of `forward`."""
        filtered = part(x, last_slot_only=last_slot_only)
        normed: Tensor = self.norm((x[-1] if last_slot_only else x) + self.dropout(filtered))
        return normed
