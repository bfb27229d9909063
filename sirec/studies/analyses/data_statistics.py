"""`statistics`: sizes of prepared data sets beside those that the papers print in their Table 1.

The record holds what `dataset.yaml` of each data set says, so that the tables can be drawn where no
data are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sirec.data.prepare.statistics import Statistics
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.papers import PAPERS
from sirec.papers.record_data import record_data
from sirec.papers.tables import published_table
from sirec.report.overview import Overview
from sirec.report.published import is_same
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.analyses.base import Analysis, DrawnAnalysis
from sirec.studies.compare.comparison import Comparison

NAME = "statistics"
# Statistic of the papers' files -> column; what is counted by several names of attributes stands
# for the first that a data set has.
COLUMNS: Mapping[str, TableColumn] = {
    "users": TableColumn("users"),
    "items": TableColumn("items"),
    "interactions": TableColumn("interactions"),
    "mean_interactions_per_user": TableColumn("per user", decimals=1),
    "mean_interactions_per_item": TableColumn("per item", decimals=1),
    "sparsity_percent": TableColumn("sparsity", "%", decimals=2),
    "categories": TableColumn("categories"),
    "brands_or_cities": TableColumn("brands or cities"),
}
WHOLE = TableColumn("").decimals  # of columns that say nothing of decimals: numbers are counts
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "categories": ("category", "categories"),
    "brands_or_cities": ("brand", "city"),
}


@dataclass(frozen=True, kw_only=True)
class DataSizes:
    """The statistics of one prepared data set.

    Attributes:
        name: name of the data set.
        fingerprint: its fingerprint.
        values: statistic, by its name in the papers' files -> value.
    """

    name: str
    fingerprint: str
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class StatisticsRecord:
    """The statistics of several data sets."""

    datasets: tuple[DataSizes, ...]


def statistics_record(data_root: Path, names: Sequence[str]) -> StatisticsRecord:
    """The statistics of prepared data sets.

    Args:
        data_root: folder of prepared data sets.
        names: names of data sets; without any all that are prepared.

    Raises:
        SirecError: if there is none, or one of them is not prepared or cannot be read.
    """
    found: list[DataSizes] = []
    for name in names or storage.list_datasets(data_root):
        manifest = storage.read_manifest(storage.find(data_root, name))
        values = sizes_of(manifest.statistics)
        found.append(DataSizes(name=name, fingerprint=manifest.fingerprint, values=values))
    if not found:
        raise SirecError(f"no data set is prepared in {data_root}", "sirec prepare demo makes one")
    return StatisticsRecord(datasets=tuple(found))


def sizes_of(statistics: Statistics) -> dict[str, float]:
    """The statistics of a data set by their names in the papers' files."""
    values: dict[str, float] = {
        "users": statistics.users,
        "items": statistics.items,
        "interactions": statistics.interactions,
        "mean_interactions_per_user": statistics.mean_per_user,
        "mean_interactions_per_item": statistics.mean_per_item,
        "sparsity_percent": 100 * statistics.sparsity,
    }
    counts = {attribute.name: attribute.values for attribute in statistics.attributes}
    for statistic, names in ATTRIBUTES.items():
        for name in names:
            if name in counts and statistic not in values:
                values[statistic] = counts[name]
    return values


def draw_statistics(record: StatisticsRecord, results: Path) -> DrawnAnalysis:
    """A table beside the values of each paper that prints statistics.

    Args:
        record: the statistics.
        results: the results folder; nothing of it is read.
    """
    tables: list[ResultTable] = []
    for paper in PAPERS.values():
        for name, layout in paper.tables.items():
            if layout.holds == "statistics":
                title = f"Data sets, beside Table {layout.number} of {paper.label}'s paper"
                printed = published_table(name).set_index("statistic")
                tables.append(statistics_table(record, title, printed))
    notes = tables[0].notes
    names = [data.name for data in record.datasets]
    dataset = names[0] if len(names) == 1 else ""
    made = Comparison("Data sets", tuple(tables), (), Overview.of(tables[0], notes))
    return DrawnAnalysis(dataset, made, {})


def statistics_table(record: StatisticsRecord, title: str, printed: pd.DataFrame) -> ResultTable:
    """The statistics of all data sets, beside those of a paper.

    Args:
        record: the statistics.
        title: title of the table.
        printed: the paper's table, statistic by data set.
    """
    rows: list[TableRow] = []
    for data in record.datasets:
        cells: list[Cell] = []
        for statistic, column in COLUMNS.items():
            value = data.values.get(statistic)
            other = _printed(printed, statistic, data.name)
            cells.append(Cell(_as_column(value, column), published=_as_column(other, column)))
        rows.append(TableRow(data.name, tuple(cells)))
    notes = ["Values are counted on the prepared data: distinct values of an attribute, as read."]
    for data in record.datasets:
        known = record_data().get(data.name)
        if known is not None:
            told = known.warning(data.fingerprint)
            notes.append(f"{data.name}: {told or f'{known.command}; {known.differs}'}.")
    columns = tuple(COLUMNS.values())
    return ResultTable(title, columns, tuple(rows), tuple(notes), label_heading="data set")


def _as_column(value: float | None, column: TableColumn) -> float | None:
    """A value as its column has it: whole where it has no decimals of its own."""
    has_decimals = column.decimals < WHOLE
    return value if value is None or has_decimals else int(value)


def _printed(printed: pd.DataFrame, statistic: str, dataset: str) -> float | None:
    """What a paper prints; None where it prints nothing of that data set or kind."""
    for column in printed.columns:
        if is_same(str(column), dataset) and statistic in printed.index:
            value: Any = printed.loc[statistic, column]
            return float(value)
    return None


STATISTICS = Analysis(
    name=NAME,
    meaning="How large are the data sets, and are they those of the papers?",
    models=(),
    record=StatisticsRecord,
    draw=draw_statistics,
)
