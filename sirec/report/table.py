"""One kind of table for every result: numbers with all that belongs to them. Drawing is
`render.py`'s job.

A cell knows its value, the value a paper printed, its deviation over seeds, its interval and the
run it came from; a column knows unit, direction and precision. Which values are best follows from
that and is never typed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["higher", "lower", "none"]
Value = float | int | str | None

NOT_AVAILABLE = "n/a"
NOT_RUN = "–"


@dataclass(frozen=True)
class TableColumn:
    """What the cells below a heading have in common: `unit`, which `direction` is better, digits, a
    sign for gains.
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
        """A value as it is printed: decimals for floats, thousands for whole numbers, text as it
        is.

        What would print as zero without being zero prints as a bound.

        >>> TableColumn("p").text(2e-7), TableColumn("users").text(22363), TableColumn("gain", signed=True).text(0.0031)
        ('<0.0001', '22,363', '+0.0031')
        """
        if value is None:
            return NOT_RUN
        if isinstance(value, str):
            return value
        sign = "+" if self.signed and value > 0 else ""
        if isinstance(value, int):
            return f"{sign}{value:,}"
        if value and not round(value, self.decimals):
            smallest = 10**-self.decimals
            return (
                f"<{sign}{smallest:.{self.decimals}f}"
                if value > 0
                else f">-{smallest:.{self.decimals}f}"
            )
        return f"{sign}{value + 0.0:.{self.decimals}f}"


@dataclass(frozen=True)
class Cell:
    """One number and its trail, in its column's unit.

    `published` is what a paper printed there, `deviation` the standard deviation over seeds,
    `interval` (low, high). `mark` is a significance mark that a note explains. Without a value,
    `missing` may say why.
    """

    value: Value = None
    published: float | None = None
    deviation: float | None = None
    interval: tuple[float, float] | None = None
    mark: str = ""
    missing: str = ""

    @property
    def relative(self) -> float | None:
        """How much the value is above the published one, as a share of that (0.01 is one per
        cent).
        """
        if (
            self.published is None
            or isinstance(self.value, str)
            or self.value is None
            or not self.published
        ):
            return None
        return self.value / self.published - 1


@dataclass(frozen=True)
class TableRow:
    """A label and one cell per column. A floor needs no training; it takes part in the contest and
    is marked.

    `runs` are the folders of all runs that it stands on, from where the results folder lies, by
    what tells them apart.
    """

    label: str
    cells: tuple[Cell, ...]
    group: str = ""
    is_training_free: bool = False
    runs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ResultTable:
    """Rows of numbers under columns; `notes` say how they came about.

    Consecutive rows of one `group` stand under a common heading. With `best_within="group"` each
    group has a best of its own. Raises `ValueError` if a row does not fit the columns or a heading
    occurs twice.
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
                    f"{self.title}: row '{row.label}' has {len(row.cells)} cells for {len(names)} columns"
                )

    def places(self) -> list[list[int | None]]:
        """Per row and column: 1 for the best, 2 for the second best, else None.

        Values are compared as printed, so that two equal texts never differ in emphasis. A lone
        value beats nobody.
        """
        result: list[list[int | None]] = [[None] * len(self.columns) for _ in self.rows]
        contests = (
            dict.fromkeys(row.group for row in self.rows) if self.best_within == "group" else [None]
        )
        for contest in contests:
            members = [
                index
                for index, row in enumerate(self.rows)
                if contest is None or row.group == contest
            ]
            for place, column in enumerate(self.columns):
                for index, rank in _ranked(
                    column, [self.rows[index].cells[place].value for index in members]
                ):
                    result[members[index]][place] = rank
        return result

    def has_published(self, column: int) -> bool:
        """Whether any cell of a column has a published value."""
        return any(row.cells[column].published is not None for row in self.rows)

    def footnotes(self) -> tuple[str, ...]:
        """The notes, and what the marks on rows and cells mean."""
        training_free = (
            ("(floor): computed from counts, without training.",)
            if any(row.is_training_free for row in self.rows)
            else ()
        )
        reasons: dict[str, list[str]] = {}
        for row in self.rows:
            for cell in row.cells:
                if cell.value is None and cell.missing:
                    reasons.setdefault(cell.missing, []).append(row.label)
        missing = (
            f"{NOT_AVAILABLE}: {why} ({', '.join(dict.fromkeys(labels))})."
            for why, labels in reasons.items()
        )
        return (*self.notes, *training_free, *missing)


def _ranked(column: TableColumn, values: Sequence[Value]) -> list[tuple[int, int]]:
    """(index, 1 or 2) of the best and the second best numbers."""
    if column.direction == "none":
        return []
    numbers = {
        index: round(float(value), column.decimals)
        for index, value in enumerate(values)
        if isinstance(value, int | float) and math.isfinite(value)
    }
    if len(numbers) < 2:
        return []
    order = sorted(set(numbers.values()), reverse=column.direction == "higher")[:2]
    return [
        (index, order.index(number) + 1) for index, number in numbers.items() if number in order
    ]
