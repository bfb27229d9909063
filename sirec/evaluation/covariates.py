"""What a user's targets are like, whatever the model: for buckets, once per data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sirec.data.dataset import Dataset
from sirec.data.tasks import HELD_OUT, training_items
from sirec.evaluation.evaluate import full_histories
from sirec.evaluation.ranks import SPLITS


def covariates(data: Dataset) -> dict[str, np.ndarray]:
    """Column -> Int32[U]: the user's `length` and, for each split, three facts on its target.

    `<split>_popularity` counts the target in the training part, `<split>_seen` is 1 where the user had it before, and
    `<split>_history` is the number of interactions before it.
    """
    offsets = data.offsets.cpu().numpy()
    counts = np.bincount(training_items(data)[1].cpu().numpy(), minlength=data.item_codes)
    columns = {"length": np.diff(offsets)}
    for split in SPLITS:
        place = offsets[1:] - (1 if split == "test" else HELD_OUT)
        target = data.items[place].cpu().numpy()
        history = full_histories(data, split, np.arange(data.user_count)).cpu().numpy()
        columns |= {
            f"{split}_history": place - offsets[:-1],
            f"{split}_popularity": counts[target],
            f"{split}_seen": (history == target[:, None]).any(axis=1),
        }
    return {name: values.astype(np.int32) for name, values in columns.items()}


def write_covariates(data: Dataset, path: Path) -> None:
    """Write the columns as Parquet, users 1..U in order."""
    table = pa.table({name: pa.array(values) for name, values in covariates(data).items()})
    temporary = path.with_name(f".{path.name}.new")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)
