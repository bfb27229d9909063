"""Metrics of lists of several runs as one table; runs of one label are one row."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path

from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.evaluation.list_metrics import LIST_METRIC_KINDS, ListMetric
from sirec.evaluation.lists import TopLists
from sirec.report.results import View
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.lists import lacks_lists, longest_cutoff, read_lists, store_lists
from sirec.run.store import RunFolder
from sirec.shell import command

UNTESTED = "Metrics of lists describe what all users are shown; differences are not tested."


def list_table(
    runs: Sequence[tuple[str, RunFolder]],
    metrics: Sequence[ListMetric],
    view: View,
    *,
    with_gaps: bool = False,
    title: str = "Lists of recommended items",
) -> ResultTable:
    """The metrics of the stored lists of runs; several runs of a row are averaged.

    Args:
        runs: the label of its row, and the folder, of each run.
        metrics: the metrics.
        view: which lists are read; there are lists of test users alone.
        with_gaps: whether a row without lists, or without the attribute of a metric, stays empty
            and a note says what to do; else it is refused.
        title: what the table is called, before its view.

    Raises:
        SirecError: for validation, for damaged lists, and, unless there may be gaps, for a run
            whose lists are not stored or too short, or that lacks the attribute of a metric.
    """
    if view.split != "test":
        raise SirecError(
            "metrics of lists are those of test users", "leave --split valid out, or them"
        )
    longest = longest_cutoff(metrics)
    lacking: list[RunFolder] = []
    rows: dict[tuple[str, str], list[RunFolder]] = {}
    for label, folder in runs:
        rows.setdefault((folder.dataset, label), []).append(folder)
        if lacks_lists(folder, longest):
            lacking.append(folder)
    if lacking and not with_gaps:
        raise SirecError(_lack(lacking, longest), f"this stores them: {_remedy(lacking, longest)}")
    drawn: list[TableRow] = []
    for (dataset, label), folders in rows.items():
        cells = _cells(folders, metrics, view, lacking, with_gaps=with_gaps)
        links = {folder.id: folder.link for folder in folders}
        drawn.append(TableRow(label, cells, group=dataset, runs=links))
    notes: dict[str, None] = {}
    for metric in metrics:
        notes[f"{metric.kind}: {LIST_METRIC_KINDS[metric.kind].meaning}"] = None
    notes[UNTESTED] = None
    columns = tuple(map(_column, metrics))
    return ResultTable(f"{title}: {view.name}", columns, tuple(drawn), notes=tuple(notes))


def _cells(
    folders: Sequence[RunFolder],
    metrics: Sequence[ListMetric],
    view: View,
    lacking: Sequence[RunFolder],
    *,
    with_gaps: bool,
) -> tuple[Cell, ...]:
    """The cells of a row of runs; empty ones where any of them is among those that lack lists."""
    longest = longest_cutoff(metrics)
    if set(folders) & set(lacking):
        reason = f"no lists of {longest} items are stored; {_remedy(lacking, longest)} stores them"
        return (Cell(missing=reason),) * len(metrics)
    lists = [read_lists(folder, longest) for folder in folders]
    return tuple(_cell(metric, lists, view, with_gaps=with_gaps) for metric in metrics)


def _cell(metric: ListMetric, lists: Sequence[TopLists], view: View, *, with_gaps: bool) -> Cell:
    """The mean of a metric over the runs of a row."""
    is_known = all(metric.attribute in each.items.attributes for each in lists)
    if metric.attribute and with_gaps and not is_known:
        return Cell(missing=f"the data have no attribute {metric.attribute}")
    values = [metric.of(each, view.history) for each in lists]
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Cell(statistics.fmean(values), deviation=deviation)


def _lack(folders: Sequence[RunFolder], longest: int) -> str:
    paths = map(str, map(attrgetter("path"), folders))
    return f"{', '.join(paths)}: no lists of {longest} items are stored"


def _remedy(folders: Sequence[RunFolder], longest: int) -> str:
    """The command that stores the lists of some runs."""
    return command("evaluate", *map(attrgetter("id"), folders), "--lists", max(longest, 10))


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
