"""A placebo keeps everything of a field but its meaning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.placebo import with_placebos
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.run.build import set_up
from sirec.run.config import RunConfig, resolve
from sirec.run.execute import execute
from sirec.run.identity import run_id
from sirec.run.store import Store

READ = {"data.attributes": ["brand", "category"], "data.behaviours": ["position", "rating"]}
SMALL = {"width": 8, "layers": 1, "heads": 2, "inner": 8, "hidden": 8, "epochs": 1, "threads": 1}


def table(data: Dataset, name: str) -> Tensor:
    """The table of an attribute."""
    return next(field.values for field in data.fields if field.name == name)


def sorted_rows(values: Tensor) -> list[list[int]]:
    """The rows of a table as a multiset."""
    return sorted(values.tolist())


def config_of(data: Dataset, model: str = "comif", **settings: object) -> RunConfig:
    """A small run that reads two attributes and a behaviour."""
    dotted = {key.replace("__", "."): value for key, value in settings.items()}
    return resolve(model, data, shared=SMALL, assignments={**READ, **dotted})


def test_lists_move_whole_and_missing_ones_with_them(tiny: Dataset) -> None:
    """The rows of the table are the same multiset, so that widths and gaps stay; padding stays.

    Control: the rows themselves move, and a permutation of single values would break lists up.
    """
    true = table(tiny, "category")
    shuffled = table(with_placebos(tiny, ["category"], 0), "category")
    assert sorted_rows(true[1:]) == sorted_rows(shuffled[1:])
    assert not shuffled[0].any()
    assert not torch.equal(true, shuffled)
    flat = true[1:].flatten()[torch.randperm(true[1:].numel())].view_as(true[1:])
    assert sorted_rows(flat) != sorted_rows(true[1:])


def test_a_behaviour_is_permuted_among_interactions(tiny: Dataset) -> None:
    """Every value occurs as often as before; items, users and the other fields stay."""
    shuffled = with_placebos(tiny, ["rating"], 0)
    true, permuted = tiny.behaviours["rating"], shuffled.behaviours["rating"]
    assert torch.equal(true.sort().values, permuted.sort().values)
    assert not torch.equal(true, permuted)
    assert torch.equal(tiny.items, shuffled.items)
    assert torch.equal(table(tiny, "brand"), table(shuffled, "brand"))


def test_a_permutation_depends_on_seed_and_name_alone(tiny: Dataset) -> None:
    """What else is permuted or read changes nothing; another seed (control) does."""
    alone = with_placebos(tiny, ["brand"], 3)
    both = with_placebos(tiny.select(["category", "brand"], ["rating"]), ["rating", "brand"], 3)
    assert torch.equal(table(alone, "brand"), table(both, "brand"))
    other = with_placebos(tiny, ["brand"], 4)
    assert not torch.equal(table(alone, "brand"), table(other, "brand"))


def test_a_placebo_tells_nothing_of_the_true_value() -> None:
    """Over seeds a value is met as often as chance has it; the true table (control) always."""
    from tiny import dataset

    data = dataset()
    true = table(data, "brand")[1:, 0]
    chance = float((true[:, None] == true).double().mean())
    met = []
    for seed in range(200):
        shuffled = table(with_placebos(data, ["brand"], seed), "brand")[1:, 0]
        met.append(float((shuffled == true).double().mean()))
    assert abs(sum(met) / len(met) - chance) < 0.01
    assert chance < 0.5


def test_a_placebo_is_part_of_the_identity_and_none_is_not(tiny: Dataset) -> None:
    """A run with a placebo has an id of its own; a key at its default changes none."""
    config = config_of(tiny)
    fingerprint = tiny.fingerprint()
    shuffled = replace(config, data=replace(config.data, placebo=("brand",)))
    assert run_id(config, fingerprint) != run_id(shuffled, fingerprint)
    assert run_id(replace(config, data=replace(config.data, placebo=())), fingerprint) == run_id(
        config, fingerprint
    )


@pytest.mark.parametrize("model", [name for name in MODELS if MODELS[name]().reads("attribute")])
def test_every_model_is_built_as_large_with_a_placebo(tiny: Dataset, model: str) -> None:
    """The same parameters; the attribute tables in the model (control) are other ones."""
    config = config_of(tiny, model)
    shuffled = replace(config, data=replace(config.data, placebo=("brand", "category")))
    device = torch.device("cpu")
    true, permuted = set_up(config, tiny, device), set_up(shuffled, tiny, device)
    shapes = {name: value.shape for name, value in true.model.state_dict().items()}
    assert shapes == {name: value.shape for name, value in permuted.model.state_dict().items()}
    assert not torch.equal(table(true.data, "brand"), table(permuted.data, "brand"))


def test_a_run_with_a_placebo_is_reproducible(tiny: Dataset, tmp_path: Path) -> None:
    """Two folders hold the same ranks; those of the true field (control) differ."""
    config = config_of(tiny)
    shuffled = replace(config, data=replace(config.data, placebo=("brand", "rating")))
    ranks = []
    for number, each in enumerate((shuffled, shuffled, config)):
        folder = execute(each, tiny, Store(tmp_path / str(number)))
        ranks.append(folder.ranks().ranks["test"]["keep"].tolist())
    assert ranks[0] == ranks[1]
    assert ranks[0] != ranks[2]


@pytest.mark.parametrize(
    ("placebo", "message"),
    [
        (["brnd"], "'brnd' is not a field that the run reads"),
        (["position"], "position is computed"),
        (["brand", "brand"], "one is listed twice"),
        (["price"], "'price' is not a field"),
    ],
)
def test_a_placebo_of_no_stored_field_is_refused(
    tiny: Dataset, placebo: list[str], message: str
) -> None:
    """One line with the name; nothing is trained."""
    with pytest.raises(SirecError, match=message):
        config_of(tiny, data__placebo=placebo)


def test_a_placebo_of_an_attribute_that_only_the_data_know_is_refused(tiny: Dataset) -> None:
    """Where a run reads all attributes, the data say which there are."""
    config = config_of(tiny)
    every = replace(config, data=replace(config.data, attributes=None, placebo=("brnd",)))
    with pytest.raises(SirecError, match="'brnd' is not a field"):
        set_up(every, tiny, torch.device("cpu"))
