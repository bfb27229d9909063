"""A model with new items: the known ones keep their scores, whatever the form of an attribute."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.run.build import BuiltModel
from sirec.run.config import DataConfig, RunConfig
from sirec.run.new_item_table import read_new_items
from sirec.run.new_items import with_new_items
from sirec.testing.forms import SMALL_WIDTH, VECTOR, with_every_form

VECTORS = ("mean", "zero")


def fused(name: str) -> dict[str, str]:
    """The settings under which a model that can do so scores items with their attributes."""
    settings: dict[str, str] = {}
    declared = {field.name for field in fields(MODELS[name])}  # type: ignore[arg-type]
    if "candidates" in declared:
        settings["candidates"] = "fused"
        if MODELS[name]().level("attribute") in ("none", "attention"):
            settings["attribute"] = "embedding"
    return settings


READY = [name for name in MODELS if MODELS[name](**fused(name)).at_candidates("attribute")]


def a_dataset() -> Dataset:
    """With values, vectors, and an attribute in bins of a number."""
    data = with_every_form(builders.dataset())
    brands = next(field.size for field in data.fields if field.name == "brand") - 1
    edges = [str(10 * number) for number in range(1, brands)]
    middle = [f"{low} to {high}" for low, high in pairwise(edges)]
    names = ["", f"below {edges[0]}", *middle, f"{edges[-1]} and more"]
    categories = next(field.size for field in data.fields if field.name == "category")
    vocabularies = {"brand": names, "category": ["", *map(str, range(1, categories))]}
    named = ["", *(f"item {code}" for code in range(1, data.item_codes))]
    return replace(data, item_names=named, vocabularies=vocabularies)


def a_table() -> pd.DataFrame:
    """Two items; the number of the first one lies in the second bin."""
    vector = np.arange(1.0, SMALL_WIDTH + 1)
    return pd.DataFrame(
        {
            "item": ["a", "b"],
            "brand": ["12.5", None],
            "category": ["1|2", ["3"]],
            VECTOR: [vector, None],
        }
    )


def built(name: str, data: Dataset) -> BuiltModel:
    """A small untrained model with loud weights."""
    torch.manual_seed(0)
    declaration = builders.sized(MODELS[name](**fused(name)), **builders.SHAPE)
    config = RunConfig(
        data=DataConfig(name=data.name, max_length=builders.WINDOW),
        model=declaration,
        stages=MODELS[name].stages,
    )
    schema = data.schema(builders.WINDOW, with_position=True)
    model = declaration.build(schema)
    return BuiltModel(data, schema, builders.loud(model).eval(), config)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", READY)
def test_known_items_keep_their_scores(name: str) -> None:
    """Also where a frozen table is scaled by a mean over all items. Control: new ones differ."""
    data = a_dataset()
    try:
        before = built(name, data)
    except SirecError:  # the model reads no vectors
        data = replace(data, fields=tuple(f for f in data.fields if f.form != "vector"))
        before = built(name, data)
    new = read_new_items(a_table(), data, "table", lambda remark: None)
    batch = builders.small_batch(data)
    with torch.no_grad():
        expected = before.model.scores(batch)
        for vector in VECTORS:
            after = with_new_items(before, new.added_to(data), vector).model.scores(batch)
            assert after.shape[1] == expected.shape[1] + 2
            torch.testing.assert_close(after[:, 1:-2], expected[:, 1:], rtol=1e-4, atol=1e-4)
            assert not torch.allclose(after[:, -1], after[:, -2])


def test_cells_become_codes_of_bins_lists_and_vectors() -> None:
    """Unknown values are told; a vector of another width is refused."""
    data, told = a_dataset(), []
    new = read_new_items(a_table(), data, "table", told.append)
    assert new.tables["brand"].tolist() == [[2], [0]]
    assert new.tables["category"].tolist() == [[1, 2], [3, 0]]
    assert new.tables[VECTOR][:, 0].tolist() == [1.0, 0.0]
    assert told == []
    wrong = a_table().assign(brand=["cheap", "nan"])
    read_new_items(wrong, data, "table", told.append)
    assert told == ["table: brand: 2 values are unknown (cheap, nan): left out"]
    short = a_table().assign(**{VECTOR: [[1.0], None]})
    with pytest.raises(SirecError, match=f"row 1: {VECTOR}: expected a list of {SMALL_WIDTH}"):
        read_new_items(short, data, "table", told.append)
