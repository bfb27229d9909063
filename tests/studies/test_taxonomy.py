"""The taxonomy is what the declarations say, and agrees with COMIF's Table 2 where that has a
row.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny as builders
import torch

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.models import MODELS
from sirec.report.published import is_same
from sirec.run.build import set_up
from sirec.run.config import PROTOCOLS, Profile, resolve
from sirec.studies.analyses.model_cards import (
    KINDS,
    ConfigKey,
    ModelCard,
    entries,
    parameters,
    printed,
    printed_taxonomy,
    settings,
)

# COMIF counts what joins queries and keys as the embedding.
PRINTED_LEVELS = {
    "none": "-",
    "objective": "-",
    "embedding": "embedding",
    "query_key": "embedding",
    "attention": "attention",
}
# It ran DLFS-Rec with the time of interactions, which is off here, and does not count the positions
# of S3-Rec.
READ_OTHERWISE = {
    ("dlfs-rec", "behaviour"): ("embedding", "none"),
    ("s3-rec", "behaviour"): ("-", "embedding"),
}
PRINTED_MODELS = {"s3-rec", "sasrecf", "nova", "dif-sr", "dlfs-rec", "comif"}
ONE_PASS = {
    None: {"popularity", "transitions"},
    "no": {"mssr", "dlfs-rec", "bsarec", "diff", "tasif"},
    "masked items": {"bert4rec", "dif-bert4rec"},
}


def shown(name: str, data: Dataset | None = None, protocol: str = "comif") -> dict[str, ConfigKey]:
    """A model's settings by path."""
    return {setting.path: setting for setting in settings(MODELS[name], data, protocol)}


def pair(setting: ConfigKey) -> tuple[str, str]:
    """What stands side by side on a page."""
    return setting.text("intended"), setting.text("published")


def built(name: str, data: Dataset, profile: Profile) -> Recommender:
    """A model as a run has it."""
    return set_up(resolve(name, data, profile=profile), data, torch.device("cpu")).model


def test_levels_and_lessons_are_those_of_comifs_table() -> None:
    """Each row of the printed taxonomy is a model here, with the same levels and the same
    self-supervised kinds.
    """
    compared = set()
    for name, (attribute, behaviour, signals) in printed_taxonomy().items():
        [entry] = [entry for entry in entries() if is_same(name, entry.model.title)]
        for kind, level in (("attribute", attribute), ("behaviour", behaviour)):
            ours = entry.places[kind].level  # type: ignore[index]
            if (entry.model.name, kind) in READ_OTHERWISE:
                assert READ_OTHERWISE[entry.model.name, kind] == (level, ours)
            else:
                assert PRINTED_LEVELS[ours] == level, entry.model.name
        assert ("+".join(signal for signal in entry.signals if signal in KINDS) or "-") == signals
        compared.add(entry.model.name)
    assert compared == PRINTED_MODELS


def test_fusion_is_that_of_the_level() -> None:
    """The function named is the one in use where the fields enter, not that of another level."""
    comif = ModelCard(MODELS["comif"]).places
    assert (comif["attribute"].text, comif["behaviour"].text) == (
        "embedding (sum), candidates",
        "attention (concat)",
    )
    assert ModelCard(MODELS["sasrec"]).places["attribute"].text == "–"


def test_the_table_tells_who_scores_fused_items() -> None:
    """COMIF and SASRecF both fuse at the embedding; only COMIF's candidates have attributes, and
    nobody's behaviours.
    """
    assert ModelCard(MODELS["comif"]).as_dict()["attribute"] == {
        "level": "embedding",
        "fusion": "sum",
        "candidates": True,
    }
    assert [
        ModelCard(MODELS[name]).places["attribute"].text for name in ("comif", "sasrecf", "mssr")
    ] == [
        "embedding (sum), candidates",
        "embedding (concat)",
        "attention, stream (gate), candidates",
    ]
    assert not any(entry.places["behaviour"].candidates for entry in entries())


def test_lessons_are_of_more_than_side_information() -> None:
    """Half of S3-Rec's first stage is about items and segments; filling gaps is BERT4Rec's task and
    no lesson beside it.
    """
    signals = {entry.model.name: entry.signals for entry in entries()}
    assert signals["s3-rec"] == ["attribute", "item", "sequence"]
    assert signals["comif"] == ["attribute", "behaviour"]
    assert signals["bert4rec"] == signals["sasrec"] == []


def test_the_readmes_table_is_the_taxonomy() -> None:
    """A row for each model in their order, with where fields enter and what is self-supervised as
    `sirec models` has it.
    """
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = page.partition(
        "| model | attributes at | behaviours at | self-supervised | learns by |\n"
    )[2].partition("\n\n")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]
    ]
    assert [row[:4] for row in rows] == [
        [
            entry.model.title,
            *(place.text for place in entry.places.values()),
            ", ".join(entry.signals) or "–",
        ]
        for entry in entries()
    ]
    assert all(row[4] for row in rows)


def test_what_is_counted_is_what_is_trained(tiny: Dataset) -> None:
    """A floor trains nothing; SASRec's tables count; DIF-SR's brands do, which its code had
    frozen.
    """
    assert parameters(MODELS["popularity"], tiny) == 0
    sasrec = parameters(MODELS["sasrec"], tiny)
    table, positions = (builders.ITEMS + 1) * 128, 50 * 128
    assert sasrec > table + positions
    assert parameters(MODELS["comif"], tiny) > sasrec
    frozen = sum(
        part.numel()
        for part in built("dif-sr", tiny, "published").parameters()
        if part.requires_grad
    )
    assert parameters(MODELS["dif-sr"], tiny) - frozen == 6 * 128
    assert parameters(MODELS["caser"], tiny, "difsr") < parameters(MODELS["caser"], tiny, "comif")


def test_one_pass_is_what_the_last_stage_does(tiny: Dataset) -> None:
    """Those that fill gaps never run in their causal mode; DIF-SR trains every position, its
    reference form could not.
    """
    found = {entry.model.name: entry.one_pass for entry in entries()}
    others = {name: way for way, names in ONE_PASS.items() for name in names}
    assert found == {name: others.get(name, "yes") for name in MODELS}
    assert built("bert4rec", tiny, "intended").single_pass
    assert built("dif-sr", tiny, "intended").single_pass
    assert not built("dif-sr", tiny, "published").single_pass


def test_switches_stand_beside_their_defaults() -> None:
    """A published value is in the row of the intended one, wherever the switch was said to be;
    tasks stand by name.
    """
    rows = shown("s3-rec")
    stages, objectives = ("stages.pretrain", "stages.train"), "stages.pretrain.objectives"
    assert [pair(rows[f"{stage}.task"]) for stage in stages] == [
        ("segments", "segments"),
        ("next_item", "last_item"),
    ]
    assert pair(rows["stages.pretrain.task.hide_last"]) == ("true", "false")
    assert pair(rows["stages.train.task.long_histories"]) == ("windows", "–")
    assert pair(rows["stages.train.objectives.item.padding_class"]) == ("false", "true")
    assert pair(rows[f"{objectives}.associated_attribute.weight"]) == ("0.2", "1.0")
    assert pair(rows[f"{objectives}.masked_item.weight"]) == ("1.0", "0.2")
    assert pair(rows[f"{objectives}.masked_attribute.weight"]) == ("1.0", "1.0")
    assert pair(shown("dif-sr")["model.attribute_trainable"]) == ("true", "false")
    assert pair(shown("stosa")["stages.train.objectives.pairwise.exclude"]) == (
        "training",
        "sequence",
    )
    assert pair(shown("caser")["stages.train.objectives.norms.leave_out"]) == (
        "[]",
        "[convolutions.horizontal]",
    )
    assert pair(shown("esasrec")["stages.train.objectives.sampled_softmax.hits"])[1] == "kept"


@pytest.mark.parametrize("name", MODELS)
def test_every_published_switch_has_its_row(name: str) -> None:
    """Each switch is the end of one row's path or more, which has its value; a floor has nothing to
    set.
    """
    rows = shown(name)
    assert bool(rows) != MODELS[name].is_training_free
    for path, value in MODELS[name].published.items():
        values = value if isinstance(value, dict) else {"": value}
        for key, expected in values.items():
            switch = path if key in ("", "name") else f"{path}.{key}"
            found = [
                setting for setting in rows.values() if f".{setting.path}".endswith(f".{switch}")
            ]
            assert found, switch
            assert all(setting.values["published"] == expected for setting in found), switch


def test_settings_are_what_a_run_gets(tiny: Dataset) -> None:
    """Under COMIF's protocol the learning rate is its own; DIF-SR's leaves Caser's width; on Beauty
    DIF-SR's window is 7.
    """
    rows = shown("caser")
    assert [
        rows["model.width"].values[reading] for reading in ("declared", "intended", "published")
    ] == [64, 128, 128]
    assert rows["stages.train.learning_rate"].values == {
        "declared": 0.001,
        "intended": 0.0001,
        "published": 0.0001,
    }
    assert shown("caser", protocol="difsr")["model.width"].values["intended"] == 64
    assert shown("s3-rec")["stages.pretrain.learning_rate"].values["intended"] == 0.001
    beauty = Dataset("beauty", tiny.offsets, tiny.items, tiny.fields, tiny.behaviours)
    assert shown("dif-sr", beauty, "difsr-paper")["data.max_length"].values == {
        "declared": 50,
        "intended": 7,
        "published": 7,
    }
    for protocol in PROTOCOLS:
        config = resolve("nova", tiny, protocol=protocol)
        assert (
            shown("nova", protocol=protocol)["model.width"].values["intended"] == config.model.width
        )  # type: ignore[union-attr]


def test_printed_numbers_are_the_papers() -> None:
    """SASRec stands in both papers' main tables, with three and four data sets, and once for each;
    a floor in neither.
    """
    rows = printed(MODELS["sasrec"])
    assert [(row["paper"], row["dataset"]) for row in rows].count(("COMIF", "beauty")) == 1
    assert [row["table"] for row in rows] == ["3"] * 3 + ["2"] * 4
    assert rows[0]["Recall@20"] == 0.1222
    assert printed(MODELS["popularity"]) == []


def test_another_table_counts_where_the_main_one_lacks_the_model() -> None:
    """DIF-BERT4Rec is in DIF-SR's Table 3 alone."""
    rows = printed(MODELS["dif-bert4rec"])
    assert [(row["paper"], row["table"], row["dataset"]) for row in rows] == [
        ("DIF-SR", "3", dataset) for dataset in ("beauty", "sports", "toys")
    ]
    assert (rows[0]["Recall@10"], rows[0]["NDCG@20"]) == (0.0579, 0.0363)


def test_printed_rows_say_what_became_of_the_history() -> None:
    """STOSA and DLFS-Rec were ranked without it, all others with it."""
    rules = {name: {row["history"] for row in printed(model)} for name, model in MODELS.items()}
    assert rules["stosa"] == rules["dlfs-rec"] == {"mask"}
    assert all(
        rule in (set(), {"keep"})
        for name, rule in rules.items()
        if name not in ("stosa", "dlfs-rec")
    )
    assert {name for name, rule in rules.items() if not rule} == {
        "popularity",
        "transitions",
        "fdsa",
        "bsarec",
        "diff",
        "tasif",
        "esasrec",
    }
