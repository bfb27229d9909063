"""Codes of behaviours: one for each value that occurs, or one for each declared bin of a number
(`bins`).

One behaviour is computed, where bins are declared for it and times are known: `gap`, the time since
the user's previous interaction. The first interaction of a user has a code of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from sirec.data.prepare.bins import DEFAULT, LONGEST_EDGE, BinCodes, Bins, number_text
from sirec.data.value_forms.written_numbers import number_column
from sirec.errors import SirecError
from sirec.shell import arguments

GAP = "gap"
FIRST = "first"
MOST_NUMBERS = 1_000  # more distinct numbers than this need bins


def code_behaviour(
    field: str, values: NDArray[np.generic], bins: Bins | None, *, is_name: bool = False
) -> tuple[BinCodes, list[str]]:
    """Code a behaviour.

    Args:
        field: the behaviour.
        values: its values [N], numbers or texts.
        bins: its bins; None to code the values that occur, in ascending order. Where each number is
            declared to be a value, any number of them may be.
        is_name: whether texts are names also where they look like numbers.

    Returns:
        Codes Int[N] from 1, and the name of each code; the first name is that of the padding.

    Raises:
        SirecError: if bins are declared for texts, or needed and not declared.
    """
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
