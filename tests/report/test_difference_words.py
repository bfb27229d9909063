"""What may be said about a paired difference, and what may not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ranked_runs import NDCG, RECALL, ranked_run, three_seeds, untrained_run

from sirec.report.comparison_table import comparison_table
from sirec.report.difference_table import difference_table
from sirec.report.difference_words import CHECKPOINT_MARK, MARK, mark_of_pair, sentence
from sirec.report.differences import (
    PairedTest,
    differences,
    verdict,
)
from sirec.report.overview import verdict_text


def test_one_seed_speaks_of_checkpoints() -> None:
    """With one run a side the sentence refuses a verdict on the method; with three (control) it
    gives one.
    """
    single = differences(
        [ranked_run("SASRec"), ranked_run("COMIF", test=0.5)], [NDCG], proposal="COMIF"
    )[0]
    assert "these checkpoints (1 seed a side), not about the methods" in sentence(single)
    assert single.differs
    assert "So these checkpoints differ; one seed does not say which" in sentence(single)
    assert (verdict(single), verdict(single, margin=1.0)) == ("undecided", "undecided")
    assert (mark_of_pair(single), verdict_text(single)[-8:]) == (CHECKPOINT_MARK, "one seed")
    several = differences(
        [*three_seeds("SASRec"), *three_seeds("COMIF", test=0.5)], [NDCG], proposal="COMIF"
    )[0]
    assert "So COMIF is better. It is about the methods: 3 seeds a side" in sentence(several)
    assert "checkpoints" not in sentence(several)
    assert (verdict(several), mark_of_pair(several)) == ("better", MARK)


def test_a_training_free_baseline_stands_for_every_seed() -> None:
    """A training-free baseline has one run and no seed: three seeds against it compare methods.

    Three seeds against one trained run (control) do not.
    """
    against_untrained = differences(
        [untrained_run(), *three_seeds("COMIF")], [NDCG], proposal="COMIF"
    )[0]
    against_one = differences(
        [ranked_run("SASRec"), *three_seeds("COMIF")], [NDCG], proposal="COMIF"
    )[0]
    assert (against_untrained.difference.level, against_one.difference.level) == (
        "method",
        "checkpoints",
    )
    assert (
        "about the methods: 3 seeds against a training-free baseline, which has none."
        in sentence(against_untrained)
    )
    assert "(3 and 1 seeds a side)" in sentence(against_one)  # control
    [once] = differences([untrained_run(), ranked_run("COMIF")], [NDCG], proposal="COMIF")
    said = (
        "these checkpoints (1 seed against a training-free baseline, which has none), "
        "not about the methods: that needs 2 seeds or more."
    )
    assert said in sentence(once)
    [training_free] = differences(
        [untrained_run(), replace(untrained_run(), label="Transitions")],
        [NDCG],
        proposal="Transitions",
    )
    assert sentence(training_free).endswith(
        "It is about the methods: both are training-free baselines, which no seed changes."
    )


def with_interval(low: float, high: float, p_value: float, adjusted: float) -> PairedTest:
    """A pair with this interval and these p-values."""
    rows = [*three_seeds("SASRec"), *three_seeds("COMIF")]
    pair = differences(rows, [NDCG], proposal="COMIF")[0]
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
        [untrained_run(), ranked_run("SASRec"), ranked_run("COMIF", test=0.5)],
        [RECALL],
        proposal="COMIF",
    )[1]
    d, text = pair.difference, sentence(pair)
    assert f"{d.mean_a:.4f} and SASRec {d.mean_b:.4f}: a difference of {d.difference:+.4f}" in text
    assert f"95 % interval {d.low:+.4f} to {d.high:+.4f}; t over users, p " in text
    assert "corrected for 2 tests" in text


def test_a_single_test_is_not_called_corrected() -> None:
    """Two rows make one test a metric, three (control) make two, and the note below says so."""
    rows = [ranked_run("SASRec"), ranked_run("COMIF", test=1.0), ranked_run("NOVA", test=0.5)]
    for runs, said in ((rows[:2], "and p is below"), (rows, "Holm's correction for 2 tests")):
        pairs = differences(runs, [RECALL], against="sasrec")
        assert any(said in note for note in comparison_table(runs, [RECALL], pairs=pairs).notes)
        assert any("Corrected after Holm" in note for note in difference_table(pairs).notes) == (
            len(runs) > 2
        )
