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
    return prepare(
        DemoSource(users=200, items=60).read(), "shop", PrepareOptions(split=split)
    ).dataset


@pytest.mark.parametrize("model", ["popularity", "transitions", "comif"])
def test_training_never_reads_what_is_held_out(model: str, tmp_path: Path) -> None:
    """Other items in place of all that is held out give the same weights, and other ranks; one in
    training changes both.
    """
    data = shop(Temporal(valid=0.1, test=0.2))
    late = data.items.clone()
    places = np.arange(len(late))
    users = np.repeat(np.arange(data.user_count), data.lengths.numpy())
    held = places >= data.held_out.train_stop.numpy()[users]
    late[held] = late[held] % data.item_count + 1
    config = resolve(model, data, shared=SETTINGS)
    config = replace(
        config, stages=tuple(replace(stage, evaluate_every=2) for stage in config.stages)
    )  # no choice of epochs
    runs = [
        execute(config, version, Store(tmp_path / str(i)))
        for i, version in enumerate((data, replace(data, items=late)))
    ]
    first, second = (run.weights() for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not np.array_equal(
        runs[0].ranks().ranks["test"]["keep"], runs[1].ranks().ranks["test"]["keep"]
    )  # control
    early = data.items.clone()
    early[0] = early[0] % data.item_count + 1
    control = execute(config, replace(data, items=early), Store(tmp_path / "control")).weights()
    assert not all(torch.equal(first[name], control[name]) for name in first)


def test_runs_rank_the_users_with_a_target(tmp_path: Path) -> None:
    """Ranks are 0 exactly where there is no target, metrics are means over the others, another
    split is another run.
    """
    folders = {}
    for split in (Temporal(), Temporal(target="first"), LeaveOneOut()):
        data = shop(split)
        folders[split] = folder = execute(
            resolve("transitions", data, assignments={"threads": 1}), data, Store(tmp_path)
        )
        table = folder.ranks()
        for part in PARTS:
            ranked = table.ranks[part]["keep"] > 0
            assert ranked.tolist() == (data.held_out.targets[part] != NO_TARGET).tolist()
            assert (
                folder.metrics()[part]["keep"]["Recall@10"]
                == (table.ranks[part]["keep"][ranked] <= 20).mean()
            )
            assert ranked.all() == (split == LeaveOneOut())
        assert folder.split() == split
    assert len({folder.path for folder in folders.values()}) == 3
