"""What a model declares: its identity, its defaults, how fields enter it, and how it is built.

A model is one file with two classes. The *declaration*, a frozen dataclass derived from
`Declaration`, holds the name, the defaults of all settings and the stages of training; its fields
are the keys of a configuration file and their values are part of a run's identity. It builds the
*module*, derived from `SequentialModel` (a trained encoder whose states are compared with item
vectors; `BareItems` where these are its own item table) or from `Recommender` (anything that scores
all items, such as a training-free baseline). A new model is a file in this package, or a class that
another package offers under the entry point `sirec.models`:

    @dataclass(frozen=True, kw_only=True)
    class DecayedHistory(Declaration):
        name: ClassVar[str] = "decayed-history"
        title: ClassVar[str] = "Decayed history"
        source: ClassVar[str] = "an example of sirec"
        stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
        width: int = 64

        def build(self, schema):
            return DecayedHistoryModel(self, schema)

    class DecayedHistoryModel(BareItems):
        causal = single_pass = True

        def __init__(self, config, schema):
            super().__init__()
            self.state_width = config.width
            self.items = nn.Embedding(schema.items, config.width, padding_idx=PADDING)
            initialise(self)

        def encode(self, batch):
            ...  # Float[B, L, d]: the state after each slot
            return States(states)

`sirec.testing` checks what the rest of `sirec` relies on; the tests of a model, here or in another
package, call `sirec.testing.check_model`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from sirec.core.model import Recommender
from sirec.data.fields import FieldKind, Schema
from sirec.models.search_space import USUAL_SPACE
from sirec.objectives.stage import Stage


class Declaration(ABC):
    """A model as a configuration names it; derived classes are frozen dataclasses.

    Derived classes set `name`, `title` and `source`, and implement `build`. A trained model sets
    `stages`. A model that reads side information says so in two attributes `attribute` and
    `behaviour`: each holds the level at which fields of that kind enter.

    Attributes:
        name: the name in configurations and commands, unique among all models.
        title: the name in tables.
        source: the publication that the model comes from.
        is_training_free: whether the model is a baseline without training, which has no stages.
        revision: raised whenever the same configuration gives other numbers; it is part of a run's
            identity.
        stages: the stages of training, in order; the last one trains the next item.
        published: the settings in which the authors' code departs from the defaults here, which
            follow the paper. Keys are dotted paths from the root of a run's configuration; the
            profile `published` applies them.
        checked: the result of comparing this model with the authors' module under equal weights,
            or that there is no public code.
        no_graph: the operation that keeps the model from being exported as a graph of tensors
            (`sirec export`); empty where nothing does.
        fusions: how fields of a kind are fused, where no setting decides it.
        search_space: key of a configuration -> the values, or the interval `{low, high, log}`, that
            a search tries where nobody says otherwise; a key that a row lacks is left out.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    is_training_free: ClassVar[bool] = False
    revision: ClassVar[int] = 1
    stages: ClassVar[tuple[Stage, ...]] = ()
    published: ClassVar[Mapping[str, object]] = {}
    checked: ClassVar[str] = ""
    no_graph: ClassVar[str] = ""
    fusions: ClassVar[Mapping[FieldKind, str]] = {}
    search_space: ClassVar[Mapping[str, object]] = USUAL_SPACE

    def level(self, kind: FieldKind) -> str:
        """The level at which fields of a kind enter.

        One of `none`, `objective`, `embedding`, `query_key`, `attention` and `stream`, or several
        of them, separated by commas.
        """
        return str(getattr(self, kind, "none"))

    def fusion(self, kind: FieldKind) -> str | None:
        """How fields of a kind are fused where they enter; None where nothing is fused."""
        return self.fusions.get(kind)

    def at_candidates(self, kind: FieldKind) -> bool:
        """Whether fields of a kind also enter the vectors of the items that are scored.

        Only attributes can: a behaviour belongs to an interaction, and a candidate has none yet.
        """
        return kind == "attribute" and getattr(self, "candidates", "id") == "fused"

    def reads(self, kind: FieldKind) -> bool:
        """Whether the model, or (level `objective`) only its losses, uses fields of a kind."""
        return self.level(kind) != "none"

    @abstractmethod
    def build(self, schema: Schema) -> Recommender:
        """The model for data of this shape, with weights drawn from torch's global generator.

        Raises `SirecError` where the data lack what the model needs, such as an attribute.
        """


# What the DIF-SR fork, and the RecBole of its time, did wherever attributes are embedded: their
# tables were not trained.
FROZEN_ATTRIBUTES: Mapping[str, object] = {
    "model.attribute_trainable": False,
    "model.attribute_std": 1.0,
}
# How that code trained every model: each prefix is an example, and code 0 is among the classes.
PREFIX_EXAMPLES: Mapping[str, object] = {
    "stages.train.task": {"name": "last_item"},
    "padding_class": True,
}
