"""Two runs beside each other: what makes the comparison unfair, what else differs, which is better.

A difference of two runs says something about one setting only if all other settings are alike. So
what every fair comparison shares comes first: the history rule, and the conditions of `fairness`.
Ranks on different data are never compared, as their users are not the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from sirec.config import dump, leaves
from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric, one_target_notes
from sirec.evaluation.ranks import Ranks
from sirec.evaluation.statistics import compare
from sirec.models import model_class
from sirec.report.difference_table import GAIN, difference_cells
from sirec.report.difference_words import method_notes
from sirec.report.differences import NAMED, TEST_VIEW, PairedTest
from sirec.report.overview import Overview, scope_lines, verdict_line, verdict_text
from sirec.report.results import View
from sirec.report.table import NOT_RUN, Cell, ResultTable, TableColumn, TableRow
from sirec.run.store import RunFolder
from sirec.studies.compare.comparison import Comparison, sentences_on_headline
from sirec.studies.compare.fairness import CONDITIONS, UNTRAINED, is_covered

KINDS = ("Recall", "NDCG", "MRR")
CUTOFFS = (5, 10, 20)
METRICS = tuple(Metric(kind, cutoff) for kind, cutoff in product(KINDS, CUTOFFS))
ALIKE, UNLIKE = "alike", "unlike"  # groups of settings
UNLIKE_SHOWN = 3  # settings that a screen names with their values
Sides = tuple[RunFolder, RunFolder]
Labels = tuple[str, str]


@dataclass(frozen=True)
class SettingPair:
    """One setting's value in each of two runs.

    Attributes:
        name: name of the setting.
        first: its value in the first run.
        second: its value in the second run.
    """

    name: str
    first: str
    second: str

    @property
    def are_alike(self) -> bool:
        """Whether both runs have the same value."""
        return self.first == self.second

    @property
    def cells(self) -> tuple[Cell, Cell]:
        """The values as cells of a table."""
        return Cell(self.first), Cell(self.second)


def compare_runs(
    sides: Sides,
    *,
    metrics: Sequence[Metric] = METRICS,
    view: View = TEST_VIEW,
    configuration_only: bool = False,
) -> Comparison:
    """Tables of what differs between two runs and of their results.

    The title of the first table says whether the comparison is fair.

    Args:
        sides: the two runs.
        metrics: the metrics of the results.
        view: which ranks are read.
        configuration_only: whether to leave out the results.

    Raises:
        SirecError: if both are the same run, or if results on different data are wanted.
    """
    if sides[0].path.resolve() == sides[1].path.resolve():
        raise SirecError(f"{sides[0].path}: a run cannot be compared with itself", "name two runs")
    labels = _labels(sides)
    shared = shared_settings(sides, view)
    protocol = (_shared_table(shared, labels), _others_table(other_settings(sides), labels))
    title = " against ".join(labels)
    if configuration_only:
        return Comparison(title, protocol, (), _settings_overview(protocol))
    refuse_other_data(sides)
    ranks = [run.ranks().ranks[view.split][view.history] for run in sides]
    pairs = [_pair(metric, ranks, labels, sides) for metric in metrics]
    fair = f"{warning(shared)}."
    equal = one_target_notes(metrics)
    results = _result_table(pairs, labels, (view.note, *equal, fair, *method_notes(pairs)))
    tables = (*protocol, results, _overlap_table(metrics, ranks, labels))
    sentences = (fair, *sentences_on_headline(pairs, metrics))
    overview = _overview(pairs, labels, shared, tables[-1], equal)
    return Comparison(title, tables, sentences, overview)


def refuse_other_data(sides: Sides) -> None:
    """Raise `SirecError` if the runs were made on different data, or on other splits of them."""
    if sides[0].fingerprint() == sides[1].fingerprint():
        return
    names: list[str] = []
    for run in sides:
        names.append(f"{run.config().data.name} {run.fingerprint()} ({run.split().text})")
    raise SirecError(
        "the runs were made on different data, so their users cannot be paired: "
        f"{' and '.join(names)}",
        "train both on the same prepared data set; --configuration compares configurations alone",
    )


def shared_settings(sides: Sides, view: View = TEST_VIEW) -> list[SettingPair]:
    """What both runs have of each setting that a fair comparison shares.

    If one of the runs is a training-free baseline, `training` stands for all settings of training.

    Args:
        sides: the two runs.
        view: which ranks are read. Every run has ranks under both history rules.
    """
    rule = {"keep": "kept", "mask": "masked"}[view.history]
    first, second = (sides[0], sides[0].config()), (sides[1], sides[1].config())
    training_free = list(map(_is_training_free, sides))
    found = [SettingPair("history", rule, rule)]
    for condition in CONDITIONS:
        if condition.of_training_free or not any(training_free):
            pair = SettingPair(condition.name, condition.of(*first), condition.of(*second))
            found.append(pair)
    if any(training_free):
        words = {True: UNTRAINED, False: "trained"}
        found.append(SettingPair("training", words[training_free[0]], words[training_free[1]]))
    return found


def other_settings(sides: Sides) -> list[SettingPair]:
    """What else differs: keys of the configurations, the number of parameters and of epochs."""
    first, second = map(_settings, sides)
    found: list[SettingPair] = []
    for path in dict.fromkeys((*first, *second)):
        pair = SettingPair(path, first.get(path, NOT_RUN), second.get(path, NOT_RUN))
        if not pair.are_alike:
            found.append(pair)
    return found


def warning(shared: Sequence[SettingPair]) -> str:
    """One line that says whether a comparison is fair, and if not, what makes it unfair."""
    unlike: list[str] = []
    for pair in shared:
        if not pair.are_alike:
            unlike.append(pair.name)
    if unlike:
        return f"NOT LIKE WITH LIKE: the runs differ in {', '.join(unlike)}"
    return "Like with like: the runs share what a fair comparison shares"


def _labels(sides: Sides) -> Labels:
    """The titles of the models; with ids if these are alike; else the folders' whole paths."""

    def title(run: RunFolder) -> str:
        return model_class(run.config().model.name).title

    def title_with_id(run: RunFolder) -> str:
        return f"{title(run)} {run.path.name}"

    ways: tuple[Callable[[RunFolder], str], ...] = (title, title_with_id)
    for label in ways:
        first, second = map(label, sides)
        if first != second:
            return first, second
    return str(sides[0].path), str(sides[1].path)


def _is_training_free(run: RunFolder) -> bool:
    return model_class(run.config().model.name).is_training_free


def _settings(run: RunFolder) -> Mapping[str, str]:
    """Dotted path -> value of the settings that no condition covers, and the size of the run."""
    settings: dict[str, str] = {}
    for path, value in leaves(dump(run.config())):
        name = ".".join(path)
        if _is_plain(path, value) and not is_covered(name):
            settings[name] = _text(value)
    timings = run.timings() if run.is_done else {}
    if timings:
        settings["parameters"] = f"{timings['parameters']:,}"
        settings["epochs trained"] = str(timings["epochs"])
    return settings


def _is_plain(path: tuple[str, ...], value: object) -> bool:
    """Whether a value has no parts of its own. A list of plain values is one value."""
    if isinstance(value, Mapping) or path[-1].isdigit():
        return False
    if isinstance(value, list):
        return bool(value) and not any(isinstance(element, Mapping) for element in value)
    return True


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shared_table(shared: Sequence[SettingPair], labels: Labels) -> ResultTable:
    """The settings that a fair comparison shares, those that differ first."""
    rows: list[TableRow] = []
    for pair in sorted(shared, key=lambda pair: pair.are_alike):
        rows.append(TableRow(pair.name, pair.cells, ALIKE if pair.are_alike else UNLIKE))
    columns = tuple(map(TableColumn, labels))
    return ResultTable(warning(shared), columns, tuple(rows), label_heading="protocol")


def _others_table(others: Sequence[SettingPair], labels: Labels) -> ResultTable:
    rows = tuple(TableRow(pair.name, pair.cells) for pair in others)
    columns = tuple(map(TableColumn, labels))
    return ResultTable("What else differs", columns, rows, label_heading="key")


def _pair(metric: Metric, ranks: Sequence[Ranks], labels: Labels, sides: Sides) -> PairedTest:
    """The test of one metric, of one run a side whatever their seeds."""
    found = compare(metric, {0: ranks[0]}, {0: ranks[1]})
    training_free: list[str] = []
    for label, run in zip(labels, sides, strict=True):
        if _is_training_free(run):
            training_free.append(label)
    return PairedTest(
        sides[0].config().data.name,
        *labels,
        replace(found, adjusted_p=found.p_value),
        family=1,
        is_reference=True,
        chosen=NAMED,
        training_free=tuple(training_free),
    )


def _result_table(
    pairs: Sequence[PairedTest], labels: Labels, notes: tuple[str, ...]
) -> ResultTable:
    rows: list[TableRow] = []
    for pair in pairs:
        rows.append(TableRow(pair.difference.metric, difference_cells(pair.difference)))
    columns = (*map(TableColumn, labels), *GAIN)
    return ResultTable("Results", columns, tuple(rows), notes, label_heading="metric")


def _settings_overview(protocol: tuple[ResultTable, ResultTable]) -> Overview:
    """What two configurations differ in, and nothing of what they share."""
    shared, others = protocol
    rows = [replace(row, group="") for row in shared.rows_of(UNLIKE)]
    return Overview(replace(shared, rows=(*rows, *others.rows), label_heading="key"))


def _overview(
    pairs: Sequence[PairedTest],
    labels: Labels,
    shared: Sequence[SettingPair],
    overlap: ResultTable,
    equal: Sequence[str],
) -> Overview:
    """Results with their verdicts; below them whether they are fair, and the overlap of hits."""
    rows: list[TableRow] = []
    for pair in pairs:
        first, second, difference, *_ = difference_cells(pair.difference)
        bare = replace(difference, interval=None)
        word = Cell(verdict_text(pair))
        rows.append(TableRow(pair.difference.metric, (first, second, word, bare)))
    columns = (*map(TableColumn, labels), TableColumn("verdict"), GAIN[0])
    table = ResultTable(warning(shared), columns, tuple(rows), label_heading="metric")
    unlike: list[str] = []
    for setting in shared:
        if not setting.are_alike:
            unlike.append(f"{setting.name} {setting.first} | {setting.second}")
    lines = [*equal[:2], *filter(None, ("; ".join(unlike[:UNLIKE_SHOWN]),))]
    lines += [verdict_line(pairs), *scope_lines(pairs)]
    last = overlap.rows[-1]
    counts = [TableColumn("users").text(cell.value) for cell in last.cells[:4]]
    lines.append(
        f"Found in the {last.label}: both {counts[0]}, only {labels[0]} {counts[1]}, "
        f"only {labels[1]} {counts[2]}, neither {counts[3]}."
    )
    return Overview(table, tuple(lines))


def _overlap_table(
    metrics: Sequence[Metric], ranks: Sequence[Ranks], labels: Labels
) -> ResultTable:
    """How many users' targets each run finds, at every cutoff that the metrics have."""
    rows: list[TableRow] = []
    for cutoff in sorted({metric.cutoff for metric in metrics}):
        cells = tuple(_overlap(Metric("Recall", cutoff), ranks))
        rows.append(TableRow(f"first {cutoff}", cells))
    names = ("both", f"only {labels[0]}", f"only {labels[1]}", "neither", "share that either finds")
    notes = ("Users whose target is among the first places. A tie counts half a rank.",)
    columns = tuple(map(TableColumn, names))
    return ResultTable("Overlap of hits", columns, tuple(rows), notes, label_heading="places")


def _overlap(recall: Metric, ranks: Sequence[Ranks]) -> Iterator[Cell]:
    """How many users' targets both find, one alone finds, neither finds; the share of any finds."""
    first, second = recall.per_user(ranks[0]) > 0, recall.per_user(ranks[1]) > 0
    for users in (first & second, first & ~second, ~first & second, ~first & ~second):
        yield Cell(int(users.sum()))
    yield Cell(float((first | second).mean()))
