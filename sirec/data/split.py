"""Splits as declarations: which interactions training may see, and which are predicted.

leave-one-out
    The last interaction of every user is the test target and the one before it the validation
    target; training has the rest. Most papers report it. Training then knows what other users did
    after most test targets.
temporal
    Two moments, the same for all users, divide time into training, a validation period and a test
    period, as for a recommender in use (Ji et al., TOIS 2023; Hidasi and Czapp, 2023; "Time to
    Split", RecSys 2025).

Each user has at most one target in a part. The history of a target is everything that the user did
before it, whatever part that is in. Of interactions at the same time those count as earlier that
come earlier in the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal

from sirec.config import check_numbers
from sirec.config.quantities import PeriodShare
from sirec.data.dates import nanoseconds_of, written
from sirec.data.times import Times, first_tick
from sirec.errors import SirecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

HeldOutPart = Literal["valid", "test"]
PARTS: tuple[HeldOutPart, ...] = ("valid", "test")
NO_TARGET = -1
TENTH = 0.1

Target = Literal["last", "first"]
Choose = Callable[["Tensor", "Tensor"], "Tensor"]
# Which of a user's interactions `begin:end` in a period is predicted.
TARGETS: Mapping[Target, Choose] = {
    "last": lambda begin, end: end - 1,
    "first": lambda begin, end: begin,
}


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The split of a data set, as indices into its interactions; all arrays are Long[U].

    Attributes:
        split: the declaration.
        train_stop: user u trains on the interactions `offsets[u-1]:train_stop[u-1]`.
        targets: for each part the interaction to predict, `NO_TARGET` where the user has none. A
            target has at least one interaction before it.
    """

    split: Split
    train_stop: Tensor
    targets: Mapping[HeldOutPart, Tensor]

    def count(self, part: HeldOutPart) -> int:
        """How many users have a target in a part, `valid` or `test`."""
        return int((self.targets[part] != NO_TARGET).sum())

    def arrays(self) -> dict[str, Tensor]:
        """All arrays, by name."""
        arrays = {"train_stop": self.train_stop}
        for part in PARTS:
            arrays[part] = self.targets[part]
        return arrays

    def agrees_with(self, other: HeldOut) -> bool:
        """Whether two splits hold out the same interactions for the same purpose."""
        theirs = other.arrays()
        return all(values.equal(theirs[name]) for name, values in self.arrays().items())

    def to(self, device: torch.device) -> HeldOut:
        """The same split on another device."""
        targets = {part: values.to(device) for part, values in self.targets.items()}
        return replace(self, train_stop=self.train_stop.to(device), targets=targets)


@dataclass(frozen=True)
class LeaveOneOut:
    """The last interaction of every user for test, the one before it for validation."""

    name: ClassVar[str] = "leave-one-out"
    needs_timestamps: ClassVar[bool] = False
    # How many interactions every user must have: one to train, one to validate, one to test.
    shortest: ClassVar[int] = 3

    @property
    def text(self) -> str:
        """As a table's notes print it."""
        return self.name

    def hold_out(self, offsets: Tensor, timestamps: Times | None = None) -> HeldOut:
        """Split the interactions of every user.

        Args:
            offsets: Long[U + 1], where the interactions of each user begin and end.
            timestamps: not used.
        """
        starts, ends = offsets[:-1], offsets[1:]
        targets: dict[HeldOutPart, Tensor] = {
            "valid": _with_history(starts, ends - 2),
            "test": _with_history(starts, ends - 1),
        }
        return HeldOut(self, starts.maximum(ends - 2), targets)


@dataclass(frozen=True, kw_only=True)
class Temporal:
    """Global temporal split: validation and test begin at the same moments for all users.

    The moments follow from shares or from dates. By shares of n interactions, the test period
    starts at the latest time from which on there are at least `test` · n interactions, and the
    validation period at the latest time from which on there are at least (`valid` + `test`) · n.
    By dates, days or times in UTC, the first moment of `valid_from` and of `test_from` starts the
    period. All interactions at the very time at which a period starts belong to the period.

    Attributes:
        valid: share of interactions in the validation period.
        test: share of interactions in the test period.
        valid_from: when the validation period starts, instead of shares.
        test_from: when the test period starts, instead of shares.
        target: whether the last or the first interaction of a user in a period is predicted.
    """

    name: ClassVar[str] = "temporal"
    needs_timestamps: ClassVar[bool] = True
    shortest: ClassVar[int] = 1
    valid: PeriodShare = TENTH
    test: PeriodShare = TENTH
    valid_from: str | None = None
    test_from: str | None = None
    target: Target = "last"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if (self.valid_from is None) != (self.test_from is None):
            missing = "valid_from" if self.valid_from is None else "test_from"
            raise SirecError(
                f"{missing} is missing", "give both valid_from and test_from, or neither"
            )
        check_numbers(self)
        if self.valid + self.test >= 1:
            raise SirecError(
                f"shares valid {self.valid:g} and test {self.test:g} leave a part empty",
                "both must be above 0 and add up to less than 1, for example 0.1 and 0.1",
            )
        dates = self._dates()
        if dates and (self.valid, self.test) != (TENTH, TENTH):
            raise SirecError(
                "a temporal split cuts by shares or by dates, not by both", "leave one of them out"
            )
        if dates and dates[0] >= dates[1]:
            raise SirecError(
                f"test_from {self.test_from} is not after valid_from {self.valid_from}"
            )

    @property
    def text(self) -> str:
        """As a table's notes print it."""
        if self._dates():
            periods = f"validation from {self.valid_from}, test from {self.test_from}"
        else:
            periods = (
                f"last {100 * self.test:g} % of interactions test, "
                f"{100 * self.valid:g} % before them validation"
            )
        return f"{self.name} ({periods}; {self.target} target)"

    def hold_out(self, offsets: Tensor, timestamps: Times | None = None) -> HeldOut:
        """Split the interactions of every user.

        Args:
            offsets: Long[U + 1], where the interactions of each user begin and end.
            timestamps: the time of each interaction, ascending within a user.

        Raises:
            SirecError: without timestamps, and if a part would be empty.
        """
        if timestamps is None:
            raise SirecError(
                "a temporal split needs timestamps, and these data have none", "split leave-one-out"
            )
        moments = self.starts(timestamps)
        starts, ends = offsets[:-1], offsets[1:]
        valid_begin = starts + _counts(offsets, timestamps.ticks < moments[0])
        test_begin = starts + _counts(offsets, timestamps.ticks < moments[1])
        periods: dict[HeldOutPart, tuple[Tensor, Tensor]] = {
            "valid": (valid_begin, test_begin),
            "test": (test_begin, ends),
        }
        targets: dict[HeldOutPart, Tensor] = {}
        for part, (begin, end) in periods.items():
            chosen = _with_history(starts, TARGETS[self.target](begin, end))
            targets[part] = chosen.where(end > begin, NO_TARGET)
        begins = [written(moment, timestamps.per_second) for moment in moments]
        self._refuse_empty(periods, targets, valid_begin - starts, begins)
        return HeldOut(self, valid_begin, targets)

    def starts(self, timestamps: Times) -> tuple[int, int]:
        """The first tick of the validation period and of the test period.

        Args:
            timestamps: the time of each interaction.
        """
        dates = self._dates()
        if dates is not None:
            valid, test = dates
            per_second = timestamps.per_second
            return first_tick(valid, per_second), first_tick(test, per_second)
        ordered = timestamps.ticks.sort().values
        valid = _start_of_last(ordered, self.valid + self.test)
        return valid, _start_of_last(ordered, self.test)

    def _dates(self) -> tuple[int, int] | None:
        """The first nanosecond, since 1970, of `valid_from` and of `test_from`."""
        if self.valid_from is None or self.test_from is None:
            return None
        valid = nanoseconds_of("valid_from", self.valid_from).start
        return valid, nanoseconds_of("test_from", self.test_from).start

    def _refuse_empty(
        self,
        periods: Mapping[HeldOutPart, tuple[Tensor, Tensor]],
        targets: Mapping[HeldOutPart, Tensor],
        training: Tensor,
        begins: Sequence[str],
    ) -> None:
        valid_from, test_from = begins
        named = {
            "valid": f"validation period ({valid_from} to {test_from})",
            "test": f"test period (from {test_from})",
        }
        hint = "choose other shares or dates"
        if int(training.max()) < 2:
            raise SirecError(
                f"temporal split: no user has two interactions before {valid_from} to train on",
                hint,
            )
        for part, (begin, end) in periods.items():
            if not bool((end > begin).any()):
                raise SirecError(f"temporal split: the {named[part]} has no interaction", hint)
            if not bool((targets[part] != NO_TARGET).any()):
                raise SirecError(
                    f"temporal split: nobody in the {named[part]} has an earlier interaction",
                    hint,
                )


Split = LeaveOneOut | Temporal


def _with_history(starts: Tensor, targets: Tensor) -> Tensor:
    """Targets Long[U], with `NO_TARGET` for those that are the first interaction of their user."""
    return targets.where(targets > starts, NO_TARGET)


def _counts(offsets: Tensor, flags: Tensor) -> Tensor:
    """Long[U]: for how many interactions of each user the flag Bool[N] is set."""
    before = offsets.new_zeros(len(flags) + 1)
    before[1:] = flags.cumsum(0)
    return before[offsets[1:]] - before[offsets[:-1]]


def _start_of_last(ordered: Tensor, share: float) -> int:
    """The latest time from which on there is at least this share of the ordered times."""
    count = ceil(round(share * len(ordered), 6))  # 0.1 + 0.2 is a little above 0.3
    return int(ordered[len(ordered) - max(count, 1)])
