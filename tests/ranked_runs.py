"""Runs with drawn ranks, for tests of tables and comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sirec.evaluation.metrics import parse_metric
from sirec.evaluation.ranks import Ranks, RankTable
from sirec.report.results import (
    RunResult,
)

USERS = 1500
RECALL, NDCG = parse_metric("Recall@20"), parse_metric("NDCG@20")
PROTOCOL = {"loss": "cross-entropy", "task": "next_item", "length": "50"}


def ranked_run(
    label: str,
    *,
    seed: int = 0,
    test: float = 0.0,
    valid: float = 0.0,
    dataset: str = "beauty",
    protocol: Mapping[str, str] = PROTOCOL,
) -> RunResult:
    """A run whose targets are moved up by a gain of its own on each split; a user's difficulty is
    common to all runs.
    """

    def ranks(gain: float, salt: int) -> Ranks:
        difficulty = np.random.default_rng(salt).normal(5, 2.2, USERS)
        noise = np.random.default_rng([seed, salt, *label.encode()]).normal(-gain, 0.3, USERS)
        doubled: Ranks = 2 * np.clip(np.exp(difficulty + noise), 1, 9000).astype(np.int32)
        return doubled

    columns = {"valid": ranks(valid, 1), "test": ranks(test, 2)}
    table = RankTable({s: {"keep": c, "mask": np.maximum(2, c - 2)} for s, c in columns.items()})  # type: ignore[misc]
    return RunResult(
        label, label.split(" ")[0].lower(), seed, protocol, table, dataset, f"runs/{label}-{seed}"
    )


def untrained_run() -> RunResult:
    """A weak training-free baseline."""
    return replace(ranked_run("Popularity", test=-3, valid=-3), is_training_free=True, protocol={})


def three_seeds(label: str, **gains: float) -> list[RunResult]:
    """Three seeds of a row."""
    return [ranked_run(label, seed=seed, **gains) for seed in range(3)]  # type: ignore[arg-type]
