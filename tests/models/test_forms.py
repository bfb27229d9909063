"""Vectors beside the items and attributes of users, in every model that may read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.data.placebo import with_placebos
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.objectives.alignment import ItemAttributeAlignment
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.objectives.base import ObjectiveConfig
from sirec.objectives.masked_attribute import AssociatedAttribute, MaskedAttribute
from sirec.objectives.streams import StreamContrast
from sirec.run.build import set_up
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import Store
from sirec.testing import forms
from sirec.testing.models import WINDOW, small

READERS = [name for name in MODELS if MODELS[name]().reads("attribute")]
SMALL = {"width": 8, "layers": 1, "heads": 2, "inner": 8, "hidden": 8, "epochs": 1, "threads": 1}


@pytest.fixture(scope="module")
def every_form() -> Dataset:
    """The small data set with vectors `text` and an attribute `group` of users."""
    return forms.with_every_form(builders.dataset())


@pytest.mark.parametrize("name", MODELS)
def test_every_model_reads_vectors_or_refuses_them(name: str, tiny: Dataset) -> None:
    """The check that packages with models of their own run, too."""
    forms.check_forms(small(MODELS[name]), tiny)


def test_only_models_whose_losses_alone_read_attributes_refuse_vectors(every_form: Dataset) -> None:
    """All others are built; the way out of the refusal names the other attributes."""
    schema = every_form.schema(WINDOW, with_position=True)
    for name in READERS:
        config = small(MODELS[name])
        if config.level("attribute") != "objective":
            assert config.build(schema) is not None
            continue
        with pytest.raises(SirecError, match="text has vectors") as caught:
            config.build(schema)
        assert "data.attributes=[brand, category]" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "objective",
    [AttributePrediction, ItemAttributeAlignment, MaskedAttribute, AssociatedAttribute],
)
def test_losses_over_values_leave_vectors_out_or_refuse_them(
    objective: type[ObjectiveConfig], every_form: Dataset
) -> None:
    """Where no attribute is named they predict those that have values. A vector that is named, or
    is all that there is, is refused with the way out.
    """
    schema = every_form.schema(WINDOW, with_position=True)
    assert objective().build(schema, 8) is not None
    with pytest.raises(SirecError, match="needs values, and text has vectors") as caught:
        objective(attributes=("brand", "text")).build(schema, 8)  # type: ignore[call-arg]
    assert "attributes=[brand, category]" in (caught.value.hint or "")
    alone = every_form.select(["text"], []).schema(WINDOW, with_position=True)
    with pytest.raises(SirecError, match="needs values, and text has vectors"):
        objective().build(alone, 8)


def test_a_loss_over_streams_takes_streams_of_vectors(every_form: Dataset) -> None:
    """The contrast compares states, whatever they were made of."""
    schema = every_form.schema(WINDOW, with_position=True)
    assert list(StreamContrast().build(schema, 8).maps) == ["brand", "category", "text"]  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize("name", ["text", "group"])
def test_a_placebo_moves_whole_vectors_and_whole_users(name: str, every_form: Dataset) -> None:
    """The rows are the same multiset, missing ones included. A user has one value everywhere, as
    often as before; a behaviour (control) has several.
    """
    shuffled = with_placebos(every_form, [name], 0)
    if name == "text":
        one, other = (each.fields[-2].vectors for each in (every_form, shuffled))
        assert sorted(one.tolist()) == sorted(other.tolist())
        assert not other[0].any()
    else:
        starts = every_form.offsets[:-1]
        one, other = (each.behaviours[name] for each in (every_form, shuffled))
        assert sorted(one[starts].tolist()) == sorted(other[starts].tolist())
        repeated = torch.repeat_interleave(other[starts], every_form.lengths)
        assert torch.equal(repeated, other)
        rating = with_placebos(every_form, ["rating"], 0).behaviours["rating"]
        assert not torch.equal(torch.repeat_interleave(rating[starts], every_form.lengths), rating)
    assert not torch.equal(one, other)


def test_forms_are_part_of_the_fingerprint_and_values_stay_as_they_were(
    every_form: Dataset, tiny: Dataset
) -> None:
    """The same codes as a behaviour are other data; vectors count; without both nothing changes."""
    assert (
        tiny.fingerprint()
        == every_form.select(None, ["rating"])
        .select(["brand", "category"], ["rating"])
        .fingerprint()
    )
    as_behaviour = tuple(
        replace(each, form="values") if each.name == "group" else each for each in every_form.fields
    )
    assert replace(every_form, fields=as_behaviour).fingerprint() != every_form.fingerprint()
    other = forms.with_vectors(every_form, every_form.fields[-2].vectors * 2)
    assert other.fingerprint() != every_form.fingerprint()


@pytest.mark.parametrize("name", ["comif", "mssr", "icai-sr"])
def test_a_run_with_vectors_and_attributes_of_users_is_trained(
    name: str, every_form: Dataset, tmp_path: Path
) -> None:
    """One epoch; ranks are stored, and the map of the vectors is among the weights."""
    read = {
        "data.attributes": ["brand", "text"],
        "data.behaviours": ["position", "group"],
    }
    config = resolve(name, every_form, shared=SMALL, assignments=read)
    folder = execute(config, every_form, Store(tmp_path))
    assert folder.has_weights
    built = set_up(config, every_form, torch.device("cpu"))
    assert any("map" in key for key in folder.weights())
    built.model.load_state_dict(folder.weights())
