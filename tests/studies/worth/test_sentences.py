"""What is said of a field: useful, harmful, nothing beyond the others, no better, or undecided."""

from __future__ import annotations

import pytest

from sirec.evaluation.metrics import Metric
from sirec.evaluation.paired_means import MeanDifference
from sirec.run.store import RecordedRun
from sirec.studies.worth.design import ALL, FieldRows
from sirec.studies.worth.effects import FieldEffect, GroupEffect, WorthEffects
from sirec.studies.worth.next_training import NextTraining
from sirec.studies.worth.record import WorthRecord
from sirec.studies.worth.sentences import sentences

USERS = 5000


def difference(of_thousand: float, error: float = 4.0, seeds: int = 3) -> MeanDifference:
    """A difference in customers of 1,000, nearly all of whose variance is between users."""
    variance = (error / 1000) ** 2
    seed_degrees = 10 if seeds > 1 else 0
    return MeanDifference(of_thousand / 1000, 0.0, variance, seed_degrees, USERS, seeds)


def effect(
    name: str, worth: MeanDifference, p_value: float = 0.5, alone: float = 0.0, **groups: float
) -> FieldEffect:
    """A field's effect; `share` and `contrast` say where rare products come in."""
    found: tuple[GroupEffect, ...] = ()
    if groups:
        contrast = difference(groups["contrast"])
        half = GroupEffect(
            "rare products", "popular products", "rare", worth, worth, contrast, groups["share"]
        )
        found = (half,)
    return FieldEffect(name, worth, p_value, difference(alone), None, None, found)


TRAINING = NextTraining(
    model="comif",
    options=("--set", "width=8"),
    with_losses=("brand", "price", "category"),
    losses=("--set", "objectives=[{name: item}]"),
)


def said(*fields: FieldEffect, seeds: int = 3) -> list[str]:
    """The sentences on these fields."""
    rows = []
    for each in fields:
        rows.append(FieldRows(field=each.field, kind="attribute", placebo=f"{each.field} shuffled"))
    record = WorthRecord(
        data="shop",
        model="COMIF",
        fields=tuple(rows),
        runs=(RecordedRun(ALL, "runs/shop/comif/0123456789ab"),),
        command="sirec worth shop --quick",
        decided_by="sirec worth shop",
        training=TRAINING,
    )
    found = WorthEffects(fields, difference(60.0), Metric("Recall", 20), USERS, seeds)
    return sentences(record, found)


USEFUL = effect("brand", difference(27.0), p_value=0.001)


def test_a_useful_field_is_told_with_its_interval_and_the_next_command() -> None:
    """The number, the interval, and a command with the useful fields alone."""
    told = said(USEFUL, effect("price", difference(-5.0, 3.0)))
    assert told[1] == "- brand finds 27 [19, 35] more."
    assert told[2] == "- price is no better than shuffled price (at most +1)."
    assert "All fields together find 60 [52, 68] more" in told[3]
    assert told[-1] == "Next: sirec train comif --data shop --fields brand --set width=8"


@pytest.mark.parametrize(
    ("share", "contrast", "ending"),
    [
        (0.9, 30.0, " more, mostly of rare products."),
        (0.1, -30.0, " more, mostly of popular products."),
        (0.9, 2.0, " more."),  # not beyond chance
        (0.55, 30.0, " more."),  # a little more than half
    ],
)
def test_where_a_gain_is_told_only_beyond_chance(
    share: float, contrast: float, ending: str
) -> None:
    """Two thirds of the gain, and a difference between the groups that excludes zero."""
    worth = difference(27.0)
    told = said(effect("brand", worth, 0.001, share=share, contrast=contrast))
    assert told[1].endswith(ending)


def test_what_two_fields_share_is_told() -> None:
    """Useful alone and nothing beyond the others; useless alone (control) is no better."""
    told = said(USEFUL, effect("category", difference(-4.0), alone=20.0))
    assert told[2] == (
        "- category adds nothing beyond brand (at most +4); alone it finds 20 [12, 28] more."
    )
    told = said(USEFUL, effect("category", difference(-4.0), alone=2.0))
    assert told[2] == "- category is no better than shuffled category (at most +4)."


def test_a_harmful_field_is_to_be_left_out() -> None:
    """What it costs is told as a positive number."""
    told = said(effect("price", difference(-20.0), p_value=0.001))
    assert told[1].startswith("- price costs 20 [12, 28]")
    assert told[-2] == "No field is known to help here, so the next command reads none."
    assert told[-1] == (
        "Next: sirec train comif --data shop --fields position --set width=8 "
        "--set 'objectives=[{name: item}]'"
    )


def test_a_wide_interval_is_not_called_nothing() -> None:
    """Not significant, and more than the margin is possible: undecided, with what would decide."""
    told = said(effect("price", difference(4.0)))
    assert told[1].startswith("- price: not decided, between −4 and +12;")
    assert "needs more customers" in told[1]
    noisy = MeanDifference(0.002, 0.004**2, 0.001**2, 10, USERS, 3)
    assert "seeds would decide it" in said(effect("price", noisy))[1]


def test_a_significant_p_whose_interval_holds_zero_decides_nothing() -> None:
    """And an interval that excludes zero decides nothing where the corrected p is large."""
    assert not effect("price", difference(4.0), p_value=0.001).is_significant
    assert not effect("price", difference(27.0), p_value=0.06).is_significant
    assert said(effect("price", difference(27.0), p_value=0.06))[1].startswith("- price: not")


def test_one_seed_is_a_hint_and_says_what_would_decide() -> None:
    """With three seeds (control) nothing of the kind is said."""
    useful = effect("brand", difference(27.0, seeds=1), p_value=0.001)
    [hint] = [text for text in said(useful, seeds=1) if text.startswith("A hint only")]
    assert hint.endswith("To decide: sirec worth shop")
    assert not [text for text in said(USEFUL) if text.startswith("A hint only")]


def test_what_could_have_been_seen_is_told() -> None:
    """Corrected for the fields: more of them need a larger worth."""
    [one] = [text for text in said(USEFUL) if "four of five" in text]
    [two] = [text for text in said(USEFUL, effect("b", difference(0.0))) if "four of five" in text]
    assert one.startswith("A field worth 11 or more")
    assert two.startswith("A field worth 12 or more")
    assert "corrected for 2 fields" in two


def test_narrow_intervals_have_a_decimal() -> None:
    """Of many customers one decimal is known."""
    told = said(effect("brand", difference(2.71, 0.4), p_value=0.001))
    assert told[1] == "- brand finds 2.7 [1.9, 3.5] more."
