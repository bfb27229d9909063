"""`attentionmaps`: what attention looks at in one test history, by source and fused (DIF-SR's
Figure 7).

The paper shows one sample and does not say how it was chosen. Here it is drawn by a seed among the
test histories of a given number of interactions, so that nobody chooses it by its looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import evaluation_rows, gather
from sirec.errors import SirecError
from sirec.evaluation.attention_maps import SourceMap, attention_maps
from sirec.report.figures.maps import MapFigure
from sirec.report.overview import Overview
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.store import RunFolder
from sirec.studies.analyses.attention_runs import attention_states, check_models
from sirec.studies.analyses.base import Analysis, DrawnAnalysis
from sirec.studies.compare.comparison import Comparison

NAME = "attentionmaps"
LENGTHS = (10, 20)  # of the histories among which the sample is drawn, both included
CAPTION = (
    "Attention of one test history, a mean over heads; dark: none, bright: all. Slot 1 is the "
    "oldest interaction. A source's map is what it would attend to alone."
)


@dataclass(frozen=True, kw_only=True)
class SampleMap:
    """One map: `block` from 1, the `source`, and the `weights` of each slot, row by row."""

    block: int
    source: str
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class RunMaps:
    """The maps of one run: the name of its row, where it lies, and what was measured."""

    label: str
    link: str
    maps: tuple[SampleMap, ...]


@dataclass(frozen=True, kw_only=True)
class MapsRecord:
    """The sample and the maps of each run; `user` is a code, `length` that of the history."""

    data: str
    fingerprint: str
    user: int
    length: int
    seed: int
    runs: tuple[RunMaps, ...]


def measure_maps(runs: Sequence[RunFolder], data: Dataset, seed: int) -> MapsRecord:
    """The maps of some runs on one test history.

    Args:
        runs: finished runs of models with attention, with their weights, on the same data.
        data: the whole data set.
        seed: draws the history.

    Raises:
        SirecError: if the data have no history of such a length.
    """
    rows = evaluation_rows(data, "test", runs[0].config().data.max_length)
    fitting = np.flatnonzero((rows.lengths >= LENGTHS[0]) & (rows.lengths <= LENGTHS[1]))
    if not len(fitting):
        raise SirecError(
            f"{data.name}: no test history has {LENGTHS[0]} to {LENGTHS[1]} interactions",
            "use data with longer histories",
        )
    row = rows.take(np.random.default_rng(seed).choice(fitting, 1))
    measured: list[RunMaps] = []
    for run in runs:
        _, model, selected = next(attention_states(run, data))
        maps = tuple(map(_stored, attention_maps(model, gather(selected, row))))
        measured.append(RunMaps(label=run.label or run.model, link=run.link, maps=maps))
    return MapsRecord(
        data=data.name,
        fingerprint=data.fingerprint(),
        user=int(row.user[0]),
        length=int(row.lengths[0]),
        seed=seed,
        runs=tuple(measured),
    )


def draw_maps(record: MapsRecord, results: Path) -> DrawnAnalysis:
    """A table of what the last slot attends to, and a figure for each run.

    Args:
        record: what was measured.
        results: the results folder; nothing of it is read.
    """
    title = f"Attention on one test history, {record.data}"
    rows: list[TableRow] = []
    figures: dict[str, MapFigure] = {}
    for run in record.runs:
        links = {"run": run.link}
        model = RunFolder(Path(run.link)).model
        for each in run.maps:
            cells = tuple(map(Cell, _last_slot(each.weights[-1])))
            label = f"{run.label}, block {each.block}, {each.source}"
            rows.append(TableRow(label, cells, runs=links, model=model))
        figures[RunFolder(Path(run.link)).id[:6]] = MapFigure(_map_table(run, record), CAPTION)
    columns = (
        TableColumn("itself", decimals=2),
        TableColumn("one before", decimals=2),
        TableColumn("oldest half", decimals=2),
        TableColumn("entropy", "bits", decimals=2),
    )
    notes = (
        f"Attention of the last slot, from which the next item is predicted; user {record.user}, "
        f"{record.length} interactions, drawn by seed {record.seed} among test histories of "
        f"{LENGTHS[0]} to {LENGTHS[1]}; means over heads.",
        "One history of one user: it shows what attention can do, not what it usually does.",
    )
    table = ResultTable(title, columns, tuple(rows), notes)
    made = Comparison(title, (table,), (), Overview.of(table, notes))
    return DrawnAnalysis(record.data, made, figures)


def _stored(found: SourceMap) -> SampleMap:
    weights = tuple(map(partial(_rounded, digits=6), found.weights.tolist()))
    return SampleMap(block=found.block, source=found.source, weights=weights)


def _rounded(values: Sequence[float], digits: int) -> tuple[float, ...]:
    return tuple(round(value, digits) for value in values)


def _last_slot(weights: Sequence[float]) -> tuple[float, float, float, float]:
    """Shares on itself, on the slot before and on the older half, and the entropy in bits."""
    entropy = 0.0
    for weight in weights:
        if weight > 0:
            entropy -= weight * math.log2(weight)
    return weights[-1], weights[-2], sum(weights[: len(weights) // 2]), entropy


def _map_table(run: RunMaps, record: MapsRecord) -> ResultTable:
    """All maps of a run, a group for each."""
    columns: list[TableColumn] = []
    for slot in range(1, record.length + 1):
        columns.append(TableColumn(str(slot), decimals=3))
    rows: list[TableRow] = []
    for each in run.maps:
        for number, weights in enumerate(each.weights, start=1):
            cells: list[Cell] = []
            for slot, weight in enumerate(weights, start=1):
                cells.append(Cell(weight if slot <= number or weight > 0 else None))
            rows.append(TableRow(str(number), tuple(cells), f"block {each.block}, {each.source}"))
    title = f"{run.label}: attention on one test history, {record.data}"
    return ResultTable(title, tuple(columns), tuple(rows), label_heading="slot")


ATTENTION_MAPS = Analysis(
    name=NAME,
    meaning="What does attention look at in one test history, by source and fused?",
    models=("dif-sr",),
    record=MapsRecord,
    draw=draw_maps,
    check=check_models,
)
