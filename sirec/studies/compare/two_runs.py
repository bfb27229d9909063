"""Two runs beside each other: first what makes the comparison unfair, then what merely differs,
then which one is better.

A difference of two runs says something about what was meant to differ only if all else is alike.
What every fair comparison shares comes first: the history rule, and what `protocol.py` lists for
tables as well. Ranks on different data are never compared: their users are not the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sirec.config import dump, leaves
from sirec.errors import SirecError
from sirec.evaluation.metrics import KINDS, Metric
from sirec.evaluation.ranks import Ranks
from sirec.evaluation.statistics import compare
from sirec.models import model_class
from sirec.report.difference_words import method_notes, sentence
from sirec.report.differences import TEST_VIEW, PairedTest
from sirec.report.results import View
from sirec.report.table import NOT_RUN, Cell, ResultTable, TableColumn, TableRow
from sirec.run.store import RunFolder
from sirec.studies.compare.comparison import HEADLINE, Comparison
from sirec.studies.compare.fairness import CONDITIONS, COVERED, UNTRAINED

METRICS = tuple(Metric(kind, cutoff) for kind in KINDS for cutoff in (5, 10, 20))
Sides = tuple[RunFolder, RunFolder]


@dataclass(frozen=True)
class Facts:
    """What of one thing the first and the second run have."""

    name: str
    first: str
    second: str

    @property
    def are_alike(self) -> bool:
        """Whether both have the same."""
        return self.first == self.second

    @property
    def row(self) -> tuple[Cell, Cell]:
        """As cells of a table."""
        return Cell(self.first), Cell(self.second)


def compare_runs(
    sides: Sides,
    *,
    metrics: Sequence[Metric] = METRICS,
    view: View = TEST_VIEW,
    configuration_only: bool = False,
) -> Comparison:
    """Tables of what is unlike and then, if wanted, of what came of it; the first one's title says
    whether it is fair.

    Raises `SirecError` where both are the same run, and for results on different data.
    """
    if sides[0].path.resolve() == sides[1].path.resolve():
        raise SirecError(f"{sides[0].path}: a run cannot be compared with itself", "name two runs")
    labels = _labels(sides)
    shared, others = shared_facts(sides, view), other_facts(sides)
    protocol = (_shared_table(shared, labels), _others_table(others, labels))
    title = " against ".join(labels)
    if configuration_only:
        return Comparison(title, protocol, ())
    refuse_other_data(sides)
    ranks = tuple(folder.ranks().ranks[view.split][view.history] for folder in sides)
    pairs = [_pair(metric, ranks, labels, sides) for metric in metrics]
    notes = (view.note, f"{warning(shared)}.", *method_notes(pairs))
    results = (_result_table(pairs, labels, notes), _overlap_table(metrics, ranks, labels))
    about = HEADLINE if HEADLINE in metrics else metrics[0]
    said = [sentence(pair) for pair in pairs if pair.difference.metric == about.name]
    return Comparison(title, (*protocol, *results), (f"{warning(shared)}.", *said))


def refuse_other_data(sides: Sides) -> None:
    """Raise `SirecError` if the runs were made on different data, or on other splits of them."""
    if sides[0].fingerprint() == sides[1].fingerprint():
        return
    names = [
        f"{folder.config().data.name} {folder.fingerprint()} ({folder.split().text})"
        for folder in sides
    ]
    what = f"the runs were made on different data, so their users cannot be paired: {' and '.join(names)}"
    raise SirecError(
        what,
        "train both on the same prepared data set; --configuration compares configurations alone",
    )


def shared_facts(sides: Sides, view: View = TEST_VIEW) -> list[Facts]:
    """What both have of each thing that a fair comparison shares; ranks under both history rules
    are stored with every run.

    A floor is not trained, which is one thing to differ in and stands for all that training shares.
    """
    rule = {"keep": "kept", "mask": "masked"}[view.history]
    first, second = ((folder, folder.config()) for folder in sides)
    training_free = [
        model_class(config.model.name).is_training_free for _, config in (first, second)
    ]
    training = (
        [
            Facts(
                "training",
                *(
                    UNTRAINED if is_training_free else "trained"
                    for is_training_free in training_free
                ),
            )
        ]
        if any(training_free)
        else []
    )
    asked = [condition for condition in CONDITIONS if condition.of_training_free or not training]
    return [
        Facts("history", rule, rule),
        *(
            Facts(condition.name, condition.of(*first), condition.of(*second))
            for condition in asked
        ),
        *training,
    ]


def other_facts(sides: Sides) -> list[Facts]:
    """What else is unlike: the keys of the configurations, and the size of what was trained."""
    first, second = map(_settings, sides)
    found = (
        Facts(path, first.get(path, NOT_RUN), second.get(path, NOT_RUN))
        for path in dict.fromkeys((*first, *second))
    )
    return [facts for facts in found if not facts.are_alike]


def warning(shared: Sequence[Facts]) -> str:
    """In one line, whether a comparison is fair, and if not what makes it unfair."""
    unlike = [facts.name for facts in shared if not facts.are_alike]
    if unlike:
        return f"NOT LIKE WITH LIKE: the runs differ in {', '.join(unlike)}"
    return "Like with like: the runs share what a fair comparison shares"


def _labels(sides: Sides) -> tuple[str, str]:
    """Titles of models; for one model twice with the runs' ids, or if those are alike too with
    their whole paths.
    """
    titles = [model_class(folder.config().model.name).title for folder in sides]
    ids = [f"{title} {folder.path.name}" for title, folder in zip(titles, sides, strict=True)]
    paths = [str(folder.path) for folder in sides]
    first, second = next(names for names in (titles, ids, paths) if len(set(names)) == 2)
    return first, second


def _settings(folder: RunFolder) -> Mapping[str, str]:
    """Dotted path -> value of what `CONDITIONS` do not cover."""
    plain = {
        ".".join(path): _text(value)
        for path, value in leaves(dump(folder.config()))
        if _is_plain(path, value)
    }
    mine = {
        path: text for path, text in plain.items() if not any(key in f".{path}." for key in COVERED)
    }
    timings = folder.timings() if folder.is_done else {}
    trained = (
        {"parameters": f"{timings['parameters']:,}", "epochs trained": str(timings["epochs"])}
        if timings
        else {}
    )
    return mine | trained


def _is_plain(path: tuple[str, ...], value: object) -> bool:
    """Whether a value has no parts of its own; a list of plain values is one value."""
    nested = isinstance(value, list) and (
        not value or any(isinstance(element, Mapping) for element in value)
    )
    return not (nested or isinstance(value, Mapping) or path[-1].isdigit())


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shared_table(shared: Sequence[Facts], labels: tuple[str, str]) -> ResultTable:
    ordered = sorted(shared, key=lambda facts: facts.are_alike)  # what is unlike comes first
    groups = {False: "unlike", True: "alike"}
    rows = tuple(TableRow(facts.name, facts.row, groups[facts.are_alike]) for facts in ordered)
    return ResultTable(
        warning(shared), tuple(map(TableColumn, labels)), rows, label_heading="protocol"
    )


def _others_table(others: Sequence[Facts], labels: tuple[str, str]) -> ResultTable:
    rows = tuple(TableRow(facts.name, facts.row) for facts in others)
    return ResultTable(
        "What else differs", tuple(map(TableColumn, labels)), rows, label_heading="key"
    )


def _pair(
    metric: Metric, ranks: Sequence[Ranks], labels: tuple[str, str], sides: Sides
) -> PairedTest:
    found = compare(metric, {0: ranks[0]}, {0: ranks[1]})  # one run a side, whatever its seed
    configs = [folder.config() for folder in sides]
    training_free = tuple(
        label
        for label, config in zip(labels, configs, strict=True)
        if model_class(config.model.name).is_training_free
    )
    tested = replace(found, adjusted_p=found.p_value)
    return PairedTest(
        configs[0].data.name,
        *labels,
        tested,
        1,
        is_reference=True,
        chosen="named",
        training_free=training_free,
    )


def _result_table(
    pairs: Sequence[PairedTest], labels: tuple[str, str], notes: tuple[str, ...]
) -> ResultTable:
    columns = (
        *map(TableColumn, labels),
        TableColumn("difference", signed=True),
        TableColumn("relative", "%", decimals=1, signed=True),
        TableColumn("p"),
    )
    rows = []
    for d in (pair.difference for pair in pairs):
        relative = (
            Cell(missing="the second mean is 0") if d.relative is None else Cell(100 * d.relative)
        )
        gain = Cell(d.difference, interval=(d.low, d.high))
        rows.append(
            TableRow(d.metric, (Cell(d.mean_a), Cell(d.mean_b), gain, relative, Cell(d.p_value)))
        )
    return ResultTable("Results", columns, tuple(rows), notes, label_heading="metric")


def _overlap_table(
    metrics: Sequence[Metric], ranks: Sequence[Ranks], labels: tuple[str, str]
) -> ResultTable:
    """How many users each run finds the target of, at every cutoff that the metrics have."""
    rows = []
    for cutoff in sorted({metric.cutoff for metric in metrics}):
        first, second = (Metric("Recall", cutoff).per_user(side) > 0 for side in ranks)
        counts = ((first & second), (first & ~second), (~first & second), (~first & ~second))
        either = Cell(float((first | second).mean()))
        rows.append(
            TableRow(f"first {cutoff}", (*(Cell(int(users.sum())) for users in counts), either))
        )
    names = ("both", f"only {labels[0]}", f"only {labels[1]}", "neither", "share that either finds")
    notes = ("Users whose target is among the first places. A tie counts half a rank.",)
    return ResultTable(
        "Overlap of hits",
        tuple(map(TableColumn, names)),
        tuple(rows),
        notes,
        label_heading="places",
    )
