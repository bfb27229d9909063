"""What may be said about a paired difference, and what may not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ranked_runs import NDCG, RECALL, ranked_run, three_seeds, untrained_run

from sirec.report.comparison_table import comparison_table
from sirec.report.difference_table import difference_table
from sirec.report.difference_words import sentence
from sirec.report.differences import (
    PairedTest,
    differences,
    verdict,
)


def test_one_seed_speaks_of_checkpoints() -> None:
    """With one run a side the sentence refuses a verdict on the method; with three (control) it
    gives one.
    """
    single = differences(
        [ranked_run("SASRec"), ranked_run("COMIF", test=0.5)], [NDCG], proposal="COMIF"
    )[0]
    assert "these checkpoints (1 seed a side), not about the methods" in sentence(single)
    several = differences(
        [*three_seeds("SASRec"), *three_seeds("COMIF", test=0.5)], [NDCG], proposal="COMIF"
    )[0]
    assert "So COMIF is better. It is about the methods: 3 seeds a side" in sentence(several)
    assert "checkpoints" not in sentence(several)


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
        "about the methods: 3 seeds against a training-free baseline, which has none, resampled"
        in sentence(against_untrained)
    )
    assert "(3 and 1 seeds a side)" in sentence(against_one)  # control
    [once] = differences([untrained_run(), ranked_run("COMIF")], [NDCG], proposal="COMIF")
    said = (
        "these checkpoints (1 seed against a training-free baseline, which has none), "
        "not about the methods: that needs 3 seeds."
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
    pair = differences([ranked_run("SASRec"), ranked_run("COMIF")], [NDCG], proposal="COMIF")[0]
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
    assert f"95 % interval {d.low:+.4f} to {d.high:+.4f}; exact McNemar, p " in text
    assert "corrected for 2 tests" in text


def test_a_p_that_resampling_cannot_undercut_is_a_bound() -> None:
    """The smallest p of a permutation reads as at most that, in words and below tables; McNemar's,
    or a larger, as it is.
    """
    clear = differences([ranked_run("SASRec"), ranked_run("COMIF", test=1.0)], [RECALL, NDCG])
    exact, permuted = clear
    assert permuted.difference.p_value == pytest.approx(1 / 2001)
    assert "sign-flip permutation, p ≤ 0.0005)" in sentence(permuted)
    assert "p < 0.0001)" in sentence(exact)
    [bound] = [note for note in difference_table(clear).notes if "bound" in note]
    assert bound == (
        "p 0.0005 by sign-flip permutation, before correction, is a bound: "
        "2,000 resamples show nothing smaller."
    )
    chance = differences([ranked_run("SASRec"), ranked_run("NOVA")], [RECALL, NDCG])
    assert not any("bound" in note for note in difference_table([exact, *chance]).notes)
    assert "p = " in sentence(chance[1])
    several = differences([*three_seeds("SASRec"), *three_seeds("COMIF", test=1.0)], [NDCG])
    assert "hierarchical bootstrap, p ≤ 0.0010)" in sentence(several[0])


def test_a_single_test_is_not_called_corrected() -> None:
    """Two rows make one test a metric, three (control) make two, and the note below says so."""
    rows = [ranked_run("SASRec"), ranked_run("COMIF", test=1.0), ranked_run("NOVA", test=0.5)]
    for runs, said in ((rows[:2], "and p is below"), (rows, "Holm's correction for 2 tests")):
        pairs = differences(runs, [RECALL], against="sasrec")
        assert any(said in note for note in comparison_table(runs, [RECALL], pairs=pairs).notes)
        assert any("Corrected after Holm" in note for note in difference_table(pairs).notes) == (
            len(runs) > 2
        )
