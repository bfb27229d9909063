"""The tables of COMIF's terms from a record of shares: no model, no data, no weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sirec.evaluation.score_terms import TERMS
from sirec.report.overview import Overview
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.analyses.attention_runs import TRAINED, UNTRAINED, by_label, links
from sirec.studies.analyses.score_terms.measure import (
    BIAS,
    KINDS,
    CorrelationRecord,
    RunShares,
    TermShares,
)
from sirec.studies.compare.comparison import Comparison

TERM_NOTE = (
    "Terms of COMIF eq. 3 (eq. 15 and 16 for concat and gate), the query's origin before the "
    "key's; side: attributes and behaviours. Exact, with gates, attention weights, deviations of "
    "norms and slopes of GELU held as the pass has them. Biases of maps and shifts of norms, which "
    "the paper leaves out, are apart. 0.0 is exact: there is no such term."
)
VARIANCE_NOTE = (
    "Share of variance: terms and scores centred over the keys a query sees, as softmax does not "
    "see the rest; then Σ term · score / Σ score² over queries with two keys or more, by head, and "
    "the mean over heads. Shares add up to 100 and may be negative."
)
MAGNITUDE_NOTE = (
    "Share of magnitude: Σ |term| as eq. 3 prints it, nothing centred, by head, then averaged; "
    "out of all five."
)
KIND_NOTE = "Shares of variance, block 1, by what is multiplied with what, in either order."
RELEVANCE_NOTE = (
    "Terms of COMIF eq. 4: the candidate's origin before that of the state that predicts. Shares "
    "of variance over the catalogue, all users together. A model that scores bare items has no "
    "side information on the candidate's side."
)
Values = Callable[[TermShares], Mapping[str, float]]


def correlation_tables(record: CorrelationRecord) -> Comparison:
    """The tables of a record: terms in every block, magnitudes, kinds of fields, and relevance."""
    title = f"Correlation of items and side information, {record.data}"
    sampled = (
        f"Test histories of {record.users:,} of {record.test_users:,} users (seed {record.seed}), "
        f"data {record.fingerprint}; only visible pairs of real slots."
    )
    attention = f"{title}: attention, block"
    tables: list[ResultTable] = []
    for block in _blocks(record):
        notes = (TERM_NOTE, VARIANCE_NOTE, sampled) if block == 1 else ()
        tables.append(_table(record, f"{attention} {block}", TERMS, block, _variance, notes))
    magnitudes = f"{attention} 1, magnitude"
    tables.append(_table(record, magnitudes, TERMS, 1, _magnitude, (MAGNITUDE_NOTE,)))
    kinds = (*KINDS, BIAS)
    tables.append(_table(record, f"{attention} 1, by field", kinds, 1, _kinds, (KIND_NOTE,)))
    relevance = f"{title}: relevance"
    tables.append(_table(record, relevance, TERMS, None, _variance, (RELEVANCE_NOTE,)))
    overview = _overview(record, tables[0])
    return Comparison(title, tuple(tables), tuple(_sentences(record)), overview)


def _overview(record: CorrelationRecord, table: ResultTable) -> Overview:
    """Block 1 of trained models, terms first; how they fuse is said last."""
    places = [*range(2, len(table.columns)), 0, 1]
    rows: list[TableRow] = []
    for row in table.rows_of(TRAINED):
        cells = tuple(row.cells[place] for place in places)
        rows.append(replace(row, cells=cells, group=""))
    columns: list[TableColumn] = []
    for place in places:
        columns.append(replace(table.columns[place], unit=""))
    shown = replace(table, columns=tuple(columns), rows=tuple(rows), notes=())
    lines = (
        "Shares of the variance of attention's scores, in %: the query's origin, then the key's; "
        "side: attributes and behaviours.",
        f"{record.users:,} test histories. Untrained models and other blocks: --full.",
    )
    return Overview(shown, lines)


def _blocks(record: CorrelationRecord) -> list[int]:
    """Numbers of all blocks, from 1."""
    blocks: set[int] = set()
    for run in record.runs:
        blocks |= {shares.block for shares in run.trained if shares.block is not None}
    return sorted(blocks)


def _table(
    record: CorrelationRecord,
    title: str,
    names: Sequence[str],
    block: int | None,
    values_of: Values,
    notes: tuple[str, ...],
) -> ResultTable:
    """The shares of one block, or of relevance (None), in per cent."""
    columns = [TableColumn("attributes"), TableColumn("behaviours")]
    columns += [TableColumn(name, unit="%", decimals=1) for name in names]
    rows: list[TableRow] = []
    for state in (TRAINED, UNTRAINED):
        for runs in by_label(record.runs):
            found: list[Mapping[str, float]] = []
            for run in runs:
                of_run = _shares(run, state)
                found += [values_of(shares) for shares in of_run if shares.block == block]
            if found:
                cells = [Cell(runs[0].attribute), Cell(runs[0].behaviour)]
                for name in names:
                    mean = float(np.mean([values[name] for values in found]))
                    cells.append(Cell(100 * mean))
                rows.append(TableRow(runs[0].label, tuple(cells), state, runs=links(runs)))
    return ResultTable(title, tuple(columns), tuple(rows), notes)


def _shares(run: RunShares, state: str) -> tuple[TermShares, ...]:
    return run.trained if state == TRAINED else run.untrained


def _variance(shares: TermShares) -> Mapping[str, float]:
    return shares.variance


def _kinds(shares: TermShares) -> Mapping[str, float]:
    return shares.kinds


def _magnitude(shares: TermShares) -> Mapping[str, float]:
    assert shares.magnitude is not None, "attention has magnitudes"
    return shares.magnitude


def _sentences(record: CorrelationRecord) -> Iterator[str]:
    for runs in by_label(record.runs):
        first: list[TermShares] = []
        for run in runs:
            first += [shares for shares in run.trained if shares.block == 1]
        attribute = 100 * _mean_kind(first, "item-attribute")
        behaviour = 100 * _mean_kind(first, "item-behaviour")
        yield (
            f"{runs[0].label}: in block 1 {attribute:.1f} % of the variance of scores joins items "
            f"with attributes ({_fused(runs[0].attribute)}) and {behaviour:.1f} % items with "
            f"behaviours ({_fused(runs[0].behaviour)})."
        )


def _mean_kind(shares: Sequence[TermShares], kind: str) -> float:
    return float(np.mean([share.kinds[kind] for share in shares]))


def _fused(level: str) -> str:
    return "which it does not read" if level == "none" else f"fused at {level}"
