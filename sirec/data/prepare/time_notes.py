"""Remarks on times that are possible and unlikely: a person should look at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from sirec.data.dates import nanoseconds_of, written
from sirec.data.times import Times, first_tick

LOGS_BEGIN = nanoseconds_of("the first logs", "1990-01-01").start
HINT = "where times are written otherwise than in seconds since 1970, --time-format says how"


@dataclass(frozen=True)
class UnlikelyTimes:
    """Times of interactions that are unlikely for one reason.

    Attributes:
        what: the reason, as a phrase that follows "times are".
        count: how many interactions have such a time.
        sample: one of the times, as text.
    """

    what: str
    count: int
    sample: str


def unlikely_times(times: Times, now: datetime | None = None) -> list[UnlikelyTimes]:
    """Times in the future, before 1990, at zero and below.

    Args:
        times: the times of interactions.
        now: the present; None means that of the clock.

    Returns:
        One entry for each reason that some time has; a time has one reason at most.
    """
    ticks, per_second = times.numpy(), times.per_second
    present = int((now or datetime.now(UTC)).timestamp()) * per_second
    earliest = first_tick(LOGS_BEGIN, per_second)
    reasons: dict[str, NDArray[np.bool_]] = {
        "in the future": ticks > present,
        "before 1990": (ticks > 0) & (ticks < earliest),
        "zero, as 1970 begins, which often stands for no time": ticks == 0,
        "negative, before 1970": ticks < 0,
    }
    found: list[UnlikelyTimes] = []
    for what, rows in reasons.items():
        count = int(rows.sum())
        if count:
            sample = written(int(ticks[rows.argmax()]), per_second)
            found.append(UnlikelyTimes(what, count, sample))
    return found


def time_notes(times: Times, now: datetime | None = None) -> list[str]:
    """The unlikely times as sentences.

    Args:
        times: the times of interactions.
        now: the present; None means that of the clock.
    """
    notes: list[str] = []
    for found in unlikely_times(times, now):
        share = f"{found.count:,} of {len(times):,} times are {found.what}"
        notes.append(f"{share}, for example {found.sample} (UTC); {HINT}")
    return notes
