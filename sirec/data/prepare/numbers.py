"""Numbers among the values that were read: which texts are numbers, and which bins they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.prepare.behaviours import MOST_NUMBERS
from sirec.data.prepare.bins import DEFAULT, EACH, Bins
from sirec.data.prepare.distinct import distinct, text_behaviours, with_tables
from sirec.data.sources.base import RawData
from sirec.data.value_forms.absence import as_words
from sirec.data.value_forms.written_numbers import Decimal, NumberColumn, check_sign, number_column
from sirec.errors import SirecError
from sirec.shell import arguments


def with_numbers(raw: RawData, bins: Mapping[str, str], decimal: Decimal | None) -> RawData:
    """Numbers in place of texts: in fields with bins, and, where the decimal sign is declared, in
    behaviours that are numbers throughout. An attribute with bins gets the names of its bins.

    Args:
        raw: the raw data, which stay as they are.
        bins: name of a field -> declaration of its bins.
        decimal: the sign before decimals; None to take the one that reads more values.

    Raises:
        SirecError: for a number that is none, or that may be two.
    """
    numbers: dict[str, NDArray[np.float64]] = {}
    for name in text_behaviours(raw):
        if (name not in bins and decimal is None) or bins.get(name, "").strip() == EACH:
            continue
        codes, texts = distinct(raw.interactions[name])
        column = number_column(texts, decimal)
        if column is None or (name not in bins and column.others):
            continue  # texts with bins are refused where they are coded
        values = np.append(_values_of(name, column, texts, codes), np.nan)
        numbers[name] = values[codes]  # the last one is that of a missing value, whose code is -1
    notes = list(raw.notes)

    def binned(name: str, table: pd.DataFrame) -> pd.DataFrame:
        declared = bins.get(name)
        if declared is None and _are_measurements(table["value"], decimal):
            declared = DEFAULT
            notes.append(
                f"{name} has more than {MOST_NUMBERS:,} distinct numbers: read as bins of about "
                f"equal size, {arguments('--bins', f'{name}={DEFAULT}')}; as they are: "
                f"{arguments('--bins', f'{name}={EACH}')}"
            )
        return _binned(name, table, declared, decimal)

    raw = with_tables(raw, binned)
    interactions = raw.interactions.assign(**numbers)
    return replace(raw, interactions=interactions, notes=tuple(notes))


def _are_measurements(values: pd.Series[Any], decimal: Decimal | None) -> bool:
    """Whether the values of an attribute are so many numbers, and so written, that they are no
    names.
    """
    texts = distinct(values.dropna())[1]
    if len(texts) <= MOST_NUMBERS:
        return False
    column = number_column(texts, decimal)
    if column is None or column.others or not column.is_written:
        return False
    is_ambiguous = column.ambiguous is not None and not column.is_certain
    return not is_ambiguous and len(column.numbers) > MOST_NUMBERS


def _binned(
    name: str, table: pd.DataFrame, declared: str | None, decimal: Decimal | None
) -> pd.DataFrame:
    """The table of an attribute with the name of its bin in place of each number, if there are
    bins.
    """
    if declared is None or table.empty or Bins(name, declared).is_each:
        return table
    table = table.dropna(ignore_index=True)
    codes, texts = distinct(table["value"])
    column = number_column(texts, decimal)
    if column is None:
        raise SirecError(
            f"bins of {name}: its values are no numbers, for example '{texts[0]}'",
            "leave the bins out",
        )
    values = _values_of(name, column, texts, codes)
    bins = Bins(name, declared).fitted(values[codes])
    places = bins.code(values)
    names = np.array(bins.names, dtype=object)[places]
    return table.assign(value=names[codes]).drop_duplicates(ignore_index=True)


def _values_of(
    name: str, column: NumberColumn, texts: Sequence[str], codes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Float[D]: the number of each distinct text. Raises `SirecError` for one that is none."""
    check_sign(name, column)
    if column.others:
        places = [index for index, text in enumerate(texts) if text in column.others]
        rows = int(np.isin(codes, places).sum())
        words = ",".join(as_words(column.others)[:5])
        raise SirecError(
            f"{name}: '{column.others[0]}' is no number ({rows:,} such values)",
            f"if it means nothing: {arguments(f'--missing={words}')}",
        )
    return np.array([column.numbers[text] for text in texts])
