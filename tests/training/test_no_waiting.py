"""Nothing in a training step or in a block of a ranking reads a tensor's values.

On an accelerator each such read makes the host wait for everything that is queued. Here data and
weights lie on torch's `meta` device, where tensors have shapes and no values: whoever asks for one
fails. What the host knows (rows, lengths, which slots predict) it may use, and copies.

Since `meta` lets a product of a host tensor with a device tensor pass, which an accelerator
refuses, a step also runs under a dispatch mode that refuses two devices in one operation.
"""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import tiny as builders
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.base import Task
from sirec.data.tasks.cloze import Cloze
from sirec.data.tasks.next_item import LastItem
from sirec.data.tasks.rows import SequenceRows, evaluation_rows, gather
from sirec.data.tasks.segments import Segments
from sirec.evaluation.full_ranking import HistorySpans, full_histories, rank_batch
from sirec.models import MODELS
from sirec.objectives.alignment import ItemAttributeAlignment
from sirec.objectives.alterations import ALTERATIONS
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.order import UserPreferenceAlignment
from sirec.objectives.pairwise import Pairwise
from sirec.objectives.stage import Stage
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

META = torch.device("meta")
TRAINED = [name for name, model in MODELS.items() if not model.is_training_free]
STAGES = [(name, number) for name in TRAINED for number in range(len(MODELS[name].stages))]


class OneDevice(TorchDispatchMode):
    """Refuses an operation whose tensors lie on two devices, apart from copies between them.

    Numbers in tensors without dimensions may lie on the host, as on an accelerator.
    """

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Check the tensors among the arguments, then run the operation."""
        kwargs = kwargs or {}
        devices = set()
        for value in tree_iter((args, kwargs)):
            if isinstance(value, Tensor) and value.ndim:
                devices.add(value.device.type)
        is_copy = function.overloadpacket in (
            torch.ops.aten._to_copy,
            torch.ops.aten.copy_,
        )
        # The numbers of rows at each slot of a packed sequence belong on the host.
        is_packed = "gru" in str(function)
        if len(devices) > 1 and not is_copy and not is_packed:
            raise RuntimeError(f"{function}: tensors on {' and '.join(sorted(devices))}")
        return function(*args, **kwargs)


def moved(value: Any) -> Any:
    """The value with every tensor in it, and in what it remembers, on `meta`."""
    if isinstance(value, Tensor):
        return value.to(META)
    if isinstance(value, dict):
        return {key: moved(each) for key, each in value.items()}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(map(moved, value))
    if is_dataclass(value) and not isinstance(value, type):
        copy = object.__new__(type(value))
        for key, each in vars(value).items():
            object.__setattr__(copy, key, moved(each))
        return copy
    return value


def on_meta(trainer: Trainer) -> None:
    """Move model, objectives, optimiser and data to `meta`, after they were built on the host."""
    trainer.model.to(META)
    trainer.objectives.to(META)
    for loss in trainer.objectives.values():
        for key, value in vars(loss).items():
            if is_dataclass(value):
                vars(loss)[key] = moved(value)
    trainer.data = moved(trainer.data)
    trainer.parameters = trainer._trained_parameters()
    trainer.optimizer = torch.optim.Adam(
        [parameter for _, parameter in trainer.parameters], lr=0.001, fused=False
    )


def a_trainer(
    name: str, number: int, data: Dataset, objectives: tuple[ObjectiveConfig, ...] = ()
) -> Trainer:
    """A trainer of a model's stage, whose data remember what a first step has asked for."""
    schema = data.schema(builders.WINDOW, with_position=True)
    sizes = {**builders.SHAPE, "dropout": 0.2, "attention_dropout": 0.1}
    model = builders.sized(MODELS[name](), **sizes).build(schema)
    assert isinstance(model, SequentialModel)
    stage: Stage = MODELS[name].stages[number]
    stage = replace(stage, objectives=objectives or stage.objectives, budget=40)
    trainer = Trainer(model, stage, data, schema, SeedKey(0, number))
    trainer._step(trainer.rows.take(np.arange(8)))
    return trainer


def step(trainer: Trainer) -> Tensor:
    """One step on some rows of different lengths."""
    rows: SequenceRows = trainer.rows.take(np.arange(0, len(trainer.rows), 3))
    with OneDevice():
        return trainer._step(rows)


@pytest.mark.parametrize(("name", "number"), STAGES)
def test_a_step_reads_no_values(name: str, number: int, tiny: Dataset) -> None:
    """Batch, forward, backward and optimiser of every stage of every model."""
    trainer = a_trainer(name, number, tiny)
    on_meta(trainer)
    assert step(trainer).device == META


VARIANTS: dict[str, ObjectiveConfig] = {
    **{
        f"upa {mode}": UserPreferenceAlignment(mode=mode)
        for mode in ALTERATIONS
        if mode != "sorted"
    },
    "upa all prefixes, two versions": UserPreferenceAlignment(prefixes="all", k=2),
    "iaa of targets": ItemAttributeAlignment(scope="batch_targets"),
    "iaa of targets, several positives": ItemAttributeAlignment(
        scope="batch_targets", multi_value="multi_positive"
    ),
    "pairwise, not read": Pairwise(exclude="read"),
    "pairwise, not in training": Pairwise(exclude="training", hinge=0.1),
}


@pytest.mark.parametrize("objective", VARIANTS.values(), ids=VARIANTS)
def test_switches_of_objectives_read_no_values_either(
    objective: ObjectiveConfig, tiny: Dataset
) -> None:
    """What no model declares by default."""
    trainer = a_trainer("comif", 0, tiny, (ItemCrossEntropy(), objective))
    on_meta(trainer)
    assert step(trainer).device == META


TASK_VARIANTS: dict[str, Task] = {
    "prefix examples": LastItem(),
    "cloze of prefixes": Cloze(prefixes=True),
    "segments of sequences, negatives of the step": Segments(reads="sequences", negatives="batch"),
    "segments of examples, negatives of all": Segments(reads="examples", negatives="everything"),
}


@pytest.mark.parametrize("task", TASK_VARIANTS.values(), ids=TASK_VARIANTS)
def test_switches_of_tasks_read_no_values_either(task: Task, tiny: Dataset) -> None:
    """What no model declares by default."""
    trainer = a_trainer("bert4rec", 0, tiny)
    trainer.stage = replace(trainer.stage, task=task)
    trainer.rows = task.rows(tiny, builders.WINDOW)
    trainer._step(trainer.rows.take(np.arange(8)))
    on_meta(trainer)
    assert step(trainer).device == META


@dataclass(frozen=True, kw_only=True)
class Looking(ObjectiveConfig):
    """A loss that looks at what its targets are, or multiplies them by something on the host."""

    name: ClassVar[str] = "looking"
    looks: bool = True

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss."""
        return LookingLoss(looks=self.looks)


class LookingLoss(Objective):
    """Reads a value, or mixes devices."""

    def __init__(self, *, looks: bool) -> None:
        super().__init__()
        self.looks = looks

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """A loss that an accelerator would have to be waited for, or that it would refuse."""
        if self.looks:
            distinct = encoded.batch.target_items.unique()
            return encoded.vectors(distinct).sum()
        return (encoded.predicting * torch.ones(encoded.predicting.shape)).sum()


@pytest.mark.parametrize(("looks", "message"), [(True, "Meta"), (False, "tensors on cpu and meta")])
def test_the_law_can_be_broken(looks: bool, message: str, tiny: Dataset) -> None:
    """Control: a loss that needs values fails, and one that mixes devices does."""
    trainer = a_trainer("sasrec", 0, tiny, (Looking(looks=looks),))
    on_meta(trainer)
    with pytest.raises((RuntimeError, NotImplementedError), match=message):
        step(trainer)


@pytest.mark.parametrize("name", TRAINED)
def test_ranking_a_block_reads_no_values(name: str, tiny: Dataset) -> None:
    """Scores and ranks of a block of users."""
    schema = tiny.schema(builders.WINDOW, with_position=True)
    model = builders.sized(MODELS[name](), **builders.SHAPE).build(schema).eval()
    model.fit_statistics(tiny)
    rows = evaluation_rows(tiny, "test", builders.WINDOW)
    spans = HistorySpans.of(tiny, "test").take(rows.user - 1)
    model.to(META)
    data = moved(tiny)
    with torch.inference_mode(), OneDevice():
        prepared = model.prepared()
        block, unusable = rank_batch(
            model, gather(data, rows), prepared, full_histories(data, spans)
        )
    assert block.keep.shape == block.mask.shape == (len(rows),)
    assert unusable.device == META
