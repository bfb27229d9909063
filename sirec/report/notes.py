"""The notes below a table that say how far its rows may be compared."""

from __future__ import annotations

from sirec.data.split import LeaveOneOut
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD
from sirec.papers.record_data import record_data
from sirec.report.result_set import ResultSet
from sirec.report.results import View
from sirec.report.words import listed

WITHHELD = "Ranks of single users were withheld"
NOTABLE_TIES = 0.01  # from this share of tied targets on, a table says so


def condition_notes(results: ResultSet, view: View) -> list[str]:
    """Everything that a table says about split, protocol, seeds and ties.

    Args:
        results: the runs of the table.
        view: which of their ranks are shown.
    """
    return [
        *split_notes(results, view),
        *data_notes(results),
        *protocol_sentences(results),
        *departure_sentences(results),
        seed_note(results),
        *tie_notes(results, view),
        *withheld_notes(results),
    ]


def protocol_sentences(results: ResultSet) -> list[str]:
    """What stands below a table about its protocol: the shared settings, then what differs.

    Args:
        results: the runs of the table. Training-free baselines have no part in this, nor have runs
            of which no protocol is known.

    Returns:
        "Protocol: …" for the settings that all rows share; "By data set, …" for a setting that
        differs between data sets only; "The rows differ in …" for one that differs between rows
        of a data set.
    """
    shared: list[str] = []
    by_dataset: list[str] = []
    by_row: list[str] = []
    for setting in results.protocol_settings():
        values = results.values_of(setting)
        if values.all_equal():
            if not results.is_detail(setting):
                shared.append(f"{setting} {values.first()}")
        elif values.constant_within_datasets():
            by_dataset.append(f"By data set, {setting}: {values.listed_by_dataset()}.")
        else:
            by_row.append(f"The rows differ in {setting}: {values.listed_by_row()}.")
    protocol = [f"Protocol: {', '.join(shared)}."] if shared else []
    return protocol + by_dataset + by_row


def data_notes(results: ResultSet) -> list[str]:
    """How the data were prepared, of data sets that the committed results have.

    Args:
        results: the runs of the table.

    Returns:
        A sentence for each of these data sets: the command, or that these are other data.
    """
    notes: list[str] = []
    for dataset, rows in results.by_dataset().items():
        known = record_data().get(dataset)
        fingerprint = next(iter(rows.values())).runs[0].fingerprint
        if known is None or fingerprint is None:
            continue
        made = f"{dataset} {fingerprint}, prepared by {known.command}: {known.source}"
        told = known.warning(fingerprint) or f"{made}; {known.differs}"
        notes.append(f"Data: {told}.")
    return notes


def departure_sentences(results: ResultSet) -> list[str]:
    """In which settings the runs depart from the protocol that they name.

    Args:
        results: the runs of the table.

    Returns:
        A sentence on the settings that all rows have alike, then one on each other setting;
        none where all settings are those of the protocol and of the models' declarations.
    """
    shared: list[str] = []
    by_row: list[str] = []
    for setting in results.departed_settings():
        values = results.departures_of(setting)
        if values.all_equal():
            shared.append(f"{setting} {values.first()}")
        else:
            by_row.append(f"Rows differ from the protocol in {setting}: {values.listed_by_row()}.")
    return [f"Not as the protocol has it: {'; '.join(shared)}."] * bool(shared) + by_row


def split_notes(results: ResultSet, view: View) -> list[str]:
    """How data sets were split that were not split as in the papers (leave-one-out).

    Args:
        results: the runs of the table.
        view: the part of the split whose users with a target are counted.

    Returns:
        A sentence for each such data set.
    """
    last: dict[str, str] = {}
    for run in results:
        if run.split != LeaveOneOut():
            users = f"{run.ranks.targets[view.split]:,} of {run.ranks.users:,} users have a target"
            last[run.dataset] = f"Split of {run.dataset}: {run.split.text}; {users}."
    return list(last.values())


def seed_note(results: ResultSet) -> str:
    """How many seeds the trained rows have, and which.

    The seeds of runs without a known protocol, which other tools made, are not listed. With fewer
    than `SEEDS_FOR_A_METHOD` seeds the note says what that does not show.
    """
    counts = sorted(set(map(len, results.seeds().values())))
    if not counts:
        return "Seeds: none, as nothing is trained."
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    note = f"Seeds per row: {number}{_numbers_of_seeds(results)}"
    if counts[-1] > 1:
        note += "; ± is the standard deviation over seeds"
    note += "."
    if counts[0] < SEEDS_FOR_A_METHOD:
        note += " One seed compares checkpoints, not methods."
    return note


def tie_notes(results: ResultSet, view: View) -> list[str]:
    """Which rows often give a target and other items the same score.

    Args:
        results: the runs of the table.
        view: the part of the split whose ties are meant.

    Returns:
        One sentence, or none if no run has more than `NOTABLE_TIES` tied targets.
    """
    tied: dict[str, None] = {}
    for run in results:
        share = run.ranks.ties.get(view.split, 0.0)
        if share > NOTABLE_TIES:
            tied[f"{run.label} ({100 * share:.0f} %)"] = None
    return [f"Targets that tie with other items: {', '.join(tied)}."] if tied else []


def withheld_notes(results: ResultSet) -> list[str]:
    """Which data sets have rows without ranks of single users.

    Args:
        results: the runs of the table.

    Returns:
        One sentence, or none if every row has its ranks.
    """
    without: dict[str, None] = {}
    for rows in results.by_dataset().values():
        for row in rows.values():
            if not row.has_ranks:
                without[row.dataset] = None
    if not without:
        return []
    return [f"{WITHHELD} from runs on {', '.join(without)}: no intervals and no tests."]


def _numbers_of_seeds(results: ResultSet) -> str:
    """` (seeds 0, 1, 2)`; where rows have different seeds, with the rows that have them."""
    seeds: list[tuple[str, str]] = []
    for row in results.trained_rows():
        if row.runs[0].protocol:
            numbers = ", ".join(map(str, row.seeds))
            seeds.append((numbers, results.name(row)))
    texts = list(dict.fromkeys(numbers for numbers, _ in seeds))
    if not texts:
        return ""
    if len(texts) > 1:
        return f" (seeds {listed(seeds)})"
    return f" (seed{'s' * (',' in texts[0])} {texts[0]})"
