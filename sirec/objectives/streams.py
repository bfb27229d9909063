"""Losses over the streams of a state: the item stream h and the stream c_f of each attribute f
(MSSR, Lin et al., WSDM 2024).

    AAP_f      = BCE of γ_f (h W_f + b_f) + (1 − γ_f)(c_f U_f + u_f)
                 γ_f = σ(Drop(w_f · [h; c_f]))
    contrast_f = mean over all 2N views of −log softmax of the view's counterpart, with
                 similarities x · y / τ between the views Drop(h) V_f and c_f

Both are summed over fields. They follow the authors' code, whose contrast compares by the dot
product with τ = 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.config.quantities import DropoutRate, LossWeight, Temperature
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
    """AAP from the item stream and the field's own stream, mixed by a gate.

    Attributes:
        dropout: rate of the dropout on the gate's one logit.
    """

    name: ClassVar[str] = "stream_aap"
    weight: LossWeight = 4.0
    dropout: DropoutRate = 0.5

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss for streams of one width.

        Args:
            schema: fields of the data in use; their attributes are the labels.
            width: the width of every stream.

        Raises:
            SirecError: the data have no such attribute.
        """
        return StreamAttributePredictionLoss(self, schema, _equal_widths(schema, width))

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss for this model's streams, with two output layers for each field.

        Args:
            schema: fields of the data in use; their attributes are the labels.
            model: the model that will be trained.

        Raises:
            SirecError: the model has no streams, or the data have no such attribute.
        """
        return StreamAttributePredictionLoss(self, schema, _stream_widths(model, self.name))


class StreamAttributePredictionLoss(AttributePredictionLoss):
    """AAP of the module's first equation: `heads` read the item stream, `own_heads` the field's.

    Args:
        config: the switches.
        schema: fields of the data in use.
        widths: stream name -> its width.
    """

    def __init__(
        self, config: StreamAttributePrediction, schema: Schema, widths: Mapping[str, int]
    ) -> None:
        shares = config.shares(schema)
        fields = [field for field in schema.attributes if field.name in shares]
        super().__init__(fields, widths[ITEM], shares, config.reduction)
        own_heads, gates = {}, {}
        for field in fields:
            own_heads[field.name] = Linear(widths[field.name], field.size)
        for field in fields:
            gates[field.name] = StreamWeights([widths[ITEM], widths[field.name]], config.dropout)
        self.own_heads, self.gates = ByField(own_heads), ByField(gates)
        initialise(self)

    def logits(self, encoded: EncoderPass, name: str) -> Tensor:
        """[N, A]: logits of every value of a field at each target, mixed from both streams.

        Args:
            encoded: the pass of the encoder.
            name: the field, and its stream.
        """
        slots = encoded.batch.target_slots
        item_states = encoded.states.stream_at(ITEM, slots)
        own_states = encoded.states.stream_at(name, slots)
        item_share, own_share = self.gates[name]([item_states, own_states])
        from_item: Tensor = self.heads[name](item_states)
        from_own: Tensor = self.own_heads[name](own_states)
        mixed: Tensor = item_share * from_item + own_share * from_own
        return mixed


@dataclass(frozen=True, kw_only=True)
class StreamContrast(ObjectiveConfig):
    """Contrastive loss between the item stream and each attribute stream.

    Both views of a target must find each other among the views of all targets of the step.

    Attributes:
        attributes: the fields whose streams are compared; None means all in use.
        temperature: τ.
        dropout: rate of the dropout on the item stream.
    """

    name: ClassVar[str] = "stream_contrast"
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    weight: LossWeight = 0.14
    attributes: tuple[str, ...] | None = None
    temperature: Temperature = 1.0
    dropout: DropoutRate = 0.5

    def indivisible(self) -> str | None:
        """Each target is compared with all others of the step."""
        return "each target is told from all other targets of the step"

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss for streams of one width.

        Args:
            schema: fields of the data in use; the streams are those of its attributes.
            width: the width of every stream.

        Raises:
            SirecError: the data have no such attribute.
        """
        return StreamContrastLoss(self, schema, _equal_widths(schema, width))

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss for this model's streams, with a matrix for each field.

        Args:
            schema: fields of the data in use.
            model: the model that will be trained.

        Raises:
            SirecError: the model has no streams, or the data have no such attribute.
        """
        return StreamContrastLoss(self, schema, _stream_widths(model, self.name))


class StreamContrastLoss(Objective):
    """The contrast of the module's second equation.

    Args:
        config: the switches.
        schema: fields of the data in use.
        widths: stream name -> its width.
    """

    def __init__(self, config: StreamContrast, schema: Schema, widths: Mapping[str, int]) -> None:
        super().__init__()
        maps = {}
        for name in chosen_attributes(schema, config.attributes, config.name, needs_values=False):
            maps[name] = Linear(widths[ITEM], widths[name], bias=False)
        self.maps = ByField(maps)
        self.dropout, self.temperature = Dropout(config.dropout), config.temperature
        initialise(self)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The sum of the losses of all fields.

        Args:
            model: the model in training; not used.
            encoded: its pass, with a stream for each field.
        """
        slots = encoded.batch.target_slots
        item_states = encoded.states.stream_at(ITEM, slots)
        losses = []
        for name, projection in self.maps.items():
            item_view = projection(self.dropout(item_states))
            own_view = encoded.states.stream_at(name, slots)
            losses.append(view_contrast(item_view, own_view, self.temperature))
        return torch.stack(losses).sum()


def view_contrast(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding each vector's counterpart among the 2N − 1 others.

    Args:
        one: [N, w], one view of each target.
        other: [N, w], the other view.
        temperature: τ, which divides dot products.

    Returns:
        A scalar, the mean over all 2N vectors.
    """
    both = torch.cat([one, other])
    logits = (linear(both, both) / temperature).float().fill_diagonal_(-torch.inf)  # [2N, 2N]
    counterparts = torch.arange(len(both), device=both.device).roll(len(one))
    return F.cross_entropy(logits, counterparts)


def _equal_widths(schema: Schema, width: int) -> Mapping[str, int]:
    """Stream name -> one width for all."""
    names = [ITEM, *(field.name for field in schema.attributes)]
    return dict.fromkeys(names, width)


def _stream_widths(model: SequentialModel, objective: str) -> Mapping[str, int]:
    """Stream name -> its width in this model."""
    if ITEM not in model.stream_widths:
        raise SirecError(
            f"objective {objective} reads an item stream and attribute streams; "
            "this model's states have none"
        )
    return model.stream_widths
