"""Equal search: every row of a table gets the same number of trials in the space of its model.

    tune: {trials: 8, sampler: tpe, seed: 0}

The first trial of a row is the row as it is declared. The others are proposed one after the other
by a sampler (`sirec.studies.launch.samplers`), within the space that the model declares or the
experiment names. Only validation is read, nothing is stopped early, and a row that has fewer keys
to search has as many trials as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from sirec.config import Range, Tree, check_numbers, has, load, overlap, value_at
from sirec.config.quantities import SeedNumber
from sirec.errors import SirecError
from sirec.models import model_class

TrialCount = Annotated[int, Range(2, 10_000, "trials")]


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How the rows of an experiment are searched.

    Attributes:
        trials: trials of every row, the first of which is the row as it is declared.
        sampler: name of what proposes settings.
        seed: seed of the sampler's draws.
        space: key -> values, or an interval; without any the space that each model declares.
    """

    trials: TrialCount
    sampler: str = "tpe"
    seed: SeedNumber = 0
    space: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that cannot be tried."""
        check_numbers(self)
        for key, values in self.space.items():
            dimension_of(values, f"tune.space.{key}")


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Numbers from `low` to `high`, both included.

    Attributes:
        low: the smallest.
        high: the largest.
        log: whether their logarithms are equally likely.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty interval, and logarithms of what has none."""
        if not self.low < self.high:
            raise SirecError(f"an interval from {self.low:g} to {self.high:g} is empty")
        if self.log and self.low <= 0:
            raise SirecError("log: an interval of logarithms begins above 0")

    def including(self, value: object) -> Interval:
        """The interval, extended to a number that may lie outside."""
        if not isinstance(value, int | float):
            return self
        return Interval(low=min(self.low, value), high=max(self.high, value), log=self.log)

    @property
    def text(self) -> str:
        """`0.0001 to 0.003, by logarithms`."""
        return f"{self.low:g} to {self.high:g}{', by logarithms' * self.log}"


@dataclass(frozen=True)
class Choices:
    """Values of which one is tried."""

    values: tuple[Any, ...]

    def including(self, value: object) -> Choices:
        """The values, and one more that may not be among them."""
        return self if value in self.values else Choices((value, *self.values))

    @property
    def text(self) -> str:
        """`2 or 3 or 4`."""
        return " or ".join(map(str, self.values))


Dimension = Interval | Choices
Space = Mapping[str, Dimension]


def dimension_of(values: object, where: str) -> Dimension:
    """What is tried of a key.

    Args:
        values: a list of values, or `{low, high, log}`.
        where: what messages begin with.

    Raises:
        SirecError: for anything else, and for fewer than two values.
    """
    if isinstance(values, Mapping):
        interval: Interval = load(Interval, dict(values), where)
        return interval
    if isinstance(values, list | tuple) and len(values) > 1:
        return Choices(tuple(values))
    raise SirecError(
        f"{where}: expected two values or more, or an interval",
        "for example: [0.1, 0.3], or {low: 0.0001, high: 0.01, log: true}",
    )


def space_of(tuning: Tuning, model: str, tree: Tree, is_set: Mapping[str, Any]) -> dict[str, Any]:
    """The space of a row, whose declared values are in it.

    Args:
        tuning: how the experiment is searched.
        model: name of the row's model.
        tree: the row's configuration as plain values.
        is_set: settings of the experiment and the row, which are not searched.

    Returns:
        Key -> `Dimension`, in the order in which keys are declared; a training-free baseline has
        none.
    """
    declaration = model_class(model)
    space: dict[str, Any] = {}
    if declaration.is_training_free:
        return space
    for key, values in (tuning.space or declaration.search_space).items():
        taken = any(overlap(tree, key, other) for other in is_set)
        if has(tree, key) and not taken:
            space[key] = dimension_of(values, key).including(value_at(tree, key))
    return space


def as_declared(space: Space, tree: Tree) -> dict[str, Any]:
    """The setting of the first trial: what the row has of each searched key.

    Args:
        space: what is searched.
        tree: the row's configuration as plain values.
    """
    return {key: value_at(tree, key) for key in space}
