"""Parts of a model by the names of fields: any name will do, and means nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny as builders
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from sirec.core.layers.by_field import ByField
from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.models import MODELS
from sirec.run.snapshot import Snapshot
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

TRAINED = [name for name, cls in MODELS.items() if not cls.is_training_free]
MEMBERS = sorted({*dir(nn.Module()), *vars(nn.Module()), *dir(nn.ModuleDict()), "spelling"})
PLAIN = ["brand", "category", "a_b", "a-b", "9", "_x", "position", "Type", "value"]
NAMES = st.text("ab_-.9", min_size=1, max_size=4) | st.sampled_from(
    [*MEMBERS, "type.", ".type", "type_", "a.b", "a_b", "a-b"]
)


@given(st.lists(NAMES, unique=True, max_size=12))
def test_every_name_has_a_part_and_a_key_of_its_own(names: list[str]) -> None:
    """Any names of letters, digits, '_', '-' and '.': each gives back its part, and no two share a
    key.
    """
    parts = {name: nn.Linear(1, 1) for name in names}
    by_field = ByField(parts)
    assert list(by_field) == names
    assert list(by_field.items()) == list(parts.items())
    assert list(by_field.values()) == list(parts.values())
    assert all(by_field[name] is part and name in by_field for name, part in parts.items())
    keys = list(dict(by_field.named_parameters()))
    assert [by_field.get_parameter(key) for key in keys] == list(by_field.parameters())
    assert len(set(keys)) == len(keys) == 2 * len(names)
    fresh = ByField({name: nn.Linear(1, 1) for name in names})
    fresh.load_state_dict(by_field.state_dict())
    assert all(torch.equal(fresh[name].weight, part.weight) for name, part in parts.items())


def test_ordinary_names_are_their_own_keys() -> None:
    """Where torch's dictionary of modules takes a name, the keys are those it gives, so older
    weights fit.
    """
    parts = {name: nn.Linear(1, 1) for name in PLAIN}
    assert list(ByField(parts).state_dict()) == list(nn.ModuleDict(parts).state_dict())


def test_other_names_stay_readable() -> None:
    """A dot becomes a colon, and the name of a member gets a tilde; torch's dictionary takes
    neither (the control).
    """
    names = {
        "a.b": "a:b",
        "type": "type~",
        "training": "training~",
        "x.type": "x:type",
        "items": "items~",
    }
    keys = [f"{key}.{kind}" for key in names.values() for kind in ("weight", "bias")]
    assert list(ByField({name: nn.Linear(1, 1) for name in names}).state_dict()) == keys
    for name in ("a.b", "type"):
        with pytest.raises(KeyError):
            nn.ModuleDict({name: nn.Linear(1, 1)})


@pytest.mark.parametrize("name", ["a:b", "type~", ":", "~"])
def test_the_signs_of_the_spelling_are_no_part_of_a_name(name: str) -> None:
    """A name that could be mistaken for another one's spelling is refused."""
    with pytest.raises(ValueError, match="one of the signs"):
        ByField({name: nn.Linear(1, 1)})


OTHER = {
    "brand": "type",
    "category": "a.b",
    "rating": "training",
    "brand2": "a_b",
    "category2": "values",
    "rating2": "x.keys",
}


def twice(data: Dataset) -> Dataset:
    """Every field a second time, under another name."""
    copies = tuple(replace(field, name=f"{field.name}2") for field in data.fields)
    behaviours = {**data.behaviours, "rating2": data.behaviours["rating"]}
    return replace(data, fields=(*data.fields, *copies), behaviours=behaviours)


def renamed(data: Dataset) -> Dataset:
    """The same data under names that are no names of modules."""
    fields = tuple(replace(field, name=OTHER[field.name]) for field in data.fields)
    return replace(
        data,
        fields=fields,
        behaviours={OTHER[name]: codes for name, codes in data.behaviours.items()},
    )


def trainer(name: str, data: Dataset, seed: int = 0) -> Trainer:
    """A small model with all its own objectives, about to be trained for one epoch of a few
    steps.
    """
    schema = data.schema(builders.WINDOW, with_position=True)
    torch.manual_seed(seed)
    model = builders.sized(MODELS[name](), **builders.SHAPE).build(schema)
    assert isinstance(model, SequentialModel)
    stage, *_ = MODELS[name].stages
    return Trainer(model, replace(stage, budget=64, epochs=1), data, schema, SeedKey(seed))


def losses(training: Trainer) -> Iterator[float]:
    for report in training.run(lambda: {training.stage.metric: 0.0}):
        yield from report.losses.values()


@pytest.mark.parametrize("name", TRAINED)
def test_a_name_means_nothing(name: str, tiny: Dataset, tmp_path: Path) -> None:
    """Attributes type, a.b, a_b, values: they train as under ordinary names, bit for bit, and are
    saved and loaded.
    """
    plain, other = (trainer(name, data) for data in (twice(tiny), renamed(twice(tiny))))
    assert list(losses(other)) == list(losses(plain))
    weights = weights_of(other)
    assert all(torch.equal(a, b) for a, b in zip(weights, weights_of(plain), strict=True))
    Snapshot(0, other.counters(), [], other.tensors()).save(tmp_path / "snapshot")
    loaded = Snapshot.load(tmp_path / "snapshot")
    assert loaded is not None
    fresh = trainer(name, other.data, seed=1)
    assert not all(
        torch.equal(a, b) for a, b in zip(weights, weights_of(fresh), strict=True)
    )  # control
    fresh.restore(loaded.tensors, loaded.counters)
    assert all(torch.equal(a, b) for a, b in zip(weights, weights_of(fresh), strict=True))


def weights_of(training: Trainer) -> list[Tensor]:
    """Every weight of the model and the objectives, in the order in which they were made."""
    return [*training.model.state_dict().values(), *training.objectives.state_dict().values()]
