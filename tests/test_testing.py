"""The checks for models of other packages find what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from sirec.core.model import BareItems, States, initialise
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch
from sirec.models import MODELS
from sirec.models.declaration import Declaration
from sirec.objectives.stage import Stage
from sirec.testing import check_model


@dataclass(frozen=True, kw_only=True)
class Windowed(Declaration):
    """The mean of the items of a row, up to each slot or (`fault: causal`) of all slots."""

    name: ClassVar[str] = "windowed-for-tests"
    title: ClassVar[str] = "Windowed"
    source: ClassVar[str] = "a test"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
    width: int = 64
    fault: str = "none"

    def build(self, schema: Schema) -> WindowedModel:
        """The model, whose promise is broken as `fault` says."""
        return WindowedModel(self, schema)


class WindowedModel(BareItems):
    """The module of `Windowed`."""

    causal = single_pass = True

    def __init__(self, config: Windowed, schema: Schema) -> None:
        super().__init__()
        self.state_width, self.fault = config.width, config.fault
        self.items = nn.Embedding(schema.items, config.width, padding_idx=PADDING)
        initialise(self)

    def encode(self, batch: Batch) -> States:
        """Float[B, L, d]."""
        vectors = self.items(batch.items)
        states = vectors.cumsum(dim=1)
        if self.fault == "causal":
            states = vectors.sum(dim=1, keepdim=True).expand_as(vectors)
        if self.fault == "padding":
            states = states * batch.items.shape[1]
        if self.fault == "rows":
            states = states - states.mean(dim=0)
        if self.fault == "random":
            states = states + torch.rand(())
        return States(states)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_sirec_passes(name: str) -> None:
    """All checks in one call, as another package's tests make it."""
    check_model(MODELS[name])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("causal", "causal is True, but states depend on later slots"),
        ("padding", "scores change with the number of empty slots"),
        ("rows", "depend on the other rows"),
        ("random", "two calls in evaluation mode"),
    ],
)
def test_a_broken_promise_is_named(fault: str, message: str) -> None:
    """A model that breaks one promise fails with a sentence; without the fault it passes."""
    check_model(Windowed)
    with pytest.raises(AssertionError, match=message):
        check_model(Windowed, fault=fault)
