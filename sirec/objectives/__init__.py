"""Losses, by name. A new objective is one file in this package; `OBJECTIVES` finds it there."""

from sirec.config import open_kind
from sirec.objectives.base import ObjectiveConfig
from sirec.registry import Registry

OBJECTIVES: Registry[type[ObjectiveConfig]] = Registry(
    "objective", ObjectiveConfig, "sirec.objectives"
)
open_kind(ObjectiveConfig, OBJECTIVES)
