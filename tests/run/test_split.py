"""A temporal split from raw data to ranks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sirec.data.dataset import Dataset
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.split import NO_TARGET, PARTS, LeaveOneOut, Split, Temporal
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import Store

SETTINGS = {
    "width": 16,
    "layers": 1,
    "heads": 2,
    "inner": 16,
    "epochs": 2,
    "learning_rate": 0.005,
    "threads": 1,
}


def shop(split: Split) -> Dataset:
    """A small shop under a split."""
    raw = DemoSource(users=200, items=60).read()
    return prepare(raw, "shop", PrepareOptions(split=split)).dataset


def with_items(data: Dataset, held_out: bool) -> Dataset:
    """The data with other items in all held-out interactions, or in the first one in training."""
    items = data.items.clone()
    if held_out:
        position = np.arange(len(items))
        user = np.repeat(np.arange(data.user_count), data.lengths.numpy())
        is_changed = position >= data.held_out.train_stop.numpy()[user]
    else:
        is_changed = np.arange(len(items)) == 0
    items[is_changed] = items[is_changed] % data.item_count + 1
    return replace(data, items=items)


def are_equal(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> bool:
    """Whether two models have the same weights to the last bit."""
    return all(torch.equal(value, others[name]) for name, value in weights.items())


@pytest.mark.parametrize("model", ["popularity", "transitions", "comif"])
def test_training_never_reads_what_is_held_out(model: str, tmp_path: Path) -> None:
    """Other held-out items give the same weights and other ranks.

    One other item in training (control) gives other weights.
    """
    data = shop(Temporal(valid=0.1, test=0.2))
    config = resolve(model, data, shared=SETTINGS)
    if config.stages:  # one evaluation, so that validation cannot choose an epoch
        config = replace(config, stages=(replace(config.stages[0], evaluate_every=2),))
    first = execute(config, data, Store(tmp_path / "first"))
    second = execute(config, with_items(data, held_out=True), Store(tmp_path / "second"))
    control = execute(config, with_items(data, held_out=False), Store(tmp_path / "control"))
    assert are_equal(first.weights(), second.weights())
    assert not are_equal(first.weights(), control.weights())
    ranks, others = (run.ranks().ranks["test"]["keep"] for run in (first, second))
    assert not np.array_equal(ranks, others)


def test_runs_rank_the_users_with_a_target(tmp_path: Path) -> None:
    """Ranks are 0 exactly where there is no target, and metrics are means over the others."""
    for number, split in enumerate((Temporal(), Temporal(target="first"), LeaveOneOut())):
        data = shop(split)
        config = resolve("transitions", data, assignments={"threads": 1})
        folder = execute(config, data, Store(tmp_path / str(number)))
        assert folder.split() == split
        for part in PARTS:
            ranks = folder.ranks().ranks[part]["keep"]
            is_ranked = ranks > 0
            assert is_ranked.tolist() == (data.held_out.targets[part] != NO_TARGET).tolist()
            hits = ranks[is_ranked] <= 20  # ranks are stored doubled, so that a tie is whole
            assert folder.metrics()[part]["keep"]["Recall@10"] == hits.mean()
            assert is_ranked.all() == (split == LeaveOneOut())


def test_another_split_is_another_run(tmp_path: Path) -> None:
    """The same model on the same interactions, held out in three ways, has three folders."""
    store = Store(tmp_path)
    folders = set()
    for split in (Temporal(), Temporal(target="first"), LeaveOneOut()):
        data = shop(split)
        config = resolve("popularity", data, assignments={"threads": 1})
        folders.add(execute(config, data, store).path)
        folders.add(execute(config, data, store).path)  # control: the same run again
    assert len(folders) == 3
