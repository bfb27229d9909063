"""Metrics of lists against RecTools, where it is installed: pip install rectools."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sirec.data.tasks.rows import training_items
from sirec.evaluation.list_metrics import ListMetric
from sirec.evaluation.lists import ListedItems, compute_lists
from sirec.models import MODELS
from sirec.testing import models as testing

rectools = pytest.importorskip("rectools.metrics")
K = 5


def test_rectools_gives_the_same() -> None:
    """Coverage, novelty (mean inverse user frequency), popularity, and diversity by one value."""
    data = testing.small_dataset()
    model = testing.built(testing.small(MODELS["sasrec"]), data)
    lists = compute_lists(model, data, ListedItems.of(data), testing.WINDOW, K)
    users, items = (values.numpy() for values in training_items(data))
    seen = pd.DataFrame({"user_id": users, "item_id": items, "weight": 1.0})
    seen["datetime"] = pd.Timestamp("2024-01-01")
    once = seen.drop_duplicates(["user_id", "item_id"])
    rows: list[tuple[int, int, int]] = []
    for user, row in zip(lists.users.tolist(), lists.lists["mask"].tolist(), strict=True):
        rows += [(user, code, place) for place, code in enumerate(row, start=1)]
    shown = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
    catalogue = np.arange(1, data.item_codes)
    coverage = rectools.CatalogCoverage(k=K, normalize=True).calc(shown, catalogue)
    assert ListMetric("Coverage", K).of(lists, "mask") == pytest.approx(coverage)
    novelty = rectools.MeanInvUserFreq(k=K).calc(shown, once)
    assert ListMetric("Novelty", K).of(lists, "mask") == pytest.approx(novelty)
    popularity = rectools.AvgRecPopularity(k=K).calc(shown, seen)
    assert ListMetric("Popularity", K).of(lists, "mask") == pytest.approx(popularity)
    brands = [values[0] if values else 0 for values in lists.items.attributes["brand"]]
    known = [[code] for code in np.maximum(brands, 1)]
    known[0] = []
    lists.items.attributes["brand"] = known  # type: ignore[index]
    features = pd.DataFrame({"brand": [row[0] for row in known[1:]]}, index=catalogue)
    distance = rectools.PairwiseHammingDistanceCalculator(features)
    diversity = rectools.IntraListDiversity(k=K, distance_calculator=distance).calc(shown)
    assert ListMetric("Diversity", K, "brand").of(lists, "mask") == pytest.approx(diversity)
