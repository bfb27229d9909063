"""The space that a model declares fits the model: its keys exist, and every value can be set."""

from __future__ import annotations

from typing import Any

import pytest

from sirec.config import assign, dump, has, load
from sirec.data.dataset import Dataset
from sirec.models import MODELS
from sirec.models.search_space import USUAL_SPACE
from sirec.run.config import RunConfig, resolve
from sirec.studies.spec.tuning import Choices, Tuning, as_declared, space_of

TRAINED = [name for name, declaration in MODELS.items() if not declaration.is_training_free]


@pytest.mark.parametrize("name", TRAINED)
def test_declared_spaces_fit_their_models(name: str, tiny: Dataset) -> None:
    """Each own key is one of the model's, and both ends of each dimension make a configuration.

    The declared setting is inside; a key that is set (control) is not searched.
    """
    config = resolve(name, tiny)
    tree = dump(config)
    tuning = Tuning(trials=2)
    for key in MODELS[name].search_space:
        assert has(tree, key) or key in USUAL_SPACE, key
    space = space_of(tuning, name, tree, {})
    assert "stages.train.learning_rate" in space
    for key, dimension in space.items():
        ends: tuple[Any, ...]
        if isinstance(dimension, Choices):
            ends = dimension.values
        else:
            ends = (dimension.low, dimension.high)
        for value in ends:
            changed = dump(config)
            assign(changed, key, value, "test")
            assert isinstance(load(RunConfig, changed, "test"), RunConfig)
        assert dimension.including(as_declared(space, tree)[key]) == dimension
    assert "model.dropout" not in space_of(tuning, name, tree, {"dropout": 0.1})
