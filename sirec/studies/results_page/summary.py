"""The first lines of a report: what was done, what holds, and what is surprising.

Every line is computed from the answers beside the tables and from the records. A line that nothing
in the folder speaks of is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter

from sirec.errors import SirecError
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD
from sirec.papers.registries import claim_groups
from sirec.report.answer import Answer, RowVerdict
from sirec.report.differences import Verdict
from sirec.report.table import TableRow
from sirec.run.store import RunFolder
from sirec.studies.claims import verdicts
from sirec.studies.claims.table import NAME as CLAIMS
from sirec.studies.claims.table import VERDICTS as ANSWERS
from sirec.studies.results_page.artefact import Artefact

MOST_LINES = 10
SECONDS_AN_HOUR = 3600
NEAR = 0.05  # printed values that differ by less count as met
FEW = 3  # names in a list
NOT_HERE = "Not in this table: "
WORDS: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "undecided": "not decided",
    "equivalent": "equal",
}
ABOVE, BELOW = "above with one seed", "below with one seed"  # runs differ, methods may not


def summary(artefacts: Sequence[Artefact]) -> list[str]:
    """At most ten lines in plain words.

    Args:
        artefacts: the tables of the folder, in the order of the report.

    Raises:
        SirecError: if a run is missing or damaged.
    """
    answers: list[tuple[Artefact, Answer]] = []
    broad: list[Answer] = []
    for artefact in artefacts:
        answer = artefact.answer
        if answer is not None:
            answers.append((artefact, answer))
            if answer.verdicts and "overall" in artefact.name.split("_"):
                broad.append(answer)
    broad.sort(key=lambda answer: -len(answer.verdicts))
    lines = [
        _scope(artefacts),
        *map(_standing, broad[:2]),
        *_printed(broad[:1]),
        *_methods(answers),
        *_claims(artefacts),
        *_training_free(broad[:1]),
        *_disagreement(broad[:1]),
        *_bins(answers),
        *_absent(answers),
    ]
    return lines[:MOST_LINES]


def _scope(artefacts: Sequence[Artefact]) -> str:
    """How many tables and runs, of how many models, on which data, and how long."""
    folders: dict[str, RunFolder] = {}
    for artefact in artefacts:
        for path in artefact.runs():
            folders[path] = RunFolder(artefact.root / path)
    models = set(map(attrgetter("model"), folders.values()))
    datasets = dict.fromkeys(map(attrgetter("dataset"), folders.values()))
    seconds = 0.0
    for folder in folders.values():
        try:
            timings = folder.timings()
        except SirecError:
            continue  # the table that stands on it says what is missing
        seconds += sum(timings["train_seconds"]) + sum(timings["valid_seconds"])
    return (
        f"{_many(len(artefacts), 'question')}, {_many(len(folders), 'run')} of "
        f"{_many(len(models), 'model')} on {', '.join(datasets) or 'no data'}: "
        f"{seconds / SECONDS_AN_HOUR:.1f} hours of training."
    )


def _standing(answer: Answer) -> str:
    """How many trained rows are better than the baseline, and which is best."""
    about = _headline(answer)
    trained = [each for each in about if not each.is_training_free]
    found = trained or about
    baselines = " or ".join(dict.fromkeys(map(attrgetter("baseline"), found)))
    best = max(found, key=lambda each: each.difference)
    place = "Furthest above" if best.difference > 0 else "Nearest from below"
    return (
        f"On {found[0].dataset}, of {_many(len(found), 'trained row')} against {baselines} in "
        f"{found[0].metric}: {_counted(found)}. {place}: {best.label} ({_relative(best)})."
    )


def _printed(answers: Sequence[Answer]) -> Iterator[str]:
    """How near ours are to printed values, and which are furthest."""
    for answer in answers:
        names = [column.name for column in answer.table.columns]
        if "printed" not in names:
            continue
        shares: dict[str, float] = {}
        for row in answer.table.rows:
            ours, printed = row.cells[0].value, row.cells[names.index("printed")].value
            if isinstance(ours, float) and isinstance(printed, float) and printed:
                shares[row.label] = ours / printed - 1
        near = sum(abs(share) < NEAR for share in shares.values())
        furthest = sorted(shares, key=lambda label: -abs(shares[label]))[:FEW]
        told = ", ".join(f"{label} {100 * shares[label]:+.1f} %" for label in furthest)
        yield (
            f"Of {_many(len(shares), 'value')} of {names[0]} that papers printed for these rows, "
            f"{near} are met within {100 * NEAR:.0f} %. Furthest: {told}."
        )


def _methods(answers: Sequence[tuple[Artefact, Answer]]) -> Iterator[str]:
    """What is said of methods, not of single checkpoints: rows with enough seeds."""
    found: list[RowVerdict] = []
    for _, answer in answers:
        for each in _headline(answer):
            if each.seeds >= SEEDS_FOR_A_METHOD and not each.is_training_free:
                found.append(each)
    found.sort(key=lambda each: -abs(each.relative or 0))
    told: dict[str, None] = {}
    for each in found[:FEW]:
        text = f"{each.label} against {each.baseline} {_relative(each)}, {WORDS[each.verdict]}"
        told[text] = None
    if told:
        some = "; ".join(told)
        yield f"With {SEEDS_FOR_A_METHOD} seeds or more, so about methods: {some}."
    else:
        yield (
            f"Every comparison has fewer than {SEEDS_FOR_A_METHOD} seeds a side: all verdicts are "
            "about these checkpoints, not about methods."
        )


def _claims(artefacts: Sequence[Artefact]) -> Iterator[str]:
    """How many claims of each paper hold, where their verdicts are among the tables."""
    for artefact in artefacts:
        if artefact.name != CLAIMS:
            continue
        found = verdicts(artefact.root)
        for group in claim_groups().values():
            of_group = [each for each in found if each.paper == group.label]
            told: list[str] = []
            for answer in ANSWERS:
                same = [each for each in of_group if each.verdict == answer]
                printed = sum(each.claim.asserts == "printed" for each in same)
                if same:
                    told.append(_claims_in_words(answer, len(same), printed))
            source = group.source[0].upper() + group.source[1:]
            yield f"{source}, {_many(len(of_group), 'claim')}: {', '.join(told)}."


def _claims_in_words(answer: str, count: int, printed: int) -> str:
    """`13 do not hold, all of them about the paper's own numbers`."""
    plural = {"holds": "hold", "does not hold": "do not hold"}
    words = f"{count} {plural.get(answer, answer) if count > 1 else answer}"
    if not printed:
        return words
    of_them = "" if count == 1 else "all of them " if printed == count else f"{printed} of them "
    return f"{words} ({of_them}about the paper's own numbers)"


def _training_free(answers: Sequence[Answer]) -> Iterator[str]:
    """Training-free baselines that a trained baseline does not beat in some metric."""
    for answer in answers:
        for each in answer.verdicts:
            if each.is_training_free and each.direction > 0:
                trained = [row for row in answer.table.rows if not row.is_training_free]
                below = _below(answer, each, trained)
                yield (
                    f"Surprising: {each.label}, which is not trained, is above "
                    f"{each.baseline} in {each.metric} on {each.dataset} ({_relative(each)}), and "
                    f"stands above {below} of {len(trained)} trained rows there."
                )


def _below(answer: Answer, each: RowVerdict, trained: Sequence[TableRow]) -> int:
    """How many trained rows have a smaller value than the row of a verdict."""
    place = answer.table.column_index(each.metric)
    mine = [row for row in answer.table.rows if row.label == each.label]
    value = mine[0].cells[place].value
    below = 0
    for row in trained:
        other = row.cells[place].value
        below += isinstance(other, float) and isinstance(value, float) and other < value
    return below


def _disagreement(answers: Sequence[Answer]) -> Iterator[str]:
    """Rows that are above the baseline in one metric and below it in another."""
    for answer in answers:
        by_row: dict[str, dict[int, str]] = {}
        for each in answer.verdicts:
            by_row.setdefault(each.label, {})[each.direction] = each.metric
        told: list[str] = []
        for label, metrics in by_row.items():
            if {1, -1} <= set(metrics):
                told.append(f"{label} is above in {metrics[1]} and below in {metrics[-1]}")
        if told:
            baseline = answer.verdicts[0].baseline
            yield f"Metrics disagree, against {baseline}: {'; '.join(told[:FEW])}."


def _bins(answers: Sequence[tuple[Artefact, Answer]]) -> Iterator[str]:
    """How far apart the rarest and the most frequent targets are, for the best row."""
    for artefact, answer in answers:
        columns = answer.table.columns
        if not artefact.name.startswith("coldstart_") or len(columns) < 2:
            continue
        rows = [row for row in answer.table.rows if isinstance(row.cells[1].value, float)]
        best = max(rows, key=lambda row: float(row.cells[1].value or 0))
        first, last = best.cells[0].value, best.cells[1].value
        metric = answer.table.title.rpartition(", ")[2]
        yield (
            f"{best.label} finds {columns[0].text(first)} of targets in {columns[0].name}, "
            f"{columns[1].text(last)} in {columns[1].name} ({metric})."
        )
        return


def _absent(answers: Sequence[tuple[Artefact, Answer]]) -> Iterator[str]:
    """Data sets that the first table which speaks of them does not have."""
    for _, answer in answers:
        for note in answer.notes:
            if note.startswith(NOT_HERE):
                names: list[str] = []
                for part in note.removeprefix(NOT_HERE).split("; "):
                    names.append(part.partition(" (")[0])
                yield f"Not run yet: {', '.join(names)}."
                return


def _headline(answer: Answer) -> list[RowVerdict]:
    """The verdicts in the first metric that has any."""
    if not answer.verdicts:
        return []
    names = list(dict.fromkeys(map(attrgetter("metric"), answer.verdicts)))
    first = answer.table.columns[0].name
    metric = first if first in names else names[0]
    return [each for each in answer.verdicts if each.metric == metric]


def _counted(verdicts: Sequence[RowVerdict]) -> str:
    """`2 better, 1 not decided`."""
    counts = Counter(map(_word, verdicts))
    told: list[str] = []
    for word in (*WORDS.values(), ABOVE, BELOW):
        if counts[word]:
            told.append(f"{counts[word]} {word}")
    return ", ".join(told)


def _word(each: RowVerdict) -> str:
    """What is said of a row; with one seed, what is said of its runs."""
    if each.verdict == "undecided" and each.direction:
        return ABOVE if each.direction > 0 else BELOW
    return WORDS[each.verdict]


def _relative(each: RowVerdict) -> str:
    if each.relative is None:
        return f"{each.difference:+.4f}"
    return f"{100 * each.relative:+.1f} %"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
