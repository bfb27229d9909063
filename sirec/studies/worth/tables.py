"""The table of fields, and the tables of details that stand in the files below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sirec.evaluation.metrics import DEFAULT_METRICS, Metric
from sirec.evaluation.paired_means import MeanDifference
from sirec.report.result_set import ResultSet
from sirec.report.results import ResultRow, View
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.worth.design import ALL
from sirec.studies.worth.effects import SIGNIFICANCE, FieldEffect, GroupEffect, WorthEffects
from sirec.studies.worth.record import WorthRecord
from sirec.studies.worth.sentences import CUSTOMERS, decimals_of

MARK = "†"
TOGETHER = "together"
NOTHING = Cell()


def answer_table(
    record: WorthRecord, found: WorthEffects, rows: Sequence[ResultRow]
) -> ResultTable:
    """The table of fields: worth, alone, added, halves of the users, p.

    Args:
        record: what was asked.
        found: what was found.
        rows: the rows of the runs, for links.
    """
    has_parts = any(effect.alone or effect.added for effect in found.fields)
    columns = _answer_columns(found, has_parts=has_parts)
    links: dict[str, str] = {}
    for row in rows:
        if row.label == ALL:
            links = row.links
    lines: list[TableRow] = []
    for effect in found.fields:
        cells = _answer_cells(effect, has_parts=has_parts)
        lines.append(TableRow(effect.field, cells, runs=links))
    if found.together is not None:
        empty = [NOTHING] * (len(columns) - 1)
        lines.append(TableRow(TOGETHER, (_cell(found.together), *empty)))
    history = "kept" if record.history == "keep" else "masked"
    return ResultTable(
        f"Worth of fields on {record.data}, of 1,000 customers: test, history {history}",
        tuple(columns),
        tuple(lines),
        tuple(_notes(record, found, has_parts=has_parts)),
        label_heading="field",
    )


def _answer_columns(found: WorthEffects, *, has_parts: bool) -> list[TableColumn]:
    """The columns of the answer; `alone` and `added` where there are rows for them."""
    names = ["alone", "added"] if has_parts else []
    names += [group.heading for group in found.fields[0].groups]
    decimals = decimals_of(found)
    unit = "" if found.seeds > 1 else "one seed"
    columns = [TableColumn("worth", unit=unit, decimals=decimals, signed=True)]
    for name in names:
        columns.append(TableColumn(name, decimals=decimals, signed=True))
    return [*columns, TableColumn("p", decimals=3)]


def _answer_cells(effect: FieldEffect, *, has_parts: bool) -> tuple[Cell, ...]:
    """A field's cells."""
    cells = [_cell(effect.worth, MARK if effect.is_significant else "")]
    if has_parts:
        cells += [_cell(effect.alone), _cell(effect.added)]
    for group in effect.groups:
        cells.append(Cell(CUSTOMERS * group.inside.difference))
    return (*cells, Cell(effect.p_value))


def group_table(record: WorthRecord, found: WorthEffects) -> ResultTable:
    """Worth in each half of the users, with intervals, and what the screening found.

    Args:
        record: what was asked.
        found: what was found.
    """
    decimals = decimals_of(found)
    groups = found.fields[0].groups
    columns: list[TableColumn] = []
    for group in groups:
        for name in (group.group, group.other):
            columns.append(TableColumn(name, decimals=decimals, signed=True))
        columns.append(TableColumn(f"{group.heading}: difference", decimals=decimals, signed=True))
    columns.append(TableColumn("capacity", decimals=decimals, signed=True))
    columns.append(TableColumn("lost when shuffled", decimals=decimals, signed=True))
    lines: list[TableRow] = []
    for effect in found.fields:
        cells: list[Cell] = []
        for group in effect.groups:
            cells += _group_cells(group)
        cells.append(_cell(effect.capacity))
        lost = record.lost.get(effect.field)
        cells.append(Cell(lost) if lost is not None else Cell(missing="no weights to shuffle for"))
        lines.append(TableRow(effect.field, tuple(cells)))
    notes = (
        "Worth inside each half, per 1,000 of its customers; the difference is the first half's "
        "minus the second's.",
        "capacity: all with the field shuffled minus all without it, which is what more parameters "
        "do that mean nothing.",
        "lost when shuffled: what the trained model of all fields loses on validation when the "
        "field's values are permuted for it; the screening, without training.",
    )
    title = f"Worth of fields on {record.data}: groups of customers"
    return ResultTable(title, tuple(columns), tuple(lines), notes, label_heading="field")


def row_table(record: WorthRecord, rows: Iterable[ResultRow], metric: Metric) -> ResultTable:
    """The metrics of every row that was trained.

    Args:
        record: what was asked.
        rows: the rows.
        metric: the metric of the answer, beside the usual ones.
    """
    metrics = list(dict.fromkeys((metric, *DEFAULT_METRICS)))
    view = View("test", record.history)
    columns = [TableColumn(each.name, direction="higher") for each in metrics]
    lines: list[TableRow] = []
    for row in rows:
        cells: list[Cell] = []
        for each in metrics:
            cells.append(Cell(row.mean(each, view), deviation=row.deviation(each, view)))
        lines.append(TableRow(row.label, tuple(cells), runs=row.links))
    for missing in record.missing:
        empty = tuple(Cell(missing=missing.reason) for _ in metrics)
        lines.append(TableRow(missing.label, empty))
    notes = (view.note, *record.notes, f"Made by: {record.command}")
    return ResultTable(
        f"Worth of fields on {record.data}: rows", tuple(columns), tuple(lines), notes, "row"
    )


def rows_of(results: ResultSet) -> Mapping[str, ResultRow]:
    """Label -> row of the only data set."""
    [rows] = results.by_dataset().values()
    return rows


def _cell(difference: MeanDifference | None, mark: str = "") -> Cell:
    """A difference in customers of 1,000, with its interval."""
    if difference is None:
        return NOTHING
    interval = (CUSTOMERS * difference.low, CUSTOMERS * difference.high)
    return Cell(CUSTOMERS * difference.difference, interval=interval, mark=mark)


def _group_cells(group: GroupEffect) -> list[Cell]:
    return [_cell(group.inside), _cell(group.outside), _cell(group.contrast)]


def _notes(record: WorthRecord, found: WorthEffects, *, has_parts: bool) -> list[str]:
    """What the columns are, and how intervals and p were computed."""
    parts = "; alone: minus position alone; added: all minus all without it" if has_parts else ""
    notes = [f"worth: all fields minus all with the field shuffled{parts}."]
    effect: FieldEffect = found.fields[0]
    halves = [f"{group.heading}: {group.group}" for group in effect.groups]
    if halves:
        notes.append(f"Worth within {'; '.join(halves)}.")
    over = "users and seeds" if found.seeds > 1 else "users alone, as there is one seed"
    family = len(found.fields)
    corrected = f", after Holm's correction for {family} fields" if family > 1 else ""
    notes.append(f"In brackets: intervals of 95 % over {over}; p: t test{corrected}.")
    if any(each.is_significant for each in found.fields):
        notes.append(f"{MARK}: the interval excludes zero and p is below {SIGNIFICANCE}.")
    return notes
