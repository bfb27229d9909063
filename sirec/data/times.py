"""Times as whole numbers of ticks since 1970 (UTC), where a tick is a second or a fraction of one.

Data keep the precision that their files have: seconds, milliseconds, microseconds or nanoseconds,
whichever is the coarsest that holds all times exactly. So data in whole seconds are stored in
seconds, and no time is rounded anywhere after it was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Ticks = NDArray[np.int64]

UNITS = {1: "s", 10**3: "ms", 10**6: "us", 10**9: "ns"}
"""Ticks a second -> name of the unit in numpy and Arrow."""

NANOSECONDS = 10**9
LOWEST, HIGHEST = -(1 << 63) + 1, (1 << 63) - 1  # numpy's "not a time" is one lower


@dataclass(frozen=True, eq=False)
class Times:
    """The times of interactions.

    Attributes:
        ticks: Long[N], ticks since 1970 (UTC).
        per_second: ticks a second, one of `UNITS`.
    """

    ticks: Tensor
    per_second: int = 1

    def __len__(self) -> int:
        """The number of times."""
        return len(self.ticks)

    def numpy(self) -> Ticks:
        """Int[N], the ticks."""
        return np.asarray(self.ticks.numpy(), dtype=np.int64)


def coarsest(ticks: Ticks, per_second: int) -> tuple[Ticks, int]:
    """The same times in the coarsest unit that holds all of them exactly.

    Args:
        ticks: Int[N], ticks since 1970.
        per_second: ticks a second.

    Returns:
        Ticks since 1970, and how many a second has.

    >>> coarsest(np.array([1500, 2000]), 1000)[1], coarsest(np.array([1000, 2000]), 1000)[1]
    (1000, 1)
    """
    for units in UNITS:
        if units == per_second or not (ticks % (per_second // units)).any():
            return ticks // (per_second // units), units
    raise AssertionError(f"{per_second} ticks a second is none of {list(UNITS)}")


def first_tick(nanoseconds: int, per_second: int) -> int:
    """The first tick that is not before a moment.

    Args:
        nanoseconds: the moment, since 1970.
        per_second: ticks a second.

    Returns:
        Ticks since 1970; the last that an array holds, where the moment lies beyond.

    >>> first_tick(1_500_000_000, 1), first_tick(1_500_000_000, 1000)
    (2, 1500)
    """
    ticks = -(-nanoseconds // (NANOSECONDS // per_second))
    return max(LOWEST, min(ticks, HIGHEST))


def as_decimals(ticks: Ticks, per_second: int) -> NDArray[np.object_]:
    """Seconds since 1970 as texts with all digits, such as 1600000000.125.

    Args:
        ticks: Int[N], ticks since 1970.
        per_second: ticks a second.
    """
    whole, rest = np.divmod(np.abs(ticks), per_second)
    digits = len(str(per_second)) - 1
    signs = pa.array(np.where(ticks < 0, "-", ""))
    fractions = pc.utf8_lpad(pa.array(rest).cast(pa.string()), digits, "0")
    seconds = pc.binary_join_element_wise(signs, pa.array(whole).cast(pa.string()), "")
    return np.asarray(pc.binary_join_element_wise(seconds, fractions, ".").to_numpy(False))
