"""The tables of COMIF's terms from a record of shares: no model, no data, no weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from sirec.evaluation.score_terms import TERMS
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
    "Terms of COMIF eq. 3 (eq. 15 and 16 for concat and gate), the query's origin before the key's; side: attributes and "
    "behaviours. Exact, with gates, attention weights, deviations of norms and slopes of GELU held as the pass has them. "
    "Biases of maps and shifts of norms, which the paper leaves out, are apart. 0.0 is exact: there is no such term."
)
VARIANCE_NOTE = (
    "Share of variance: terms and scores centred over the keys a query sees, as softmax does not see the rest; then "
    "Σ term · score / Σ score² over queries with two keys or more, by head, and the mean over heads. Shares add up to 100 and "
    "may be negative."
)
MAGNITUDE_NOTE = "Share of magnitude: Σ |term| as eq. 3 prints it, nothing centred, by head, then averaged; out of all five."
KIND_NOTE = "Shares of variance, block 1, by what is multiplied with what, in either order."
RELEVANCE_NOTE = (
    "Terms of COMIF eq. 4: the candidate's origin before that of the state that predicts. Shares of variance over the "
    "catalogue, all users together. A model that scores bare items has no side information on the candidate's side."
)


def correlation_tables(record: CorrelationRecord) -> Comparison:
    """The tables of a record: variance and magnitude of the four terms in every block, kinds of
    fields, relevance.
    """
    title = f"Correlation of items and side information, {record.data}"
    sampled = (
        f"Test histories of {record.users:,} of {record.test_users:,} users (seed {record.seed}), data {record.fingerprint}; "
        f"only visible pairs of real slots."
    )
    blocks = sorted(
        {shares.block for run in record.runs for shares in run.trained if shares.block is not None}
    )
    tables = [
        _table(
            record,
            f"{title}: attention, block {block}",
            TERMS,
            _of_block(block),
            _variance,
            (TERM_NOTE, VARIANCE_NOTE, sampled) if block == 1 else (),
        )
        for block in blocks
    ]
    tables.append(
        _table(
            record,
            f"{title}: attention, block 1, magnitude",
            TERMS,
            _of_block(1),
            _magnitude,
            (MAGNITUDE_NOTE,),
        )
    )
    tables.append(
        _table(
            record,
            f"{title}: attention, block 1, by field",
            (*KINDS, BIAS),
            _of_block(1),
            _kinds,
            (KIND_NOTE,),
        )
    )
    tables.append(
        _table(record, f"{title}: relevance", TERMS, _of_block(None), _variance, (RELEVANCE_NOTE,))
    )
    return Comparison(title=title, tables=tuple(tables), sentences=tuple(_sentences(record)))


def _table(
    record: CorrelationRecord,
    title: str,
    names: Sequence[str],
    wanted: Callable[[TermShares], bool],
    values: Callable[[TermShares], Mapping[str, float]],
    notes: tuple[str, ...],
) -> ResultTable:
    where = (TableColumn("attributes"), TableColumn("behaviours"))
    columns = (*where, *(TableColumn(name, unit="%", decimals=1) for name in names))
    rows = []
    for state in (TRAINED, UNTRAINED):
        for runs in by_label(record.runs):
            shares = [
                values(shares) for run in runs for shares in _shares(run, state) if wanted(shares)
            ]
            if shares:
                fused = Cell(runs[0].attribute), Cell(runs[0].behaviour)
                cells = [
                    Cell(100 * float(np.mean([share[name] for share in shares]))) for name in names
                ]
                rows.append(TableRow(runs[0].label, (*fused, *cells), state, runs=links(runs)))
    return ResultTable(title, columns, tuple(rows), notes)


def _shares(run: RunShares, state: str) -> tuple[TermShares, ...]:
    return run.trained if state == TRAINED else run.untrained


def _of_block(block: int | None) -> Callable[[TermShares], bool]:
    return lambda shares: shares.block == block


def _variance(shares: TermShares) -> Mapping[str, float]:
    return shares.variance


def _kinds(shares: TermShares) -> Mapping[str, float]:
    return shares.kinds


def _magnitude(shares: TermShares) -> Mapping[str, float]:
    assert shares.magnitude is not None, "attention has magnitudes"
    return shares.magnitude


def _sentences(record: CorrelationRecord) -> Iterator[str]:
    for runs in by_label(record.runs):
        first = [shares for run in runs for shares in run.trained if shares.block == 1]
        attribute, behaviour = (
            _mean_kind(first, kind) for kind in ("item-attribute", "item-behaviour")
        )
        yield (
            f"{runs[0].label}: in block 1 {100 * attribute:.1f} % of the variance of scores joins items with attributes "
            f"({_fused(runs[0].attribute)}) and {100 * behaviour:.1f} % items with behaviours ({_fused(runs[0].behaviour)})."
        )


def _mean_kind(shares: Sequence[TermShares], kind: str) -> float:
    return float(np.mean([share.kinds[kind] for share in shares]))


def _fused(level: str) -> str:
    return "which it does not read" if level == "none" else f"fused at {level}"
