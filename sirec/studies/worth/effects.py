"""What each field is worth, from the ranks of the rows: differences with intervals and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from sirec.evaluation.metrics import Metric
from sirec.evaluation.paired_means import (
    MeanDifference,
    UserValues,
    mean_difference,
    seed_noise,
)
from sirec.evaluation.seed_noise import SeedNoise
from sirec.evaluation.statistics import holm
from sirec.studies.worth.design import ALL, NONE, FieldRows

SIGNIFICANCE = 0.05
MOST_SEEDS = 50  # that are thought of to decide what is undecided
Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CustomerGroup:
    """Half of the users, by a covariate.

    Attributes:
        name: what they have in common, as sentences say it.
        other: the same of all others.
        heading: what a column calls them.
        chosen: Bool[U], of the ranked users.
    """

    name: str
    other: str
    heading: str
    chosen: Chosen


@dataclass(frozen=True)
class GroupEffect:
    """What a field is worth for half of the users.

    Attributes:
        group: what these have in common.
        other: the same of all others.
        heading: what a column calls the group.
        inside: worth for the group, in its own mean.
        outside: worth for all others.
        contrast: worth for the group minus worth for the others.
        share: part of the whole worth that the group makes up; None where the whole is 0.
    """

    group: str
    other: str
    heading: str
    inside: MeanDifference
    outside: MeanDifference
    contrast: MeanDifference
    share: float | None


@dataclass(frozen=True)
class FieldEffect:
    """What a field is worth.

    Attributes:
        field: name of the field.
        worth: all fields minus all with the field shuffled: the answer.
        p_value: of `worth`, after Holm's correction over the fields.
        alone: the field alone minus position alone; None where a row is missing.
        added: all fields minus all without the field.
        capacity: all with the field shuffled minus all without it: what more parameters do.
        groups: `worth` for groups of users.
    """

    field: str
    worth: MeanDifference
    p_value: float
    alone: MeanDifference | None
    added: MeanDifference | None
    capacity: MeanDifference | None
    groups: tuple[GroupEffect, ...] = ()

    @property
    def is_significant(self) -> bool:
        """Whether there is a difference, after correction."""
        excludes_zero = self.worth.low > 0 or self.worth.high < 0
        return excludes_zero and self.p_value < SIGNIFICANCE


@dataclass(frozen=True)
class WorthEffects:
    """What all fields are worth.

    Attributes:
        fields: each field.
        together: all fields minus position alone; None where that row is missing.
        metric: the metric.
        users: how many users are ranked.
        seeds: how many seeds each row has.
    """

    fields: tuple[FieldEffect, ...]
    together: MeanDifference | None
    metric: Metric
    users: int
    seeds: int

    @property
    def detectable(self) -> float:
        """The smallest worth that would have been found four times in five, for every field."""
        tests = len(self.fields)
        return max(effect.worth.detectable(tests) for effect in self.fields)


def effects(
    values: Mapping[str, UserValues],
    fields: Sequence[FieldRows],
    metric: Metric,
    groups: Sequence[CustomerGroup] = (),
) -> WorthEffects:
    """What each field is worth.

    Args:
        values: label of a row -> the metric of every ranked user under every seed, Float[U, S].
        fields: the labels of each field's rows.
        metric: the metric.
        groups: groups of the users.

    Raises:
        SirecError: if rows have other users or seeds.
    """
    difference = partial(_difference, values, seed_noise(list(values.values())))
    worths = [_worth_of(values, field) for field in fields]
    corrected = holm([worth.p_value for worth in worths])
    found: list[FieldEffect] = []
    for field, worth, p_value in zip(fields, worths, corrected, strict=True):
        in_groups = tuple(_group_effect(values, field, worth, group) for group in groups)
        effect = FieldEffect(
            field.field,
            worth,
            p_value,
            difference(field.alone, NONE),
            difference(ALL, field.without),
            difference(field.placebo, field.without),
            in_groups,
        )
        found.append(effect)
    users, seeds = values[ALL].shape
    return WorthEffects(tuple(found), difference(ALL, NONE), metric, users, seeds)


def _difference(
    values: Mapping[str, UserValues],
    noise: SeedNoise | None,
    first: str | None,
    second: str | None,
) -> MeanDifference | None:
    """The first row minus the second; None where one is missing, or both are the same."""
    if first is None or second is None or first == second:
        return None
    if first not in values or second not in values:
        return None
    return mean_difference(values[first], values[second], noise)


def _group_effect(
    values: Mapping[str, UserValues], field: FieldRows, worth: MeanDifference, group: CustomerGroup
) -> GroupEffect:
    """A field's worth inside and outside of a group of users."""
    inside, outside = group.chosen, ~group.chosen
    # Mean inside minus mean outside, as one mean over all users.
    weights = np.where(inside, 1 / inside.mean(), -1 / outside.mean())[:, None]
    weighted = {label: rows * weights for label, rows in values.items()}
    of_group = _worth_of({label: rows[inside] for label, rows in values.items()}, field)
    share = None
    if worth.difference:
        share = of_group.difference * float(inside.mean()) / worth.difference
    return GroupEffect(
        group.name,
        group.other,
        group.heading,
        of_group,
        _worth_of({label: rows[outside] for label, rows in values.items()}, field),
        _worth_of(weighted, field),
        share,
    )


def _worth_of(values: Mapping[str, UserValues], field: FieldRows) -> MeanDifference:
    return mean_difference(values[ALL], values[field.placebo], seed_noise(list(values.values())))


def seeds_to_decide(worth: MeanDifference, margin: float) -> int | None:
    """How many seeds would tell whether a worth like this one is more than nothing, or no more
    than a margin.

    Args:
        worth: an undecided worth.
        margin: what does not matter, in the metric's unit.

    Returns:
        None where no number of seeds would, as there are too few users.
    """
    needed = max(abs(worth.difference), margin - abs(worth.difference))
    for seeds in range(worth.seeds + 1, MOST_SEEDS + 1):
        if worth.with_seeds(seeds).half_width < needed:
            return seeds
    return None


def halves(columns: Mapping[str, npt.NDArray[np.integer]], chosen: Chosen) -> list[CustomerGroup]:
    """Users whose next purchase is of a rare product, and users with a short history.

    Each is half of the users, as far as equal values allow; a covariate that is the same for all
    divides nobody.

    Args:
        columns: covariates of all users, Int[U] by name.
        chosen: Bool[U], the ranked users.
    """
    groups: list[CustomerGroup] = []
    sales = columns["test_popularity"][chosen]
    lengths = columns["length"][chosen]
    rarest, shortest = int(np.median(sales)), int(np.median(lengths))
    candidates = (
        CustomerGroup(
            f"rare products (at most {rarest} sales before)",
            f"popular products (more than {rarest} sales before)",
            "rare",
            sales <= rarest,
        ),
        CustomerGroup(
            f"customers with at most {shortest} purchases",
            f"customers with more than {shortest} purchases",
            "short",
            lengths <= shortest,
        ),
    )
    for group in candidates:
        members = int(group.chosen.sum())
        if 2 <= members <= len(group.chosen) - 2:
            groups.append(group)
    return groups
