"""The tables of DIF-SR's Figure 1 from a record of ranks: no model, no data, no weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from sirec.evaluation.score_rank import Matrix
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
    "Padded as in the authors' code: an empty slot holds item 0, the vector of no attribute value, and the position that it "
    "would have; its query reads every real slot, and what it becomes goes on to the next block. Trained models keep the "
    "item 0 they have (here a vector of 0, of which the norm leaves its shift); fresh ones draw it like any item, as theirs do."
)
MEASURE_NOTE = (
    "All sources fused, before scaling and mask; queries and keys in the model's precision, products, fusion and singular "
    "values in 64 bits. Rank: singular values above a share of the largest. Effective: exp of the entropy of their shares."
)
SUMMED_NOTE = (
    "Not what concat and gate models compute, but what their trained sources span: like with like. With a sum fusion, or one "
    "source, it is the padded matrix itself."
)
LONG_NOTE = "Of all test users with more items than d_h, as many as the sample of the other tables has: longer histories only."
VISIBLE_NOTE = "A triangle without zeros on its diagonal has rank L for any model: below it only tolerance tells."


def rank_tables(record: RankRecord) -> Comparison:
    """The tables of a record: a matrix each, then blocks and lengths of the padded one, and what
    may be compared.
    """
    title = _title(record)
    sampled = (
        f"Test histories of {record.users:,} of {record.test_users:,} users (seed {record.seed}), data {record.fingerprint}; "
        f"means over users, heads and blocks; error: the standard error over users at {power(record.tolerances[MAIN])}."
    )
    notes = {
        "padded": (PADDED_NOTE, MEASURE_NOTE, sampled),
        "summed": (SUMMED_NOTE,),
        "real": (LONG_NOTE,),
        "visible": (VISIBLE_NOTE,),
    }
    tables = [
        _matrix_table(record, matrix, table_title(record, matrix), notes[matrix])
        for matrix in MATRICES
    ]
    tables = [table for table in tables if table.rows]
    tables.append(_split_table(record, f"{title}: padded, by block", _block))
    tables.append(_split_table(record, f"{title}: padded, by length of history", _lengths))
    return Comparison(title=title, tables=tuple(tables), sentences=tuple(_sentences(record)))


def _title(record: RankRecord) -> str:
    return f"Rank of attention scores, {record.data}"


def table_title(record: RankRecord, matrix: Matrix) -> str:
    """What the table of a matrix is called."""
    return f"{_title(record)}: {MATRICES[matrix]}"


def _matrix_table(
    record: RankRecord, matrix: Matrix, title: str, notes: tuple[str, ...]
) -> ResultTable:
    columns = (
        TableColumn("fusion"),
        *(
            TableColumn(f"rank at {power(tolerance)}", decimals=2)
            for tolerance in record.tolerances
        ),
        TableColumn("error", decimals=2),
        TableColumn("effective", decimals=2),
        TableColumn("bound", decimals=2),
        TableColumn("d_h"),
        *(
            (TableColumn("n"),)
            if matrix in PADDED
            else (TableColumn("mean L", decimals=2), TableColumn("users"))
        ),
    )
    rows = []
    for state in (TRAINED, UNTRAINED):
        for runs in by_label(record.runs):
            lines = [line for line in lines_of(runs, state, matrix) if line.lengths == EVERY]
            if lines:
                size = (_mean(line.mean_length for line in lines), lines[0].users)
                shape = (runs[0].head_width, *((record.window,) if matrix in PADDED else size))
                rows.append(_row(runs, state, lines, tuple(map(Cell, shape))))
    return ResultTable(title, columns, tuple(rows), notes)


def _row(
    runs: Sequence[RunRanks], state: str, lines: Sequence[BlockRanks], shape: tuple[Cell, ...]
) -> TableRow:
    ranks = [
        Cell(_mean(line.ranks[place] for line in lines)) for place in range(len(lines[0].ranks))
    ]
    error, effective = (
        _mean(getattr(line, name) for line in lines) for name in ("error", "effective")
    )
    cells = (Cell(runs[0].fusion), *ranks, Cell(error), Cell(effective), bound_cell(lines), *shape)
    return TableRow(runs[0].label, cells, state, runs=links(runs))


def _split_table(
    record: RankRecord, title: str, part_of: Callable[[BlockRanks], str | None]
) -> ResultTable:
    """Rank and bound of the padded matrices, split by what `part_of` says; None takes no part."""
    parts = dict.fromkeys(
        part_of(line) for run in record.runs for line in lines_of([run], TRAINED, "padded")
    )
    names = [part for part in parts if part is not None]
    columns = [
        (TableColumn(f"rank, {name}", decimals=2), TableColumn(f"bound, {name}", decimals=2))
        for name in names
    ]
    rows = []
    for state in (TRAINED, UNTRAINED):
        for runs in by_label(record.runs):
            mine = [
                [line for line in lines_of(runs, state, "padded") if part_of(line) == name]
                for name in names
            ]
            cells = [_rank_and_bound(lines) for lines in mine]
            rows.append(
                TableRow(runs[0].label, tuple(cell for pair in cells for cell in pair), state)
            )
    note = f"Tolerance {power(record.tolerances[MAIN])} of the largest singular value."
    return ResultTable(
        title, tuple(column for pair in columns for column in pair), tuple(rows), (note,)
    )


def _rank_and_bound(lines: Sequence[BlockRanks]) -> tuple[Cell, Cell]:
    """Two cells, empty where a run has no such part: it has fewer blocks than others."""
    return (
        (Cell(_mean(line.ranks[MAIN] for line in lines)), bound_cell(lines))
        if lines
        else (Cell(), Cell())
    )


def _block(line: BlockRanks) -> str | None:
    return f"block {line.block}" if line.lengths == EVERY else None


def _lengths(line: BlockRanks) -> str | None:
    return None if line.lengths == EVERY else f"{line.lengths} items"


def lines_of(runs: Sequence[RunRanks], state: str, matrix: Matrix) -> list[BlockRanks]:
    """The figures of a row's runs, all blocks and groups of lengths."""
    return [
        line
        for run in runs
        for line in (run.trained if state == TRAINED else run.untrained)
        if line.matrix == matrix
    ]


def bound_cell(lines: Sequence[BlockRanks]) -> Cell:
    """The mean bound of some lines, or why there is none."""
    bounds = [line.bound for line in lines]
    return (
        Cell(missing=NO_BOUND)
        if None in bounds
        else Cell(_mean(bound for bound in bounds if bound is not None))
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def power(tolerance: float) -> str:
    """A tolerance as it is written: 1e-6."""
    return f"1e{np.log10(tolerance):.0f}"


def _sentences(record: RankRecord) -> Iterator[str]:
    longer = {run.head_width: run.longer for run in record.runs}
    for width, users in longer.items():
        yield (
            f"The median test history has {record.median_length:g} items. A real L x L matrix has rank L at most, so a head of "
            f"width {width} can only be a bottleneck for the {100 * users / record.test_users:.1f} % of users with more items."
        )
    without = {
        run.label
        for run in record.runs
        if any(line.bound is None for line in lines_of([run], TRAINED, "padded"))
    }
    if without and len(without) < len({run.label for run in record.runs}):
        yield (
            f"Padded and as fused, the ranks of {'; '.join(sorted(without))} cannot be compared with the others': the mask "
            f"enters before the fusion, and keys of empty slots are 0. Sources added up, or later keys at 0 for all, are like "
            f"with like."
        )
