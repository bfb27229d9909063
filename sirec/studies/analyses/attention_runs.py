"""What analyses of attention share: runs with attention, their models before and after training,
and samples of users.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch

from sirec.config import check_number
from sirec.config.quantities import SeedNumber, UserCount
from sirec.core.model import INIT_STD
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, gather
from sirec.errors import SirecError
from sirec.models import MODELS, model_class
from sirec.run.build import load_model, set_up
from sirec.run.store import RunFolder

# histories looked at together: n x n scores of each head in 64 bits stay below a hundred megabytes
BLOCK_ROWS = 64
OnMeasured = Callable[[str], None]
"""Called with the label of a run as its measurement begins."""
TRAINED, UNTRAINED = "trained", "freshly initialised"


def attention_states(
    run: RunFolder, data: Dataset
) -> Iterator[tuple[str, FusedTransformer, Dataset]]:
    """A run's model as it was trained, then freshly initialised, both in evaluation mode.

    The control's padding row is drawn like the others, as in the authors' code; ours begins, and
    stays, at 0.

    Args:
        run: a finished run of a model with attention.
        data: the whole data set that it was trained on.

    Yields:
        The state (`TRAINED`, `UNTRAINED`), the model, and the data with the fields that it reads.
    """
    trained = load_model(run, data)
    yield TRAINED, _attention_model(trained.model), trained.data
    fresh = set_up(run.config(), data, torch.device("cpu"))
    with torch.no_grad():
        _attention_model(fresh.model).items.weight[PADDING].normal_(std=INIT_STD)
    yield UNTRAINED, _attention_model(fresh.model.eval()), fresh.data


def check_models(names: Sequence[str]) -> None:
    """Raises `SirecError` for an unknown model, or one without attention."""
    for name in names:
        if not issubclass(model_class(name), TransformerConfig):
            raise SirecError(
                f"{name} has no attention to look into",
                f"models with attention: {', '.join(_with_attention())}",
            )


def runs_with_attention(runs: Sequence[RunFolder]) -> list[RunFolder]:
    """Those of some finished runs whose model has attention.

    Raises:
        SirecError: if none is left, if weights are missing, or if the runs differ in data or in the
            length of the history that they read.
    """
    found: list[RunFolder] = []
    lengths: list[str] = []
    for run in runs:
        config = run.config()
        if isinstance(config.model, TransformerConfig):
            found.append(run)
            lengths.append(str(config.data.max_length))
    if not found:
        raise SirecError(
            "none of these runs has attention to look into",
            f"models with attention: {', '.join(_with_attention())}",
        )
    _refuse_several("data", [run.dataset for run in found])
    _refuse_several("max_length", lengths)
    for run in found:
        if not run.has_weights:
            run.weights()  # says which file is missing, and what to do
    return found


def _refuse_several(what: str, values: Sequence[str]) -> None:
    if len(set(values)) > 1:
        raise SirecError(
            f"these runs differ in {what}: {', '.join(sorted(set(values)))}",
            f"one {what} at a time",
        )


def _with_attention() -> list[str]:
    return [
        name for name, declaration in MODELS.items() if issubclass(declaration, TransformerConfig)
    ]


class Labelled(Protocol):
    """What is measured on a run carries the name of the run's row and the run's folder."""

    @property
    def label(self) -> str:
        """The row."""

    @property
    def link(self) -> str:
        """The folder, as tables name it."""


Measured = TypeVar("Measured", bound=Labelled)


def by_label(runs: Sequence[Measured]) -> list[list[Measured]]:
    """Measured runs of one row together (seeds of one setting), rows in the order of their first
    run.
    """
    rows: dict[str, list[Measured]] = {}
    for run in runs:
        rows.setdefault(run.label, []).append(run)
    return list(rows.values())


def links(runs: Sequence[Labelled]) -> dict[str, str]:
    """Id -> folder of the runs of a row."""
    return {Path(run.link).name: run.link for run in runs}


def sample(rows: SequenceRows, users: int, seed: int) -> SequenceRows:
    """At most `users` of the rows, drawn without repetition, shortest first so that batches are of
    one length.
    """
    check_number("users", users, UserCount)
    check_number("seed", seed, SeedNumber)
    chosen = np.random.default_rng(seed).permutation(len(rows))[:users]
    return rows.take(chosen[np.argsort(rows.lengths[chosen], kind="stable")])


def batches(data: Dataset, rows: SequenceRows) -> Iterator[Batch]:
    """The batches of these rows, in their order."""
    for first in range(0, len(rows), BLOCK_ROWS):
        yield gather(data, rows.take(np.arange(first, min(first + BLOCK_ROWS, len(rows)))))


def in_64_bits(model: FusedTransformer) -> FusedTransformer:
    """A copy of a model that computes in 64 bits."""
    return copy.deepcopy(model).double()


def _attention_model(model: torch.nn.Module) -> FusedTransformer:
    assert isinstance(model, FusedTransformer), "checked by name before"
    return model
