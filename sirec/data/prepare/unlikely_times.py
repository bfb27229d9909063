"""Times that are possible and unlikely: a person should look at them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from sirec.data.dates import nanoseconds_of, written
from sirec.data.prepare.findings import ValueFinding
from sirec.data.times import Ticks, Times, first_tick

FIELD = "timestamp"
LOGS_BEGIN = "1990-01-01"  # hardly any log of what people chose is older
SAMPLES = 3


def find_unlikely_times(times: Times, now: datetime | None = None) -> tuple[ValueFinding, ...]:
    """Find times in the future, before 1990, at zero and below.

    Args:
        times: the times of interactions.
        now: the present, in UTC; None means that of the clock. Its whole day is no future.

    Returns:
        One finding for each reason that some time has; a time has one reason at most.
    """
    ticks, per_second = times.numpy(), times.per_second
    today = f"{now or datetime.now(UTC):%Y-%m-%d}"
    tomorrow = first_tick(nanoseconds_of("today", today).stop, per_second)
    earliest = first_tick(nanoseconds_of("the first logs", LOGS_BEGIN).start, per_second)
    reasons = (
        ("future-times", "in the future", ticks >= tomorrow, f"--until {today}"),
        (
            "early-times",
            f"before {LOGS_BEGIN[:4]}",
            (ticks > 0) & (ticks < earliest),
            f"--since {LOGS_BEGIN}",
        ),
        (
            "zero-times",
            "zero, which often stands for none",
            ticks == 0,
            "--since 1970-01-01T00:00:01",
        ),
        ("negative-times", "negative, before 1970", ticks < 0, "--since 1970-01-01"),
    )
    found: list[ValueFinding] = []
    for kind, what, rows, remedy in reasons:
        count = int(np.count_nonzero(rows))
        if count:
            phrase = f"{count:,} of {len(ticks):,} are {what}"
            samples = _samples(ticks[rows], per_second)
            found.append(ValueFinding(kind, FIELD, count, phrase, samples, remedy))
    return tuple(found)


def _samples(ticks: Ticks, per_second: int) -> tuple[str, ...]:
    first = dict.fromkeys(ticks[: 100 * SAMPLES].tolist())
    return tuple(written(tick, per_second) for tick in list(first)[:SAMPLES])
