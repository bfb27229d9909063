"""FDSA: self-attention over items and, separately, over their features (Zhang et al., IJCAI 2019,
doi 10.24963/ijcai.2019/600).

Transitions of features are learned apart from transitions of items; both meet in the last layer.

    f_t = Σ_j α_j AE_j(v_t),   α = softmax_j(w · relu(W AE_j + b))      f = AE_1 for one attribute
    X_0 = Drop(LN(e + p)),     Y_0 = Drop(LN(f + p))                    the same p and the same LN
    X_l = TB(X_{l-1}),         Y_l = TB'(Y_{l-1})                       two stacks of causal blocks
    z_v = Drop(LN(W_o [X_N[t]; Y_N[t]] + b_o)) · e_v                    the same LN a third time
    L   = cross-entropy

This is RecBole's form: its block, the shared LN, the last dropout and the full softmax. The paper
has a binary loss with sampled negatives, pooled texts among its features, and neither norm nor
dropout after the last layer. The values of a list are averaged, as in RecBole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.blocks import NORM_EPS, through
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import (
    AttributeTables,
    BehaviourEmbedding,
    Pooling,
    SideEmbedding,
    needed_attributes,
)
from sirec.core.layers.fusion import GateForm, GateFusion, SumFusion
from sirec.core.model import BareItems, initialise
from sirec.core.shape import Shape
from sirec.core.states import States, TokenStates
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class FDSA(Shape, AttributeTables, Declaration):
    """Attributes, fused by a gate, are a stream; behaviours are added to both streams."""

    name: ClassVar[str] = "fdsa"
    title: ClassVar[str] = "FDSA"
    source: ClassVar[str] = "Zhang et al., IJCAI 2019; RecBole's form"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
    published = {**PREFIX_EXAMPLES, **FROZEN_ATTRIBUTES}
    checked = (
        "RecBole 1.2.1 and the DIF-SR repository: the same scores to 5e-6, the same loss to 1e-6"
    )
    attribute: ClassVar[str] = "stream"
    behaviour: ClassVar[str] = "embedding"
    fusions = {"attribute": "gate", "behaviour": "sum"}

    attribute_pooling: Pooling = "mean"
    gate_form: GateForm = "two_layer"

    def __post_init__(self) -> None:
        """Raise `SirecError` for sizes that have no meaning."""
        Shape.__post_init__(self)
        AttributeTables.__post_init__(self)
        if self.attribute_width not in (None, self.width):
            raise SirecError(
                f"attribute_width {self.attribute_width}: positions of width {self.width} "
                "are added to attributes",
                "leave attribute_width out",
            )

    def build(self, schema: Schema) -> TwoStacks:
        """The network for the fields of `schema`, freshly initialised.

        Raises `SirecError` where the data have no attribute.
        """
        return TwoStacks(self, schema)


class TwoStacks(BareItems):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    causal = single_pass = True

    def __init__(self, config: FDSA, schema: Schema) -> None:
        super().__init__()
        d = self.state_width = config.width
        self.items = nn.Embedding(schema.items, d, padding_idx=PADDING)
        tables = config.attribute_embeddings(needed_attributes(schema, config.name), d)
        self.side = SideEmbedding(
            tables, {field.name: BehaviourEmbedding(field, d) for field in schema.behaviours}
        )
        self.fuse = GateFusion(d, config.gate_form) if len(tables) > 1 else SumFusion()
        self.norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.of_items = nn.ModuleList(config.plain_blocks())
        self.of_attributes = nn.ModuleList(config.plain_blocks())
        self.out = Linear(2 * d, d)
        initialise(self)
        self.side.reset()

    def encode(self, batch: Batch) -> States:
        """The state after each slot, Float[B, L, d]."""
        layout = batch.layout
        codes = layout.flatten(batch.items)
        behaviours = {name: layout.flatten(batch.behaviours[name]) for name in self.side.behaviours}
        added = list(self.side.of_behaviours(behaviours).values())
        features = self.fuse(list(self.side.of_items(codes).values()))
        x = self._through(self.of_items, [self.items(codes), *added], batch)
        y = self._through(self.of_attributes, [features, *added], batch)
        states = self._normed(self.out(torch.cat([x, y], dim=-1)))
        return TokenStates(layout, states, readout=batch.readout)

    def attribute_vectors(self, items: Tensor) -> dict[str, Tensor]:
        """Item codes Long[M] -> Float[M, d_f] of every attribute, by name."""
        return self.side.of_items(items)

    def value_vectors(self, attribute: str) -> Tensor:
        """Float[A, d]: the raw table of an attribute's values."""
        return self.side.value_vectors(attribute)

    def _normed(self, x: Tensor) -> Tensor:
        normed: Tensor = self.dropout(self.norm(x))
        return normed

    def _through(self, blocks: nn.ModuleList, parts: Sequence[Tensor], batch: Batch) -> Tensor:
        return through(blocks, self._normed(SumFusion()(parts)), {}, batch.layout, batch)
