"""Runs as a table sees them, and the notes that say how far they may be compared.

An `RunResult` is one run. Entries with the same label on the same data set are the seeds of one
row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sirec.data.split import HeldOutPart, LeaveOneOut, Split
from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric, ranked
from sirec.evaluation.ranks import HistoryRule, Ranks, RankTable
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD
from sirec.report.published import PrintedRow

NOTABLE_TIES = 0.01  # from this share of tied targets on, a table says so
UNSTATED = "unstated"
MANY = 3  # rows that share a value are not listed from this number on, if they are most
PREVIOUS = "previous"  # what a row may be set against in place of a name: the row above


@dataclass(frozen=True, eq=False)
class RunResult:
    """One run on one data set: `protocol` holds what has to be alike for a fair comparison, `link`
    its folder.

    `details` have to be alike as well, but are only said of rows that differ in them. `fingerprint`
    and `split` are those of the data. `is_variant` says that the run is not what the papers' main
    tables have, in its model or in its split, so that no value of those is its own; `printed` is
    the row of another published table that it is. `against` is what its row is set against, a
    label, a model or `PREVIOUS`, where that is not left to the table.
    """

    label: str
    model: str
    seed: int
    protocol: Mapping[str, str]
    ranks: RankTable
    dataset: str
    link: str | None = None
    is_training_free: bool = False
    is_variant: bool = False
    printed: PrintedRow | None = None
    fingerprint: str | None = None
    split: Split = field(default_factory=LeaveOneOut)
    against: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MissingRow:
    """A row that a data set cannot have, and why."""

    label: str
    dataset: str
    reason: str


@dataclass(frozen=True)
class View:
    """Which ranks are read: of which split, with the history kept in the ranking or masked."""

    split: HeldOutPart = "test"
    history: HistoryRule = "keep"

    @property
    def note(self) -> str:
        """As it stands below a table."""
        split = {"test": "Test", "valid": "Validation"}[self.split]
        history = {"keep": "kept in", "mask": "masked out of"}[self.history]
        return f"{split} split; all items ranked, the history {history} the ranking; a tie counts half a rank."


ResultsByRow = Mapping[str, Sequence[RunResult]]


def group(entries: Sequence[RunResult]) -> dict[str, dict[str, list[RunResult]]]:
    """Data set -> label -> runs by seed, in the order given. Raises `SirecError` for no entries or
    a repeated seed.
    """
    if not entries:
        raise SirecError("there is nothing to compare", "train or select at least one run")
    grouped: dict[str, dict[str, list[RunResult]]] = {}
    fingerprints: dict[str, str | None] = {}
    for entry in entries:
        if fingerprints.setdefault(entry.dataset, entry.fingerprint) != entry.fingerprint:
            message = (
                f"{entry.dataset}: '{entry.label}' was made on other data than the rows before it"
            )
            raise SirecError(
                message,
                f"fingerprints {fingerprints[entry.dataset]} and {entry.fingerprint}: train it again",
            )
        runs = grouped.setdefault(entry.dataset, {}).setdefault(entry.label, [])
        if entry.seed in {run.seed for run in runs}:
            message = f"{entry.dataset}: '{entry.label}' has seed {entry.seed} twice"
            raise SirecError(message, "give different settings different labels")
        runs.append(entry)
    return {
        ds: {label: sorted(runs, key=lambda run: run.seed) for label, runs in rows.items()}
        for ds, rows in grouped.items()
    }


def ranks_of(runs: Sequence[RunResult], view: View) -> dict[int, Ranks]:
    """Seed -> doubled ranks Int32[U]."""
    return {run.seed: run.ranks.ranks[view.split][view.history] for run in runs}


def links(runs: Sequence[RunResult]) -> dict[str, str]:
    """Seed -> folder of the runs that have one."""
    return {f"seed {run.seed}": run.link for run in runs if run.link}


def means(runs: Sequence[RunResult], metric: Metric, view: View) -> list[float]:
    """The metric of each run, a mean over users."""
    return [metric.mean(ranks) for ranks in ranks_of(runs, view).values()]


def is_known(runs: Sequence[RunResult], metric: Metric, view: View) -> bool:
    """Whether the ranks of a row reach as far as a metric reads (see `RankTable.exact_to`)."""
    return all(
        view.split in run.ranks.parts
        and metric.cutoff <= run.ranks.exact_to.get(view.history, metric.cutoff)
        for run in runs
    )


def best_on_validation(
    rows: ResultsByRow, metric: Metric, history: HistoryRule, where: str = ""
) -> str:
    """The label with the highest mean on validation; test ranks are not read. Raises `SirecError`
    if no row has one.
    """
    view = View("valid", history)
    ranked_there = [label for label, runs in rows.items() if is_known(runs, metric, view)]
    if not ranked_there:
        raise SirecError(
            f"{where}: there is no baseline to compare with",
            "add another model, or name one: --against",
        )
    return max(ranked_there, key=lambda label: np.mean(means(rows[label], metric, view)))


def protocol_notes(entries: Iterable[RunResult]) -> list[str]:
    """What all trained runs have in common, then what differs between data sets, then what differs
    between rows of one.
    """
    trained = [
        entry for entry in entries if not entry.is_training_free and entry.protocol
    ]  # nothing is known of other tools' rows
    shared, varying, unlike = [], [], []
    for key in dict.fromkeys(key for entry in trained for key in (*entry.protocol, *entry.details)):
        is_detail = any(key in entry.details for entry in trained)
        stated = [entry.details if is_detail else entry.protocol for entry in trained]
        values = {
            (entry.dataset, entry.label, facts.get(key, UNSTATED)): None
            for entry, facts in zip(trained, stated, strict=True)
            if key in facts or not is_detail  # a model may lack what a detail is about
        }
        if len({value for _, _, value in values}) == 1:
            shared += [] if is_detail else [f"{key} {next(iter(values))[2]}"]
        elif len({(dataset, value) for dataset, _, value in values}) == len(
            {dataset for dataset, _, _ in values}
        ):
            varying.append(
                f"By data set, {key}: {listed((value, dataset) for dataset, _, value in values)}."
            )
        else:
            unlike.append(f"The rows differ in {key}: {_owned(list(values))}.")
    return [*([f"Protocol: {', '.join(shared)}."] if shared else []), *varying, *unlike]


def _owned(values: Sequence[tuple[str, str, str]]) -> str:
    """Values with the rows that have them, from (data set, row, value); where most rows share one,
    it is that of all others.
    """
    by_label = len({(label, value) for _, label, value in values}) == len(
        {label for _, label, _ in values}
    )
    owners = dict.fromkeys(
        (value, label if by_label else f"{label} on {dataset}") for dataset, label, value in values
    )
    sizes = Counter(value for value, _ in owners)
    usual, size = sizes.most_common(1)[0]
    if size < MANY or size <= len(owners) - size:
        return listed(owners)
    return f"{listed((value, owner) for value, owner in owners if value != usual)}; {usual} (all others)"


def split_notes(entries: Iterable[RunResult], view: View) -> list[str]:
    """How data were split that were not split as the papers did, and how many users have a target
    then.
    """
    notes = []
    for entry in {entry.dataset: entry for entry in entries}.values():
        if entry.split != LeaveOneOut():
            some, users = (
                int(ranked(entry.ranks.ranks[view.split][view.history]).sum()),
                entry.ranks.users,
            )
            notes.append(
                f"Split of {entry.dataset}: {entry.split.text}; {some:,} of {users:,} users have a target."
            )
    return notes


def seed_note(entries: Iterable[RunResult]) -> str:
    """Which seeds a row has, and what few seeds are not. A floor has none, and those of other
    tools' rows are not known.
    """
    grouped = group(list(entries))
    trained = [
        (label if len(grouped) == 1 else f"{label} on {dataset}", runs)
        for dataset, rows in grouped.items()
        for label, runs in rows.items()
        if not runs[0].is_training_free
    ]
    if not trained:
        return "Seeds: none, as nothing is trained."
    counts = sorted({len(runs) for _, runs in trained})
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    deviation = "; ± is the standard deviation over seeds" if counts[-1] > 1 else ""
    warning = (
        ""
        if counts[0] >= SEEDS_FOR_A_METHOD
        else f" Fewer than {SEEDS_FOR_A_METHOD} compare checkpoints, not methods."
    )
    return f"Seeds per row: {number}{_numbered(trained)}{deviation}.{warning}"


def _numbered(rows: Iterable[tuple[str, Sequence[RunResult]]]) -> str:
    """The seeds themselves, of each row where rows have others."""
    seeds = dict.fromkeys(
        (", ".join(str(run.seed) for run in runs), label)
        for label, runs in rows
        if runs[0].protocol
    )
    if not seeds:
        return ""
    texts = dict.fromkeys(text for text, _ in seeds)
    plural = "s" if len(texts) > 1 or "," in next(iter(texts)) else ""
    return f" (seed{plural} {listed(seeds) if len(texts) > 1 else next(iter(texts))})"


def tie_notes(entries: Iterable[RunResult], view: View) -> list[str]:
    """Runs whose targets often tie with other items: a model that gives different items the same
    score.
    """
    shares = ((entry.label, entry.ranks.ties.get(view.split, 0.0)) for entry in entries)
    tied = dict.fromkeys(
        f"{label} ({100 * share:.0f} %)" for label, share in shares if share > NOTABLE_TIES
    )
    return [f"Targets that tie with other items: {', '.join(tied)}."] if tied else []


def listed(owners: Iterable[tuple[str, str]]) -> str:
    """`50 (SASRec, NOVA); 7 (DIF-SR)` from (value, owner); an owner whose name has a comma is in
    quotation marks.
    """
    by_value: dict[str, dict[str, None]] = {}
    for value, owner in owners:
        by_value.setdefault(value, {})[f"'{owner}'" if "," in owner else owner] = None
    return "; ".join(f"{value} ({', '.join(names)})" for value, names in by_value.items())
