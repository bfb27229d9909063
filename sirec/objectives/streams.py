"""Losses over the streams of a state: the item stream h and each attribute's stream c_f (MSSR).

    AAP_f      = BCE of γ_f (h W_f + b_f) + (1 − γ_f)(c_f U_f + u_f),   γ_f = σ(Drop(w_f · [h; c_f]))
    contrast_f = −log softmax of Drop(h) V_f · c_f / τ, and of the same from c_f's side, over both views of all targets

Both are added up over fields. From the authors' code; the contrast compares by the dot product,
with τ = 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.core.kernels.precision import Linear
from sirec.core.kernels.products import linear
from sirec.core.layers.attention import ITEM
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.stream_weights import StreamWeights
from sirec.core.model import SequentialModel, initialise
from sirec.data.fields import Schema
from sirec.errors import SirecError
from sirec.objectives.attribute_prediction import AttributePrediction, AttributePredictionLoss
from sirec.objectives.base import (
    EncoderPass,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
    chosen_attributes,
)


@dataclass(frozen=True, kw_only=True)
class StreamAttributePrediction(AttributePrediction):
    """AAP from the item stream and the field's own, mixed by a gate with `dropout` on its one
    score.
    """

    name: ClassVar[str] = "stream_aap"
    weight: float = 4.0
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a dropout that leaves nothing."""
        super().__post_init__()
        _check_dropout(self.dropout, self.name)

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss for streams that are all of this width."""
        return StreamAttributePredictionLoss(
            self, schema, dict.fromkeys([ITEM, *_names(schema)], width)
        )

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """Two heads a field, as wide as the model's streams. Raises `SirecError` if it has none."""
        return StreamAttributePredictionLoss(self, schema, _widths(model, self.name))


class StreamAttributePredictionLoss(AttributePredictionLoss):
    """`heads` read the item stream, `own_heads` the field's."""

    def __init__(
        self, config: StreamAttributePrediction, schema: Schema, widths: Mapping[str, int]
    ) -> None:
        shares = config.shares(schema)
        fields = [field for field in schema.attributes if field.name in shares]
        super().__init__(fields, widths[ITEM], shares, config.reduction)
        self.own_heads = ByField(
            {field.name: Linear(widths[field.name], field.size) for field in fields}
        )
        self.gates = ByField(
            {
                field.name: StreamWeights([widths[ITEM], widths[field.name]], config.dropout)
                for field in fields
            }
        )
        initialise(self)

    def logits(self, encoded: EncoderPass, name: str) -> Tensor:
        """[N, A] of one field."""
        streams = [
            encoded.states.stream_at(stream, encoded.batch.target_slots) for stream in (ITEM, name)
        ]
        item, own = self.gates[name](streams)
        mixed: Tensor = item * self.heads[name](streams[0]) + own * self.own_heads[name](streams[1])
        return mixed


@dataclass(frozen=True, kw_only=True)
class StreamContrast(ObjectiveConfig):
    """Both streams of a target must find each other among all targets of the step; `dropout` falls
    on the item stream.
    """

    name: ClassVar[str] = "stream_contrast"
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    weight: float = 0.14
    attributes: tuple[str, ...] | None = None
    temperature: float = 1.0
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a temperature or a dropout without meaning."""
        super().__post_init__()
        if not self.temperature > 0:
            raise SirecError(f"temperature {self.temperature} of {self.name} must be positive")
        _check_dropout(self.dropout, self.name)

    def indivisible(self) -> str | None:
        """Rows compete with each other here."""
        return "each target is told from all other targets of the step"

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss for streams that are all of this width."""
        return StreamContrastLoss(self, schema, dict.fromkeys([ITEM, *_names(schema)], width))

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """One map a field, between the model's streams. Raises `SirecError` if it has none."""
        return StreamContrastLoss(self, schema, _widths(model, self.name))


class StreamContrastLoss(Objective):
    """See the module's equation."""

    def __init__(self, config: StreamContrast, schema: Schema, widths: Mapping[str, int]) -> None:
        super().__init__()
        wanted = chosen_attributes(schema, config.attributes, config.name)
        self.maps = ByField(
            {name: Linear(widths[ITEM], widths[name], bias=False) for name in wanted}
        )
        self.dropout, self.temperature = Dropout(config.dropout), config.temperature
        initialise(self)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The losses of all fields, added up."""
        slots = encoded.batch.target_slots
        item = encoded.states.stream_at(ITEM, slots)
        losses = [
            contrast(
                part(self.dropout(item)), encoded.states.stream_at(name, slots), self.temperature
            )
            for name, part in self.maps.items()
        ]
        return torch.stack(losses).sum()


def contrast(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Two views [N, w] -> the cross-entropy of finding one's counterpart among the 2N - 1 others,
    mean over all 2N vectors.
    """
    both = torch.cat([one, other])
    logits = (linear(both, both) / temperature).float().fill_diagonal_(-torch.inf)  # [2N, 2N]
    counterparts = torch.arange(len(both), device=both.device).roll(len(one))
    return F.cross_entropy(logits, counterparts)


def _names(schema: Schema) -> Sequence[str]:
    return [field.name for field in schema.attributes]


def _widths(model: SequentialModel, objective: str) -> Mapping[str, int]:
    if ITEM not in model.stream_widths:
        raise SirecError(
            f"objective {objective} reads an item stream and attribute streams; this model's states have none"
        )
    return model.stream_widths


def _check_dropout(dropout: float, objective: str) -> None:
    if not 0 <= dropout < 1:
        raise SirecError(f"dropout {dropout} of {objective} must lie in [0, 1)")
