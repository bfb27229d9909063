"""What stands below a table about protocol and seeds."""

from __future__ import annotations

from dataclasses import replace

from ranked_runs import PROTOCOL, ranked_run, three_seeds, untrained_run

from sirec.papers.record_data import record_data
from sirec.report.notes import data_notes, departure_sentences, protocol_sentences, seed_note
from sirec.report.result_set import ResultSet
from sirec.report.results import AS_THERE


def test_details_are_said_only_where_rows_differ() -> None:
    """A detail that all share is silent, one that differs is named, and a model without the like
    has no part in it.
    """
    alike = [
        replace(ranked_run(label), details={"inner width": "256"}) for label in ("SASRec", "NOVA")
    ]
    assert protocol_sentences(ResultSet(alike)) == protocol_sentences(
        ResultSet([ranked_run("SASRec")])
    )
    notes = protocol_sentences(
        ResultSet(
            [
                *alike,
                replace(ranked_run("COMIF"), details={"inner width": "64"}),
                ranked_run("GRU4Rec"),
            ]
        )
    )
    assert notes[1:] == ["The rows differ in inner width: 256 (SASRec, NOVA); 64 (COMIF)."]


def test_what_most_rows_share_is_not_listed() -> None:
    """From three rows on, and if they are most, those with the usual value are all others; two
    (control) are named.
    """
    labels = ["SASRec", "NOVA", "DIF-SR", "COMIF", "MSSR"]
    rows = [
        ranked_run(label, protocol=PROTOCOL | {"length": "7" if label == "NOVA" else "50"})
        for label in labels
    ]
    assert (
        protocol_sentences(ResultSet(rows))[1]
        == "The rows differ in length: 7 (NOVA); 50 (all others)."
    )
    assert (
        protocol_sentences(ResultSet(rows[:3]))[1]
        == "The rows differ in length: 50 (SASRec, DIF-SR); 7 (NOVA)."
    )


def test_unlike_protocols_are_named() -> None:
    """What all rows share is one line; what differs between rows is listed with the rows.

    A training-free baseline has no protocol that could differ.
    """
    short = PROTOCOL | {"length": "7"}
    notes = protocol_sentences(
        ResultSet(
            [
                untrained_run(),
                ranked_run("SASRec"),
                ranked_run("NOVA"),
                ranked_run("DIF-SR", protocol=short),
            ]
        )
    )
    assert notes == [
        "Protocol: loss cross-entropy, task next_item.",
        "The rows differ in length: 50 (SASRec, NOVA); 7 (DIF-SR).",
    ]
    comma = protocol_sentences(
        ResultSet(
            [
                ranked_run("COMIF, brand", protocol=short),
                ranked_run("COMIF", protocol=short),
                ranked_run("NOVA"),
            ]
        )
    )
    assert comma[1] == "The rows differ in length: 7 ('COMIF, brand', COMIF); 50 (NOVA)."
    assert protocol_sentences(ResultSet([ranked_run("SASRec"), ranked_run("NOVA")])) == [
        "Protocol: loss cross-entropy, task next_item, length 50."
    ]


def test_protocols_may_differ_between_data_sets() -> None:
    """A setting that is the same for all rows of a data set is fair, and said; unstated ones are
    named.
    """
    longer = PROTOCOL | {"length": "20"}
    runs = [
        ranked_run("SASRec"),
        ranked_run("NOVA"),
        ranked_run("SASRec", dataset="yelp", protocol=longer),
    ]
    assert protocol_sentences(ResultSet(runs))[1] == "By data set, length: 50 (beauty); 20 (yelp)."
    silent = {key: value for key, value in PROTOCOL.items() if key != "length"}
    assert (
        "unstated (NOVA)"
        in protocol_sentences(
            ResultSet([ranked_run("SASRec"), ranked_run("NOVA", protocol=silent)])
        )[1]
    )


def test_seeds_are_told_by_number() -> None:
    """Equal seeds are listed once, others with their rows.

    A training-free baseline has no seed, and those of other tools' rows are not known.
    """
    assert seed_note(ResultSet([ranked_run("SASRec", seed=7), untrained_run()])).startswith(
        "Seeds per row: 1 (seed 7). One seed"
    )
    unlike = seed_note(ResultSet([*three_seeds("SASRec"), ranked_run("NOVA", seed=4)]))
    assert unlike.startswith("Seeds per row: 1 to 3 (seeds 0, 1, 2 (SASRec); 4 (NOVA));")
    assert seed_note(ResultSet([untrained_run()])) == "Seeds: none, as nothing is trained."
    assert seed_note(ResultSet([ranked_run("theirs", protocol={})])).startswith(
        "Seeds per row: 1. One seed"
    )


def test_departures_from_the_protocol_are_said() -> None:
    """What all rows depart in is one sentence, what only some depart in another; a run as the
    protocol has it (control) is silent.
    """
    usual = {"patience": AS_THERE, "layers": AS_THERE}
    short = {"patience": "5 evaluations, not 10 evaluations", "layers": AS_THERE}
    flat = short | {"layers": "2, not 3"}
    rows = [replace(ranked_run(label), departures=short) for label in ("SASRec", "NOVA")]
    rows.append(replace(ranked_run("COMIF"), departures=flat))
    assert departure_sentences(ResultSet(rows)) == [
        "Not as the protocol has it: patience 5 evaluations, not 10 evaluations.",
        "Rows differ from the protocol in layers: as there (SASRec, NOVA); 2, not 3 (COMIF).",
    ]
    assert departure_sentences(ResultSet([replace(rows[0], departures=usual)])) == []


def test_a_table_says_how_its_data_were_prepared() -> None:
    """The command stands below a table of the committed data; other data of that name are said to
    be others; a data set of another name (control) has no note.
    """
    known = record_data()["beauty"]
    [note] = data_notes(ResultSet([replace(ranked_run("SASRec"), fingerprint=known.fingerprint)]))
    assert note.startswith(f"Data: beauty {known.fingerprint}, prepared by {known.command}: ")
    [note] = data_notes(ResultSet([replace(ranked_run("SASRec"), fingerprint="0" * 16)]))
    assert f"not the {known.fingerprint} of the committed results" in note
    other = replace(ranked_run("SASRec", dataset="shop"), fingerprint="0" * 16)
    assert data_notes(ResultSet([other])) == []
