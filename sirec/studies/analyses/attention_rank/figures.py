"""The figures of DIF-SR's Figure 1 from a record of ranks: rank against the tolerance, for each
matrix.
"""

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
NOTE = "lines: means over users and heads; bands: eight users of ten; dotted: bounds, of rows that have one"


def rank_figures(record: RankRecord) -> Mapping[str, CurveFigure]:
    """A figure for each matrix: rank against the tolerance, trained above freshly initialised, a
    panel for each block.
    """
    points = {power(step): step for step in record.steps}
    columns = (*(TableColumn(name, decimals=2) for name in points), TableColumn(BOUND, decimals=2))
    figures = {}
    for matrix in MATRICES:
        rows = [row for state in (TRAINED, UNTRAINED) for row in _rows(record, state, matrix)]
        blocks = len({row.group for row in rows}) // 2  # of each state
        if rows:
            table = ResultTable(table_title(record, matrix), columns, tuple(rows))
            axis = f"tolerance, a share of the largest singular value; {MATRICES[matrix]}"
            figures[str(matrix)] = CurveFigure(table, points, BOUND, blocks, axis, "rank", NOTE)
    return figures


def _rows(record: RankRecord, state: str, matrix: Matrix) -> Iterator[TableRow]:
    """Rows of one state, block by block."""
    found = [
        (runs[0], [line for line in lines_of(runs, state, matrix) if line.lengths == EVERY])
        for runs in by_label(record.runs)
    ]
    for block in sorted({line.block for _, lines in found for line in lines}):
        for run, lines in found:
            mine = [line for line in lines if line.block == block]
            if mine:
                yield TableRow(
                    run.label, (*_cells(mine), bound_cell(mine)), f"{state}, block {block}"
                )


def _cells(lines: Sequence[BlockRanks]) -> Iterator[Cell]:
    """The curve of a row: seeds are averaged."""
    curves = [line.curve for line in lines if line.curve]
    mean, low, high = (
        np.mean([getattr(curve, part) for curve in curves], axis=0)
        for part in ("mean", "low", "high")
    )
    for value, *band in zip(mean, low, high, strict=True):
        yield Cell(float(value), interval=(float(band[0]), float(band[1])))
