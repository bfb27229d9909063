"""What a model file declares, beside its architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from sirec.core.model import Recommender
from sirec.data.fields import FieldKind, Schema
from sirec.objectives.stage import Stage


class Declaration(ABC):
    """A model as a configuration names it.

    `published` are the switches by which the authors' code departs from the defaults here, which
    are what the paper means: dotted paths from the root of a run's configuration, applied by the
    profile `published`. `checked` says what came out when the same weights were put into the
    authors' module and ours, or that there is none to be had. A floor is a model without training
    that stands in every table.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    is_training_free: ClassVar[bool] = False
    revision: ClassVar[int] = (
        1  # raised whenever the same configuration gives other numbers; part of a run's identity
    )
    stages: ClassVar[tuple[Stage, ...]] = ()
    published: ClassVar[Mapping[str, object]] = {}
    checked: ClassVar[str] = ""
    fusions: ClassVar[
        Mapping[FieldKind, str]
    ] = {}  # how fields of a kind are fused, where no switch decides it

    def level(self, kind: FieldKind) -> str:
        """Where fields of a kind enter: none, objective, embedding, query_key, attention, stream,
        ….
        """
        return str(getattr(self, kind, "none"))

    def fusion(self, kind: FieldKind) -> str | None:
        """How fields of a kind are fused where they enter; None where nothing is."""
        return self.fusions.get(kind)

    def at_candidates(self, kind: FieldKind) -> bool:
        """Whether fields of a kind join the items that are scored, beside where `level` says. A
        behaviour never can.
        """
        return kind == "attribute" and getattr(self, "candidates", "id") == "fused"

    def reads(self, kind: FieldKind) -> bool:
        """Whether fields of a kind mean anything to the model, if only (level `objective`) to its
        losses.
        """
        return self.level(kind) != "none"

    @abstractmethod
    def build(self, schema: Schema) -> Recommender:
        """The model for data of this shape, freshly initialised from torch's generator."""


# What the DIF-SR fork and the RecBole of its time did, wherever attributes are embedded: tables
# that no optimiser saw.
FROZEN_ATTRIBUTES: Mapping[str, object] = {
    "model.attribute_trainable": False,
    "model.attribute_std": 1.0,
}
# Prefix examples and code 0 among the classes: how the authors' code trained every model.
PREFIX_EXAMPLES: Mapping[str, object] = {
    "stages.train.task": {"name": "last_item"},
    "padding_class": True,
}
