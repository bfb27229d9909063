"""The profile `published` sets the same switches of every model under every protocol."""

from __future__ import annotations

from typing import Any

import pytest

from sirec.config import dump, leaves
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.run.config import PROTOCOLS, Profile, resolve

TRAIN, PRETRAIN = "stages.train.", "stages.pretrain."
ALL_CLASSES = {f"{TRAIN}objectives.item.padding_class": True}
PREFIXES = {f"{TRAIN}task.name": "last_item", **ALL_CLASSES}
FROZEN = {"model.attribute_trainable": False, "model.attribute_std": 1.0}
MASKED_ITEMS = {
    f"{TRAIN}task.prefixes": True,
    f"{TRAIN}task.mask_ratio": 0.6,
    f"{TRAIN}task.last_ratio": 0.0,
    "model.question": "before_mask",
    "model.head": False,
    **ALL_CLASSES,
}
REFERENCE = {"model.fusion_form": "reference"}

# Model -> the settings that differ under profile `published`, by full path.
PUBLISHED: dict[str, dict[str, object]] = {
    "popularity": {},
    "transitions": {},
    "sasrec": PREFIXES,
    "sasrecf": {**PREFIXES, **FROZEN},
    "nova": {**PREFIXES, **FROZEN},
    "dif-sr": {**PREFIXES, **FROZEN, **REFERENCE},
    # MSSR is trained on prefix examples under both profiles.
    "mssr": {**ALL_CLASSES, **FROZEN, **REFERENCE, "model.attr_layer": "first"},
    "comif": {**PREFIXES, **REFERENCE},
    "gru4rec": PREFIXES,
    "gru4recf": {**PREFIXES, **FROZEN},
    "fdsa": {**PREFIXES, **FROZEN},
    "icai-sr": {**PREFIXES, f"{TRAIN}objectives.stream_item.padding_class": True},
    "caser": {
        **PREFIXES,
        "model.align": "left",
        f"{TRAIN}objectives.norms.leave_out.0": "convolutions.horizontal",
    },
    "bert4rec": MASKED_ITEMS,
    "dif-bert4rec": {**MASKED_ITEMS, **FROZEN, **REFERENCE},
    "s3-rec": {
        **PREFIXES,
        f"{PRETRAIN}task.reads": "examples",
        f"{PRETRAIN}task.hide_last": False,
        f"{PRETRAIN}task.negatives": "batch",
        f"{PRETRAIN}task.counted": "right",
        f"{PRETRAIN}objectives.associated_attribute.weight": 1.0,
        f"{PRETRAIN}objectives.masked_item.weight": 0.2,
    },
    "stosa": {
        "model.fix_mean_stream": False,
        "model.positions": "right",
        f"{TRAIN}objectives.pairwise.exclude": "sequence",
    },
    "dlfs-rec": {},
    "bsarec": {**ALL_CLASSES, "model.window": "tokens"},
    "diff": {
        **ALL_CLASSES,
        **FROZEN,
        **REFERENCE,
        "model.window": "tokens",
        f"{TRAIN}objectives.window_alignment.columns": "window",
    },
    "tasif": {
        **FROZEN,
        "model.window": "tokens",
        f"{TRAIN}objectives.stream_catalogue.padding_class": True,
    },
    "esasrec": {"model.positions": "backward", f"{TRAIN}objectives.sampled_softmax.hits": "kept"},
}


def resolved(model: str, data: Dataset, profile: Profile, protocol: str) -> dict[str, Any]:
    """Full path -> value of a resolved configuration, without the profile's own name."""
    tree = dump(resolve(model, data, protocol=protocol, profile=profile))
    del tree["profile"]
    values = {}
    for path, value in leaves(tree):
        if not isinstance(value, dict | list):
            values[".".join(path)] = value
    return values


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("model", MODELS)
def test_the_published_profile_sets_these_switches_and_no_others(
    tiny: Dataset, model: str, protocol: str
) -> None:
    """The two profiles differ in the pinned settings alone, under every protocol."""
    intended = resolved(model, tiny, "intended", protocol)
    differing = {}
    for path, value in resolved(model, tiny, "published", protocol).items():
        if path not in intended or intended[path] != value:
            differing[path] = value
    assert differing == PUBLISHED[model]


def test_every_model_is_pinned() -> None:
    """The table names all models of sirec, and nothing else."""
    assert set(PUBLISHED) == set(MODELS)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("nova", "model.attribut_trainable"),
        ("gru4rec", "padding_clas"),
        ("stosa", "model.fusion_form"),
    ],
)
def test_a_switch_that_the_model_lacks_is_refused(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, model: str, path: str
) -> None:
    """A misspelt switch, or another model's, is named with the model.

    The profile `intended` (control) never reads it.
    """
    declaration = MODELS[model]
    resolve(model, tiny, profile="published")
    monkeypatch.setattr(declaration, "published", {**declaration.published, path: True})
    resolve(model, tiny)
    with pytest.raises(SirecError, match=f"{model}, profile published.*{path}"):
        resolve(model, tiny, profile="published")
