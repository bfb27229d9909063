"""Where a score comes from: parts that add up, and what is left without a past item."""

from __future__ import annotations

import numpy as np
import pytest
import tiny as builders
import torch

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import SequenceRows, gather
from sirec.evaluation.score_sources import reduced_histories, score_parts, standings
from sirec.models import MODELS

N = builders.WINDOW
TRAINED = [name for name, model in MODELS.items() if not model.is_training_free]


def a_model(data: Dataset, name: str, **settings: object) -> Recommender:
    """A small untrained model with loud weights."""
    torch.manual_seed(0)
    config = builders.sized(MODELS[name](**settings), **builders.SHAPE)
    model = config.build(data.schema(N, with_position=True))
    return builders.loud(model).eval()  # type: ignore[return-value]


def scores(model: Recommender, data: Dataset, user: int, length: int) -> np.ndarray:
    """The scores after the first items of a user."""
    start = int(data.offsets[user - 1])
    rows = SequenceRows(*(np.array([each]) for each in (user, start, start + length, start)))
    with torch.no_grad():
        found: np.ndarray = model.scores(gather(data, rows))[0].double().numpy()
    return found


@pytest.mark.parametrize("name", TRAINED)
def test_parts_add_up_to_the_score_or_there_are_none(name: str) -> None:
    """Control: without the largest of several parts they do not."""
    data = builders.dataset()
    model = a_model(data, name)
    start = int(data.offsets[2])
    parts = score_parts(model, data, 3, np.arange(start, start + 4))
    if parts is None:
        assert name in ("stosa", "dlfs-rec")  # distances between Gaussians
        return
    expected = scores(model, data, 3, 4)[1:]
    total = np.sum(list(parts.values()), axis=0)[1:]
    np.testing.assert_allclose(total, expected, rtol=1e-4, atol=1e-4)
    if len(parts) > 1:
        largest = max(parts.values(), key=lambda part: np.abs(part[1:]).max())
        assert not np.allclose(total - largest[1:], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("fusion", ["sum", "concat", "gate"])
@pytest.mark.parametrize("name", ["comif", "sasrecf"])
def test_each_attribute_has_its_part_where_candidates_are_fused(name: str, fusion: str) -> None:
    data = builders.dataset()
    model = a_model(data, name, attribute_fusion=fusion, candidates="fused")
    start = int(data.offsets[2])
    parts = score_parts(model, data, 3, np.arange(start, start + 4))
    assert parts is not None
    assert {"item", "brand", "category"} == set(parts) - {"constant"}
    total = np.sum(list(parts.values()), axis=0)[1:]
    np.testing.assert_allclose(total, scores(model, data, 3, 4)[1:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["comif", "gru4rec", "bert4rec", "stosa"])
def test_without_an_item_is_the_history_that_lacks_it(name: str) -> None:
    """Without the last one it is the shorter history; ranks are counted by a loop."""
    data = builders.dataset()
    model = a_model(data, name)
    start = int(data.offsets[2])
    histories = [start + kept for kept in reduced_histories(4)]
    allowed = torch.ones(data.item_codes, dtype=torch.bool)
    allowed[[0, 5]] = False
    candidates = np.array([3, 9])
    found = standings(model, data, 3, histories, candidates, allowed)
    assert len(found) == 5
    for standing, expected in (
        (found[0], scores(model, data, 3, 4)),
        (found[4], scores(model, data, 3, 3)),
    ):
        np.testing.assert_allclose(standing.scores, expected[candidates], rtol=1e-4, atol=1e-5)
        order = sorted(
            np.flatnonzero(allowed.numpy()), key=lambda item: (-round(expected[item], 5), item)
        )
        assert standing.ranks.tolist() == [order.index(item) + 1 for item in candidates]
    assert not np.allclose(found[1].scores, found[0].scores)  # control: the first item matters
