"""Metrics of lists against their definitions as loops, and lists against the scores they are of."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.list_metrics import ListMetric, split_metrics
from sirec.evaluation.lists import ListedItems, TopLists, compute_lists
from sirec.evaluation.ranks import HISTORY_RULES
from sirec.models import MODELS
from sirec.testing import models as testing

K = 4


@pytest.fixture(scope="module")
def data() -> Dataset:
    return testing.small_dataset()


@pytest.fixture(scope="module")
def lists(data: Dataset) -> TopLists:
    model = testing.built(testing.small(MODELS["sasrec"]), data)
    return compute_lists(model, data, ListedItems.of(data), testing.WINDOW, K)


def training(data: Dataset) -> list[tuple[int, int]]:
    """(user, item) of every training interaction: all but the last two of a user."""
    pairs: list[tuple[int, int]] = []
    for user in range(1, data.user_count + 1):
        first, stop = data.offsets[user - 1 : user + 1].tolist()
        pairs += [(user, item) for item in data.items[first : stop - 2].tolist()]
    return pairs


def test_lists_are_the_best_items_before_the_target(data: Dataset, lists: TopLists) -> None:
    """For each user by a plain sort of scores; under `mask` without what is in the history."""
    model = testing.built(testing.small(MODELS["sasrec"]), data)
    for place, user in enumerate(lists.users.tolist()):
        first, stop = data.offsets[user - 1 : user + 1].tolist()
        length = stop - first - 1
        start = max(0, length - testing.WINDOW)
        batch = testing.spans(data, [(user, start, length - 1)])
        with torch.no_grad():
            scores = model.scores(batch)[0].tolist()
        order = sorted(range(1, data.item_codes), key=lambda code: (-scores[code], code))
        seen = set(data.items[first : stop - 1].tolist())
        assert lists.lists["keep"][place].tolist() == order[:K]
        unseen = [code for code in order if code not in seen]
        assert lists.lists["mask"][place].tolist() == unseen[:K]


@pytest.mark.parametrize("cutoff", [1, 2, K])
@pytest.mark.parametrize("rule", HISTORY_RULES)
def test_metrics_are_their_definitions(
    data: Dataset, lists: TopLists, rule: str, cutoff: int
) -> None:
    """Coverage, Gini, popularity, novelty and diversity as loops over users, items and pairs."""
    shown = [row[:cutoff] for row in lists.lists[rule].tolist()]  # type: ignore[index]
    pairs = training(data)
    counts = [sum(item == code for _, item in pairs) for code in range(data.item_codes)]
    owners = [len({user for user, item in pairs if item == code}) for code in range(len(counts))]
    flat = list(itertools.chain.from_iterable(shown))
    listed = [flat.count(code) for code in range(1, data.item_codes)]
    n = len(listed)
    spread = sum(abs(a - b) for a, b in itertools.product(listed, listed))
    expected = {
        "Coverage": len(set(flat)) / n,
        "Gini": spread / (2 * n * sum(listed)),  # the mean difference: Gini's own definition
        "Popularity": sum(counts[code] for code in flat) / len(flat),
        "Novelty": sum(-math.log2(max(owners[code], 1) / 30) for code in flat) / len(flat),
    }
    for kind, value in expected.items():
        assert ListMetric(kind, cutoff).of(lists, rule) == pytest.approx(value)  # type: ignore[arg-type]


def test_diversity_is_one_minus_jaccard_over_pairs(data: Dataset, lists: TopLists) -> None:
    """Of items that have values; a list without a pair does not count."""
    [table] = [field.values.tolist() for field in data.fields if field.name == "category"]
    means: list[float] = []
    for row in lists.lists["keep"].tolist():
        sets = [set(table[code]) - {0} for code in row]
        distances: list[float] = []
        for one, other in itertools.combinations([values for values in sets if values], 2):
            distances.append(1 - len(one & other) / len(one | other))
        if distances:
            means.append(sum(distances) / len(distances))
    found = ListMetric("Diversity", K, "category").of(lists, "keep")
    assert found == pytest.approx(sum(means) / len(means))
    alike = replace(lists.items, attributes={"category": [[1] for _ in range(data.item_codes)]})
    assert ListMetric("Diversity", K, "category").of(replace(lists, items=alike), "keep") == 0


def test_gini_and_coverage_have_their_ends(lists: TopLists) -> None:
    """All items equally often: 0 and 1; one item alone: nearly 1, and one item's share."""
    items = len(lists.items.users) - 1
    evenly = np.arange(1, items + 1, dtype=np.int32)[:, None]
    one = np.ones((items, 1), dtype=np.int32)
    for codes, gini, coverage in ((evenly, 0.0, 1.0), (one, 1 - 1 / items, 1 / items)):
        made = replace(lists, lists={"keep": codes, "mask": codes})
        assert ListMetric("Gini", 1).of(made, "keep") == pytest.approx(gini)
        assert ListMetric("Coverage", 1).of(made, "keep") == pytest.approx(coverage)


def test_what_was_written_is_read(lists: TopLists, tmp_path: Path) -> None:
    """Both files; damage is one line."""
    places = tmp_path / "lists.parquet", tmp_path / "items.parquet"
    lists.write(*places)
    again = TopLists.read(*places, "store them again")
    for kind in ("Coverage", "Gini", "Popularity", "Novelty"):
        metric = ListMetric(kind, K)
        assert metric.of(again, "mask") == metric.of(lists, "mask")
    diversity = ListMetric("Diversity", K, "category")
    assert diversity.of(again, "mask") == diversity.of(lists, "mask")
    places[0].write_bytes(places[1].read_bytes())
    with pytest.raises(SirecError, match="the column 'user' is missing"):
        TopLists.read(*places, "store them again")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Coverage", "is not a metric|has no cutoff|needs"),
        ("Coverage@", "has no cutoff"),
        ("Coverage@0", "has no cutoff"),
        ("Coverage@-1", "has no cutoff"),
        ("Coverage@ten", "has no cutoff"),
        ("Coverage@99999999", "cutoff of Coverage"),
        ("Coverage(brand)@10", "takes no attribute"),
        ("Diversity@10", "needs an attribute"),
        ("Diversity()@10", "needs an attribute"),
        ("Coverge@10", "is not a metric"),
        ("Novelt@10", "is not a metric"),
        ("Serendipity@10", "is not a metric"),
    ],
)
def test_wrong_metrics_are_one_line(text: str, said: str) -> None:
    """With what would be right."""
    with pytest.raises(SirecError, match=said) as caught:
        split_metrics([text])
    assert caught.value.hint or "must be from 1" in caught.value.message
