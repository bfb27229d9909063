"""Every figure of an audit, against loops over users and items."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tiny as builders
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sirec.data.audit import (
    NEED_TIMES,
    NO_TIMES,
    QUANTILES,
    DataAudit,
    Leakage,
    OrderOrigin,
    Repeats,
    Targets,
    audit_data,
)
from sirec.data.dataset import Dataset
from sirec.data.split import PARTS, HeldOutPart, LeaveOneOut, Temporal
from sirec.data.times import Times

SPLITS = {"leave-one-out": LeaveOneOut(), "temporal": Temporal(valid=0.2, test=0.2)}


def sequences(data: Dataset) -> list[list[int]]:
    return [data.items[start:stop].tolist() for start, stop in pairwise(data.offsets.tolist())]


def places(data: Dataset, part: HeldOutPart) -> list[tuple[int, int]]:
    """(user, place in its sequence) of each target, users counted from 0."""
    found = zip(data.held_out.targets[part].tolist(), data.offsets.tolist(), strict=False)
    return [(user, place - begin) for user, (place, begin) in enumerate(found) if place >= 0]


def training(data: Dataset) -> list[tuple[int, int]]:
    """(user, index into the compressed rows) of every training interaction."""
    spans = zip(data.offsets.tolist(), data.held_out.train_stop.tolist(), strict=False)
    return [
        (user, index) for user, (start, stop) in enumerate(spans) for index in range(start, stop)
    ]


def repeats_by_hand(data: Dataset) -> Repeats:
    users = sequences(data)
    again = [[item in user[:place] for place, item in enumerate(user)] for user in users]
    immediate = sum(a == b for user in users for a, b in pairwise(user))
    tested = places(data, "test")
    return Repeats(
        sum(any(user) for user in again) / len(users),
        sum(sum(user) for user in again) / len(data.items),
        immediate / len(data.items),
        sum(again[user][place] for user, place in tested) / len(tested),
    )


def targets_by_hand(data: Dataset, part: HeldOutPart) -> Targets:
    known = {int(data.items[index]) for _, index in training(data)}
    users, found = sequences(data), places(data, part)
    unseen = sum(users[user][place] not in known for user, place in found)
    return Targets(len(found), unseen, unseen / len(found))


def leakage_by_hand(data: Dataset, times: torch.Tensor) -> Leakage:
    some, shares = 0, []
    trained = training(data)
    for user, place in places(data, "test"):
        moment = times[data.offsets[user] + place]
        some += any(times[index] > moment for other, index in trained if other != user)
        shares.append(sum(bool(times[index] > moment) for _, index in trained) / len(trained))
    return Leakage(some / len(shares), float(np.mean(shares)))


def quantile_by_hand(values: list[int], share: float) -> int:
    """The smallest value that at least this share of the values does not exceed."""
    return next(
        value
        for value in sorted(values)
        if sum(other <= value for other in values) >= share * len(values) - 1e-9
    )


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_their_loops(split: str, seed: int) -> None:
    """Quantiles, repeats, unseen targets, leakage, single values and behaviours, under both
    splits.
    """
    data = builders.split(builders.dataset(items=60, seed=seed), SPLITS[split], seed)
    times = builders.times(data, seed)
    found = audit_data(data, times)
    lengths = [len(user) for user in sequences(data)]
    counts = Counter(data.items.tolist())
    popularity = [counts[item] for item in range(1, data.item_codes)]
    assert found.lengths == {
        name: quantile_by_hand(lengths, share) for name, share in QUANTILES.items()
    }
    assert found.popularity == {
        name: quantile_by_hand(popularity, share) for name, share in QUANTILES.items()
    }
    assert _close(found.repeats, repeats_by_hand(data))
    assert found.targets == {part: targets_by_hand(data, part) for part in PARTS}
    assert found.leakage is not None
    assert _close(found.leakage, leakage_by_hand(data, times.ticks))
    for field in data.select(None, ()).fields:
        owners = Counter(value for row in field.values[1:].tolist() for value in row if value)
        assert found.single_item_values[field.name] == sum(
            count == 1 for count in owners.values()
        ) / (field.size - 1)
    assert found.behaviours == {"rating": 5}
    assert found.unknown == {}
    assert (found.name, found.split) == ("tiny", SPLITS[split].text)


def test_the_loops_have_something_to_find() -> None:
    """The control: none of the figures is 0 or 1 for want of cases, and they differ between
    splits.
    """
    whole = builders.dataset(items=60)
    audits = [
        audit_data(builders.split(whole, rule), builders.times(whole)) for rule in SPLITS.values()
    ]
    assert all(0 < share < 1 for share in vars(audits[0].repeats).values())
    assert all(
        0 < audit.targets[part].unseen < audit.targets[part].targets
        for audit in audits
        for part in PARTS
    )
    assert audits[0].targets != audits[1].targets
    assert audits[0].leakage is not None
    assert 0 < audits[0].leakage.training < audits[0].leakage.test_targets <= 1


@given(st.integers(0, 10**6), st.sampled_from(["last", "first"]))
@settings(deadline=None, max_examples=30)
def test_a_temporal_split_does_not_leak(seed: int, target: str) -> None:
    """Whatever the times, nothing in training is later than a test target under a temporal split;
    leave-one-out leaks.
    """
    data = builders.dataset(seed=seed)
    times = builders.times(data, seed)
    rule = Temporal(valid=0.2, test=0.2, target=target)  # type: ignore[arg-type]
    assert audit_data(builders.split(data, rule, seed), times).leakage == Leakage(0.0, 0.0)
    leaking = audit_data(data, times).leakage
    assert leaking is not None
    assert leaking.training > 0  # control


def test_ties_are_not_leakage() -> None:
    """Something at the time of a target is not later than it; a tick more and it is."""
    data = builders.dataset([3, 3])
    ticks = torch.tensor([0, 1, 5, 5, 6, 7])  # training: at 0 and at 5; test targets: at 5 and at 7
    later = ticks + torch.tensor([0, 0, 0, 1, 0, 0])
    for per_second in (1, 1000):
        assert audit_data(data, Times(ticks, per_second)).leakage == Leakage(0.0, 0.0)
        assert audit_data(data, Times(later, per_second)).leakage == Leakage(0.5, 0.25)


def test_what_needs_times_is_unknown_without_them(tiny: Dataset) -> None:
    """Without timestamps ties and leakage are nothing, and it is said why; everything else is as
    with them.
    """
    timed, untimed = audit_data(tiny, builders.times(tiny)), audit_data(tiny)
    assert (untimed.leakage, untimed.statistics.tied_last_pairs) == (None, None)
    assert untimed.unknown == dict.fromkeys(NEED_TIMES, NO_TIMES)
    statistics = replace(untimed.statistics, tied_last_pairs=timed.statistics.tied_last_pairs)
    known = {"tied_neighbours": timed.tied_neighbours, "repeated_rows": timed.repeated_rows}
    filled = replace(untimed, leakage=timed.leakage, unknown={}, statistics=statistics, **known)
    assert filled == timed


def test_a_time_that_was_not_used_is_named(tiny: Dataset) -> None:
    """Where the raw files have a column that may be the time, the audit does not say that there is
    none.
    """
    origin = OrderOrigin("file (no times)", ("date", "when"))
    found = audit_data(tiny, None, origin)
    assert found.decided_by == "file (no times)"
    assert "'date' or 'when' may be the time" in found.unknown["leakage"]


def test_tied_neighbours_and_repeated_rows_are_counted() -> None:
    """Two users: of four neighbours two are tied; one interaction repeats another's item and time,
    and one only its item (control).
    """
    data = builders.dataset([3, 3])
    data = replace(data, items=torch.tensor([1, 1, 2, 1, 2, 2]))
    found = audit_data(data, Times(torch.tensor([5, 5, 5, 5, 6, 7])))
    assert (found.tied_neighbours, found.repeated_rows) == (0.5, 1)


def _close(left: object, right: object) -> bool:
    """Equal but for rounding, figure by figure."""
    return type(left) is type(right) and vars(left) == pytest.approx(vars(right))


def test_figures_are_plain(tiny: Dataset) -> None:
    """Every figure is Python's own number, so that it can be written as JSON."""
    found: DataAudit = audit_data(tiny, builders.times(tiny))
    numbers = [
        *vars(found.repeats).values(),
        *found.lengths.values(),
        *found.single_item_values.values(),
    ]
    assert {type(number) for number in numbers} == {int, float}
