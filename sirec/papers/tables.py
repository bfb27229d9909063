"""The numbers of published tables, read from their files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pandas as pd

from sirec.errors import SirecError, unknown
from sirec.papers.paper import Paper
from sirec.papers.registries import PAPERS

# How the papers abbreviate names of models, without case and punctuation.
ABBREVIATIONS = {"icai": "icaisr", "dif": "difsr"}
RowKey = frozenset[tuple[str, str]]  # (column, value) of the columns that name a row
PrintedValues = dict[tuple[RowKey, str, str], float]  # (row, data set, metric) -> value


def metric_tables(paper: str | None = None, *, by_model: bool = False) -> list[str]:
    """Names of published tables that hold metrics.

    Args:
        paper: name of the only paper to look at; without it all papers' tables are listed.
        by_model: whether only tables are listed whose rows are models.
    """
    found: list[str] = []
    for name, each in PAPERS.items():
        for table, layout in each.tables.items():
            has_models = layout.rows == ("model",)
            if layout.holds == "metrics" and (has_models or not by_model) and paper in (None, name):
                found.append(table)
    return found


def published_names() -> list[str]:
    """The names of all published tables, `comif_table1_statistics` and so on."""
    names: list[str] = []
    for paper in PAPERS.values():
        names += paper.tables
    return sorted(names)


def paper_of(table: str) -> Paper:
    """The paper that has a table. Raises `SirecError` with the nearest name if there is none."""
    for paper in PAPERS.values():
        if table in paper.tables:
            return paper
    raise unknown("published table", table, published_names())


def published_table(name: str) -> pd.DataFrame:
    """A published table as its file has it.

    Raises:
        SirecError: if no paper has such a table, or its file is missing.
    """
    file = paper_of(name).file_of(name)
    if not file.is_file():
        raise SirecError(f"{file}: no such file", f"the numbers of {name} belong there")
    return _read_table(file).copy()


@cache
def _read_table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file)


def one_value_a_line(name: str) -> pd.DataFrame:
    """A table of metrics with one value a line, whatever its layout.

    The columns are those that name its rows, and `dataset`, `metric`, `value`.
    """
    layout, table = paper_of(name).tables[name], published_table(name)
    if layout.columns is not None:
        kept = table.columns.intersection([*layout.rows, "dataset", "metric"], sort=False)
        table = table.melt(id_vars=list(kept), var_name=layout.columns, value_name="value")
    return table.assign(**layout.caption)


def printed_values(name: str) -> PrintedValues:
    """All values of a table of metrics, by row, data set and metric."""
    return _read_values(name, paper_of(name).file_of(name))


@cache
def _read_values(name: str, file: Path) -> PrintedValues:
    """The values of a table whose numbers are in a file, which is read once."""
    rows = paper_of(name).tables[name].rows
    values: PrintedValues = {}
    for line in one_value_a_line(name).to_dict("records"):
        row = row_key({column: line[column] for column in rows})
        values[row, name_key(line["dataset"]), name_key(line["metric"])] = float(line["value"])
    return values


def has_row(table: str, keys: Mapping[str, object]) -> bool:
    """Whether a table of metrics has a row.

    Args:
        table: name of the table.
        keys: a value for each column that names the table's rows.
    """
    wanted = row_key(keys)
    return any(row == wanted for row, _, _ in printed_values(table))


def row_key(keys: Mapping[str, object]) -> RowKey:
    """A row by the values of the columns that name it, without case and punctuation."""
    return frozenset((name, name_key(str(value))) for name, value in keys.items())


def name_key(name: str) -> str:
    """A name without case and punctuation, written out if the papers abbreviate it."""
    key = re.sub(r"[^a-z0-9]", "", name.lower())
    return ABBREVIATIONS.get(key, key)
