"""The alignment of items and attributes within a history (DIFF, Kim et al., SIGIR 2025).

    x_t = e_t / |e_t|,   a_t = Σ_j AE_j(v_t) / |Σ_j AE_j(v_t)|              raw vectors, no encoder
    P_tk = softmax_k(x_t · a_k / τ),   R_tk = softmax_k(a_t · x_k / τ)
    L   = mean over rows of −(1/L) Σ_{t,k} Y_tk (log P_tk + log R_tk)

Y_tk is 1 where the items in slots t and k have the same values of every attribute, as an item has
with itself, and 0 elsewhere; it is 0 for an item without any value. A row of Y may hold several
ones, which are not normalised. The slots t and k are those of one history of length L.

Departures: the authors' code also has the window's n − L empty slots among the columns of the two
softmaxes (`columns: window`), finds equal attributes by the cosine of their vectors, and divides by
n once more: its weight of 100 is 2 here for a window of 50.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.config.quantities import LossWeight, Temperature
from sirec.core.model import SequentialModel
from sirec.data.fields import PADDING, Field, FieldForm, Schema
from sirec.data.tasks.layout import LengthBucket
from sirec.objectives.attribute_widths import check_as_wide_as_items
from sirec.objectives.base import (
    EncoderPass,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
    chosen_attributes,
)


@dataclass(frozen=True, kw_only=True)
class WindowAlignment(ObjectiveConfig):
    """The loss with its switches.

    Attributes:
        attributes: the fields whose vectors are added up; None means all in use.
        temperature: τ.
        columns: whether empty slots of the window stand among the columns of the softmaxes.
    """

    name: ClassVar[str] = "window_alignment"
    tasks: ClassVar[tuple[str, ...]] = ("last_item", "next_item")
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    weight: LossWeight = 2.0
    attributes: tuple[str, ...] | None = None
    temperature: Temperature = 0.1
    columns: Literal["real", "window"] = "real"

    @property
    def reads_catalogue(self) -> bool:
        """The loss reads the items of the histories alone."""
        return False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use; their attributes are compared.
            width: D, the width of a state; not used.

        Raises:
            SirecError: the data have no such attribute.
        """
        chosen = chosen_attributes(schema, self.attributes, self.name, needs_values=False)
        fields = [field for field in schema.attributes if field.name in chosen]
        return WindowAlignmentLoss(self, fields, schema.max_length)

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss for this model.

        Args:
            schema: fields of the data in use; their attributes are compared.
            model: the model that will be trained.

        Raises:
            SirecError: the data have no such attribute, or the model has no vectors of it that are
                as wide as its item vectors.
        """
        names = chosen_attributes(schema, self.attributes, self.name, needs_values=False)
        check_as_wide_as_items(model, names, self.name)
        return self.build(schema, model.state_width)


class WindowAlignmentLoss(Objective):
    """The loss of the module's equation.

    Args:
        config: the switches.
        fields: the attributes whose vectors are added up.
        window: n, the length of the window.
    """

    classes: Tensor

    def __init__(self, config: WindowAlignment, fields: Sequence[Field], window: int) -> None:
        super().__init__()
        self.fields = [field.name for field in fields]
        self.temperature = config.temperature
        self.window = window if config.columns == "window" else None
        self.register_buffer("classes", same_attributes(fields), persistent=False)  # Long[V]

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The mean loss of the rows.

        Args:
            model: the model whose item and attribute vectors are aligned.
            encoded: its pass over the rows of the step.
        """
        layout = encoded.batch.layout
        codes = layout.flatten(encoded.batch.items)
        items, attributes = self._directions(model, codes)
        padding = self._directions(model, codes.new_zeros(1))
        classes = self.classes.index_select(0, codes)
        total = items.new_zeros(())
        for bucket, x, a, kind in zip(
            layout.buckets,
            layout.split(items),
            layout.split(attributes),
            layout.split(classes),
            strict=True,
        ):
            loss = self._of_rows(bucket, bucket.spread(x), bucket.spread(a), padding)
            same = _same(bucket.spread(kind))
            lengths = bucket.real.sum(dim=1)
            total = total + ((loss * same).sum(dim=(1, 2)) / lengths).sum()
        return total / layout.rows

    def _directions(self, model: SequentialModel, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The unit vectors x and a of items, Float[M, d] each."""
        vectors = model.attribute_vectors(codes)
        total = torch.stack([vectors[name] for name in self.fields]).sum(dim=0)
        items = model.item_vectors().index_select(0, codes)
        return F.normalize(items.float(), dim=-1), F.normalize(total.float(), dim=-1)

    def _of_rows(
        self, bucket: LengthBucket, x: Tensor, a: Tensor, padding: tuple[Tensor, Tensor]
    ) -> Tensor:
        """−(log P + log R) of the rows of a bucket, Float[b, l, l]."""
        scores = x @ a.transpose(1, 2) / self.temperature  # [b, t, k]
        empty_item, empty_attribute = padding
        p = self._log_shares(bucket, scores, x @ empty_attribute.T)
        r = self._log_shares(bucket, scores.transpose(1, 2), a @ empty_item.T)
        return -(p + r)

    def _log_shares(self, bucket: LengthBucket, scores: Tensor, of_empty: Tensor) -> Tensor:
        """The logarithm of a softmax over real columns, and over empty ones where these count.

        Args:
            bucket: the rows.
            scores: Float[b, l, l], already divided by τ.
            of_empty: Float[b, l, 1], the score of every slot with an empty one, not yet divided.
        """
        total = scores.masked_fill(~bucket.real[:, None, :], -torch.inf).logsumexp(
            dim=-1, keepdim=True
        )
        if self.window is not None:
            empty = (self.window - bucket.real.sum(dim=1)).float()[:, None, None]
            total = torch.logaddexp(total, of_empty / self.temperature + empty.log())
        return scores - total


def same_attributes(fields: Sequence[Field]) -> Tensor:
    """A number for every set of attribute values.

    Args:
        fields: the attributes, of any form.

    Returns:
        Long[V]: equal for two items exactly where every attribute has the same values, in any
        order; 0 for items without a value.
    """
    columns = [COMPARABLE[field.form](_known(field).numpy()) for field in fields]
    together = np.concatenate([column.astype(np.float64) for column in columns], axis=1)
    nothing = np.zeros((1, together.shape[1]))
    _, numbers = np.unique(np.concatenate([nothing, together]), axis=0, return_inverse=True)
    numbers = numbers.reshape(-1)
    classes = np.where(numbers[1:] == numbers[0], 0, numbers[1:] + 1)
    return torch.from_numpy(classes.astype(np.int64))


def _as_it_is(vectors: np.ndarray) -> np.ndarray:
    return vectors


COMPARABLE: Mapping[FieldForm, Callable[[np.ndarray], np.ndarray]] = {
    "values": partial(np.sort, axis=1),  # the order of an item's values has no meaning
    "vector": _as_it_is,
}
"""A row for each item that is equal for items with the same attribute, by the attribute's form."""


def _known(field: Field) -> Tensor:
    """What is known of each item, on the host."""
    table = field.table
    if table is None:
        raise ValueError(f"{field.name} is a behaviour: its values belong to no item")
    return table.cpu()


def _same(classes: Tensor) -> Tensor:
    """Y: Bool[b, l, l] of the classes Long[b, l] of the rows' items."""
    return (classes[:, :, None] == classes[:, None, :]) & (classes[:, :, None] != PADDING)
