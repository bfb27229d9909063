"""What an objective is: a weighted loss over what one pass of the encoder gave.

Letters: N targets of a step, V item codes, D width of a state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from sirec.core.model import SequentialModel, States
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch, take_distinct
from sirec.errors import SirecError

# What self-supervised losses are about: a kind of side information, hidden items, or stretches of a
# sequence.
SupervisionSignal = Literal["attribute", "behaviour", "item", "sequence"]


@dataclass(frozen=True, eq=False)
class EncoderPass:
    """One pass of the encoder, shared by the objectives of a step.

    `predicting` [N, D] are the states at the step's targets; `table` [V, D] is the item table,
    computed once. `by_rows`: whether a use of some of its rows is to have a gradient of those rows
    alone (`training/table_gradients.py`).
    """

    batch: Batch
    states: States
    predicting: Tensor
    table: Tensor
    by_rows: bool = False

    @cached_property
    def hidden(self) -> Tensor:
        """[N, d]: the states at the step's targets before an output layer; `predicting` where there
        is no such layer.
        """
        if self.states.hidden is None:
            return self.predicting
        return take_distinct(self.states.hidden.flatten(0, 1), self.batch.target_slots)

    def vectors(self, items: Tensor) -> Tensor:
        """Long[M] -> [M, D] of the item table."""
        if self.by_rows and self.table.is_leaf:
            return F.embedding(items, self.table, sparse=True)
        return self.table.index_select(0, items)


class LossTerm(NamedTuple):
    """A loss and how many terms it is the mean of: the mean over several passes weighs each loss by
    its terms.
    """

    loss: Tensor
    terms: Tensor | int


class Objective(nn.Module, ABC):
    """A loss; a module because it may own a head, which is trained with the model and left behind
    after.
    """

    def fit_statistics(self, data: Dataset) -> None:
        """Learn from `data` what needs no gradient, once before training (nothing, for most
        losses).
        """
        return

    @abstractmethod
    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The unweighted loss of a step, a scalar."""

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """The loss of a pass that holds some rows of a step; its terms are its targets, unless the
        objective says otherwise.
        """
        return LossTerm(self(model, encoded), len(encoded.predicting))


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig(ABC):
    """An objective as a configuration declares it: its weight, and its own switches."""

    name: ClassVar[str]
    revision: ClassVar[int] = 1  # see `Declaration.revision`
    tasks: ClassVar[tuple[str, ...]] = ()  # the tasks whose batches it can read; none named: all
    signal: ClassVar[SupervisionSignal | None] = (
        None  # what it is a self-supervised lesson about; None: a main loss, or a penalty
    )
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a weight that is not positive: leave the objective out instead."""
        if not self.weight > 0:
            raise SirecError(
                f"weight {self.weight} of {self.name} must be positive",
                "to switch it off, leave it out",
            )

    @abstractmethod
    def build(self, schema: Schema, width: int) -> Objective:
        """The objective for data of this shape and states of this width."""

    @property
    def reads_catalogue(self) -> bool:
        """Whether it reads the whole item table, and not some of its rows."""
        return True

    def indivisible(self) -> str | None:
        """Why passes over some rows each do not add up to the loss of a step; None where they do
        (see `Objective.loss_term`).
        """
        return None

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The objective for this model; one with heads on single streams needs more of it than the
        width of its states.
        """
        return self.build(schema, model.state_width)


def chosen_attributes(schema: Schema, wanted: Sequence[str] | None, objective: str) -> list[str]:
    """The attributes an objective works on: those named, else all. Raises `SirecError` if there is
    none.
    """
    mine = [field.name for field in schema.attributes]
    missing = [name for name in wanted or () if name not in mine]
    if missing or not mine:
        what = f"'{missing[0]}'" if missing else "an attribute"
        raise SirecError(
            f"objective {objective} needs {what}; the data in use have: {', '.join(mine) or 'no attributes'}"
        )
    return list(wanted) if wanted is not None else mine
