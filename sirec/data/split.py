"""What training may not see, and which of it is predicted: splits as declarations.

    leave-one-out   every user's last interaction is the test target and the one before it the validation target; training
                    has the rest. Most papers report it; training then knows what others did after
                    most test targets.
    temporal        two moments, the same for everybody, cut time into training, a validation period and a test period, as
                    they do for a recommender in use (Ji et al., TOIS 2023; Hidasi, Czapp 2023;
                    "Time to Split", RecSys 2025).

Each user has at most one target a part. Its history is everything that the user did before it,
whatever the part; of interactions at the same second those count as earlier that come earlier in
the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import ClassVar, Literal

import torch
from torch import Tensor

from sirec.data.dates import seconds_of, written
from sirec.errors import SirecError

HeldOutPart = Literal["valid", "test"]
PARTS: tuple[HeldOutPart, ...] = ("valid", "test")
NO_TARGET = -1
TENTH = 0.1

Target = Literal["last", "first"]
Choose = Callable[[Tensor, Tensor], Tensor]
# Which interaction of a user's stretch `begin:end` of a period is predicted.
TARGETS: Mapping[Target, Choose] = {
    "last": lambda begin, end: end - 1,
    "first": lambda begin, end: begin,
}


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a split makes of a data set, as indices into its compressed rows; all arrays are
    Long[U].

    User u trains on the interactions `offsets[u-1]:train_stop[u-1]`. `targets` has for each part
    the interaction to predict, `NO_TARGET` where the user has none there; a target has at least one
    interaction before it.
    """

    split: Split
    train_stop: Tensor
    targets: Mapping[HeldOutPart, Tensor]

    def count(self, part: HeldOutPart) -> int:
        """How many users have a target in a part."""
        return int((self.targets[part] != NO_TARGET).sum())

    def arrays(self) -> dict[str, Tensor]:
        """All arrays by name."""
        return {"train_stop": self.train_stop} | {part: self.targets[part] for part in PARTS}

    def agrees_with(self, other: HeldOut) -> bool:
        """Whether two splits hold out the same interactions for the same purpose."""
        theirs = other.arrays()
        return all(torch.equal(values, theirs[name]) for name, values in self.arrays().items())

    def to(self, device: torch.device) -> HeldOut:
        """The same on another device."""
        targets = {part: values.to(device) for part, values in self.targets.items()}
        return replace(self, train_stop=self.train_stop.to(device), targets=targets)


@dataclass(frozen=True)
class LeaveOneOut:
    """The last interaction of every user for test, the one before it for validation."""

    name: ClassVar[str] = "leave-one-out"
    needs_timestamps: ClassVar[bool] = False
    shortest: ClassVar[int] = (
        3  # interactions that every user must have: to train, to validate, to test
    )

    @property
    def text(self) -> str:
        """As a table's notes print it."""
        return self.name

    def hold_out(self, offsets: Tensor, timestamps: Tensor | None = None) -> HeldOut:
        """Cut the users whose rows end at `offsets[1:]`; `timestamps` are not looked at."""
        starts, ends = offsets[:-1], offsets[1:]
        targets: dict[HeldOutPart, Tensor] = {"valid": ends - 2, "test": ends - 1}
        return HeldOut(
            self,
            torch.maximum(starts, ends - 2),
            {part: _after(starts, at) for part, at in targets.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Temporal:
    """Global temporal split: training ends, validation begins and test begins at the same moments
    for everybody.

    Either by shares: of n interactions, the test period starts at the latest second from which on
    there are at least `test` · n, the validation period at the latest from which on there are at
    least (`valid` + `test`) · n. Or by dates, days or times in UTC: the first second of
    `valid_from` and of `test_from` starts its period. All interactions at the second in which a
    period starts belong to it, so ties lengthen a period at the expense of the one before. `target`
    says which interaction of a user within a period is predicted.
    """

    name: ClassVar[str] = "temporal"
    needs_timestamps: ClassVar[bool] = True
    shortest: ClassVar[int] = 1
    valid: float = TENTH
    test: float = TENTH
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
        if not (self.valid > 0 and self.test > 0 and self.valid + self.test < 1):
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
        shares = f"last {100 * self.test:g} % of interactions test, {100 * self.valid:g} % before them validation"
        dates = f"validation from {self.valid_from}, test from {self.test_from}"
        return f"{self.name} ({dates if self._dates() else shares}; {self.target} target)"

    def hold_out(self, offsets: Tensor, timestamps: Tensor | None = None) -> HeldOut:
        """Cut the users whose rows `offsets` bounds; `timestamps` is Long[N], ascending within a
        user.

        Raises `SirecError` without timestamps, and where a part would be empty.
        """
        if timestamps is None:
            raise SirecError(
                "a temporal split needs timestamps, and these data have none", "split leave-one-out"
            )
        moments = self.starts(timestamps)
        starts, ends = offsets[:-1], offsets[1:]
        valid_begin, test_begin = (
            starts + _counts(offsets, timestamps < moment) for moment in moments
        )
        stretches: dict[HeldOutPart, tuple[Tensor, Tensor]] = {
            "valid": (valid_begin, test_begin),
            "test": (test_begin, ends),
        }
        targets = {
            part: torch.where(
                end > begin, _after(starts, TARGETS[self.target](begin, end)), NO_TARGET
            )
            for part, (begin, end) in stretches.items()
        }
        self._refuse_empty(stretches, targets, valid_begin - starts, moments)
        return HeldOut(self, valid_begin, targets)

    def starts(self, timestamps: Tensor) -> tuple[int, int]:
        """First seconds of the validation and of the test period, see the class."""
        ordered = timestamps.sort().values
        return self._dates() or (
            _start_of_last(ordered, self.valid + self.test),
            _start_of_last(ordered, self.test),
        )

    def _dates(self) -> tuple[int, int] | None:
        if self.valid_from is None or self.test_from is None:
            return None
        return seconds_of("valid_from", self.valid_from).start, seconds_of(
            "test_from", self.test_from
        ).start

    def _refuse_empty(
        self,
        stretches: Mapping[HeldOutPart, tuple[Tensor, Tensor]],
        targets: Mapping[HeldOutPart, Tensor],
        training: Tensor,
        moments: tuple[int, int],
    ) -> None:
        valid_from, test_from = map(written, moments)
        periods = {
            "valid": f"validation period ({valid_from} to {test_from})",
            "test": f"test period (from {test_from})",
        }
        hint = "choose other shares or dates"
        if int(training.max()) < 2:
            raise SirecError(
                f"temporal split: no user has two interactions before {valid_from} to train on",
                hint,
            )
        for part, (begin, end) in stretches.items():
            if not bool((end > begin).any()):
                raise SirecError(f"temporal split: the {periods[part]} has no interaction", hint)
            if not bool((targets[part] != NO_TARGET).any()):
                raise SirecError(
                    f"temporal split: nobody in the {periods[part]} has an earlier interaction",
                    hint,
                )


Split = LeaveOneOut | Temporal


def _after(starts: Tensor, targets: Tensor) -> Tensor:
    """Targets Long[U] with `NO_TARGET` where nothing of the user, whose rows begin at `starts`, is
    before them.
    """
    return torch.where(targets > starts, targets, NO_TARGET)


def _counts(offsets: Tensor, flags: Tensor) -> Tensor:
    """Long[U]: how many of each user's `flags` Bool[N] are set."""
    before = torch.cat([flags.new_zeros(1, dtype=torch.long), flags.cumsum(0)])
    return before[offsets[1:]] - before[offsets[:-1]]


def _start_of_last(ordered: Tensor, share: float) -> int:
    """The latest second from which on there is at least this share of the interactions, given in
    order of time.
    """
    count = ceil(round(share * len(ordered), 6))  # 0.1 + 0.2 is a little above 0.3
    return int(ordered[len(ordered) - max(count, 1)])
