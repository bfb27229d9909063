"""One cell of a claim: a pair of rows on one data set, in one metric, for one group of users.

    better        holds if the interval lies above 0 and p, corrected over the claim's cells after
                  Holm, is below 5 %; does not hold if it is shown to be below the margin
                  and the interval is not above 0 before correction
    equal         holds if the interval lies within the margin; does not hold if it lies outside
    not worse     holds if the interval lies above minus the margin; does not hold if below

What refutes a claim is corrected over its cells (Bonferroni), as one of many may fail by chance.
With one seed of a trained model nothing holds or fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sirec.evaluation.paired_means import MeanDifference
from sirec.evaluation.seed_noise import SeedNoise
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD, holm
from sirec.evaluation.student import quantile
from sirec.papers.claim import Asserts

ClaimAnswer = Literal["holds", "does not hold", "not decided", "not run", "not available"]
LEVEL = 0.05
MOST_SEEDS = 50  # that are thought of to decide what is undecided


@dataclass(frozen=True)
class ClaimCell:
    """What one cell shows.

    Attributes:
        dataset: name of the data set.
        metric: name of the metric.
        pair: the two rows.
        group: the users, where the claim divides them; else empty.
        verdict: what it shows of the claim.
        difference: the difference, in percent of the second row's mean; None where nothing is run.
        low: lower end of its interval, in percent.
        high: upper end.
        p_value: of no difference, corrected over the claim's cells.
        seeds: how many seeds both rows have.
        seeds_needed: how many would decide it, if it is undecided and any number would.
        study: the study that has both rows.
        reason: why it is not run or not available.
    """

    dataset: str
    metric: str
    pair: str
    group: str
    verdict: ClaimAnswer
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    seeds: int = 0
    seeds_needed: int | None = None
    study: str = ""
    reason: str = ""


@dataclass(frozen=True)
class MeasuredCell:
    """A cell before it is decided.

    Attributes:
        cell: the cell, undecided.
        effect: the difference in percent of the second row's mean.
        is_about_methods: whether seeds allow to speak of methods.
        noise: v of the difference in the same unit, by all rows of the data set.
        persistent: share of the users' variance that more seeds do not reduce, for one seed.
    """

    cell: ClaimCell
    effect: MeanDifference
    is_about_methods: bool
    noise: SeedNoise | None
    persistent: float


def decide(cells: Sequence[MeasuredCell], asserts: Asserts, margin: float) -> list[ClaimCell]:
    """Decide the cells of a claim together.

    Args:
        cells: the cells that were run.
        asserts: what the claim says of each.
        margin: what does not matter, in percent.
    """
    corrected = holm([each.effect.p_value for each in cells])
    decided: list[ClaimCell] = []
    for each, p_value in zip(cells, corrected, strict=True):
        verdict = _verdict(each, asserts, margin, p_value, len(cells))
        effect, needed = each.effect, None
        if verdict == "not decided":
            needed = _seeds_needed(each, asserts, margin, len(cells))
        decided.append(
            replace(
                each.cell,
                verdict=verdict,
                difference=effect.difference,
                low=effect.low,
                high=effect.high,
                p_value=p_value,
                seeds_needed=needed,
            )
        )
    return decided


def _verdict(
    each: MeasuredCell, asserts: Asserts, margin: float, p_value: float, tests: int
) -> ClaimAnswer:
    """The verdict on one cell of `tests`."""
    if not each.is_about_methods:
        return "not decided"
    effect = each.effect
    wider = replace(effect, confidence=1 - LEVEL / tests)
    if asserts == "equal":
        if -margin < effect.low and effect.high < margin:
            return "holds"
        is_refuted = wider.low > margin or wider.high < -margin
    elif asserts == "not worse":
        if effect.low > -margin:
            return "holds"
        is_refuted = wider.high < -margin
    else:
        if effect.low > 0 and p_value < LEVEL:
            return "holds"
        is_refuted = wider.high < margin and effect.low <= 0
    return "does not hold" if is_refuted else "not decided"


def _seeds_needed(each: MeasuredCell, asserts: Asserts, margin: float, tests: int) -> int | None:
    """How many seeds would decide a cell, if its difference is what it seems to be."""
    effect, distance = each.effect, abs(each.effect.difference)
    room = {
        "equal": abs(margin - distance),
        "not worse": abs(effect.difference + margin),
    }.get(asserts, max(effect.difference, margin - effect.difference))
    level = 1 - LEVEL / (2 * tests)
    for seeds in range(max(effect.seeds + 1, SEEDS_FOR_A_METHOD), MOST_SEEDS + 1):
        later = _with_seeds(each, seeds)
        if later is None:
            return None
        if quantile(level, later.degrees) * later.error < room:
            return seeds
    return None


def _with_seeds(each: MeasuredCell, seeds: int) -> MeanDifference | None:
    """The effect as that many seeds would show it; None where nothing is known of seeds."""
    effect = each.effect
    if effect.seeds > 1:
        return effect.with_seeds(seeds)
    if each.noise is None:
        return None
    return replace(
        effect,
        seed_variance=each.noise.variance / seeds,
        user_variance=effect.user_variance * each.persistent,
        seed_degrees=each.noise.degrees,
        seeds=seeds,
    )
