"""Metrics of lists of several runs as one table; runs of one label are one row."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.evaluation.list_metrics import LIST_METRIC_KINDS, ListMetric
from sirec.report.results import View
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.lists import longest_cutoff, read_lists, store_lists
from sirec.run.store import RunFolder

UNTESTED = "Metrics of lists describe what all users are shown; differences are not tested."


def list_table(
    runs: Sequence[tuple[str, RunFolder]], metrics: Sequence[ListMetric], view: View
) -> ResultTable:
    """The metrics of the stored lists of runs; several runs of a row are averaged.

    Args:
        runs: the label of its row, and the folder, of each run.
        metrics: the metrics.
        view: which lists are read; there are lists of test users alone.

    Raises:
        SirecError: for validation, and for a run whose lists are not stored, are too short, or
            lack the attribute of a metric.
    """
    if view.split != "test":
        raise SirecError(
            "metrics of lists are those of test users", "leave --split valid out, or them"
        )
    rows: dict[tuple[str, str], list[RunFolder]] = {}
    for label, folder in runs:
        rows.setdefault((folder.dataset, label), []).append(folder)
    drawn: list[TableRow] = []
    for (dataset, label), folders in rows.items():
        lists = [read_lists(folder, longest_cutoff(metrics)) for folder in folders]
        cells: list[Cell] = []
        for metric in metrics:
            values = [metric.of(each, view.history) for each in lists]
            deviation = statistics.stdev(values) if len(values) > 1 else None
            cells.append(Cell(statistics.fmean(values), deviation=deviation))
        links = {folder.id: folder.link for folder in folders}
        drawn.append(TableRow(label, tuple(cells), group=dataset, runs=links))
    columns = [_column(metric) for metric in metrics]
    kinds = dict.fromkeys(metric.kind for metric in metrics)
    notes = [f"{kind}: {LIST_METRIC_KINDS[kind].meaning}" for kind in kinds]
    title = f"Lists of recommended items: {view.name}"
    return ResultTable(title, tuple(columns), tuple(drawn), notes=(*notes, UNTESTED))


def _column(metric: ListMetric) -> TableColumn:
    kind = LIST_METRIC_KINDS[metric.kind]
    return TableColumn(metric.name, direction=kind.direction, decimals=kind.decimals)


def store_all_lists(
    folders: Sequence[RunFolder], count: int, data_root: Path, told: Callable[[str], None]
) -> None:
    """Store the lists of several runs.

    Args:
        folders: the runs.
        count: how many items a list has.
        data_root: folder of prepared data sets.
        told: is told which lists were stored, and which were there already.

    Raises:
        SirecError: for a run without weights, and as `store_lists` does.
    """
    for folder in folders:
        data = storage.load(storage.find(data_root, folder.config().data.name))
        if store_lists(folder, data, count):
            told(f"lists of {min(count, data.item_count)} items stored: {folder.path}")
        else:
            told(f"lists were stored before: {folder.path}")


def default_list_metrics(folders: Sequence[RunFolder], count: int) -> list[ListMetric]:
    """All metrics of lists at one cutoff, by every attribute that all runs know.

    Args:
        folders: the runs, whose lists are stored.
        count: the cutoff.
    """
    shared: list[str] | None = None
    for folder in folders:
        known = read_lists(folder).items.attributes
        shared = [name for name in (known if shared is None else shared) if name in known]
    metrics: list[ListMetric] = []
    for kind in LIST_METRIC_KINDS.values():
        if kind.needs_attribute:
            metrics += [ListMetric(kind.name, count, name) for name in shared or ()]
        else:
            metrics.append(ListMetric(kind.name, count))
    return metrics
