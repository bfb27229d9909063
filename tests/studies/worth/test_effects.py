"""Worth from ranks: decoys are called useful as seldom as the level says, planted fields are found.

The ranks are drawn: a user's target is more or less difficult for all rows, a row is better or
worse for some users than for others, and training makes a row better or worse from seed to seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from sirec.evaluation.metrics import Metric
from sirec.evaluation.paired_means import UserValues
from sirec.studies.worth.design import ALL, NONE, FieldRows
from sirec.studies.worth.effects import CustomerGroup, effects, halves, seeds_to_decide

TABLES, USERS, SEEDS = 1000, 200, 3
METRIC = Metric("Recall", 20)
FIELDS = tuple(
    FieldRows(field=name, kind="attribute", placebo=f"all, {name} shuffled")
    for name in ("brand", "category", "colour", "shade")
)


def ranked_values(
    rng: np.random.Generator, gains: Mapping[str, float], between_seeds: float
) -> dict[str, UserValues]:
    """Label -> Recall@20 of every user under every seed, where placebos lose `gains`.

    Args:
        rng: draws the ranks.
        gains: field -> how much further down targets are without it, in logarithms of ranks.
        between_seeds: standard deviation of the logarithms from seed to seed.
    """
    difficulty = rng.normal(4.3, 2.0, (USERS, 1))
    values: dict[str, UserValues] = {}
    lost = {ALL: 0.0, NONE: sum(gains.values())}
    for field in FIELDS:
        lost[field.placebo] = gains.get(field.field, 0.0)
    for label, shift in lost.items():
        of_users = rng.normal(shift, 0.3, (USERS, 1))
        of_seeds = rng.normal(0, between_seeds, (1, SEEDS))
        logarithms = difficulty + of_users + of_seeds + rng.normal(0, 0.6, (USERS, SEEDS))
        doubled = 2 * np.clip(np.exp(logarithms), 1, 9000).astype(np.int32)
        of_runs = [METRIC.per_user(doubled[:, seed]) for seed in range(SEEDS)]
        values[label] = np.stack(of_runs, axis=1)
    return values


def significant(gains: Mapping[str, float], between_seeds: float) -> dict[str, float]:
    """Field -> share of a thousand studies that call it useful or harmful; `any` for any decoy."""
    rng = np.random.default_rng([5, round(100 * between_seeds)])
    counts = dict.fromkeys((*(field.field for field in FIELDS), "any"), 0)
    for _ in range(TABLES):
        found = effects(ranked_values(rng, gains, between_seeds), FIELDS, METRIC)
        any_decoy = False
        for effect in found.fields:
            counts[effect.field] += effect.is_significant
            any_decoy |= effect.is_significant and effect.field not in gains
        counts["any"] += any_decoy
    return {name: count / TABLES for name, count in counts.items()}


@pytest.mark.parametrize("between_seeds", [0.0, 0.4])
def test_decoys_are_called_useful_as_seldom_as_the_level_says(between_seeds: float) -> None:
    """Any of four decoys in at most 5 % of studies (and two standard errors), whatever training
    varies by: 0.4 moves Recall@20 by 0.05 from seed to seed, which is all there is. Seen in 3,000
    studies of 300 users: 3 %.
    """
    assert significant({}, between_seeds)["any"] <= 0.05 + 2 * 0.007


def test_planted_fields_are_found_among_decoys() -> None:
    """Two planted fields, two decoys: the level is that of the decoys still. Seen in 3,000 studies
    of 300 users: 4 to 6 %.
    """
    found = significant({"brand": 0.8, "category": 0.8}, 0.05)
    assert min(found["brand"], found["category"]) > 0.9
    assert found["any"] <= 0.05 + 3 * 0.007


def test_uncorrected_tests_would_call_more_decoys_useful() -> None:
    """The control of the correction: any of four uncorrected tests, two to four times as often."""
    rng = np.random.default_rng(6)
    counted = 0
    for _ in range(TABLES // 4):
        found = effects(ranked_values(rng, {}, 0.1), FIELDS, METRIC)
        counted += any(effect.worth.p_value < 0.05 for effect in found.fields)
    assert counted / (TABLES // 4) > 0.08


def planted(rare_gain: float, common_gain: float) -> dict[str, UserValues]:
    """Values where the first half of the users gain otherwise than the second."""
    rng = np.random.default_rng(7)
    values: dict[str, UserValues] = {}
    for label in (ALL, NONE, FIELDS[0].placebo):
        chance = np.full((400, 1), 0.3)
        if label == ALL:
            chance[:200] += rare_gain
            chance[200:] += common_gain
        values[label] = (rng.random((400, SEEDS)) < chance).astype(np.float64)
    return values


RARE = CustomerGroup("rare", "popular", "rare", np.arange(400) < 200)


def test_a_group_has_its_own_worth_and_its_share_of_the_whole() -> None:
    """Everything is gained in the first half; where both gain alike (control) nothing differs."""
    [effect] = effects(planted(0.4, 0.0), FIELDS[:1], METRIC, [RARE]).fields
    [group] = effect.groups
    assert group.inside.difference == pytest.approx(0.4, abs=0.05)
    assert group.outside.difference == pytest.approx(0.0, abs=0.05)
    assert group.contrast.difference == pytest.approx(
        group.inside.difference - group.outside.difference
    )
    assert group.share == pytest.approx(1.0, abs=0.1)
    assert group.contrast.low > 0
    [alike] = effects(planted(0.3, 0.3), FIELDS[:1], METRIC, [RARE]).fields
    assert alike.groups[0].contrast.low < 0 < alike.groups[0].contrast.high


def test_halves_divide_the_ranked_users_by_target_and_by_history() -> None:
    """Users without a target have no part; what is equal for all divides nobody."""
    columns = {
        "test_popularity": np.array([1, 2, 0, 30, 40]),
        "length": np.array([5, 5, 9, 5, 5]),
    }
    chosen = np.array([True, True, False, True, True])
    [group] = halves(columns, chosen)
    assert group.chosen.tolist() == [True, True, False, False]
    assert group.name == "rare products (at most 16 sales before)"


def test_more_seeds_decide_where_training_is_what_varies() -> None:
    """With few users (control) no number of seeds does."""
    rng = np.random.default_rng(8)
    made = effects(ranked_values(rng, {}, 0.5), FIELDS, METRIC).fields[0].worth
    noisy = replace(made, difference=0.0)
    seeds = seeds_to_decide(noisy, 0.1)
    assert seeds is not None
    assert seeds > SEEDS
    few_users = replace(noisy, user_variance=0.1**2)
    assert seeds_to_decide(few_users, 0.1) is None


def test_rows_that_are_missing_leave_their_differences_out() -> None:
    """A model that cannot do without attributes has no row of position alone."""
    values = ranked_values(np.random.default_rng(9), {}, 0.1)
    del values[NONE]
    found = effects(values, FIELDS, METRIC)
    assert found.together is None
    assert found.fields[0].alone is None
    assert found.detectable > 0
