"""What an objective is: a weighted loss over what one pass of the encoder gave.

An objective is two classes. The *configuration*, a frozen dataclass derived from `ObjectiveConfig`,
holds the name, the weight and the switches; its fields are the keys of a configuration file and its
values are part of a run's identity. It builds the *loss*, a module derived from `Objective`, which
turns an `EncoderPass` into a scalar. A new objective is one file in this package, or a class that
another package offers under the entry point `sirec.objectives`:

    @dataclass(frozen=True, kw_only=True)
    class Uniformity(ObjectiveConfig):
        name: ClassVar[str] = "uniformity"
        weight: float = 0.1

        def build(self, schema, width):
            return UniformityLoss()

    class UniformityLoss(Objective):
        def forward(self, model, encoded):
            vectors = normalize(encoded.vectors(encoded.batch.target_items.unique()), dim=-1)
            return pdist(vectors).square().mul(-2).exp().mean().log()

Letters in this package: B rows of a step, L slots of a row, N targets of a step, V item codes (code
0 pads), D width of a state, A codes of an attribute (code 0 pads), F values that an item may hold.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from sirec.config import check_numbers
from sirec.config.quantities import LossWeight
from sirec.core.model import SequentialModel
from sirec.core.states import States
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.shell import arguments

# Where a self-supervised loss takes its labels from: a kind of side information, masked items, or
# segments of the sequence.
SupervisionSignal = Literal["attribute", "behaviour", "item", "sequence"]


WITHOUT = arguments("--set", "objectives=[{name: item}]")  # the main loss alone


@dataclass(frozen=True, eq=False)
class EncoderPass:
    """One pass of the encoder over a batch, shared by all objectives of a step.

    Attributes:
        batch: the rows of the step, with their targets.
        states: what the encoder gave for them.
        predicting: [N, D], the states at the targets' slots, in the order of `batch.target_items`.
        table: [V, D], the item vectors that states are scored against, computed once a step.
        by_rows: whether `vectors` gives the table a sparse gradient, of the rows that were read
            alone (`training/table_gradients.py`).
    """

    batch: Batch
    states: States
    predicting: Tensor
    table: Tensor
    by_rows: bool = False

    @cached_property
    def hidden(self) -> Tensor:
        """[N, d]: the states at the targets before the model's output layer; `predicting` where
        there is no such layer.
        """
        hidden = self.states.hidden_at(self.batch.target_slots)
        return self.predicting if hidden is None else hidden

    def vectors(self, items: Tensor) -> Tensor:
        """[M, D]: the rows of the item table for `items` Long[M]."""
        if self.by_rows and self.table.is_leaf:
            return F.embedding(items, self.table, sparse=True)
        return self.table.index_select(0, items)


class LossTerm(NamedTuple):
    """The mean of a loss over some rows of a step, and the number of terms in that mean.

    Where a step is split over several passes, its loss is the mean of their losses weighted by
    `terms`.
    """

    loss: Tensor
    terms: Tensor | int


class Objective(nn.Module, ABC):
    """A loss. It is a module because it may own layers, which are trained with the model and are
    not part of it afterwards.
    """

    def fit_statistics(self, data: Dataset) -> None:
        """Compute from the training data what needs no gradient, such as item frequencies.

        It is called once before training; most losses need nothing.
        """
        return

    @abstractmethod
    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The loss of a step, before its weight.

        Args:
            model: the model in training; gradients reach its parameters.
            encoded: its pass over the rows of the step.

        Returns:
            A scalar.
        """

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """The loss of a pass over some rows of a step, and the number of terms that it averages.

        Here a term is a target. An objective that averages something else overrides this method.

        Args:
            model: the model in training.
            encoded: its pass over these rows.
        """
        return LossTerm(self(model, encoded), len(encoded.predicting))


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig(ABC):
    """An objective as a configuration declares it: its weight and its own switches.

    A subclass sets the class variables. `name` is the key in configurations; `revision` is raised
    when the same configuration would give other numbers; `tasks` are the names of the tasks whose
    batches it can read, where empty means all; `signal` says where a self-supervised loss takes its
    labels from, and is None for a main loss or a penalty; `needs_values` says whether it works on
    attributes that have values, so that it leaves those out that have vectors.
    """

    name: ClassVar[str]
    revision: ClassVar[int] = 1
    tasks: ClassVar[tuple[str, ...]] = ()
    signal: ClassVar[SupervisionSignal | None] = None
    needs_values: ClassVar[bool] = False
    weight: LossWeight = 1.0

    def __post_init__(self) -> None:
        """Raises `SirecError` for a number outside its range."""
        try:
            check_numbers(self)
        except SirecError as error:
            hint = "to switch an objective off, leave it out" if self.weight == 0 else error.hint
            raise SirecError(f"{self.name}: {error.message}", hint) from None

    @abstractmethod
    def build(self, schema: Schema, width: int) -> Objective:
        """The loss for any model with states of one width.

        Args:
            schema: fields of the data in use, with their sizes.
            width: D, the width of a state.

        Raises:
            SirecError: the data lack what the loss reads.
        """

    @property
    def reads_catalogue(self) -> bool:
        """Whether the loss reads the whole item table, and not some of its rows alone."""
        return True

    def indivisible(self) -> str | None:
        """Why the loss of a step is not the weighted mean of the losses of its parts.

        None where it is (see `Objective.loss_term`), so that several processes may share a step.
        """
        return None

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss for this model. An objective that reads more of a model than its states' width
        overrides this method.

        Args:
            schema: fields of the data in use, with their sizes.
            model: the model that will be trained.

        Raises:
            SirecError: the data or the model lack what the loss reads.
        """
        return self.build(schema, model.state_width)


def chosen_attributes(
    schema: Schema, wanted: Sequence[str] | None, objective: str, *, needs_values: bool = True
) -> list[str]:
    """Names of the attributes that an objective works on.

    Args:
        schema: fields of the data in use.
        wanted: the names in the configuration; None means all attributes, of those that it can
            work on.
        objective: its name, for the message.
        needs_values: whether it predicts or compares values, so that attributes of vectors have no
            meaning for it.

    Raises:
        SirecError: a wanted attribute is not in use or has no values, or there is none at all.
    """
    if needs_values:
        _check_have_values(schema, wanted, objective)
        schema = replace(schema, fields=schema.with_values)
    in_use = [field.name for field in schema.attributes]
    missing = [name for name in wanted or () if name not in in_use]
    if missing or not in_use:
        lacking = f"'{missing[0]}'" if missing else "an attribute"
        raise SirecError(
            f"objective {objective} needs {lacking}; "
            f"the data in use have: {', '.join(in_use) or 'no attributes'}",
            None if in_use else f"read one (--fields), or train without {objective}: {WITHOUT}",
        )
    return list(wanted) if wanted is not None else in_use


def _check_have_values(schema: Schema, wanted: Sequence[str] | None, objective: str) -> None:
    """Refuse attributes of vectors that are named, or are all that there is."""
    possible = [field.name for field in schema.with_values]
    vectors = [field.name for field in schema.attributes if field.name not in possible]
    named = [name for name in vectors if name in (wanted or ())]
    if named or (vectors and not possible):
        which = (named or vectors)[0]
        setting = f"{objective}.attributes=[{', '.join(possible)}]"
        raise SirecError(
            f"objective {objective} needs values, and {which} has vectors",
            f"predict only the others: {arguments('--set', setting)}"
            if possible
            else f"read an attribute of values as well, or train without {objective}: {WITHOUT}",
        )


def chosen_fields(schema: Schema, wanted: Sequence[str] | None, objective: str) -> list[Field]:
    """The attribute fields that an objective works on, in the order of the schema.

    Args:
        schema: fields of the data in use.
        wanted: the names in the configuration; None means all attributes of values.
        objective: its name, for the message.

    Raises:
        SirecError: as `chosen_attributes`.
    """
    names = chosen_attributes(schema, wanted, objective)
    return [field for field in schema.attributes if field.name in names]
