"""The figures of DIF-SR's Figure 1, drawn from a record of ranks: rank by tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from sirec.evaluation.score_rank import Matrix
from sirec.report.figures.curves import CurveFigure, CurveKind
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.store import RunFolder
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
BOUND_NAME = "bound of the widths"
AXIS = r"tolerance $\tau$: singular values $\sigma_i > \tau\,\sigma_1$ are counted"
MEASURE = "rank"
CAPTION = (
    "{matrix}. Lines: means over users and heads; bands: eight users of ten, trained models only; "
    "dotted: the largest rank that the widths allow, where there is such a bound."
)
DASHES = ("-", "--", "-.", ":")  # of the blocks


def rank_figures(record: RankRecord) -> Mapping[str, CurveFigure]:
    """A figure for each matrix: rank by tolerance, a panel for each row with its blocks."""
    points = {power(step): step for step in record.steps}
    columns = [TableColumn(name, decimals=2) for name in (*points, BOUND)]
    figures: dict[str, CurveFigure] = {}
    for matrix in MATRICES:
        rows = [*_rows(record, TRAINED, matrix), *_rows(record, UNTRAINED, matrix)]
        if rows:
            table = ResultTable(table_title(record, matrix), tuple(columns), tuple(rows))
            matrices = MATRICES[matrix]
            caption = CAPTION.format(matrix=f"{matrices[0].upper()}{matrices[1:]}")
            figures[str(matrix)] = CurveFigure(
                table, points, BOUND, _kinds(table), AXIS, MEASURE, BOUND_NAME, caption
            )
    return figures


def _kinds(table: ResultTable) -> dict[str, CurveKind]:
    """Group -> how its lines are drawn: a block has its dashes, what was not trained is grey."""
    kinds: dict[str, CurveKind] = {}
    for group in table.groups:
        state, _, block = group.partition(", block ")
        number = int(block) - 1
        dashes = DASHES[number % len(DASHES)]
        kinds[group] = CurveKind(dashes, is_hollow=number > 0, is_control=state == UNTRAINED)
    return kinds


def _rows(record: RankRecord, state: str, matrix: Matrix) -> Iterator[TableRow]:
    """Rows of one state, block by block."""
    models: dict[str, str] = {}
    by_block: dict[int, dict[str, list[BlockRanks]]] = {}
    for runs in by_label(record.runs):
        models[runs[0].label] = RunFolder(Path(runs[0].link)).model
        for line in lines_of(runs, state, matrix):
            if line.lengths == EVERY:
                of_block = by_block.setdefault(line.block, {})
                of_block.setdefault(runs[0].label, []).append(line)
    for block in sorted(by_block):
        for label, lines in by_block[block].items():
            cells = (*_cells(lines), bound_cell(lines))
            yield TableRow(label, cells, f"{state}, block {block}", model=models[label])


def _cells(lines: Sequence[BlockRanks]) -> Iterator[Cell]:
    """The curve of a row, averaged over seeds."""
    curves = [line.curve for line in lines if line.curve]
    mean = np.mean([curve.mean for curve in curves], axis=0)
    low = np.mean([curve.low for curve in curves], axis=0)
    high = np.mean([curve.high for curve in curves], axis=0)
    for value, bottom, top in zip(mean, low, high, strict=True):
        yield Cell(float(value), interval=(float(bottom), float(top)))
