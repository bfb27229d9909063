"""The tables of DIF-SR's Figure 1, drawn from a record of measured ranks alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from sirec.evaluation.score_rank import Matrix
from sirec.report.overview import Overview
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.analyses.attention_rank.measure import (
    EVERY,
    MAIN,
    BlockRanks,
    RankRecord,
    RunRanks,
)
from sirec.studies.analyses.attention_runs import TRAINED, UNTRAINED, by_label, links
from sirec.studies.compare.comparison import Comparison

NO_BOUND = "the mask enters before the fusion, so no width bounds the rank"
MATRICES: dict[Matrix, str] = {
    "padded": "padded to n x n",
    "summed": "padded to n x n, sources added up",
    "real": "real L x L, histories longer than d_h",
    "visible": "real L x L, later keys at 0",
}
PADDED = ("padded", "summed")
PADDED_NOTE = (
    "Padded as in the authors' code: an empty slot holds item 0, the vector of no attribute value, "
    "and the position that it would have; its query reads every real slot, and what it becomes "
    "goes on to the next block. Trained models keep the item 0 they have (here a vector of 0, of "
    "which the norm leaves its shift); fresh ones draw it like any item, as theirs do."
)
MEASURE_NOTE = (
    "All sources fused, before scaling and mask; queries and keys in the model's precision, "
    "products, fusion and singular values in 64 bits. Rank: singular values above a share of the "
    "largest. Effective: exp of the entropy of their shares."
)
SUMMED_NOTE = (
    "Not what concat and gate models compute, but what their trained sources span: like with like. "
    "With a sum fusion, or one source, it is the padded matrix itself."
)
LONG_NOTE = (
    "Of all test users with more items than d_h, as many as the sample of the other tables has: "
    "longer histories only."
)
VISIBLE_NOTE = (
    "A triangle without zeros on its diagonal has rank L for any model: "
    "below it only tolerance tells."
)


def rank_tables(record: RankRecord) -> Comparison:
    """The tables of a record: one for each matrix, then padded matrices by block and length."""
    title = _title(record)
    sampled = (
        f"Test histories of {record.users:,} of {record.test_users:,} users (seed {record.seed}), "
        f"data {record.fingerprint}; means over users, heads and blocks; error: the standard error "
        f"over users at {power(record.tolerances[MAIN])}."
    )
    notes = {
        "padded": (PADDED_NOTE, MEASURE_NOTE, sampled),
        "summed": (SUMMED_NOTE,),
        "real": (LONG_NOTE,),
        "visible": (VISIBLE_NOTE,),
    }
    tables: list[ResultTable] = []
    for matrix in MATRICES:
        table = _matrix_table(record, matrix, table_title(record, matrix), notes[matrix])
        if table.rows:
            tables.append(table)
    tables.append(_split_table(record, f"{title}: padded, by block", _block))
    tables.append(_split_table(record, f"{title}: padded, by length of history", _lengths))
    overview = _overview(record, tables[0])
    return Comparison(title, tuple(tables), tuple(_sentences(record)), overview)


def _overview(record: RankRecord, table: ResultTable) -> Overview:
    """Rank and bound of the first kind of matrix; the rest is in the files and the figures."""
    main = f"rank at {power(record.tolerances[MAIN])}"
    names = (main, "bound", "effective", "fusion")
    places = [table.column_index(name) for name in names]
    rows: list[TableRow] = []
    for row in table.rows:
        rows.append(replace(row, cells=tuple(row.cells[place] for place in places)))
    columns = tuple(table.columns[place] for place in places)
    shown = replace(table, columns=columns, rows=tuple(rows), notes=())
    lines = [f"{record.users:,} test histories; means over users, heads, blocks; bound: by widths."]
    without = _without_bound(record)
    if without:
        lines.append(
            f"n/a: {'; '.join(without)} mask before they fuse, so that these ranks are not "
            "comparable with the others'; --full has tables that are."
        )
    for width, users in _longer(record).items():
        share = 100 * users / record.test_users
        lines.append(
            f"Rank is at most the length, {record.median_length:g} in the median: a head of width "
            f"{width} can limit {share:.1f} % of users."
        )
    return Overview.of(shown, lines)


def _title(record: RankRecord) -> str:
    return f"Rank of attention scores, {record.data}"


def table_title(record: RankRecord, matrix: Matrix) -> str:
    """The title of a table.

    Args:
        record: what was measured.
        matrix: which kind of matrix.
    """
    return f"{_title(record)}: {MATRICES[matrix]}"


def _matrix_table(
    record: RankRecord, matrix: Matrix, title: str, notes: tuple[str, ...]
) -> ResultTable:
    columns = [TableColumn("fusion")]
    for tolerance in record.tolerances:
        columns.append(TableColumn(f"rank at {power(tolerance)}", decimals=2))
    for name in ("error", "effective", "bound"):
        columns.append(TableColumn(name, decimals=2))
    columns.append(TableColumn("d_h"))
    if matrix in PADDED:
        columns.append(TableColumn("n"))
    else:
        columns += [TableColumn("mean L", decimals=2), TableColumn("users")]
    rows: list[TableRow] = []
    for state in (TRAINED, UNTRAINED):
        for runs in by_label(record.runs):
            lines = _of_all_lengths(lines_of(runs, state, matrix))
            if lines:
                shape = [Cell(runs[0].head_width)]
                if matrix in PADDED:
                    shape.append(Cell(record.window))
                else:
                    shape += [Cell(_mean_of(lines, "mean_length")), Cell(lines[0].users)]
                rows.append(_row(runs, state, lines, shape))
    return ResultTable(title, tuple(columns), tuple(rows), notes)


def _row(
    runs: Sequence[RunRanks], state: str, lines: Sequence[BlockRanks], shape: Sequence[Cell]
) -> TableRow:
    cells = [Cell(runs[0].fusion)]
    ranks = np.mean([line.ranks for line in lines], axis=0)
    cells += map(Cell, ranks.tolist())
    cells += [Cell(_mean_of(lines, "error")), Cell(_mean_of(lines, "effective"))]
    cells += [bound_cell(lines), *shape]
    return TableRow(runs[0].label, tuple(cells), state, runs=links(runs))


def _split_table(
    record: RankRecord, title: str, part_of: Callable[[BlockRanks], str | None]
) -> ResultTable:
    """Rank and bound of the padded matrices, by the part of the blocks or lengths."""
    names: list[str] = []
    for run in record.runs:
        for line in lines_of([run], TRAINED, "padded"):
            name = part_of(line)
            if name is not None and name not in names:
                names.append(name)
    columns: list[TableColumn] = []
    for name in names:
        columns.append(TableColumn(f"rank, {name}", decimals=2))
        columns.append(TableColumn(f"bound, {name}", decimals=2))
    rows: list[TableRow] = []
    for state in (TRAINED, UNTRAINED):
        for runs in by_label(record.runs):
            cells: list[Cell] = []
            padded = lines_of(runs, state, "padded")
            for name in names:
                cells += _rank_and_bound([line for line in padded if part_of(line) == name])
            rows.append(TableRow(runs[0].label, tuple(cells), state))
    note = f"Tolerance {power(record.tolerances[MAIN])} of the largest singular value."
    return ResultTable(title, tuple(columns), tuple(rows), (note,))


def _rank_and_bound(lines: Sequence[BlockRanks]) -> tuple[Cell, Cell]:
    """Two cells, empty where a run has no such part because it has fewer blocks than others."""
    if not lines:
        return Cell(), Cell()
    ranks = [line.ranks[MAIN] for line in lines]
    return Cell(float(np.mean(ranks))), bound_cell(lines)


def _block(line: BlockRanks) -> str | None:
    return f"block {line.block}" if line.lengths == EVERY else None


def _lengths(line: BlockRanks) -> str | None:
    return None if line.lengths == EVERY else f"{line.lengths} items"


def _of_all_lengths(lines: Sequence[BlockRanks]) -> list[BlockRanks]:
    return [line for line in lines if line.lengths == EVERY]


def lines_of(runs: Sequence[RunRanks], state: str, matrix: Matrix) -> list[BlockRanks]:
    """The figures of the runs of a row, of all blocks and groups of lengths.

    Args:
        runs: the runs.
        state: trained or freshly initialised.
        matrix: which kind of matrix.
    """
    found: list[BlockRanks] = []
    for run in runs:
        measured = run.trained if state == TRAINED else run.untrained
        found += [line for line in measured if line.matrix == matrix]
    return found


def bound_cell(lines: Sequence[BlockRanks]) -> Cell:
    """The mean bound of some lines, or why there is none."""
    bounds: list[float] = []
    for line in lines:
        if line.bound is None:
            return Cell(missing=NO_BOUND)
        bounds.append(line.bound)
    return Cell(float(np.mean(bounds)))


def _mean_of(lines: Sequence[BlockRanks], name: str) -> float:
    return float(np.mean([getattr(line, name) for line in lines]))


def power(tolerance: float) -> str:
    """A tolerance as tables print it: 1e-6."""
    return f"1e{np.log10(tolerance):.0f}"


def _sentences(record: RankRecord) -> Iterator[str]:
    for width, users in _longer(record).items():
        yield (
            f"The median test history has {record.median_length:g} items. A real L x L matrix has "
            f"rank L at most, so a head of width {width} can only be a bottleneck for the "
            f"{100 * users / record.test_users:.1f} % of users with more items."
        )
    without = _without_bound(record)
    if without:
        yield (
            f"Padded and as fused, the ranks of {'; '.join(without)} cannot be compared "
            "with the others': the mask enters before the fusion, and keys of empty slots are 0. "
            "Sources added up, or later keys at 0 for all, are like with like."
        )


def _longer(record: RankRecord) -> dict[int, int]:
    """Width of a head -> test users with more items than that."""
    return {run.head_width: run.longer for run in record.runs}


def _without_bound(record: RankRecord) -> list[str]:
    """The rows whose padded ranks have no bound, unless all rows are such."""
    labels = {run.label for run in record.runs}
    without: set[str] = set()
    for run in record.runs:
        for line in lines_of([run], TRAINED, "padded"):
            if line.bound is None:
                without.add(run.label)
    return sorted(without) if len(without) < len(labels) else []
