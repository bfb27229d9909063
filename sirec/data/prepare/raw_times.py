"""The times of raw data as ticks: every step of the preparation compares whole numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.conversions import convert
from sirec.data.reading.time_texts import TICKS
from sirec.data.reading.times import narrowed
from sirec.errors import SirecError

TIME = "timestamp"


def with_ticks(interactions: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Interactions with their times as ticks since 1970.

    Args:
        interactions: the interactions of `RawData`; they may have no times.

    Returns:
        The interactions, whose column `timestamp` is int64, and how many ticks a second has.

    Raises:
        SirecError: for a value that is no time.
    """
    if TIME not in interactions:
        return interactions, 1
    column = WantedColumn(TIME, "time")
    converted = convert(pa.array(interactions[TIME], from_pandas=True), column)
    wrong = converted.wrong | converted.missing
    if wrong.any():
        row = int(np.argmax(wrong))
        raise SirecError(
            f"interaction {row + 1}: the timestamp {interactions[TIME].iloc[row]} is no time",
            f"expected {column.expected}",
        )
    times = narrowed(converted.values, "the times of the raw data")
    per_second = TICKS[times.type.unit] if pa.types.is_timestamp(times.type) else 1
    return interactions.assign(**{TIME: times.cast(pa.int64()).to_numpy()}), per_second
