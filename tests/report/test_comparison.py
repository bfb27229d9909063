"""Runs beside each other: what is averaged, what is compared with what, and what may be said about
it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from sirec.data.split import Temporal
from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.evaluation.ranks import Ranks, RankTable
from sirec.report import comparison_table as comparison
from sirec.report.comparison_table import comparison_table
from sirec.report.difference_table import difference_table
from sirec.report.difference_words import sentence
from sirec.report.differences import (
    PairedTest,
    differences,
    find_row,
    verdict,
)
from sirec.report.notes import protocol_sentences, seed_note
from sirec.report.published import PrintedRow
from sirec.report.render import to_csv, to_dict, to_latex, to_markdown, to_rich
from sirec.report.result_set import ResultSet
from sirec.report.results import (
    PREVIOUS,
    MissingRow,
    RunResult,
    View,
    best_on_validation,
)
from sirec.report.table import ResultTable

USERS = 1500
RECALL, NDCG = parse_metric("Recall@20"), parse_metric("NDCG@20")
PROTOCOL = {"loss": "cross-entropy", "task": "next_item", "length": "50"}


@pytest.fixture(autouse=True)
def papers_of_this_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The papers' data sets have as many users as the runs here."""
    monkeypatch.setattr(comparison, "published_users", lambda dataset: {USERS})


def entry(
    label: str,
    *,
    seed: int = 0,
    test: float = 0.0,
    valid: float = 0.0,
    dataset: str = "beauty",
    protocol: Mapping[str, str] = PROTOCOL,
) -> RunResult:
    """A run whose targets are moved up by a gain of its own on each split; a user's difficulty is
    common to all runs.
    """

    def ranks(gain: float, salt: int) -> Ranks:
        difficulty = np.random.default_rng(salt).normal(5, 2.2, USERS)
        noise = np.random.default_rng([seed, salt, *label.encode()]).normal(-gain, 0.3, USERS)
        doubled: Ranks = 2 * np.clip(np.exp(difficulty + noise), 1, 9000).astype(np.int32)
        return doubled

    columns = {"valid": ranks(valid, 1), "test": ranks(test, 2)}
    table = RankTable({s: {"keep": c, "mask": np.maximum(2, c - 2)} for s, c in columns.items()})  # type: ignore[misc]
    return RunResult(
        label, label.split(" ")[0].lower(), seed, protocol, table, dataset, f"runs/{label}-{seed}"
    )


def floor() -> RunResult:
    """A weak baseline without training."""
    return replace(entry("Popularity", test=-3, valid=-3), is_training_free=True, protocol={})


def three(label: str, **gains: float) -> list[RunResult]:
    """Three seeds of a row."""
    return [entry(label, seed=seed, **gains) for seed in range(3)]  # type: ignore[arg-type]


def test_seeds_are_averaged() -> None:
    """A row's value is the mean over its seeds and its deviation theirs; a single seed (control)
    has none.
    """
    runs = three("SASRec")
    table = comparison_table([*runs, entry("NOVA")], [RECALL])
    values = [RECALL.mean(run.ranks.ranks["test"]["keep"]) for run in runs]
    (sasrec,), (nova,) = (row.cells for row in table.rows)
    assert [sasrec.value, sasrec.deviation] == pytest.approx(
        [np.mean(values), np.std(values, ddof=1)]
    )
    assert nova.deviation is None
    assert [list(row.runs.values()) for row in table.rows] == [
        [run.link for run in runs],
        ["runs/NOVA-0"],
    ]


def test_split_and_history_choose_the_ranks() -> None:
    """Each view reads its own ranks, and says so in a note."""
    runs = [entry("SASRec", valid=1.0)]
    values = {}
    for view in (View("test", "keep"), View("test", "mask"), View("valid", "keep")):
        table = comparison_table(runs, [RECALL], view=view)
        values[view] = table.rows[0].cells[0].value
        assert values[view] == RECALL.mean(runs[0].ranks.ranks[view.split][view.history])
        assert view.note in table.notes
    assert len(set(values.values())) == 3


def test_printed_values_stand_only_beside_the_same_protocol() -> None:
    """Test split with the history kept is what the papers report; masked or validation numbers have
    no printed partner.
    """
    runs = [entry("SASRec"), entry("GRU4RecF")]
    table = comparison_table(runs, [RECALL])
    assert [row.cells[0].published for row in table.rows] == [0.1222, None]
    assert any("Table 3" in note for note in table.notes)
    assert comparison_table(runs, [RECALL], paper="difsr").rows[1].cells[0].published == 0.0902
    assert (
        comparison_table([entry("NOVA", dataset="toys")], [RECALL]).rows[0].cells[0].published
        == 0.1322
    )
    for view in (View("test", "mask"), View("valid", "keep")):
        assert comparison_table(runs, [RECALL], view=view).rows[0].cells[0].published is None


def test_values_that_were_printed_under_the_other_history_rule_stand_under_it() -> None:
    """STOSA's code masks the history: its printed value is in the masked table alone, and the other
    one says where it is.
    """
    runs = [entry("SASRec"), entry("STOSA")]
    kept, masked, valid = (
        comparison_table(runs, [RECALL], view=view)
        for view in (View("test"), View("test", "mask"), View("valid", "mask"))
    )
    assert [[row.cells[0].published for row in table.rows] for table in (kept, masked, valid)] == [
        [0.1222, None],
        [None, 0.0944],
        [None, None],
    ]
    assert [
        any("Printed values of STOSA" in note for note in table.notes) for table in (kept, masked)
    ] == [True, False]
    assert any("Table 3" in note for note in masked.notes)
    assert not any(
        "Printed values of" in note for note in comparison_table(runs[:1], [RECALL]).notes
    )  # control


def test_a_split_that_is_not_the_papers_is_named() -> None:
    """A table says how its data were split and how many users are ranked in its part; leave-one-out
    goes without saying.
    """
    whole = entry("SASRec")
    columns = {
        s: {h: np.where(np.arange(USERS) < 400, r, 0) for h, r in c.items()}
        for s, c in whole.ranks.ranks.items()
    }
    columns["valid"] = whole.ranks.ranks["valid"]
    some = replace(whole, ranks=RankTable(columns), split=Temporal(target="first"), is_variant=True)
    notes = {
        view: comparison_table([some], [RECALL], view=View(view)).notes
        for view in ("test", "valid")
    }  # type: ignore[arg-type]
    said = (
        "Split of beauty: temporal (last 10 % of interactions test, 10 % before them validation; "
        "first target)"
    )
    assert f"{said}; 400 of 1,500 users have a target." in notes["test"]
    assert f"{said}; 1,500 of 1,500 users have a target." in notes["valid"]
    assert not any("Split of" in note for note in comparison_table([whole], [RECALL]).notes)
    value = comparison_table([some], [RECALL]).rows[0].cells[0].value
    assert value == (whole.ranks.ranks["test"]["keep"][:400] <= 40).mean()


def test_the_baseline_is_chosen_on_validation() -> None:
    """The best row on validation is the baseline even if another is best on test; that one would
    win on test (control).
    """
    lucky, solid = entry("Lucky", test=0.6, valid=-0.5), entry("Solid", test=0.0, valid=0.3)
    rows = ResultSet([lucky, solid]).by_dataset()["beauty"]
    assert best_on_validation(rows, NDCG, "keep") == "Solid"
    assert NDCG.mean(lucky.ranks.ranks["test"]["keep"]) > NDCG.mean(
        solid.ranks.ranks["test"]["keep"]
    )
    pairs = differences([lucky, solid, entry("COMIF", test=1, valid=1)], [NDCG], proposal="comif")
    assert {pair.baseline: pair.is_reference for pair in pairs} == {"Lucky": False, "Solid": True}
    assert {pair.chosen for pair in pairs} == {"best on validation"}


def test_a_proposal_is_compared_with_every_row_and_corrected_for_all() -> None:
    """The family of a data set and metric is every baseline; corrected p are Holm's of that
    family's own p.
    """
    runs = [entry(name) for name in ("SASRec", "NOVA", "DIF-SR")]
    pairs = differences(
        [*runs, entry("COMIF", test=0.12)], [RECALL, NDCG], proposal="comif", against="sasrec"
    )
    assert [(p.label, p.baseline) for p in pairs[:3]] == [
        ("COMIF", "SASRec"),
        ("COMIF", "NOVA"),
        ("COMIF", "DIF-SR"),
    ]
    assert [p.is_reference for p in pairs[:3]] == [True, False, False]
    assert {p.family for p in pairs} == {3}
    for family in (pairs[:3], pairs[3:]):
        smallest = min(family, key=lambda pair: pair.difference.p_value).difference
        assert smallest.adjusted_p == min(1, 3 * smallest.p_value)
        assert all((p.difference.adjusted_p or 0) >= p.difference.p_value for p in family)


def test_without_a_proposal_every_row_meets_the_baseline() -> None:
    """Named by label or model, the baseline is compared with each other row and not with itself."""
    runs = [entry(name) for name in ("SASRec", "NOVA", "DIF-SR")]
    pairs = differences(runs, [RECALL], against="sasrec")
    assert [(p.label, p.baseline, p.chosen) for p in pairs] == [
        ("NOVA", "SASRec", "named"),
        ("DIF-SR", "SASRec", "named"),
    ]


def test_each_row_meets_the_row_above() -> None:
    """A chain: every row but the first against the one above, corrected over the chain; a fixed
    baseline (control) is not.
    """
    runs = [
        entry(name, test=gain)
        for name, gain in (("SASRec", 0.0), ("NOVA", 0.5), ("DIF-SR", 0.5), ("COMIF", 1.0))
    ]
    pairs = differences(runs, [RECALL], against=PREVIOUS)
    assert [(p.label, p.baseline) for p in pairs] == [
        ("NOVA", "SASRec"),
        ("DIF-SR", "NOVA"),
        ("COMIF", "DIF-SR"),
    ]
    assert {(p.chosen, p.is_reference, p.family) for p in pairs} == {("the row above", True, 3)}
    smallest = min(pairs, key=lambda pair: pair.difference.p_value).difference
    assert smallest.adjusted_p == min(1, 3 * smallest.p_value)
    fixed = differences(runs, [RECALL], against="SASRec")
    assert fixed[0].difference.difference == pairs[0].difference.difference
    assert fixed[2].difference.difference == pytest.approx(
        sum(p.difference.difference for p in pairs)
    )  # steps add up
    table = comparison_table(runs, [RECALL], pairs=pairs)
    assert [row.cells[0].mark for row in table.rows] == ["", "†", "", "†"]
    assert [row.cells[0].mark for row in comparison_table(runs, [RECALL], pairs=fixed).rows] == [
        "",
        "†",
        "†",
        "†",
    ]
    assert any("†: differs from the row above: the interval" in note for note in table.notes)


def test_a_row_may_name_its_own_baseline() -> None:
    """Its own comes before the table's; what is its own baseline is set against nothing; the legend
    says both.
    """
    runs = [
        entry(name, test=gain)
        for name, gain in (("SASRec", 0.0), ("NOVA", 0.5), ("DIF-SR", 1.0), ("COMIF", 1.5))
    ]
    forked = [*runs[:2], replace(runs[2], against="sasrec"), runs[3]]
    expected = [
        ("NOVA", "SASRec", "the row above"),
        ("DIF-SR", "SASRec", "named"),
        ("COMIF", "DIF-SR", "the row above"),
    ]
    pairs = differences(forked, [RECALL], against=PREVIOUS)
    assert [(p.label, p.baseline, p.chosen) for p in pairs] == expected
    said = "the row above, or its baseline (named; DIF-SR against SASRec)"
    assert any(
        f"†: differs from {said}: " in note
        for note in comparison_table(forked, [RECALL], pairs=pairs).notes
    )
    assert f"Each row is set against {said}." in difference_table(pairs).notes
    stars = [
        replace(run, against=name)
        for run, name in zip(runs, ("SASRec", "SASRec", "SASRec", "NOVA"), strict=True)
    ]
    pairs = differences(stars, [RECALL])
    assert [(p.label, p.baseline) for p in pairs] == [
        ("NOVA", "SASRec"),
        ("DIF-SR", "SASRec"),
        ("COMIF", "NOVA"),
    ]
    said = "its baseline (named; NOVA against SASRec; DIF-SR against SASRec; COMIF against NOVA)"
    assert any(
        f"†: differs from {said}: " in note
        for note in comparison_table(stars, [RECALL], pairs=pairs).notes
    )
    with pytest.raises(SirecError, match="'NOWA' is not a row"):
        differences([runs[0], replace(runs[1], against="NOWA")], [RECALL])


def rich(table: ResultTable) -> str:
    """As a wide terminal shows it."""
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(to_rich(table))
    return console.export_text()


def as_json(table: ResultTable) -> str:
    return json.dumps(to_dict(table), ensure_ascii=False)


@pytest.mark.parametrize("draw", [rich, to_markdown, to_csv, to_latex, as_json])
def test_a_chain_is_drawn_by_every_renderer(draw: Callable[[ResultTable], str]) -> None:
    """The pair, both p-values and what rows are set against are in each form; CSV has no notes."""
    pairs = differences(
        [entry("SASRec"), entry("NOVA"), entry("COMIF")], [RECALL], against=PREVIOUS
    )
    text = draw(difference_table(pairs)).replace("--", "–")  # LaTeX's dash
    assert "COMIF – NOVA" in text
    assert "COMIF – SASRec" not in text
    assert "p corrected" in text
    assert ("Each row is set against the row above." in text) == (draw is not to_csv)


def test_data_sets_do_not_mix() -> None:
    """Runs of two data sets are compared within each, and have a best of their own in the table."""
    runs = [
        entry(name, dataset=data, test=gain)
        for data in ("beauty", "yelp")
        for name, gain in (("SASRec", 0.0), ("COMIF", 0.5))
    ]
    pairs = differences(runs, [RECALL], proposal="COMIF")
    assert [(p.dataset, p.family) for p in pairs] == [("beauty", 1), ("yelp", 1)]
    table = comparison_table(runs, [RECALL], pairs=pairs)
    assert [row.group for row in table.rows] == ["beauty", "beauty", "yelp", "yelp"]
    assert [places[0] for places in table.places()] == [2, 1, 2, 1]


def test_marks_say_what_is_significant() -> None:
    """A clear gain over the reference is marked and explained; a difference by chance (control) is
    not.
    """
    base = [floor(), entry("SASRec")]
    clear = [*base, entry("COMIF", test=0.5)]
    chance = [*base, entry("COMIF")]
    for runs, mark in ((clear, "†"), (chance, "")):
        table = comparison_table(runs, [NDCG], pairs=differences(runs, [NDCG], proposal="COMIF"))
        assert [row.cells[0].mark for row in table.rows] == ["", "", mark]
        assert any(
            "differs from the baseline (best on validation; SASRec)" in note for note in table.notes
        ) == bool(mark)


def test_one_seed_speaks_of_checkpoints() -> None:
    """With one run a side the sentence refuses a verdict on the method; with three (control) it
    gives one.
    """
    single = differences([entry("SASRec"), entry("COMIF", test=0.5)], [NDCG], proposal="COMIF")[0]
    assert "these checkpoints (1 seed a side), not about the methods" in sentence(single)
    several = differences([*three("SASRec"), *three("COMIF", test=0.5)], [NDCG], proposal="COMIF")[
        0
    ]
    assert "So COMIF is better. It is about the methods: 3 seeds a side" in sentence(several)
    assert "checkpoints" not in sentence(several)


def test_a_floor_stands_for_every_seed() -> None:
    """An untrained floor has one run and knows no seed: three seeds against it are a method's; a
    trained run's is not.
    """
    against_floor = differences([floor(), *three("COMIF")], [NDCG], proposal="COMIF")[0]
    against_one = differences([entry("SASRec"), *three("COMIF")], [NDCG], proposal="COMIF")[0]
    assert (against_floor.difference.level, against_one.difference.level) == (
        "method",
        "checkpoints",
    )
    assert (
        "about the methods: 3 seeds against a training-free baseline, which has none, resampled"
        in sentence(against_floor)
    )
    assert "(3 and 1 seeds a side)" in sentence(against_one)  # control
    [once] = differences([floor(), entry("COMIF")], [NDCG], proposal="COMIF")
    said = (
        "these checkpoints (1 seed against a training-free baseline, which has none), "
        "not about the methods: that needs 3 seeds."
    )
    assert said in sentence(once)
    [training_free] = differences(
        [floor(), replace(floor(), label="Transitions")], [NDCG], proposal="Transitions"
    )
    assert sentence(training_free).endswith(
        "It is about the methods: both are training-free baselines, which no seed changes."
    )


def with_interval(low: float, high: float, p_value: float, adjusted: float) -> PairedTest:
    """A pair with this interval and these p-values."""
    pair = differences([entry("SASRec"), entry("COMIF")], [NDCG], proposal="COMIF")[0]
    middle = (low + high) / 2
    changed = replace(
        pair.difference, low=low, high=high, difference=middle, p_value=p_value, adjusted_p=adjusted
    )
    return replace(pair, difference=changed, family=3)


@pytest.mark.parametrize(
    ("pair", "margin", "decided", "words"),
    [
        ((0.001, 0.005, 0.001, 0.003), None, "better", "So COMIF is better."),
        ((-0.0001, 0.005, 0.001, 0.003), None, "undecided", "contains zero"),
        ((-0.005, -0.001, 0.001, 0.003), None, "worse", "So COMIF is worse."),
        (
            (-0.001, 0.003, 0.4, 1.0),
            None,
            "undecided",
            "contains zero: which one is better stays open, and that is not evidence",
        ),
        ((-0.001, 0.003, 0.4, 1.0), 0.002, "undecided", "contains zero"),
        ((-0.001, 0.003, 0.4, 1.0), 0.004, "equivalent", "within the stated margin of ±0.004"),
        (
            (0.001, 0.005, 0.03, 0.09),
            None,
            "undecided",
            "after the correction for several tests the difference stays undecided",
        ),
        ((0.0001, 0.005, 0.06, 0.18), None, "undecided", "the test does not confirm it"),
    ],
)
def test_words_follow_the_evidence(
    pair: tuple[float, float, float, float], margin: float | None, decided: str, words: str
) -> None:
    """Better or worse needs interval and corrected p, equality a margin around the whole interval;
    all else is open.
    """
    assert verdict(with_interval(*pair), margin) == decided
    assert words in sentence(with_interval(*pair), margin)


def test_a_sentence_holds_its_numbers() -> None:
    """Both means, the difference, the interval, the test and the number of tests it is corrected
    for are in it.
    """
    pair = differences(
        [floor(), entry("SASRec"), entry("COMIF", test=0.5)], [RECALL], proposal="COMIF"
    )[1]
    d, text = pair.difference, sentence(pair)
    assert f"{d.mean_a:.4f} and SASRec {d.mean_b:.4f}: a difference of {d.difference:+.4f}" in text
    assert f"95 % interval {d.low:+.4f} to {d.high:+.4f}; exact McNemar, p " in text
    assert "corrected for 2 tests" in text


def test_the_table_of_differences_has_every_pair() -> None:
    """One row per pair under its data set and metric, with interval, both p and the resampling in
    the notes.
    """
    pairs = differences(
        [entry("SASRec"), entry("NOVA"), entry("COMIF", test=0.5)], [RECALL, NDCG], proposal="COMIF"
    )
    table = difference_table(pairs)
    assert [row.label for row in table.rows] == ["COMIF – SASRec", "COMIF – NOVA"] * 2
    assert [row.group for row in table.rows] == ["beauty, Recall@20"] * 2 + ["beauty, NDCG@20"] * 2
    d = pairs[0].difference
    assert table.rows[0].cells[2].interval == (d.low, d.high)
    text = to_markdown(table)
    assert "exact McNemar (Recall@20); sign-flip permutation (NDCG@20)" in text
    assert f"2,000 resamples, seed 0, {USERS:,} users" in text


def test_a_p_that_resampling_cannot_undercut_is_a_bound() -> None:
    """The smallest p of a permutation reads as at most that, in words and below tables; McNemar's,
    or a larger, as it is.
    """
    clear = differences([entry("SASRec"), entry("COMIF", test=1.0)], [RECALL, NDCG])
    exact, permuted = clear
    assert permuted.difference.p_value == pytest.approx(1 / 2001)
    assert "sign-flip permutation, p ≤ 0.0005)" in sentence(permuted)
    assert "p < 0.0001)" in sentence(exact)
    [bound] = [note for note in difference_table(clear).notes if "bound" in note]
    assert bound == (
        "p 0.0005 by sign-flip permutation, before correction, is a bound: "
        "2,000 resamples show nothing smaller."
    )
    chance = differences([entry("SASRec"), entry("NOVA")], [RECALL, NDCG])
    assert not any("bound" in note for note in difference_table([exact, *chance]).notes)
    assert "p = " in sentence(chance[1])
    several = differences([*three("SASRec"), *three("COMIF", test=1.0)], [NDCG])
    assert "hierarchical bootstrap, p ≤ 0.0010)" in sentence(several[0])


def test_details_are_said_only_where_rows_differ() -> None:
    """A detail that all share is silent, one that differs is named, and a model without the like
    has no part in it.
    """
    alike = [replace(entry(label), details={"inner width": "256"}) for label in ("SASRec", "NOVA")]
    assert protocol_sentences(ResultSet(alike)) == protocol_sentences(ResultSet([entry("SASRec")]))
    notes = protocol_sentences(
        ResultSet(
            [*alike, replace(entry("COMIF"), details={"inner width": "64"}), entry("GRU4Rec")]
        )
    )
    assert notes[1:] == ["The rows differ in inner width: 256 (SASRec, NOVA); 64 (COMIF)."]


def test_what_most_rows_share_is_not_listed() -> None:
    """From three rows on, and if they are most, those with the usual value are all others; two
    (control) are named.
    """
    labels = ["SASRec", "NOVA", "DIF-SR", "COMIF", "MSSR"]
    rows = [
        entry(label, protocol=PROTOCOL | {"length": "7" if label == "NOVA" else "50"})
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
    """What all rows share is one line; what differs between rows is said with its owners; a floor
    has no protocol to differ.
    """
    short = PROTOCOL | {"length": "7"}
    notes = protocol_sentences(
        ResultSet([floor(), entry("SASRec"), entry("NOVA"), entry("DIF-SR", protocol=short)])
    )
    assert notes == [
        "Protocol: loss cross-entropy, task next_item.",
        "The rows differ in length: 50 (SASRec, NOVA); 7 (DIF-SR).",
    ]
    comma = protocol_sentences(
        ResultSet(
            [entry("COMIF, brand", protocol=short), entry("COMIF", protocol=short), entry("NOVA")]
        )
    )
    assert comma[1] == "The rows differ in length: 7 ('COMIF, brand', COMIF); 50 (NOVA)."
    assert protocol_sentences(ResultSet([entry("SASRec"), entry("NOVA")])) == [
        "Protocol: loss cross-entropy, task next_item, length 50."
    ]


def test_protocols_may_differ_between_data_sets() -> None:
    """A setting that is the same for all rows of a data set is fair, and said; unstated ones are
    named.
    """
    longer = PROTOCOL | {"length": "20"}
    runs = [entry("SASRec"), entry("NOVA"), entry("SASRec", dataset="yelp", protocol=longer)]
    assert protocol_sentences(ResultSet(runs))[1] == "By data set, length: 50 (beauty); 20 (yelp)."
    silent = {key: value for key, value in PROTOCOL.items() if key != "length"}
    assert (
        "unstated (NOVA)"
        in protocol_sentences(ResultSet([entry("SASRec"), entry("NOVA", protocol=silent)]))[1]
    )


def test_ties_and_single_seeds_are_noted() -> None:
    """A run with many tied targets is named below the table; one without (control) is not."""
    tied = replace(entry("SASRec"), ranks=replace(entry("SASRec").ranks, ties={"test": 0.3}))
    assert (
        "Targets that tie with other items: SASRec (30 %)."
        in comparison_table([tied], [RECALL]).notes
    )
    assert not any(
        "tie with" in note for note in comparison_table([entry("SASRec")], [RECALL]).notes
    )
    assert any(
        "Fewer than 3 compare checkpoints" in note
        for note in comparison_table([tied], [RECALL]).notes
    )
    assert any(
        "Seeds per row: 3 (seeds 0, 1, 2);" in note
        for note in comparison_table(three("SASRec"), [RECALL]).notes
    )


def test_seeds_are_told_by_number() -> None:
    """One set of seeds once, rows with others each with its own; a floor has none, and of other
    tools' rows none are known.
    """
    assert seed_note(ResultSet([entry("SASRec", seed=7), floor()])).startswith(
        "Seeds per row: 1 (seed 7). Fewer than 3"
    )
    unlike = seed_note(ResultSet([*three("SASRec"), entry("NOVA", seed=4)]))
    assert unlike.startswith("Seeds per row: 1 to 3 (seeds 0, 1, 2 (SASRec); 4 (NOVA));")
    assert seed_note(ResultSet([floor()])) == "Seeds: none, as nothing is trained."
    assert seed_note(ResultSet([entry("theirs", protocol={})])).startswith(
        "Seeds per row: 1. Fewer"
    )


def test_mistakes_are_named() -> None:
    """Nothing to compare, a repeated seed, an unknown or ambiguous baseline, and no baseline at all
    are errors.
    """
    with pytest.raises(SirecError, match="nothing to compare"):
        comparison_table([])
    with pytest.raises(SirecError, match="'SASRec' has seed 0 twice"):
        comparison_table([entry("SASRec"), entry("SASRec")])
    with pytest.raises(SirecError, match="beauty: 'sasrek' is not a row"):
        differences([entry("SASRec"), entry("NOVA")], against="sasrek")
    with pytest.raises(SirecError, match="no baseline"):
        differences([entry("COMIF")], proposal="COMIF")
    variants = ResultSet([entry("COMIF add"), entry("COMIF gate")]).by_dataset()["beauty"]
    with pytest.raises(SirecError, match="'comif' is ambiguous"):
        find_row(variants, "comif", "beauty")
    assert find_row(variants, "comif gate", "beauty") == "COMIF gate"


def test_printed_values_need_the_papers_data_and_the_papers_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A variant of a model, or another number of users under the name of the data, has no printed
    value.
    """
    run = entry("SASRec")
    assert comparison_table([run], [RECALL]).rows[0].cells[0].published == 0.1222
    assert (
        comparison_table([replace(run, is_variant=True)], [RECALL]).rows[0].cells[0].published
        is None
    )
    monkeypatch.setattr(comparison, "published_users", lambda dataset: {USERS + 1})
    assert comparison_table([run], [RECALL]).rows[0].cells[0].published is None


def test_a_row_has_the_printed_values_that_it_names() -> None:
    """Those of its own published table, variant or not; on test with the history kept, on a whole
    data set split as printed.
    """
    named = PrintedRow(
        "comif_table6_modules", {"attention_fusion": 1, "embedding_fusion": 1, "iaa": 0, "upa": 0}
    )
    run = replace(entry("COMIF"), is_variant=True, printed=named)
    table = comparison_table([run], [RECALL, NDCG])
    assert [cell.published for cell in table.rows[0].cells] == [0.1411, None]
    assert "Published on beauty: Table 6 of Choi et al., IEEE Access 2025." in table.notes
    others = (
        comparison_table([run], [RECALL], view=View("test", "mask")),
        comparison_table([run], [RECALL], view=View("valid")),
        comparison_table([replace(run, split=Temporal(target="first"))], [RECALL]),
        comparison_table([replace(run, dataset="toys")], [RECALL]),
    )
    assert [other.rows[0].cells[0].published for other in others] == [None] * 4


def test_a_row_that_data_cannot_have_says_why() -> None:
    """It ends its data set's rows, empty, with the reason below; the other data set (control) has
    no such row.
    """
    runs = [replace(entry("COMIF"), dataset=name) for name in ("beauty", "toys")]
    table = comparison_table(
        runs, [RECALL], missing=[MissingRow("COMIF, city", "beauty", "beauty has no city")]
    )
    assert [(row.group, row.label) for row in table.rows] == [
        ("beauty", "COMIF"),
        ("beauty", "COMIF, city"),
        ("toys", "COMIF"),
    ]
    assert table.rows[1].cells[0].value is None
    assert "n/a: beauty has no city (COMIF, city)." in table.footnotes()


def test_runs_on_other_data_are_not_compared() -> None:
    """Two fingerprints under one data set's name are an error; the same fingerprint is none
    (control).
    """
    first, second = (replace(entry(label), fingerprint="aa") for label in ("SASRec", "NOVA"))
    assert len(ResultSet([first, second]).by_dataset()["beauty"]) == 2
    with pytest.raises(SirecError, match="made on other data"):
        ResultSet([first, replace(second, fingerprint="bb")]).by_dataset()


def test_a_single_test_is_not_called_corrected() -> None:
    """Two rows make one test a metric, three (control) make two, and the note below says so."""
    rows = [entry("SASRec"), entry("COMIF", test=1.0), entry("NOVA", test=0.5)]
    for runs, said in ((rows[:2], "and p is below"), (rows, "Holm's correction for 2 tests")):
        pairs = differences(runs, [RECALL], against="sasrec")
        assert any(said in note for note in comparison_table(runs, [RECALL], pairs=pairs).notes)
        assert any("Corrected after Holm" in note for note in difference_table(pairs).notes) == (
            len(runs) > 2
        )
