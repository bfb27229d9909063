"""The tables of a study, from stored ranks alone: no model, no data, no training.

`results/studies/<name>.json` lists a study's runs by row. It is written as runs finish, so that a
study which was interrupted can be drawn as far as it got.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sirec.data.split import LeaveOneOut
from sirec.errors import SirecError
from sirec.evaluation.list_metrics import ListMetric, split_metrics
from sirec.evaluation.metrics import DEFAULT_METRICS
from sirec.report.answer import Along
from sirec.report.published import PrintedRow
from sirec.report.result_set import ResultSet
from sirec.report.results import PREVIOUS, MissingRow, RunResult, View
from sirec.report.table import ResultTable
from sirec.run.records import read_record
from sirec.run.store import RecordedRun
from sirec.shell import command
from sirec.studies.compare.comparison import Comparison, compare_results
from sirec.studies.compare.cost_table import cost_table, has_costs
from sirec.studies.compare.list_table import list_table
from sirec.studies.compare.renamed_rows import renamed_rows, with_names_of_today
from sirec.studies.compare.run_results import run_result
from sirec.studies.spec import grid as search
from sirec.studies.spec.attributes import are_as_named
from sirec.studies.spec.experiment import Experiment

VIEWS = (View("test", "keep"), View("test", "mask"), View("valid", "keep"))


def render(
    experiment: Experiment, name: str, out: Path, views: Sequence[View] = VIEWS
) -> Comparison:
    """The tables of a study, from the ranks of its runs.

    Args:
        experiment: the experiment.
        name: name of the study.
        out: the results folder.
        views: which ranks are shown.

    Raises:
        SirecError: if the study has not been run, or was run by another plan.
    """
    stored = _record(experiment, name, out)
    results = _results(experiment, out, stored["runs"])
    trials = [search.Trial(**trial) for trial in stored.get("trials", ())]
    alone = _rows_without_trials(results, trials)
    notes = [*_notes(experiment, results), *_note_on_revisions(out, stored["runs"])]
    proposals = experiment.proposals
    not_as_papers = _datasets_with_other_split(results)
    if proposals and not_as_papers:
        proposals = ()
        datasets = ", ".join(not_as_papers)
        notes.append(f"No gains over baselines: {datasets} not split as papers split their data.")
    how = _how_searched(experiment, trials, alone)
    if trials:
        notes.append(how)
    of_ranks, of_lists = split_metrics(experiment.metrics)
    draw = partial(compare_results, metrics=of_ranks or DEFAULT_METRICS, views=views, notes=notes)
    missing = [MissingRow(**row) for row in stored["missing"]]
    if trials and alone:
        comparison = _in_two(experiment.title, draw, results, alone, proposals, missing)
    else:
        comparison = draw(results, title=experiment.title, proposals=proposals, missing=missing)
    tables = list(comparison.tables)
    if of_lists:
        tables += _list_tables(experiment, of_lists, out, stored["runs"], views)
    if has_costs(experiment.published):
        tables.append(cost_table(results, experiment.title, out))
    if trials:
        tables.append(search.summary(trials, experiment.title, how, alone))
    if trials and experiment.tune is None:
        tables.append(search.table(trials, experiment.title, alone))
    along = _along(experiment, stored["runs"])
    return replace(comparison, tables=tuple(tables), along=along)


def _along(experiment: Experiment, lines: Sequence[Mapping[str, str]]) -> Along | None:
    """The setting in which rows differ, with its value for each label; None where there is none."""
    if experiment.along is None:
        return None
    values: dict[str, float] = {}
    for line in lines:
        at = experiment.rows[line["row"]].at
        if at is not None:
            values[line["label"]] = at
    return Along(experiment.along, values)


def _in_two(
    title: str,
    draw: Callable[..., Comparison],
    results: Sequence[RunResult],
    alone: Sequence[str],
    proposals: Sequence[str],
    missing: Sequence[MissingRow],
) -> Comparison:
    """The rows that were searched, and those with one run, each among themselves alone.

    A row with many trials beside one with a single run would be compared by its search, too.
    Training-free baselines have nothing to search and stand in both.
    """
    searched_rows = {result.label for result in results if not result.is_training_free}
    searched_rows -= set(alone)
    left_out_of = {
        title: set(alone),
        f"{title}: rows that were not searched": searched_rows,
    }
    drawn: list[Comparison] = []
    for title_of_group, left_out in left_out_of.items():
        group = _without_rows(results, left_out)
        here = {result.label for result in group}
        of_group = [row for row in proposals if row in here]
        drawn.append(draw(group, title=title_of_group, proposals=of_group, missing=missing))
    searched, others = drawn
    where = f"Rows that were not searched have tables of their own: {', '.join(alone)}."
    screen = searched.screen()
    return replace(
        searched,
        tables=(*searched.tables, *others.tables),
        sentences=(*searched.sentences, *others.sentences),
        overview=replace(screen, lines=(where, *screen.lines)),
        pairs=(*searched.pairs, *others.pairs),
    )


def _without_rows(results: Sequence[RunResult], left_out: Collection[str]) -> list[RunResult]:
    """The other rows; one that was to be compared with a row that is left out names none."""
    above: dict[tuple[str, str], str | None] = {}  # (data set, label) -> label of the row above
    last: dict[str, str] = {}
    for result in results:
        above.setdefault((result.dataset, result.label), last.get(result.dataset))
        last[result.dataset] = result.label
    kept: list[RunResult] = []
    for result in results:
        baseline = result.against
        if baseline == PREVIOUS:
            baseline = above[result.dataset, result.label]
        if result.label not in left_out:
            kept.append(replace(result, against=None) if baseline in left_out else result)
    return kept


def _list_tables(
    experiment: Experiment,
    metrics: Sequence[ListMetric],
    out: Path,
    lines: Sequence[Mapping[str, str]],
    views: Sequence[View],
) -> list[ResultTable]:
    """The metrics of stored lists under each history rule; a row without lists stays empty."""
    runs = [(line["label"], _recorded(line).open(out)) for line in lines]
    tables: list[ResultTable] = []
    for view in views:
        if view.split == "test":
            title = f"{experiment.title}: lists of recommended items"
            tables.append(list_table(runs, metrics, view, with_gaps=True, title=title))
    return tables


def _how_searched(
    experiment: Experiment, trials: Sequence[search.Trial], alone: Sequence[str]
) -> str:
    """How rows were searched, as a sentence; empty if none was."""
    if not trials:
        return ""
    tune = experiment.tune
    if tune is None:
        return search.note(trials, alone)
    where = "the space named in the experiment" if tune.space else "the space its model declares"
    return (
        f"Trials of each searched row: {tune.trials}, the first as declared, the others proposed "
        f"by {tune.sampler} (seed {tune.seed}) in {where}; first seed; validation "
        f"{trials[0].metric} decided."
    )


def _record(experiment: Experiment, name: str, out: Path) -> Mapping[str, Any]:
    path = out / "studies" / f"{name}.json"
    if not path.exists():
        raise SirecError(f"{path}: no such file", "run it first, without --render-only")
    stored: Mapping[str, Any] = read_record(path, f"make it anew: {command('study', name)}")
    current = experiment.plan()
    if stored["plan"] == current:
        return stored
    names = renamed_rows(stored["plan"], current)
    if names is None:
        raise SirecError(
            f"{path}: made from another plan than the experiment file has now",
            "run it: what is trained stays",
        )
    return with_names_of_today(stored, names, _named_attributes(stored, out))


def _named_attributes(stored: Mapping[str, Any], out: Path) -> dict[str, tuple[str, ...]]:
    """Row in a record -> the attributes of its runs, for the rows that choose attributes."""
    found: dict[str, tuple[str, ...]] = {}
    for line in stored["runs"]:
        if "attributes" in stored["plan"]["rows"][line["row"]]:
            config = _recorded(line).open(out).config()
            found[line["row"]] = config.data.attributes or ()
    return found


def _results(
    experiment: Experiment, out: Path, lines: Sequence[Mapping[str, str]]
) -> list[RunResult]:
    """The runs that a record lists, as tables see them."""
    labels: dict[tuple[str, str], str] = {}  # (data set, name of a row) -> label
    for line in lines:
        labels[_recorded(line).open(out).dataset, line["row"]] = line["label"]
    results: list[RunResult] = []
    for line in lines:
        run = _recorded(line)
        against = experiment.baseline(line["row"])
        if against:
            against = labels.get((run.open(out).dataset, against), against)
        results.append(_result(experiment, out, run, line["row"], against or None))
    return results


def _result(
    experiment: Experiment, out: Path, run: RecordedRun, row_name: str, against: str | None
) -> RunResult:
    """A run as its row has it.

    If the experiment names a published table, the run has that table's printed values or none.
    """
    row, folder = experiment.rows[row_name], run.open(out)
    published = experiment.published
    if published is None:
        return run_result(folder, run.label, is_variant=row.is_variant, against=against)
    printed: PrintedRow | None = None
    if row.printed and are_as_named(row.attributes, folder.config().data.attributes or ()):
        printed = PrintedRow(published, row.printed)
    return run_result(folder, run.label, is_variant=True, printed=printed, against=against)


def _recorded(line: Mapping[str, str]) -> RecordedRun:
    return RecordedRun(line["label"], line["run"], line.get("digest"))


def _datasets_with_other_split(results: Sequence[RunResult]) -> list[str]:
    """Names of the data sets that are not split as in the papers."""
    names: dict[str, None] = {}
    for result in results:
        if result.split != LeaveOneOut():
            names[result.dataset] = None
    return list(names)


def _rows_without_trials(results: Sequence[RunResult], trials: Sequence[search.Trial]) -> list[str]:
    """Labels of trained rows that have no trials on their data set."""
    searched = {(trial.dataset, trial.label) for trial in trials}
    labels: dict[str, None] = {}
    for result in results:
        if not result.is_training_free and (result.dataset, result.label) not in searched:
            labels[result.label] = None
    return list(labels)


def _note_on_revisions(out: Path, lines: Sequence[Mapping[str, str]]) -> list[str]:
    """Which rows were trained with other revisions of their parts than this code has."""
    earlier: dict[str, list[str]] = {}
    for line in lines:
        found = _recorded(line).open(out).earlier_revisions()
        if found:
            earlier[line["label"]] = found
    if not earlier:
        return []
    rows = [f"{label} ({', '.join(found)})" for label, found in earlier.items()]
    return [
        f"Trained with an earlier revision than this version has: {'; '.join(rows)}. A revision is "
        "raised where the same settings give other numbers, such as other draws of dropout."
    ]


def _notes(experiment: Experiment, results: Sequence[RunResult]) -> list[str]:
    """The experiment's own notes, on its data sets too, and the data sets that are absent."""
    datasets = ResultSet(results).datasets()
    notes = list(experiment.notes)
    for name in datasets:
        notes += experiment.notes_on.get(name, ())
    absent: list[str] = []
    for name, reason in experiment.unavailable.items():
        if name not in datasets:
            absent.append(f"{name} ({reason})")
    if absent:
        notes.append(f"Not in this table: {'; '.join(absent)}.")
    return notes
