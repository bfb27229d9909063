"""Altered behaviours: what each mode draws, and with which probability."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import get_args

import pytest
import tiny as builders
import torch
from scipy.stats import chisquare

from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.next_item import NextItem
from sirec.data.tasks.rows import gather
from sirec.errors import SirecError
from sirec.objectives.alterations import ALTERATIONS, Mode, permuted
from sirec.objectives.order import (
    choose_prefixes,
    differs,
    prefix_batch,
)

MODES = get_args(Mode)


def prefixes_of(data: Dataset, names: tuple[str, ...] = ("rating", "position")) -> Batch:
    """Every prefix of every user's row."""
    batch = gather(data, NextItem().rows(data, builders.WINDOW))
    return prefix_batch(batch, *choose_prefixes(batch.predicting, every=True), names)


def every_order(length: int, draws: int, *, fixed_points: bool) -> Counter[tuple[int, ...]]:
    torch.manual_seed(0)
    orders = permuted(torch.full((draws,), length), length + 2, fixed_points=fixed_points)
    assert (
        orders[:, length:] == torch.arange(length, length + 2)
    ).all()  # slots beyond the prefix keep their codes
    return Counter(tuple(drawn) for drawn in orders[:, :length].tolist())


@pytest.mark.parametrize(
    ("length", "fixed_points", "count"), [(3, True, 5), (4, True, 23), (3, False, 2), (4, False, 9)]
)
def test_permutations_are_uniform(length: int, fixed_points: bool, count: int) -> None:
    """Every permutation but the identity, or every derangement, is drawn equally often
    (chi-square), and no other ever.
    """
    drawn = every_order(length, 8000, fixed_points=fixed_points)
    legal = []
    for arrangement in permutations(range(length)):
        fixed = sum(slot == place for place, slot in enumerate(arrangement))
        if fixed == 0 or (fixed_points and fixed < length):
            legal.append(arrangement)
    assert len(legal) == count
    assert drawn.keys() == set(legal)
    assert chisquare([drawn[p] for p in legal]).pvalue > 0.001


def test_swaps_would_not_be_uniform() -> None:
    """The control of that test: swapping one random pair reaches three of the five orders, and
    chi-square says so.
    """
    pairs = (
        torch.randint(3, (8000,), generator=torch.Generator().manual_seed(0)).bincount().tolist()
    )
    assert chisquare([*pairs, 0, 0]).pvalue < 1e-6


def test_two_slots_are_always_swapped_and_one_slot_stays() -> None:
    """Two interactions have one other order; one has none."""
    orders = permuted(torch.tensor([1, 2]), 3, fixed_points=True)
    assert orders.tolist() == [[0, 1, 2], [1, 0, 2]]


@pytest.mark.parametrize("mode", ["permutation", "derangement", "reversal"])
def test_one_reordering_moves_every_behaviour(mode: Mode, tiny: Dataset, schema: Schema) -> None:
    """Rating and position move together: the pair of an interaction stays a pair, only its item
    changes.
    """
    prefixes = prefixes_of(tiny)
    altered = ALTERATIONS[mode](prefixes, {field.name: field for field in schema.behaviours})
    where = altered["position"]
    assert torch.equal(altered["rating"], prefixes.behaviours["rating"].gather(1, where))
    real = prefixes.items != 0
    assert torch.equal(
        where.masked_fill(~real, 99).sort().values,
        prefixes.behaviours["position"].masked_fill(~real, 99),
    )
    assert differs(prefixes, altered).all()


@pytest.mark.parametrize("mode", MODES)
def test_alterations_draw_real_codes_and_leave_empty_slots_alone(
    mode: Mode, tiny: Dataset, schema: Schema
) -> None:
    """Whatever the mode: real slots hold codes of their field, other slots what they held, and
    something changes.
    """
    names = ("position",) if mode == "sorted" else ("rating", "position")
    prefixes = prefixes_of(tiny, names)
    torch.manual_seed(0)
    fields = {field.name: field for field in schema.behaviours}
    altered = ALTERATIONS[mode](prefixes, fields)
    real = prefixes.items != 0
    assert altered.keys() == set(names)
    for name, codes in altered.items():
        assert torch.equal(codes[~real], prefixes.behaviours[name][~real])
        assert int(codes[real].min()) >= (1 if fields[name].padded else 0)
        assert int(codes[real].max()) < fields[name].size
    assert differs(prefixes, altered).float().mean() > 0.8
    if mode == "sorted":
        assert all(
            row[mask].diff().min() > 0 for row, mask in zip(altered["position"], real, strict=True)
        )
    if mode == "other_user":
        assert torch.equal(altered["position"], prefixes.behaviours["position"])


def test_a_field_too_small_to_sample_is_refused(tiny: Dataset, schema: Schema) -> None:
    """Twelve slots cannot hold a sorted sample of five ratings."""
    with pytest.raises(SirecError, match="rating has 5"):
        ALTERATIONS["sorted"](prefixes_of(tiny), {field.name: field for field in schema.behaviours})


def test_altered_versions_of_one_prefix_are_drawn_independently(
    tiny: Dataset, schema: Schema
) -> None:
    """With k = 4 the versions of a long prefix are not copies of one draw, in any drawn mode."""
    batch = gather(tiny, NextItem().rows(tiny, builders.WINDOW))
    rows, slots = (index.repeat(4) for index in choose_prefixes(batch.predicting, every=True))
    prefixes = prefix_batch(batch, rows, slots, ["rating", "position"])
    long = int(slots[: len(slots) // 4].argmax())
    for mode in ("permutation", "derangement", "uniform", "other_user"):
        torch.manual_seed(1)
        codes = ALTERATIONS[mode](prefixes, {field.name: field for field in schema.behaviours})[
            "rating"
        ]
        versions = codes.view(4, -1, codes.shape[1])[:, long].tolist()
        assert len({tuple(version) for version in versions}) > 1, mode
