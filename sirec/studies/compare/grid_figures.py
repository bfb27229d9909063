"""The figure of a study's grid search: one setting along an axis, or two of them as a map."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from sirec.report.answer import Answer
from sirec.report.figures.grids import GridFigure
from sirec.report.figures.table_figure import PaperFigure
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.records import read_record
from sirec.shell import command
from sirec.studies.spec.grid import TAKEN, Trial


def grid_figures(results: Path, name: str, answer: Answer) -> dict[str, PaperFigure]:
    """`grid` -> the figure of the trials of a study.

    It is empty if the study did not try several values of one or two settings.

    Args:
        results: the results folder.
        name: name of the study.
        answer: what its tables say, which knows the models of rows.

    Raises:
        SirecError: if the record is damaged.
    """
    path = results / "studies" / f"{name}.json"
    if not path.exists():
        return {}
    stored = read_record(path, f"make it anew: {command('study', name)}")
    trials = [Trial(**trial) for trial in stored.get("trials", ())]
    figure = grid_figure(trials, answer)
    return {} if figure is None else {"grid": figure}


def grid_figure(trials: Sequence[Trial], answer: Answer) -> GridFigure | None:
    """The figure of some trials, if they try several values of one or two settings.

    Args:
        trials: the trials.
        answer: what the tables of their study say.
    """
    values: dict[str, list[Any]] = {}
    for trial in trials:
        for key, value in trial.setting.items():
            tried = values.setdefault(key, [])
            if value not in tried:
                tried.append(value)
    keys: list[str] = []
    for key, tried in values.items():
        if len(tried) > 1:
            keys.append(key)
    if not 1 <= len(keys) <= 2:
        return None
    across, down = keys[0], keys[1] if len(keys) > 1 else None
    models = answer.models
    cells: dict[tuple[str, str], dict[tuple[Any, Any], Cell]] = {}
    for trial in trials:
        place = (trial.setting.get(across), trial.setting.get(down) if down else None)
        cell = Cell(trial.value, mark=TAKEN if trial.is_chosen else "")
        cells.setdefault((trial.dataset, trial.label), {})[place] = cell
    has_several = len(set(map(attrgetter("dataset"), trials))) > 1
    columns = _ordered(values[across])
    lines = _ordered(values[down]) if down else [None]
    rows: list[TableRow] = []
    for (dataset, label), tried_cells in cells.items():
        group = f"{label}, {dataset}" if has_several else label
        for line in lines:
            found = tuple(tried_cells.get((column, line), Cell()) for column in columns)
            name = label if line is None else str(line)
            rows.append(TableRow(name, found, group, model=models.get(label, "")))
    table = ResultTable(
        f"{answer.title}: trials", tuple(map(TableColumn, map(str, columns))), tuple(rows)
    )
    return GridFigure(table, across, down, f"validation {trials[0].metric}")


def _ordered(values: Sequence[Any]) -> list[Any]:
    """Numbers from the smallest on; anything else as it was tried."""
    are_numbers = all(isinstance(value, int | float) for value in values)
    return sorted(values) if are_numbers else list(values)
