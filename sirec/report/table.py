"""One kind of table for every result. How it is drawn is decided in `sirec.report.render`.

A cell knows its value, the value that a paper printed, its deviation over seeds, its interval and
the runs it comes from. A column knows unit, direction and precision. Which values are best follows
from the values and is never typed in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

Direction = Literal["higher", "lower", "none"]
Value = float | int | str | None

NOT_AVAILABLE = "n/a"
NOT_RUN = "–"
TRAINING_FREE = "training-free"


@dataclass(frozen=True)
class TableColumn:
    """What the cells below a heading have in common.

    Attributes:
        name: the heading.
        unit: unit of the values.
        direction: which values are better.
        decimals: number of decimals of floats.
        signed: whether positive values have a sign, as gains do.
    """

    name: str
    unit: str = ""
    direction: Direction = "none"
    decimals: int = 4
    signed: bool = False

    @property
    def heading(self) -> str:
        """The name, with the unit if there is one."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def text(self, value: Value) -> str:
        """A value as it is printed.

        Floats have the column's decimals, whole numbers a comma between thousands, text stays as
        it is. A value that would print as zero without being zero prints as a bound.

        >>> TableColumn("p").text(2e-7), TableColumn("users").text(22363)
        ('<0.0001', '22,363')
        >>> TableColumn("gain", signed=True).text(0.0031)
        '+0.0031'
        """
        if value is None:
            return NOT_RUN
        if isinstance(value, str):
            return value
        sign = "+" if self.signed and value > 0 else ""
        if isinstance(value, int):
            return f"{sign}{value:,}"
        if value and not round(value, self.decimals):
            smallest = f"{10**-self.decimals:.{self.decimals}f}"
            return f"<{sign}{smallest}" if value > 0 else f">-{smallest}"
        return f"{sign}{value + 0.0:.{self.decimals}f}"


@dataclass(frozen=True)
class Cell:
    """One value in the unit of its column, with what belongs to it.

    Attributes:
        value: the value; None if there is none.
        published: what a paper printed there.
        deviation: standard deviation over seeds.
        interval: lower and upper end of the interval.
        mark: a mark that a note explains.
        missing: why there is no value.
    """

    value: Value = None
    published: float | None = None
    deviation: float | None = None
    interval: tuple[float, float] | None = None
    mark: str = ""
    missing: str = ""

    @property
    def relative(self) -> float | None:
        """By how much the value exceeds the published one, as a share of that one."""
        if self.value is None or isinstance(self.value, str) or not self.published:
            return None
        return self.value / self.published - 1


@dataclass(frozen=True)
class TableRow:
    """A label, and one cell per column.

    Attributes:
        label: the label.
        cells: a cell for each column of the table.
        group: the common heading of this row and its neighbours.
        is_training_free: whether the row is a training-free baseline. It can be best like any
            other row, and is marked.
        runs: the folders of the runs that the row stands on, by what tells them apart.
        model: name of the model, which decides how figures draw the row; empty if none is meant.
    """

    label: str
    cells: tuple[Cell, ...]
    group: str = ""
    is_training_free: bool = False
    runs: Mapping[str, str] = field(default_factory=dict)
    model: str = ""

    @property
    def marked_label(self) -> str:
        """The label; that of a training-free baseline says so."""
        return f"{self.label} ({TRAINING_FREE})" if self.is_training_free else self.label


@dataclass(frozen=True)
class ResultTable:
    """Rows of values under columns.

    Attributes:
        title: the title.
        columns: the columns.
        rows: the rows; consecutive ones of the same `group` stand under a common heading.
        notes: how the values came about.
        label_heading: the heading above the labels.
        best_within: whether the best value of a column is looked for in the whole `table`, or in
            each `group` of rows.

    Raises:
        ValueError: if a row does not fit the columns, or a heading occurs twice.
    """

    title: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()
    label_heading: str = "model"
    best_within: Literal["table", "group"] = "table"

    def __post_init__(self) -> None:
        """Check the shape."""
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.title}: two columns have the same name: {', '.join(names)}")
        for row in self.rows:
            if len(row.cells) != len(names):
                raise ValueError(
                    f"{self.title}: row '{row.label}' has {len(row.cells)} cells "
                    f"for {len(names)} columns"
                )

    def to_frame(self) -> pd.DataFrame:
        """The values as a DataFrame: one row a row, `group` and label first; missing ones None."""
        rows: list[dict[str, Value]] = []
        for row in self.rows:
            values: dict[str, Value] = {"group": row.group, self.label_heading: row.label}
            for column, cell in zip(self.columns, row.cells, strict=True):
                values[column.heading] = cell.value
            rows.append(values)
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        """The table as a notebook shows it."""
        from sirec.report.render.html_table import to_html  # the renderers stand on this module

        return to_html(self)

    def places(self) -> list[list[int | None]]:
        """Per row and column: 1 for the best value, 2 for the second best, else None.

        Values are compared as they are printed, so that equal texts are emphasised alike. A
        single value has nothing to be better than.
        """
        result: list[list[int | None]] = []
        for _ in self.rows:
            result.append([None] * len(self.columns))
        for members in self._contests():
            for column_index, column in enumerate(self.columns):
                values = [self.rows[index].cells[column_index].value for index in members]
                for member, place in _first_two(column, values):
                    result[members[member]][column_index] = place
        return result

    def placed_cells(self) -> Iterator[tuple[TableRow, TableColumn, Cell, int | None]]:
        """Every cell with its row, its column and its place, row by row."""
        for row, places in zip(self.rows, self.places(), strict=True):
            for column, cell, place in zip(self.columns, row.cells, places, strict=True):
                yield row, column, cell, place

    @property
    def has_places(self) -> bool:
        """Whether any value is best or second best."""
        return any(map(any, self.places()))

    @property
    def groups(self) -> list[str]:
        """The groups of the rows, each once."""
        return list(dict.fromkeys(row.group for row in self.rows))

    def rows_of(self, group: str) -> list[TableRow]:
        """The rows of a group."""
        return [row for row in self.rows if row.group == group]

    def column_index(self, name: str) -> int:
        """The index of the column with a name."""
        return [column.name for column in self.columns].index(name)

    def has_published(self, column: int) -> bool:
        """Whether any cell of a column has a published value."""
        return any(row.cells[column].published is not None for row in self.rows)

    def footnotes(self) -> tuple[str, ...]:
        """The notes, and what the marks on rows and cells mean."""
        notes = list(self.notes)
        if any(row.is_training_free for row in self.rows):
            notes.append(f"({TRAINING_FREE}): a baseline that is computed without training.")
        for reason, labels in self._labels_by_reason().items():
            notes.append(f"{NOT_AVAILABLE}: {reason} ({', '.join(labels)}).")
        return tuple(notes)

    def _labels_by_reason(self) -> dict[str, dict[str, None]]:
        """Why values are missing -> the labels of the rows that lack them."""
        reasons: dict[str, dict[str, None]] = {}
        for row in self.rows:
            for cell in row.cells:
                if cell.value is None and cell.missing:
                    reasons.setdefault(cell.missing, {})[row.label] = None
        return reasons

    def _contests(self) -> list[list[int]]:
        """Indices of the rows among which the best is looked for."""
        if self.best_within == "table":
            return [list(range(len(self.rows)))]
        by_group: dict[str, list[int]] = {}
        for index, row in enumerate(self.rows):
            by_group.setdefault(row.group, []).append(index)
        return list(by_group.values())


def _first_two(column: TableColumn, values: Sequence[Value]) -> list[tuple[int, int]]:
    """(index, 1 or 2) of the best and the second best numbers."""
    if column.direction == "none":
        return []
    numbers: dict[int, float] = {}
    for index, value in enumerate(values):
        if isinstance(value, int | float) and math.isfinite(value):
            numbers[index] = round(float(value), column.decimals)
    if len(numbers) < 2:
        return []
    order = sorted(set(numbers.values()), reverse=column.direction == "higher")[:2]
    places: list[tuple[int, int]] = []
    for index, number in numbers.items():
        if number in order:
            places.append((index, order.index(number) + 1))
    return places
