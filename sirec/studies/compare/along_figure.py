"""The curve of a study whose rows differ in one setting, such as the weight of a loss."""

from __future__ import annotations

from sirec.report.answer import Along, Answer
from sirec.report.figures.grids import GridFigure
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

METRICS = ("Recall@20", "NDCG@20")  # that are drawn, where the table has them
MARK = "‡"


def along_figure(answer: Answer, along: Along) -> GridFigure:
    """A panel for each metric and data set, in it the rows in the order of their values.

    Args:
        answer: what the tables of the study say.
        along: the setting and the value of each row.
    """
    baselines = {verdict.baseline for verdict in answer.verdicts}
    by_value = sorted(along.values, key=lambda label: along.values[label])
    has_several = len(answer.table.groups) > 1
    models = answer.models
    rows: list[TableRow] = []
    for metric in METRICS:
        if metric not in [column.name for column in answer.table.columns]:
            continue
        column = answer.table.column_index(metric)
        for group in answer.table.groups:
            found = {row.label: row for row in answer.table.rows_of(group)}
            cells: list[Cell] = []
            for label in by_value:
                value = found[label].cells[column].value if label in found else None
                cells.append(Cell(value, mark=MARK if label in baselines else ""))
            title = f"{metric}, {group}" if has_several else metric
            model = models.get(by_value[0], "")  # the screen may leave a row out
            rows.append(TableRow(title, tuple(cells), title, model=model))
    names = [f"{along.values[label]:g}" for label in by_value]
    table = ResultTable(
        f"{answer.title}: along {along.setting}", tuple(map(TableColumn, names)), tuple(rows)
    )
    return GridFigure(
        table,
        along.setting,
        None,
        "test",
        marked="the row that the others are compared with",
        shares_scale=False,
    )
