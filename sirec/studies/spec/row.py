"""What an experiment file declares of one row: a model, and what is changed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sirec.config import dump
from sirec.errors import SirecError
from sirec.models import model_class
from sirec.objectives.base import ObjectiveConfig

# Keys of a row that decide how it is drawn, not how it is trained.
DRAWING_KEYS = ("printed", "is_variant", "against", "at")


@dataclass(frozen=True, kw_only=True)
class RowPlan:
    """One row of a table: a model and what is changed of it.

    Attributes:
        model: name of the model.
        set: settings by dotted path of a run's configuration.
        with_: objectives that the model is trained with besides its own.
        without: names of its own objectives that it is trained without.
        attributes: choices among the attributes that the data have (see `attributes.py`); the
            row's label shows their names in place of `{1}`, `{2}`.
        printed: selects the row of the experiment's published table that is shown next to this one.
        is_variant: whether this is not the model as the papers' main tables have it, so that no
            value of those tables is shown next to it.
        against: the row that it is compared with, where that is not what the experiment says.
        at: the value of the experiment's setting `along` in this row; it changes no run.
    """

    model: str
    set: Mapping[str, Any] = field(default_factory=dict)
    with_: tuple[ObjectiveConfig, ...] = ()
    without: tuple[str, ...] = ()
    attributes: tuple[str, ...] | None = None
    printed: Mapping[str, Any] = field(default_factory=dict)
    is_variant: bool = False
    against: str | None = None
    at: float | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown model, and attributes that are given twice."""
        model_class(self.model)
        if self.attributes is not None and "data.attributes" in self.set:
            raise SirecError("attributes and data.attributes say the same", "leave one of them out")

    @property
    def is_plain(self) -> bool:
        """Whether it names a model and changes nothing of it."""
        return self.deciding().keys() == {"model"}

    @property
    def is_whole(self) -> bool:
        """Whether it is the model as its paper has it."""
        return not (self.is_variant or self.with_ or self.without)

    def deciding(self) -> dict[str, Any]:
        """What decides its runs, as plain values; what is at its default is left out."""
        values: dict[str, Any] = dump(self, defaults=False)
        for key in DRAWING_KEYS:
            values.pop(key, None)
        return values
