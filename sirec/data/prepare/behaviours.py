"""Codes of behaviours: one for each value that occurs, or one for each declared bin of a number
(`bins`).

Two behaviours are computed, where bins are declared for them and times are known (`COMPUTED`):
`gap`, the time since the user's previous interaction, where the first interaction of a user has a
code of its own; and `span`, the interval of the calendar that the interaction falls into, all of
one length from the earliest interaction on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.fields import UNKNOWN
from sirec.data.prepare.bins import DEFAULT, LONGEST_EDGE, BinCodes, Bins, number_text
from sirec.data.value_forms.written_numbers import number_column
from sirec.errors import SirecError
from sirec.shell import arguments

FIRST = "first"
MOST_NUMBERS = 1_000  # more distinct numbers than this need bins


def code_behaviour(
    field: str, values: NDArray[np.generic], bins: Bins | None, *, is_name: bool = False
) -> tuple[BinCodes, list[str]]:
    """Code a behaviour.

    Args:
        field: the behaviour.
        values: its values [N], numbers or texts. Where one is missing, the code is that of the
            value `unknown`, which is the last one.
        bins: its bins; None to code the values that occur, in ascending order. Where each number is
            declared to be a value, any number of them may be.
        is_name: whether texts are names also where they look like numbers.

    Returns:
        Codes Int[N] from 1, and the name of each code; the first name is that of the padding.

    Raises:
        SirecError: if bins are declared for texts, or needed and not declared.
    """
    is_unknown = pd.isna(values)
    if is_unknown.any():
        return _with_unknown(field, values, is_unknown, bins, is_name=is_name)
    is_number = np.issubdtype(values.dtype, np.number)
    if bins is not None and not bins.is_each:
        if not is_number:
            raise SirecError(
                f"bins of {field}: its values are no numbers, for example '{values[0]}'",
                "leave the bins out",
            )
        numbers = values.astype(np.float64)
        bins = bins.fitted(numbers)
        return bins.code(numbers) + 1, ["", *bins.names]
    names, codes = np.unique(values, return_inverse=True)
    if len(names) > MOST_NUMBERS and bins is None:
        if is_number:
            bins_of_quarters = suggested_bins(values.astype(np.float64))
            raise _too_many(field, len(names), arguments("--bins", f"{field}={bins_of_quarters}"))
        if not is_name:
            _check_number_texts(field, list(map(str, names)))
    return codes.astype(np.int64) + 1, ["", *map(number_text, names)]


def _with_unknown(
    field: str,
    values: NDArray[np.generic],
    is_unknown: NDArray[np.bool_],
    bins: Bins | None,
    *,
    is_name: bool,
) -> tuple[BinCodes, list[str]]:
    """Code a behaviour some of whose values are missing; a text `unknown` means the same."""
    known = values[~is_unknown]
    if not len(known):
        raise SirecError(f"no interaction has a value of {field}", "leave it out")
    of_known, names = code_behaviour(field, known, bins, is_name=is_name)
    if UNKNOWN not in names:
        names = [*names, UNKNOWN]
    codes = np.full(len(values), names.index(UNKNOWN), np.int64)
    codes[~is_unknown] = of_known
    return codes, names


def code_gaps(
    users: BinCodes, times: BinCodes, per_second: int, bins: Bins
) -> tuple[BinCodes, list[str]]:
    """Code the time since the user's previous interaction.

    Args:
        users: Int[N], the user of each interaction, in the order of the data set.
        times: Int[N], in ticks since 1970.
        per_second: ticks a second.
        bins: the bins of the time.

    Returns:
        Codes Int[N] from 1, where 1 is the first interaction of a user, and the name of each code.
    """
    gaps = np.diff(times, prepend=times[:1])
    is_first = np.diff(users, prepend=users[:1] - 1) != 0
    bins = bins.fitted(gaps[~is_first] / per_second, are_seconds=True)
    codes = np.where(is_first, 1, bins.code_ticks(gaps, per_second) + 2)
    return codes, ["", FIRST, *bins.names]


def code_spans(
    users: BinCodes, times: BinCodes, per_second: int, bins: Bins
) -> tuple[BinCodes, list[str]]:
    """Code the interval of the calendar that an interaction falls into (TASIF, Luo et al. 2026).

    Args:
        users: Int[N], the user of each interaction; not used, intervals are the same for all.
        times: Int[N], in ticks since 1970.
        per_second: ticks a second.
        bins: the length of an interval, as the one edge.

    Returns:
        Codes Int[N] from 1, the interval that begins with the earliest interaction, and the day on
        which each interval begins.

    Raises:
        SirecError: if not one positive length is declared, or it makes more than 1,000 intervals.
    """
    del users
    if len(bins.edges) != 1 or bins.edges[0] <= 0:
        raise SirecError(
            f"bins of {bins.field}: expected one length of time, that of an interval", "say 90d"
        )
    if not len(times):
        return times, [""]
    length = max(1, round(bins.edges[0] * per_second))
    codes = (times - times.min()) // length + 1
    count = int(codes.max())
    if count > MOST_NUMBERS:
        raise SirecError(
            f"bins of {bins.field}: the times make {count:,} intervals of this length, and at most "
            f"{MOST_NUMBERS:,} can be learned",
            "say a longer one, for example 90d",
        )
    begins = EPOCH + timedelta(seconds=int(times.min()) / per_second)
    step = timedelta(seconds=length / per_second)
    return codes, [
        "",
        *[(begins + number * step).isoformat(" ", "minutes") for number in range(count)],
    ]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
COMPUTED: Mapping[str, Callable[[BinCodes, BinCodes, int, Bins], tuple[BinCodes, list[str]]]] = {
    "gap": code_gaps,
    "span": code_spans,
}
"""How each behaviour that no file holds is coded, from users, times, ticks a second and bins."""


def suggested_bins(numbers: NDArray[np.float64]) -> str:
    """Inner edges at the quartiles, as `--bins` reads them.

    Args:
        numbers: Float[N].

    Returns:
        One to three ascending edges of about three digits, separated by commas.
    """
    edges: dict[str, None] = {}
    for quartile in np.quantile(numbers, [0.25, 0.5, 0.75]).tolist():
        rounded = Decimal(f"{quartile + 0.0:.3g}")  # no -0
        text = f"{rounded:f}"
        edges["0" if len(text) > LONGEST_EDGE else text] = None  # beyond what an edge may be
    return ",".join(sorted(edges, key=float))


def _check_number_texts(field: str, texts: Sequence[str]) -> None:
    """Refuse a behaviour of texts that are too many distinct numbers, such as `$9.99`.

    Args:
        field: the behaviour.
        texts: its distinct values.

    Raises:
        SirecError: with bins that would do, and how the numbers would be read.
    """
    column = number_column(texts)
    if column is not None and column.is_written and len(column.numbers) > MOST_NUMBERS:
        bins = suggested_bins(np.array(list(column.numbers.values())))
        options = arguments("--bins", f"{field}={bins}") + column.option
        hint = f"{options} ({column.how})"
        raise _too_many(field, len(column.numbers), hint)


def _too_many(field: str, count: int, bins: str) -> SirecError:
    return SirecError(
        f"the behaviour {field} has {count:,} distinct numbers, too many to learn one by one",
        f"declare bins, for example {bins}, or ten of about equal size: {field}={DEFAULT}",
    )
