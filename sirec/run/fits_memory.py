"""Whether a run fits into memory, before its model is built."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from sirec.core.memory import (
    device_memory,
    kept_bytes,
    refuse_beyond,
    weight_bytes,
    without_content,
)
from sirec.core.model import Recommender, SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import POSITION
from sirec.data.tasks.batch import Batch
from sirec.memory import gigabytes
from sirec.objectives.stage import Stage
from sirec.run.config import RunConfig

# No model here keeps more numbers than these for each pair of slots, or for each component of the
# state of a slot. A step that is small even so is not looked at.
MOST_NUMBERS = 1_000
NUMBER_BYTES = 4
META = torch.device("meta")


def refuse_beyond_memory(config: RunConfig, data: Dataset, device: torch.device) -> None:
    """Raise `SirecError` if training would exceed the memory by its weights or by a step's states.

    A model of a plugin that cannot be built without content is not looked at.

    Args:
        config: the configuration of the run.
        data: the whole data set.
        device: where the run is computed.
    """
    chosen = data.select(config.data.attributes, config.data.behaviours)
    with_position = POSITION in config.data.behaviours
    schema = chosen.schema(config.data.max_length, with_position=with_position)
    model = without_content(lambda: config.model.build(schema))
    if model is None:
        return
    _refuse_large_model(config, model, device)
    if isinstance(model, SequentialModel):
        for stage in config.stages:
            _refuse_large_step(config, model, stage, chosen, device)


def _refuse_large_model(config: RunConfig, model: Recommender, device: torch.device) -> None:
    needed = weight_bytes(model)
    sizes = {**vars(config.model), "data.max_length": config.data.max_length}
    keys: list[str] = []
    for key, value in sizes.items():
        if type(value) is int and value > 1 and value in needed.shape:
            keys.append(key)
    shape = " × ".join(map("{:,}".format, needed.shape))
    what = (
        f"{config.model.name}: weights, gradients and the optimiser's moments "
        f"({needed.largest} [{shape}] alone {gigabytes(needed.largest_bytes)}) need"
    )
    refuse_beyond(needed.total, device, what, f"make {' or '.join(keys) or 'the model'} smaller")


def _refuse_large_step(
    config: RunConfig,
    model: SequentialModel,
    stage: Stage,
    data: Dataset,
    device: torch.device,
) -> None:
    memory = device_memory(device)
    rows = stage.task.rows(data, config.data.max_length)
    if memory is None or not len(rows):
        return
    row_count = math.ceil(min(stage.budget / float(rows.target_counts.mean()), len(rows)))
    slots = math.ceil(rows.lengths.mean())
    numbers = row_count * slots * max(slots, model.state_width)
    if numbers * NUMBER_BYTES * MOST_NUMBERS < memory:
        return
    batch = _batch(data, stage, row_count, slots)
    needed = kept_bytes(model, lambda: model.encode(batch))
    what = (
        f"stage {stage.title}: {row_count:,} rows of {slots:,} slots a step "
        f"({stage.budget:,} targets) need"
    )
    refuse_beyond(needed, device, what, "make budget, data.max_length, layers or width smaller")


def _batch(data: Dataset, stage: Stage, rows: int, slots: int) -> Batch:
    """Rows without content; only their number and length matter."""

    def codes() -> Tensor:
        return torch.empty((rows, slots), dtype=torch.long, device=META)

    behaviours = {name: codes() for name in data.behaviours}
    behaviours["position"] = codes()
    return Batch(
        torch.empty(rows, dtype=torch.long, device=META),
        items=codes(),
        lengths=np.full(rows, slots),
        behaviours=behaviours,
        targets=codes(),
        read=torch.empty(rows, dtype=torch.long, device=META),
        visible=stage.task.visible,
    )
