"""The figures of DIF-SR's Figure 1, drawn from a record of ranks: rank by tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sirec.evaluation.score_rank import Matrix
from sirec.report.figures.curves import CurveFigure
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.analyses.attention_rank.measure import EVERY, BlockRanks, RankRecord
from sirec.studies.analyses.attention_rank.tables import (
    MATRICES,
    bound_cell,
    lines_of,
    power,
    table_title,
)
from sirec.studies.analyses.attention_runs import TRAINED, UNTRAINED, by_label

BOUND = "bound"
NOTE = (
    "lines: means over users and heads; bands: eight users of ten; "
    "dotted: bounds, of rows that have one"
)


def rank_figures(record: RankRecord) -> Mapping[str, CurveFigure]:
    """A figure for each matrix: rank by tolerance, a panel for each state and block."""
    points = {power(step): step for step in record.steps}
    columns = [TableColumn(name, decimals=2) for name in (*points, BOUND)]
    figures: dict[str, CurveFigure] = {}
    for matrix in MATRICES:
        rows = [*_rows(record, TRAINED, matrix), *_rows(record, UNTRAINED, matrix)]
        blocks = len({row.group for row in rows}) // 2  # of each state
        if rows:
            table = ResultTable(table_title(record, matrix), tuple(columns), tuple(rows))
            axis = f"tolerance, a share of the largest singular value; {MATRICES[matrix]}"
            figures[str(matrix)] = CurveFigure(table, points, BOUND, blocks, axis, "rank", NOTE)
    return figures


def _rows(record: RankRecord, state: str, matrix: Matrix) -> Iterator[TableRow]:
    """Rows of one state, block by block."""
    by_block: dict[int, dict[str, list[BlockRanks]]] = {}
    for runs in by_label(record.runs):
        for line in lines_of(runs, state, matrix):
            if line.lengths == EVERY:
                of_block = by_block.setdefault(line.block, {})
                of_block.setdefault(runs[0].label, []).append(line)
    for block in sorted(by_block):
        for label, lines in by_block[block].items():
            cells = (*_cells(lines), bound_cell(lines))
            yield TableRow(label, cells, f"{state}, block {block}")


def _cells(lines: Sequence[BlockRanks]) -> Iterator[Cell]:
    """The curve of a row, averaged over seeds."""
    curves = [line.curve for line in lines if line.curve]
    mean = np.mean([curve.mean for curve in curves], axis=0)
    low = np.mean([curve.low for curve in curves], axis=0)
    high = np.mean([curve.high for curve in curves], axis=0)
    for value, bottom, top in zip(mean, low, high, strict=True):
        yield Cell(float(value), interval=(float(bottom), float(top)))
