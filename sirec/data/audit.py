"""What a data set is like and what its split does: the figures to know before any model is trained.

N interactions, U users, V item codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.dataset import Dataset
from sirec.data.prepare.statistics import Statistics, describe
from sirec.data.split import NO_TARGET, PARTS, HeldOutPart
from sirec.data.tasks.rows import in_training, owners
from sirec.data.times import Times

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NEED_TIMES = ("tied_last_pairs", "tied_neighbours", "repeated_rows", "leakage")
QUANTILES = {
    "min": 0.0,
    "p10": 0.1,
    "p25": 0.25,
    "median": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p99": 0.99,
    "max": 1.0,
}
NO_TIMES = "the data were prepared without times"


@dataclass(frozen=True)
class OrderOrigin:
    """What is known of where the order of interactions comes from.

    Attributes:
        words: what decides the order, in words.
        unused_times: columns of the raw files that may be times and were not used.
    """

    words: str = ""
    unused_times: tuple[str, ...] = ()

    @property
    def why_no_times(self) -> str:
        """Why there are no times, and what would be done about it."""
        if not self.unused_times:
            return NO_TIMES
        names = " or ".join(map(repr, self.unused_times))
        return f"{NO_TIMES}; {names} may be the time: prepare again with --time"


UNKNOWN_ORIGIN = OrderOrigin()


@dataclass(frozen=True)
class Repeats:
    """How often users come back to an item; all are shares, 0 to 1.

    `users` have some item twice or more, `interactions` are with an item that the user had earlier,
    `immediate` ones with the very item before; `test_targets` are items of the user's history,
    which no model finds once the history is masked.
    """

    users: float
    interactions: float
    immediate: float
    test_targets: float


@dataclass(frozen=True)
class Targets:
    """The targets of a part: their number, and how many are items without a single training
    interaction.
    """

    targets: int
    unseen: int
    unseen_share: float


@dataclass(frozen=True)
class Leakage:
    """How much training knows of what came after the tests; both are shares, 0 to 1, and 0 under a
    temporal split.

    `test_targets` are earlier than some training interaction of another user. `training` is the
    share of all training interactions that are later than a test target, the mean over targets.
    """

    test_targets: float
    training: float


@dataclass(frozen=True)
class DataAudit:
    """What can be counted without a model.

    `lengths` (interactions a user) and `popularity` (interactions an item) map the names of
    `QUANTILES` to the smallest number that so large a share does not exceed. `single_item_values`
    is, for each attribute of values, the share of these that only one item has; `behaviours` maps a
    name to its number of values. `decided_by` says what decides the order; `tied_neighbours` is the
    share of neighbours in the histories that have equal times, and `repeated_rows` the number of
    interactions that repeat user, item and time of another. What cannot be known is None, and
    `unknown` says why.
    """

    name: str
    split: str
    statistics: Statistics
    lengths: Mapping[str, int]
    popularity: Mapping[str, int]
    repeats: Repeats
    targets: Mapping[HeldOutPart, Targets]
    leakage: Leakage | None
    single_item_values: Mapping[str, float]
    behaviours: Mapping[str, int]
    unknown: Mapping[str, str]
    decided_by: str
    tied_neighbours: float | None
    repeated_rows: int | None


def audit_data(
    data: Dataset, timestamps: Times | None = None, origin: OrderOrigin = UNKNOWN_ORIGIN
) -> DataAudit:
    """Count what can be counted without a model.

    Args:
        data: the data set.
        timestamps: the time of each interaction, ascending within a user; None without times.
        origin: where its order comes from.
    """
    items = data.items.numpy()
    times = None if timestamps is None else timestamps.numpy()
    return DataAudit(
        name=data.name,
        split=data.held_out.split.text,
        statistics=describe(data, timestamps),
        lengths=_quantiles(data.lengths.numpy()),
        popularity=_quantiles(np.bincount(items, minlength=data.item_codes)[1:]),
        repeats=_repeats(data),
        targets={part: _targets(data, part) for part in PARTS},
        leakage=None if timestamps is None else _leakage(data, timestamps.numpy()),
        single_item_values={
            f.name: _single(f.values.numpy(), f.size)
            for f in data.fields
            if f.kind == "attribute" and f.form == "values"
        },
        behaviours={f.name: f.size - 1 for f in data.fields if f.kind == "behaviour"},
        unknown={} if timestamps is not None else dict.fromkeys(NEED_TIMES, origin.why_no_times),
        decided_by=origin.words,
        tied_neighbours=None if times is None else _tied_neighbours(data, times),
        repeated_rows=None if times is None else _repeated_rows(data, times),
    )


def _tied_neighbours(data: Dataset, times: IntArray) -> float:
    users = owners(data).numpy()
    beside = users[1:] == users[:-1]
    return float((times[1:] == times[:-1])[beside].mean()) if beside.any() else 0.0


def _repeated_rows(data: Dataset, times: IntArray) -> int:
    rows = pd.DataFrame({"user": owners(data), "item": data.items, "time": times})
    return int(rows.duplicated().sum())


def _quantiles(values: IntArray) -> dict[str, int]:
    found = np.quantile(values, list(QUANTILES.values()), method="inverted_cdf")
    return {name: int(value) for name, value in zip(QUANTILES, found, strict=True)}


def _repeats(data: Dataset) -> Repeats:
    users, items = owners(data).numpy(), data.items.numpy()
    again = np.ones(len(items), dtype=np.bool_)
    again[np.unique(users * data.item_codes + items, return_index=True)[1]] = (
        False  # the first of each pair
    )
    immediate = (items[1:] == items[:-1]) & (users[1:] == users[:-1])
    repeating = len(np.unique(users[again]))
    return Repeats(
        repeating / data.user_count,
        float(again.mean()),
        float(immediate.sum() / len(items)),
        float(again[_places(data)].mean()),
    )


def _targets(data: Dataset, part: HeldOutPart) -> Targets:
    known = np.zeros(data.item_codes, dtype=np.bool_)
    known[data.items.numpy()[in_training(data).numpy()]] = True
    unseen: BoolArray = ~known[data.items.numpy()[_places(data, part)]]
    return Targets(len(unseen), int(unseen.sum()), float(unseen.mean()))


def _leakage(data: Dataset, timestamps: IntArray) -> Leakage:
    training = np.sort(timestamps[in_training(data).numpy()])
    # A user's own training interactions come before its target, so all that are later are other
    # users'.
    later = len(training) - np.searchsorted(training, timestamps[_places(data)], side="right")
    return Leakage(float((later > 0).mean()), float(later.mean() / len(training)))


def _single(table: IntArray, size: int) -> float:
    """The share of values (codes 1..size-1) that stand in one row of a table [V, F]; no row has a
    value twice.
    """
    return float((np.bincount(table.ravel(), minlength=size)[1:] == 1).mean())


def _places(data: Dataset, part: HeldOutPart = "test") -> IntArray:
    """Indices of a part's targets."""
    places = data.held_out.targets[part].numpy()
    return np.asarray(places[places != NO_TARGET])
