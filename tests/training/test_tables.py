"""Gradients by rows train as gradients of whole tables do, and are used where few rows are
touched.
"""

from __future__ import annotations

from typing import Any

import pytest
import tiny as builders
import torch
from torch import nn

from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.models import MODELS
from sirec.objectives.base import ObjectiveConfig
from sirec.objectives.gbce import GeneralisedBCE
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.pairwise import Pairwise
from sirec.objectives.sampled import SampledSoftmax
from sirec.objectives.stage import Stage
from sirec.training import table_gradients as tables
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

SAMPLED = {
    "sampled softmax": SampledSoftmax(negatives=3),
    "shared": SampledSoftmax(negatives=5, shared=True, draw="popularity"),
    "gbce": GeneralisedBCE(negatives=3),
    "pairwise": Pairwise(),
}


def _trainer(
    data: Dataset, *objectives: ObjectiveConfig, name: str = "sasrec", **switches: Any
) -> Trainer:
    """Three epochs of these objectives on the tiny data, with dropout, in fp64: Adam makes much of
    rounding.
    """
    torch.manual_seed(0)
    shape = {**builders.SHAPE, "dropout": 0.2}
    model = (
        builders.sized(MODELS[name](), **shape)
        .build(data.schema(builders.WINDOW, with_position=True))
        .double()
    )
    assert isinstance(model, SequentialModel)
    stage = Stage(
        task=MODELS[name].stages[0].task, objectives=objectives, budget=40, epochs=3, **switches
    )  # type: ignore[arg-type]
    return Trainer(model, stage, data, data.schema(builders.WINDOW, with_position=True), SeedKey(0))


def _train(trainer: Trainer) -> dict[str, torch.Tensor]:
    for _ in trainer.run(lambda: {trainer.stage.metric: 0.0}):
        pass
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", ["sasrec", "gru4rec", "comif", "stosa"])
@pytest.mark.parametrize("objective", SAMPLED)
def test_weights_come_out_the_same(
    tiny: Dataset, objective: str, name: str, decay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three epochs of Adam with and without weight decay, also where tables are fused before
    they are used.
    """
    whole = _trainer(tiny, SAMPLED[objective], name=name, weight_decay=decay)
    assert not whole.kept.tables  # forty items are few
    monkeypatch.setattr(tables, "LEAST_ROWS", 1)
    rows = _trainer(tiny, SAMPLED[objective], name=name, weight_decay=decay)
    assert rows.kept.tables
    start = {key: value.clone() for key, value in whole.model.state_dict().items()}
    expected = _train(whole)
    for key, value in _train(rows).items():
        if ".keys." in key and key.endswith("bias"):
            continue  # no softmax sees it: its gradient is rounding, and Adam makes steps of that
        torch.testing.assert_close(value, expected[key], rtol=1e-9, atol=1e-12)
    assert any(
        (expected[key] - start[key]).abs().max() > 1e-3
        for key in expected
        if expected[key].is_floating_point()
    )  # control


def test_between_steps_buffers_are_zero_and_hold_no_gradient(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one step added up is not there in the next."""
    monkeypatch.setattr(tables, "LEAST_ROWS", 1)
    trainer, seen = _trainer(tiny, SAMPLED["shared"]), []
    step = trainer.optimizer.step
    monkeypatch.setattr(
        trainer.optimizer,
        "step",
        lambda: seen.append(trainer.kept.buffers[0].abs().sum().item()) or step(),
    )
    _train(trainer)
    assert min(seen) > 0  # control
    assert not trainer.kept.buffers[0].any()
    assert trainer.kept.tables[0].weight.grad is None


def test_whole_catalogues_and_small_ones_keep_whole_gradients(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an objective that reads every item there is nothing to keep, and a later stage with one
    turns it off again.
    """
    monkeypatch.setattr(tables, "LEAST_ROWS", 1)
    both = _trainer(tiny, SampledSoftmax(negatives=3), ItemCrossEntropy())
    assert not both.kept.tables
    trainer = _trainer(tiny, SampledSoftmax(negatives=3))
    [table] = trainer.kept.tables
    assert table.sparse
    monkeypatch.setattr(tables, "LEAST_ROWS", 1000)
    later = Trainer(trainer.model, trainer.stage, tiny, trainer.schema, SeedKey(0, 1))
    assert not later.kept.tables
    assert not any(part.sparse for part in later.model.modules() if isinstance(part, nn.Embedding))
