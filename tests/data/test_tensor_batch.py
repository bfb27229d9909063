"""Batches whose shapes follow from tensors give the scores of those that the host lays out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from model_variants import VARIANTS
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.tensor_batch import TensorBatch
from sirec.models import MODELS
from sirec.testing import models as testing

CASES = [*((name, {}) for name in MODELS), *VARIANTS]
each = pytest.mark.parametrize(
    ("name", "settings"), CASES, ids=lambda value: str(value).strip("{}") if value else "defaults"
)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return testing.small_dataset()


def as_tensors(batch: Batch, items: Tensor | None = None) -> TensorBatch:
    """The rows of a batch, or the same with other items."""
    stored = {"rating": batch.behaviours["rating"]}
    return TensorBatch.of(
        batch.items if items is None else items,
        stored,
        batch.users,
        window=testing.WINDOW,
        with_position=True,
    )


@each
def test_scores_are_those_of_the_layout_by_lengths(
    data: Dataset, name: str, settings: dict[str, Any]
) -> None:
    """Every model, rows of one item and rows that fill the window among them."""
    model = testing.built(testing.small(MODELS[name], **settings), data)
    for lengths in [(9, 1, 4, 2, 10, 9), (1,), (testing.WINDOW, 3)]:
        batch = testing.small_batch(data, lengths)
        with torch.no_grad():
            ours, theirs = model.scores(batch), model.scores(as_tensors(batch))
        torch.testing.assert_close(theirs[:, 1:], ours[:, 1:], rtol=1e-4, atol=1e-5)
    assert MODELS[name].is_training_free or not torch.allclose(ours[0, 1:], ours[1, 1:])


def test_what_stands_in_empty_slots_is_not_read(data: Dataset) -> None:
    """A layout spreads zeros there, whatever a token of padding was given; control: real slots."""
    batch = as_tensors(testing.small_batch(data, (4, 2)))
    [bucket] = batch.layout.buckets
    values = torch.ones(8, 3)
    spread = bucket.spread(values)
    assert spread[1, 2:].abs().sum() == 0
    assert bool((spread[0] == 1).all())
    assert torch.equal(batch.layout.unflatten(values), spread)


def test_a_mask_is_appended_as_on_the_host(data: Dataset) -> None:
    """Also to a row that fills the window, which loses its oldest item."""
    batch = testing.small_batch(data, (testing.WINDOW, 3))
    ours = batch.append_mask(99, testing.WINDOW)
    theirs = as_tensors(batch).append_mask(99, testing.WINDOW)
    assert torch.equal(theirs.items, ours.items)
    assert torch.equal(theirs.read, ours.read)
    assert torch.equal(theirs.behaviours["rating"], ours.behaviours["rating"])
    assert torch.equal(theirs.behaviours["position"], ours.behaviours["position"])
    assert theirs.visible == "all"
    assert not torch.equal(replace(theirs, items=batch.items).items, ours.items)  # control
