"""Which columns of a raw table are wanted, and of which kind their values are.

    kind      read from                                  becomes
    text      texts; whole numbers of up to 64 bits;     texts without surrounding blanks
              floats that are whole, below 2**53
    number    numbers, and texts of numbers              float64
    time      seconds since 1970; milli-, micro- and     times since 1970 (UTC), of the years 1 to
              nanoseconds where a number is too large    9999, with all digits down to nanoseconds;
              for seconds; ISO 8601 texts (UTC unless    of floats to the microsecond
              they say otherwise); texts of a declared
              format
    texts     lists of texts; texts that are split at    lists of texts, without empty ones
              a separator; numbers

A value that is empty, absent or NaN is missing. A line is bad if the value of a required column is
missing, or if a value is not of its kind (`conversions.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from sirec.errors import SirecError

ColumnKind = Literal["text", "number", "time", "texts"]
SPLIT_TIME = pa.struct([("seconds", pa.int64()), ("nanoseconds", pa.int32())])
"""A time while a file is read: whole seconds since 1970, and nanoseconds from 0 to below 10**9."""

TARGETS = {
    "text": pa.string(),
    "number": pa.float64(),
    "time": SPLIT_TIME,
    "texts": pa.list_(pa.string()),
}
"""Arrow's type of each kind."""

EXPECTED = {
    "text": "text or a whole number",
    "number": "a number",
    "time": "seconds since 1970, or a date and time such as 2019-12-31 23:59:59",
    "texts": "text, a number or a list of texts",
}
"""What a value of each kind has to be, for messages."""


@dataclass(frozen=True)
class WantedColumn:
    """A wanted column of a raw table.

    Attributes:
        key: the column's name, or the key in JSON lines.
        kind: of which kind its values are.
        required: whether a line without a value is bad.
        separator: what stands between several texts in one; None means that a text is one value.
        format: `strptime` format of times that are not ISO 8601.
        is_tolerant: whether a value that is not of the kind counts as missing.
        option: the option by which a person says how such values are written, for the hints of
            messages: `--time-format`, or `--set texts=[rating]` for numbers that are texts.
        option_if_missing: the option by which a person says that a value may be missing.
    """

    key: str
    kind: ColumnKind = "text"
    required: bool = True
    separator: str | None = None
    format: str | None = None
    is_tolerant: bool = False
    option: str | None = None
    option_if_missing: str | None = None

    @property
    def expected(self) -> str:
        """What a value has to be, for messages."""
        if self.kind == "time" and self.format:
            return f"a time of the format {self.format}"
        return EXPECTED[self.kind]


def check_unique(wanted: Sequence[WantedColumn], names: Sequence[str], where: str) -> None:
    """Check that no wanted column is there twice; columns that nobody wants may have any names.

    Args:
        wanted: the wanted columns.
        names: the names of a table's columns.
        where: the file, for the message.

    Raises:
        SirecError: if the name of a wanted column is repeated, or is empty.
    """
    counts = Counter(names)
    for column in wanted:
        if not column.key:
            raise SirecError(f"{where}: a column without a name is wanted", "give it a name")
        count = counts[column.key]
        if count > 1:
            number = "two" if count == 2 else str(count)
            raise SirecError(f"{where}: {number} columns are called '{column.key}'", "rename one")
