"""A run is its configuration, its data and the revisions of its parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sirec.config import dump, load
from sirec.data.dataset import Dataset
from sirec.models import MODELS
from sirec.objectives.order import UserPreferenceAlignment
from sirec.run.config import PROTOCOLS, RunConfig, resolve
from sirec.run.identity import run_id


def test_the_identity_depends_on_all_that_decides_numbers(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal configurations share an id; a setting, a seed, the data or a revision changes it."""
    config = resolve("comif", tiny)
    same = load(RunConfig, dump(config), "again")
    first = run_id(config, "data")
    assert run_id(same, "data") == first
    others = [
        run_id(resolve("comif", tiny, assignments={"heads": 2}), "data"),
        run_id(replace(config, seed=1), "data"),
        run_id(config, "other data"),
    ]
    monkeypatch.setattr(UserPreferenceAlignment, "revision", 2)
    others.append(run_id(config, "data"))
    assert len({first, *others}) == 5


def test_a_part_that_is_not_used_does_not_matter(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raising the revision of UPA leaves SASRec's identity alone."""
    config = resolve("sasrec", tiny)
    first = run_id(config, "data")
    monkeypatch.setattr(UserPreferenceAlignment, "revision", 2)
    assert run_id(config, "data") == first


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("profile", ["intended", "published"])
@pytest.mark.parametrize("model", MODELS)
def test_every_combination_resolves_and_survives_yaml(
    tiny: Dataset, model: str, profile: str, protocol: str
) -> None:
    """Each model under each protocol and profile is a whole configuration."""
    config = resolve(model, tiny, protocol=protocol, profile=profile)  # type: ignore[arg-type]
    assert load(RunConfig, dump(config), "again") == config


def test_the_published_profile_flips_its_switches(tiny: Dataset) -> None:
    """DIF-SR as its code had it: prefix examples, frozen N(0, 1) attribute tables, fusion before
    the mask.
    """
    published, intended = (
        resolve("dif-sr", tiny, profile=profile).model for profile in ("published", "intended")
    )
    assert (published.attribute_trainable, published.attribute_std, published.fusion_form) == (
        False,
        1.0,
        "reference",
    )
    assert (intended.attribute_trainable, intended.attribute_std, intended.fusion_form) == (
        True,
        0.02,
        "masked",
    )
    assert resolve("dif-sr", tiny, profile="published").stages[0].task.name == "last_item"


def test_protocols_choose_width_batch_and_attributes(tiny: Dataset) -> None:
    """COMIF's: d 128, 512 targets, brand; DIF-SR's: d 256, 2048 targets, categories."""
    comif, difsr = (resolve("dif-sr", tiny, protocol=name) for name in ("comif", "difsr"))
    assert (comif.model.width, comif.stages[0].budget, comif.data.attributes) == (
        128,
        512,
        ("brand",),
    )
    assert (difsr.model.width, difsr.stages[0].budget, difsr.data.attributes) == (
        256,
        2048,
        ("category",),
    )


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name.startswith("difsr")])
def test_difsr_widens_attention_models_only(tiny: Dataset, protocol: str) -> None:
    """Its d of 256 is for attention models; recurrent and convolutional ones keep the library's
    sizes, COMIF's have its d.
    """
    widths = {
        name: resolve(name, tiny, protocol=protocol).model.width
        for name in ("fdsa", "gru4rec", "gru4recf", "caser")
    }  # type: ignore[union-attr]
    assert widths == {"fdsa": 256, "gru4rec": 64, "gru4recf": 64, "caser": 64}
    assert resolve("gru4rec", tiny, protocol=protocol).model.hidden == 128  # type: ignore[union-attr]
    assert resolve("gru4rec", tiny, protocol="comif").model.width == 128  # type: ignore[union-attr]


def test_a_tuned_protocol_sets_one_model_on_one_data_set(tiny: Dataset) -> None:
    """`difsr-paper` gives DIF-SR on Beauty its window of 7 and its own heads, no other model; all
    are selected by Recall@10.
    """
    beauty = replace(tiny, name="beauty")
    tuned = resolve("dif-sr", beauty, protocol="difsr-paper")
    assert (tuned.data.max_length, tuned.model.layers, tuned.model.heads) == (7, 4, 4)  # type: ignore[union-attr]
    assert (
        tuned.stages[0].metric,
        resolve("dif-sr", beauty, protocol="difsr").stages[0].metric,
    ) == ("Recall@10", "Recall@20")
    assert resolve("sasrec", beauty, protocol="difsr-paper").data.max_length == 50
    assert resolve("dif-sr", tiny, protocol="difsr-paper").data.max_length == 50
