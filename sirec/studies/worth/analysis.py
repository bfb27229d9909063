"""`worth`: the answer from a record and the stored ranks of its runs, as an analysis."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sirec.evaluation.covariates import read_covariates
from sirec.evaluation.metrics import Metric, ranked
from sirec.evaluation.paired_means import UserValues
from sirec.report.figures.intervals import IntervalFigure
from sirec.report.overview import Overview
from sirec.report.result_set import ResultSet
from sirec.report.results import RunResult, View, rank_table
from sirec.run.store import Store
from sirec.studies.analyses.base import Analysis, DrawnAnalysis
from sirec.studies.compare.comparison import Comparison
from sirec.studies.compare.run_results import run_result
from sirec.studies.worth.design import MODEL
from sirec.studies.worth.effects import CustomerGroup, WorthEffects, effects, halves
from sirec.studies.worth.record import WorthRecord
from sirec.studies.worth.sentences import sentences
from sirec.studies.worth.tables import answer_table, group_table, row_table, rows_of

FIGURE = "fields"
LEGEND = {
    "worth": "worth: all minus all with it shuffled",
    "alone": "alone: it minus position alone",
    "added": "added: all minus all without it",
}


def draw_worth(record: WorthRecord, results: Path) -> DrawnAnalysis:
    """Tables, sentences and the figure of a record.

    Args:
        record: what was asked, and on which runs.
        results: the results folder.

    Raises:
        SirecError: if a run is missing or damaged, or rows have other seeds.
    """
    runs: list[RunResult] = []
    for run in record.runs:
        runs.append(run_result(run.open(results), run.label, is_variant=True))
    rows = rows_of(ResultSet(runs))
    view, metric = View("test", record.history), Metric("Recall", record.top)
    values: dict[str, UserValues] = {}
    for label, row in rows.items():
        of_seeds = [metric.per_user(ranks) for ranks in row.ranks(view).values()]
        values[label] = np.stack(of_seeds, axis=1)
    found = effects(values, record.fields, metric, _groups(record, runs[0], results))
    answer = answer_table(record, found, list(rows.values()))
    tables = [answer, row_table(record, rows.values(), metric)]
    if found.fields[0].groups:
        tables.insert(1, group_table(record, found))
    meaning = tuple(sentences(record, found))
    overview = Overview(replace(answer, notes=()), (answer.notes[0], *meaning))
    comparison = Comparison(answer.title, tuple(tables), meaning, overview)
    columns = {column.name for column in answer.columns}
    legend = {name: text for name, text in LEGEND.items() if name in columns}
    figure = IntervalFigure(answer, legend, _axis(record), _caption(record, found))
    return DrawnAnalysis(record.data, comparison, {FIGURE: figure})


def _axis(record: WorthRecord) -> str:
    return f"more of 1,000 customers with their next purchase among the first {record.top}"


def _caption(record: WorthRecord, found: WorthEffects) -> str:
    over = f"users and {found.seeds} seeds" if found.seeds > 1 else "users; one seed, a hint only"
    return (
        f"Of 1,000 customers, how many more find their next purchase among the first {record.top}. "
        f"Bars: intervals of 95 % over {over}."
    )


def _groups(record: WorthRecord, run: RunResult, results: Path) -> list[CustomerGroup]:
    """Halves of the users who are ranked."""
    path = Store(results).covariates(run.dataset, str(run.fingerprint))
    columns = read_covariates(path, run.ranks.users)
    return halves(columns, ranked(rank_table(run).ranks["test"][record.history]))


WORTH = Analysis(
    name="worth",
    meaning="What is each field worth: attributes of the items, behaviours of the interactions?",
    models=(MODEL,),
    record=WorthRecord,
    draw=draw_worth,
    folder="worth",
)
