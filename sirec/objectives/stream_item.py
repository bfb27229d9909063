"""Every stream of a model predicts the next item by itself (ICAI-SR, Yuan et al., SIGIR 2021).

    L = Σ_j mean over targets of −log softmax_v(score(h_j, ê_v))

There is one term for each stream h_j, over the whole catalogue, and all streams are compared with
the same table of items ê. The item's own stream is left to the objective `item`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sirec.core.layers.attention import ITEM
from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.errors import SirecError, unknown
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig
from sirec.objectives.item import FIRST_CLASS, catalogue_cross_entropy


@dataclass(frozen=True, kw_only=True)
class StreamItem(ObjectiveConfig):
    """Cross-entropy of the next item from each of several streams.

    Attributes:
        streams: which streams; None means every stream except the item's own.
        padding_class: keep code 0, the padding, among the classes.
    """

    name: ClassVar[str] = "stream_item"
    streams: tuple[str, ...] | None = None
    padding_class: bool = False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss of a model with a stream for each attribute; it has no parameters.

        Args:
            schema: fields of the data in use; the streams are those of its attributes.
            width: D, the width of a state; not used.

        Raises:
            SirecError: there is no such stream.
        """
        return self._loss_over([field.name for field in schema.attributes])

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss of this model's streams.

        Args:
            schema: fields of the data in use; not used.
            model: the model that will be trained.

        Raises:
            SirecError: the model has no such stream, or one whose width cannot score items.
        """
        known = []
        for name, width in model.stream_widths.items():
            if name != ITEM and width == model.state_width:
                known.append(name)
        return self._loss_over(known)

    def _loss_over(self, known: Sequence[str]) -> Objective:
        """The loss over the chosen streams, all of which must be `known`."""
        if not known:
            raise SirecError(
                f"objective {self.name} reads streams as wide as the states that score, "
                "and this model has none"
            )
        for name in self.streams or ():
            if name not in known:
                raise unknown("stream", name, known, f"objective {self.name}")
        return StreamItemLoss(self.streams or known, FIRST_CLASS[self.padding_class])


class StreamItemLoss(Objective):
    """The loss of the module's equation.

    Args:
        streams: names of the streams that predict.
        first: the first item code that is a class.
    """

    def __init__(self, streams: Sequence[str], first: int) -> None:
        super().__init__()
        self.streams, self.first = tuple(streams), first

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The sum of the losses of all streams.

        Args:
            model: the model that scores items.
            encoded: its pass over the rows of the step.
        """
        losses = []
        for name in self.streams:
            states = encoded.states.stream_at(name, encoded.batch.target_slots)
            losses.append(catalogue_cross_entropy(model, states, encoded, self.first))
        return torch.stack(losses).sum()
