"""Metrics of ranks, against an independent library and against sorted lists."""

from __future__ import annotations

import math

import numpy as np
import pytest
import ranx
import torch
from hypothesis import given
from hypothesis import strategies as st

from sirec.errors import SirecError
from sirec.evaluation.metrics import (
    DEFAULT_METRICS,
    Metric,
    one_target_notes,
    parse_metric,
    parse_metrics,
    summarise,
)
from sirec.evaluation.ranks import count_ranks

IN_RANX = {"Recall": "recall", "NDCG": "ndcg", "MRR": "mrr", "HR": "hit_rate", "MAP": "map"}
ALL = [
    parse_metric(f"{kind}@{cutoff}")
    for kind in ("Recall", "NDCG", "MRR", "HR", "MAP")
    for cutoff in (1, 5, 10, 20)
]


def random_scores(users: int = 40, items: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores without ties, item 0 the padding, and a target per user."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(users, items, generator=generator), torch.randint(
        1, items, (users,), generator=generator
    )


def test_metrics_agree_with_ranx() -> None:
    """On untied scores every user's value is the one that ranx computes from the same scores.

    One test, because ranx compiles itself for most of a minute in every process that uses it.
    """
    scores, targets = random_scores()
    # ranx returns users in the order of their names as text, hence the leading zeros.
    qrels = ranx.Qrels(
        {f"{user:03}": {str(target): 1} for user, target in enumerate(targets.tolist())}
    )
    rows = {
        f"{user:03}": {str(item): row[item] for item in range(1, len(row))}
        for user, row in enumerate(scores.tolist())
    }
    run = ranx.Run(rows)
    ranks = count_ranks(scores, targets).numpy()
    of_others = count_ranks(scores, targets % (scores.shape[1] - 1) + 1).numpy()
    for metric in ALL:
        name = f"{IN_RANX[metric.kind]}@{metric.cutoff}"
        theirs = ranx.evaluate(qrels, run, name, return_mean=False)
        np.testing.assert_allclose(metric.per_user(ranks), theirs, atol=1e-12, err_msg=name)
        # Control: another target is another value.
        assert not np.allclose(metric.per_user(of_others), theirs), name


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_metrics_agree_with_sorted_lists(metric: Metric) -> None:
    """Every user's value is the one read off the list sorted by score."""
    scores, targets = random_scores()
    expected = []
    for row, target in zip(scores.tolist(), targets.tolist(), strict=True):
        place = sorted(range(1, len(row)), key=lambda item: -row[item]).index(target) + 1
        reciprocal, discounted = 1 / place, 1 / math.log2(place + 1)
        worth = {"NDCG": discounted, "MRR": reciprocal, "MAP": reciprocal}.get(metric.kind, 1.0)
        expected.append(worth if place <= metric.cutoff else 0.0)
    np.testing.assert_allclose(
        metric.per_user(count_ranks(scores, targets).numpy()), expected, atol=1e-12
    )
    assert sum(expected) > 0 or metric.cutoff == 1  # control: the lists do hit


@given(st.integers(1, 30), st.integers(0, 30), st.integers(1, 40))
def test_a_tie_never_helps(above: int, tied: int, cutoff: int) -> None:
    """With more rivals at the target's score no metric rises, and with enough of them each falls to
    0 (control).
    """
    for kind in ("Recall", "NDCG", "MRR"):
        metric = parse_metric(f"{kind}@{cutoff}")
        alone, crowded, hopeless = metric.per_user(
            np.array([2 * above, 2 * above + tied, 2 * (cutoff + 1)])
        )
        assert 0 <= crowded <= alone <= 1
        assert hopeless == 0
        assert (alone > 0) == (above <= cutoff)


@pytest.mark.parametrize("metric", DEFAULT_METRICS, ids=lambda metric: metric.name)
def test_a_constant_model_gains_nothing(metric: Metric) -> None:
    """A model that scores all items alike is no better than chance; one that knows the target
    scores 1 (control).
    """
    items = 1000
    targets = torch.arange(1, items)
    assert metric.mean(
        count_ranks(torch.zeros(items - 1, items), targets).numpy()
    ) <= metric.cutoff / (items - 1)
    assert metric.mean(count_ranks(torch.eye(items)[1:], targets).numpy()) == 1


def test_names_are_read_as_they_are_printed() -> None:
    """Parsing a printed name gives the metric back, in any case and with spaces around it."""
    assert [parse_metric(metric.name) for metric in ALL] == ALL
    assert parse_metric(" recall@7 ") == Metric("Recall", 7)
    assert [metric.name for metric in DEFAULT_METRICS] == [
        "Recall@10",
        "Recall@20",
        "NDCG@10",
        "NDCG@20",
    ]


def test_a_metric_that_is_asked_for_twice_is_there_once() -> None:
    """However it is spelt; order is kept, and another cutoff (control) is another metric."""
    asked = ["recall@20", "NDCG@10", "Recall@20 ", "Recall@2"]
    assert parse_metrics(asked) == (Metric("Recall", 20), Metric("NDCG", 10), Metric("Recall", 2))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("recal@20", "Recall@20"),
        ("Hit@10", "HR@10"),
        ("nDGC@5", "NDCG@5"),
        ("Recall", "Recall@20"),
        ("MRR@0", "MRR@20"),
        ("MRR@-1", "MRR@20"),
        ("precision", "metrics: Recall@K, NDCG@K, MRR@K, HR@K, MAP@K"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(text: str, hint: str) -> None:
    """The error repeats what was written and the hint says what would be right."""
    with pytest.raises(SirecError, match=text) as caught:
        parse_metric(text)
    assert hint in str(caught.value.hint)


def test_a_summary_holds_every_metric() -> None:
    """Names in order, means over users: one hit at rank 1 and one miss."""
    assert summarise(np.array([2, 5000])) == {
        "Recall@10": 0.5,
        "Recall@20": 0.5,
        "NDCG@10": 0.5,
        "NDCG@20": 0.5,
    }


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_users_without_a_target_are_left_out(metric: Metric) -> None:
    """Doubled rank 0 adds no user to a metric, wherever it stands; a last rank does (control)."""
    ranks = np.array([2, 7, 50, 3])
    sparse = np.array([0, 2, 0, 7, 50, 0, 3])
    assert metric.per_user(sparse).tolist() == metric.per_user(ranks).tolist()
    assert metric.mean(sparse) == metric.mean(ranks) > metric.mean(np.append(ranks, 10**6))


@pytest.mark.parametrize(("name", "usual"), [("hr@7", "Recall@7"), ("map@7", "MRR@7")])
def test_a_metric_that_equals_another_has_its_values_and_says_so(name: str, usual: str) -> None:
    """On every rank; a metric of its own (control) has nothing to say."""
    metric, other = parse_metric(name), parse_metric(usual)
    assert metric.usual == other != metric
    ranks = np.arange(2, 40)
    assert metric.per_user(ranks).tolist() == other.per_user(ranks).tolist()
    [note] = one_target_notes([metric, other, metric])
    assert note.startswith(f"{name[:-2].upper()}@K is {usual[:-2]}@K here")
    assert not one_target_notes([other, parse_metric("NDCG@7")])
