"""The figures of a study: differences, training curves, costs, and the grid that was searched.

They are drawn from what is already written: the answer beside the tables, and the epochs and
timings of the runs. No rank is read and nothing is tested anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from statistics import fmean

from sirec.config.json_text import parse_json
from sirec.report.answer import Answer, RowVerdict
from sirec.report.figures.costs import CostFigure
from sirec.report.figures.forest import DIFFERS, ForestFigure
from sirec.report.figures.learning import LearningCurve, LearningFigure
from sirec.report.figures.table_figure import PaperFigure
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.store import RunFolder
from sirec.studies.compare.along_figure import along_figure
from sirec.studies.compare.cost_table import costs_of
from sirec.studies.compare.grid_figures import grid_figures

EPOCHS = "epochs.jsonl"  # of a run
FEW = 2  # from this number of trained rows on, costs and curves are compared
COSTS = {
    "minutes": "minutes of training",
    "memory": "gigabytes of memory",
    "parameters": "millions of parameters",
}
NOT_MEASURED = "memory was not measured"
SECONDS_A_MINUTE, MILLION = 60, 1_000_000
COST_MEANING = (
    "{metric} on test against minutes of training and validation until training stopped, the most "
    "memory that the process had, imports included, and the number of trained parameters; means "
    "over seeds. Minutes are those of the machine of each run, which may have done other work."
)


def study_figures(results: Path, name: str, answer: Answer) -> dict[str, PaperFigure]:
    """The figures of a study by the ending of their file names, the main one first.

    Args:
        results: the results folder.
        name: name of the study.
        answer: what its tables say.

    Raises:
        SirecError: if a file of a run is damaged.
    """
    figures: dict[str, PaperFigure] = {}
    if answer.verdicts:
        figures["differences"] = differences_figure(answer)
    figures |= grid_figures(results, name, answer)
    if answer.along is not None:
        figures["along"] = along_figure(answer, answer.along)
    runs = _trained_runs(results, answer.table.rows)
    if len(runs) >= FEW:
        curves = list(_curves(runs, answer.table))
        if curves:
            figures["curves"] = _learning_figure(answer, curves, runs)
        figures["costs"] = _cost_figure(answer, runs)
    return figures


def differences_figure(answer: Answer) -> ForestFigure:
    """Each row's difference from its baseline, with its interval.

    Args:
        answer: what the tables say, with at least one verdict.
    """
    models = answer.models
    baselines = _baselines(answer)
    is_one = len(baselines) == 1
    has_several = len(set(map(attrgetter("dataset"), answer.verdicts))) > 1
    rows: list[TableRow] = []
    for each in answer.verdicts:
        label = each.label if is_one else f"{each.label} – {each.baseline}"
        group = f"{each.metric}, {each.dataset}" if has_several else each.metric
        mark = DIFFERS if each.differs else ""
        cell = Cell(each.difference, interval=(each.low, each.high), mark=mark)
        model = models.get(each.label, "")
        rows.append(TableRow(label, (cell,), group, each.is_training_free, model=model))
    axis = f"difference from {baselines[0]}" if is_one else "difference, first minus second"
    table = ResultTable(
        f"{answer.title}: {axis}", (TableColumn("difference", signed=True),), tuple(rows)
    )
    return ForestFigure(table, axis, _meaning(answer.verdicts))


def _baselines(answer: Answer) -> list[str]:
    """Labels of the baselines, each once."""
    return list(dict.fromkeys(map(attrgetter("baseline"), answer.verdicts)))


def _meaning(verdicts: Sequence[RowVerdict]) -> str:
    seeds = sorted(set(map(attrgetter("seeds"), verdicts)))
    number = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    noun = "seed" if seeds == [1] else "seeds"
    return (
        f"Paired differences on test with their 95 % intervals ({number} {noun} a side). "
        "Filled: the interval excludes zero and p < 0.05 after Holm's correction; hollow: not "
        "shown either way."
    )


def _trained_runs(
    results: Path, rows: Sequence[TableRow]
) -> dict[tuple[str, str], list[RunFolder]]:
    """(group, label) of each trained row -> its runs, which lie below the results folder."""
    found: dict[tuple[str, str], list[RunFolder]] = {}
    for row in rows:
        if not row.is_training_free and row.runs:
            folders = found.setdefault((row.group, row.label), [])
            for link in row.runs.values():
                folders.append(RunFolder(results / link.partition("/")[2]))
    return found


def _curves(
    runs: Mapping[tuple[str, str], Sequence[RunFolder]], table: ResultTable
) -> list[LearningCurve]:
    """A curve for each run that was validated."""
    curves: list[LearningCurve] = []
    for row in table.rows:
        for folder in runs.get((row.group, row.label), ()):
            curve = _curve(folder, row)
            if curve.values:
                curves.append(curve)
    return curves


def _curve(folder: RunFolder, row: TableRow) -> LearningCurve:
    config, timings = folder.config(), folder.timings()
    metric = config.stages[-1].metric
    spent = zip(timings["train_seconds"], timings["valid_seconds"], strict=True)
    total = 0.0
    epochs: list[int] = []
    seconds: list[float] = []
    values: list[float] = []
    best: int | None = None
    lines = folder.checked_file(EPOCHS).read_text(encoding="utf-8").splitlines()
    for number, (line, (training, validation)) in enumerate(zip(lines, spent, strict=False)):
        epoch = parse_json(line)
        total += training + validation
        value = epoch.get("valid", {}).get(metric)
        if value is not None:
            if epoch.get("is_best"):
                best = len(values)
            epochs.append(number + 1)
            seconds.append(total)
            values.append(float(value))
    return LearningCurve(
        row, folder.dataset, config.seed, tuple(epochs), tuple(seconds), tuple(values), best
    )


def _learning_figure(
    answer: Answer,
    curves: Sequence[LearningCurve],
    runs: Mapping[tuple[str, str], Sequence[RunFolder]],
) -> LearningFigure:
    first = next(iter(runs.values()))[0]
    metric = first.config().stages[-1].metric
    baselines = _baselines(answer)
    reference = baselines[0] if len(baselines) == 1 else None
    if all(curve.row.label != reference for curve in curves):
        reference = None
    return LearningFigure(f"{answer.title}: training curves", metric, tuple(curves), reference)


def _cost_figure(answer: Answer, runs: Mapping[tuple[str, str], Sequence[RunFolder]]) -> CostFigure:
    rows: list[TableRow] = []
    for row in answer.table.rows:
        folders = runs.get((row.group, row.label), ())
        if folders and isinstance(row.cells[0].value, float):
            label = f"{row.label}, {row.group}" if row.group else row.label
            cells = (Cell(row.cells[0].value), *_costs(folders))
            rows.append(TableRow(label, cells, row.group, model=row.model))
    metric = answer.table.columns[0]
    columns = (
        metric,
        TableColumn("minutes", decimals=1),
        TableColumn("memory", "GB", decimals=2),
        TableColumn("parameters", "million"),
    )
    table = ResultTable(f"{answer.title}: costs", columns, tuple(rows))
    return CostFigure(table, COSTS, COST_MEANING.format(metric=metric.name))


def _costs(folders: Sequence[RunFolder]) -> tuple[Cell, Cell, Cell]:
    """Minutes, gigabytes and millions of parameters of a row, means over its runs."""
    minutes: list[float] = []
    memory: list[float] = []
    parameters: list[float] = []
    for folder in folders:
        timings = folder.timings()
        spent = sum(timings["train_seconds"]) + sum(timings["valid_seconds"])
        minutes.append(spent / SECONDS_A_MINUTE)
        parameters.append(timings["parameters"] / MILLION)
        memory.append(costs_of(folder)["memory_gb"])
    measured = Cell(fmean(memory)) if min(memory) > 0 else Cell(missing=NOT_MEASURED)
    return Cell(fmean(minutes)), measured, Cell(fmean(parameters))
