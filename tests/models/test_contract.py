"""What every declared model promises."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny as builders
import torch
import yaml
from torch import Tensor

from sirec.config import dump, load_named, to_yaml
from sirec.config import load as load_config
from sirec.core.model import Recommender, SequentialModel
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema, position
from sirec.data.tasks.cloze import Cloze
from sirec.data.tasks.next_item import NextItem
from sirec.data.tasks.rows import evaluation_rows, gather
from sirec.errors import SirecError
from sirec.models import MODELS, model_class
from sirec.models.declaration import Declaration
from sirec.models.dif_sr import DIFSR
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.objectives.base import EncoderPass, ObjectiveConfig
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.pairwise import Pairwise
from sirec.testing import models as testing
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

TRAINED = {name: cls for name, cls in MODELS.items() if not cls.is_training_free}
LEARNS_SLOWLY = ("bert4rec", "dif-bert4rec", "s3-rec", "mssr", "tasif")  # 4 to 10 s each
each = pytest.mark.parametrize("name", MODELS)
each_trained = pytest.mark.parametrize("name", TRAINED)


def small(name: str, **switches: Any) -> Declaration:
    """A model's declaration in the tiny shape, as far as it has those sizes."""
    config: Declaration = builders.sized(MODELS[name](), **{**builders.SHAPE, **switches})
    return config


def a_model(name: str, data: Dataset, seed: int = 0, **switches: Any) -> Recommender:
    """Built for `data`, counted, and loud where it has weights."""
    model = small(name, **switches).build(data.schema(builders.WINDOW, with_position=True))
    model.fit_statistics(data)
    builders.loud(model, seed)
    return model


def test_every_model_says_what_it_is() -> None:
    """Each has its own name, a title and a source; only training-free baselines have no stages."""
    for name, cls in MODELS.items():
        testing.check_declaration(cls)
        assert cls.name == name
        assert bool(cls.checked) != cls.is_training_free


def test_what_came_of_the_originals_is_on_their_page() -> None:
    """The last table of docs/originals.md names models that themselves say that no code is public,
    the first all others.
    """
    page = (Path(__file__).parents[2] / "docs" / "originals.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE)
    named = [
        {name for row in rows.splitlines()[2:] for name in row.split("|")[1].strip().split(", ")}
        for rows in tables
    ]
    alone = {cls.title for cls in TRAINED.values() if cls.checked.startswith("no public code")}
    assert named[-1] == alone
    assert named[0] == {cls.title for cls in TRAINED.values()} - alone | {"sampled losses"}


def test_a_misspelt_model_is_told_the_nearest() -> None:
    """An unknown name is an error with the nearest one."""
    with pytest.raises(SirecError) as caught:
        model_class("dif_sr")
    assert "dif-sr" in str(caught.value.hint)


def test_declarations_are_the_papers_table() -> None:
    """Where each kind of field enters: COMIF's Table 2 and the papers of the other models."""
    printed = {
        "sasrec": ("none", "embedding"),
        "sasrecf": ("embedding", "embedding"),
        "nova": ("query_key", "query_key"),
        "dif-sr": ("attention", "attention"),
        "mssr": ("attention, stream", "attention"),
        "esasrec": ("none", "embedding"),
        "comif": ("embedding", "attention"),
        "gru4rec": ("none", "none"),
        "gru4recf": ("stream", "none"),
        "fdsa": ("stream", "embedding"),
        "icai-sr": ("embedding, stream", "embedding"),
        "caser": ("none", "none"),
        "stosa": ("none", "embedding"),
        "dlfs-rec": ("embedding", "none"),
        "bsarec": ("none", "embedding"),
        "diff": ("embedding, attention", "embedding, attention"),
        "tasif": ("query_key, stream", "embedding, query_key"),
        "bert4rec": ("none", "embedding"),
        "s3-rec": ("objective", "embedding"),
        "dif-bert4rec": ("attention", "attention"),
    }
    fused = {"comif", "dlfs-rec", "icai-sr", "mssr", "tasif"}
    for name, levels in printed.items():
        config = MODELS[name]()
        assert (config.level("attribute"), config.level("behaviour")) == levels, name
        assert config.at_candidates("attribute") == (name in fused), name


def moved(table: Tensor) -> Tensor:
    """Each item's values [V, F] given to the item after it; padding keeps none."""
    return torch.cat([table[:1], table[1:].roll(1, dims=0)])


@each_trained
def test_items_are_scored_with_attributes_where_it_is_declared(name: str, tiny: Dataset) -> None:
    """With the same weights and every item's values moved to the next item, the item table is
    another one exactly then.
    """
    fields = tuple(
        field if field.table is None else replace(field, table=moved(field.table))
        for field in tiny.fields
    )
    switches: list[dict[str, Any]] = [{}]
    if "candidates" in {field.name for field in dataclasses.fields(MODELS[name])}:  # type: ignore[arg-type]
        switches = [{"candidates": kind} for kind in ("id", "fused")]
    for chosen in switches:
        one, other = (
            a_model(name, data, **chosen) for data in (tiny, replace(tiny, fields=fields))
        )
        assert isinstance(one, SequentialModel)
        assert isinstance(other, SequentialModel)
        assert all(
            torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True)
        )
        differs = not torch.allclose(one.item_table(), other.item_table())
        assert differs == small(name, **chosen).at_candidates("attribute")
        assert not small(name, **chosen).at_candidates("behaviour")


def test_configurations_survive_the_round_trip() -> None:
    """Every model's defaults, stages included, and every combination of switches come back from
    YAML as they went.
    """
    configs = [
        *(cls() for cls in MODELS.values()),
        *(stage for cls in MODELS.values() for stage in cls.stages),
    ]
    configs += [
        replace(MODELS["sasrec"](), **vars(config)) for config in builders.COMBINATIONS.values()
    ]
    for config in configs:
        for defaults in (True, False):
            tree = yaml.safe_load(to_yaml(dump(config, defaults=defaults)))
            named = isinstance(config, Declaration)
            back = (
                load_named(list(MODELS.values()), tree, "test")
                if named
                else load_config(type(config), tree, "test")
            )
            assert back == config
    assert len(configs) > len(MODELS) + len(TRAINED) + 172 - 1


@each_trained
def test_last_states_do_not_depend_on_the_other_slots(name: str, tiny: Dataset) -> None:
    """Where only last states are computed, they, their streams and their gradients are the same."""
    testing.check_last_states(small(name), tiny)
    known = set(vars(MODELS[name]()))
    for switch, value in (
        ("fusion_form", "reference"),
        ("attr_layer", "first"),
        ("window", "tokens"),
    ):
        if switch in known:
            testing.check_last_states(small(name, **{switch: value}), tiny)


def test_the_last_block_computes_last_states_alone(tiny: Dataset) -> None:
    """Where only last states are read, the last feed-forward network sees one token a row."""
    model = a_model("sasrec", tiny)
    assert isinstance(model, FusedTransformer)
    seen = []
    model.layers[-1].expand.register_forward_hook(
        lambda part, given, out: seen.append(len(given[0]))
    )
    batch = builders.a_batch(tiny)
    model.scores(batch)
    model.encode(batch)
    assert seen == [len(batch.items), int(batch.lengths.sum())]


@each
def test_scores_are_one_number_for_each_item(name: str, tiny: Dataset) -> None:
    """Shape [B, V], finite, the same on every call in evaluation mode."""
    testing.check_scores(small(name), tiny)


@each_trained
def test_causality_is_as_declared(name: str, tiny: Dataset) -> None:
    """A change of later slots reaches earlier states exactly where `causal` is False."""
    testing.check_causality(small(name), tiny)


@each_trained
def test_prefix_consistency_is_as_declared(name: str, tiny: Dataset) -> None:
    """The state at t is the last state of the prefix of t exactly where `single_pass` is True."""
    testing.check_prefixes(small(name), tiny)


@each_trained
def test_scores_follow_a_renumbering_of_items(name: str, tiny: Dataset) -> None:
    """Other codes for the items, with their rows of every table, give the same scores under the
    other codes.
    """
    shuffled = torch.randperm(builders.ITEMS, generator=torch.Generator().manual_seed(5)) + 1
    new = torch.cat([torch.zeros(1, dtype=torch.long), shuffled])
    fields = tuple(
        field
        if field.table is None
        else replace(field, table=torch.empty_like(field.values).index_copy(0, new, field.values))
        for field in tiny.fields
    )
    renumbered = replace(tiny, items=new[tiny.items], fields=fields)
    model, other = a_model(name, tiny), a_model(name, renumbered)
    batch, there = builders.a_batch(tiny), builders.a_batch(renumbered)
    with torch.no_grad():
        scores = model.scores(batch)
        assert not torch.allclose(
            other.scores(there)[:, new], scores, atol=1e-5
        )  # control: the tables stayed
        for mine, its in zip(model.parameters(), other.parameters(), strict=True):
            if len(mine.shape) and len(mine) == tiny.item_codes:
                its.index_copy_(0, new, mine.clone())
        torch.testing.assert_close(other.scores(there)[:, new], scores, rtol=1e-4, atol=1e-5)


@each_trained
def test_training_mode_is_random(name: str, tiny: Dataset) -> None:
    """The control of determinism: with dropout and in training mode two calls differ."""
    model, batch = a_model(name, tiny, dropout=0.5), builders.a_batch(tiny)
    model.train()
    assert not torch.equal(model.scores(batch), model.scores(batch))


@each
def test_scores_ignore_padding_targets_and_other_rows(name: str, tiny: Dataset) -> None:
    """Empty slots, targets and other rows of the batch do not change the scores of a row."""
    testing.check_rows_are_independent(small(name), tiny)


@each_trained
def test_scores_depend_on_the_history(name: str, tiny: Dataset) -> None:
    """Another last item gives another row of scores."""
    model, batch = a_model(name, tiny), builders.a_batch(tiny)
    with torch.no_grad():
        assert not torch.equal(model.scores(builders.changed(batch, 0)), model.scores(batch))


def test_popularity_offers_everybody_the_same(tiny: Dataset) -> None:
    """Other items in a history give the scores of popularity, and not those of transitions."""
    batch = builders.a_batch(tiny)
    other = builders.changed(batch, 0)
    for name, is_same in (("popularity", True), ("transitions", False)):
        model = a_model(name, tiny)
        assert torch.equal(model.scores(other), model.scores(batch)) == is_same


@each
def test_saved_weights_give_the_same_scores(name: str, tiny: Dataset) -> None:
    """The state dict holds everything that scores depend on; other weights give other scores."""
    testing.check_saved_weights(small(name), tiny)
    batch = builders.a_batch(tiny)
    with torch.no_grad():  # control
        is_same = torch.allclose(
            a_model(name, tiny, seed=7).scores(batch), a_model(name, tiny).scores(batch)
        )
    assert is_same == MODELS[name].is_training_free


@pytest.mark.parametrize("name", [name for name in MODELS if name not in TRAINED])
def test_training_free_baselines_follow_a_renumbering_of_items(name: str, tiny: Dataset) -> None:
    """Fitted under other codes, a baseline gives the same scores under the other codes."""
    new = torch.cat(
        [
            torch.zeros(1, dtype=torch.long),
            torch.randperm(builders.ITEMS, generator=torch.Generator().manual_seed(5)) + 1,
        ]
    )
    other = replace(tiny, items=new[tiny.items])
    scores = a_model(name, tiny).scores(builders.a_batch(tiny))
    torch.testing.assert_close(a_model(name, other).scores(builders.a_batch(other))[:, new], scores)


def test_transitions_equal_their_loops(tiny: Dataset) -> None:
    """Pairs up to three apart, later ones after earlier ones in full and backwards by half, and
    three last items looked up.
    """
    table = np.zeros((tiny.item_codes, tiny.item_codes))
    counts = np.zeros(tiny.item_codes)
    for start, end in zip(tiny.offsets[:-1].tolist(), tiny.offsets[1:].tolist(), strict=True):
        read = tiny.items[start : end - 2].tolist()
        for i, a in enumerate(read):
            counts[a] += 1
            for distance, b in enumerate(read[i + 1 : i + 4], start=1):
                table[a, b] += 1 / distance
                table[b, a] += 1 / (2 * distance)
    batch = builders.a_batch(tiny)
    for row, scores in enumerate(a_model("transitions", tiny).scores(batch).tolist()):
        expected = counts / (1000 * counts.max())
        for back, item in enumerate(batch.items[row, : batch.lengths[row]].tolist()[::-1][:3]):
            expected = expected + 0.5**back * table[item]
        assert scores == pytest.approx(expected.tolist(), rel=1e-5)


def cycle(items: int = 12, users: int = 60) -> Dataset:
    """Everybody goes round the same circle of items, from a start of their own; training fills
    every slot of the window.
    """
    rng = np.random.default_rng(0)
    data = builders.dataset(rng.integers(5, builders.WINDOW + 4, users).tolist(), items=items)
    starts, steps = (
        np.repeat(rng.integers(0, items, users), data.lengths),
        np.arange(len(data.items)),
    )
    return replace(data, items=torch.from_numpy((starts + steps) % items + 1))


def hits(model: Recommender, data: Dataset, places: int = 1) -> float:
    """The fraction of test targets among the first `places` of the ranking."""
    batch = gather(data, evaluation_rows(data, "test", builders.WINDOW))
    with torch.no_grad():
        best = model.eval().scores(batch)[:, 1:].topk(places).indices + 1
    return (best == batch.targets.gather(1, batch.read[:, None])).any(dim=1).double().mean().item()


# Width, learning rate and epochs. A masked item is predicted from its neighbours by their
# positions, which takes more steps to learn than the transition from one item to the next; the
# steps must be smaller where positions are added to items.
NEXT_ITEM_SIZES = (16, 0.01, 20)
MASKED_SIZES = {"embedding": (32, 0.003, 110), "attention": (24, 0.01, 110)}
# Over seeds of dropout some models reach 1 and some 0.8; chance is one in twelve.
LEARNED = 0.75


def trained_on_cycle(
    name: str, data: Dataset, places: int, objectives: tuple[ObjectiveConfig, ...] = ()
) -> SequentialModel:
    """A small model after a few dozen steps with its own objectives, or with others.

    Before them it does not know the next item.
    """
    schema = data.schema(builders.WINDOW, with_position=True)
    torch.manual_seed(0)
    width, rate, epochs = NEXT_ITEM_SIZES
    if isinstance(MODELS[name].stages[-1].task, Cloze):
        width, rate, epochs = MASKED_SIZES[MODELS[name]().level("behaviour")]
    model = small(name, width=width, inner=width, layers=1).build(schema)
    assert isinstance(model, SequentialModel)
    assert hits(model, data, places) < 0.5
    for index, declared in enumerate(MODELS[name].stages):
        wanted = objectives or declared.objectives
        stage = replace(
            declared,
            objectives=wanted,
            learning_rate=rate,
            budget=64,
            epochs=epochs,
            patience=epochs,
        )
        for _ in Trainer(model, stage, data, schema, SeedKey(0, index)).run(
            lambda metric=stage.metric: {metric: 0.0}
        ):  # type: ignore[misc]
            pass
    return model


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in LEARNS_SLOWLY else [])
        for name in TRAINED
    ],
)
def test_a_cycle_of_items_is_learned(name: str) -> None:
    """A few dozen steps with the model's own objectives teach it which item follows which; before,
    it does not know.

    A loss that draws one item a target, never one that the user had, only tells what is near from
    what is far: there the next item is among the first three of twelve, and the same model puts it
    first when all items are compared.
    """
    data = cycle()
    one_drawn = any(isinstance(part, Pairwise) for part in MODELS[name].stages[-1].objectives)
    places = 3 if one_drawn else 1
    assert hits(trained_on_cycle(name, data, places), data, places) > LEARNED
    if one_drawn:
        assert hits(trained_on_cycle(name, data, 1, (ItemCrossEntropy(),)), data) > LEARNED


def test_transitions_know_the_cycle_and_popularity_does_not() -> None:
    """The baselines on the same data: counts of pairs suffice, counts of items do not."""
    data = cycle()
    assert hits(a_model("transitions", data), data) == 1.0
    assert hits(a_model("popularity", data), data) < 0.5


# Item codes, value codes and layers of the released configurations, and the parameters their logs
# print (models with padding).
RELEASED = {
    "beauty": (12_102, 355, 4, 5_355_783),
    "sports": (18_358, 1_876, 3, 6_809_935),
    "toys": (11_925, 730, 3, 4_868_565),
    "yelp": (20_069, 1_603, 4, 7_716_071),
}


@pytest.mark.parametrize(("items", "values", "layers", "expected"), RELEASED.values(), ids=RELEASED)
def test_dif_sr_has_as_many_parameters_as_the_authors(
    items: int, values: int, layers: int, expected: int
) -> None:
    """With frozen attribute tables the trained parameters, prediction head included, are as many as
    the logs print.
    """
    category = Field("category", "attribute", values, torch.zeros(items, 1, dtype=torch.long))
    schema = Schema(items, 50, (category, position(50)))
    config = DIFSR(
        width=256,
        attribute_width=64,
        heads=8,
        layers=layers,
        attribute_trainable=False,
        attribute_std=1.0,
    )
    assert (config.score_fusion, config.inner) == ("gate", 256)
    parts = (config.build(schema), AttributePrediction().build(schema, 256))
    assert (
        sum(p.numel() for part in parts for p in part.parameters() if p.requires_grad) == expected
    )
    trainable = replace(config, attribute_trainable=True).build(schema)
    assert (
        sum(p.numel() for p in trainable.parameters())
        + parts[1].heads["category"].weight.shape[0] * 257
        == expected + values * 64
    )


SOFTMAX = [
    name
    for name, cls in TRAINED.items()
    if any(part.name == "item" for part in cls.stages[-1].objectives)
    and cls.stages[-1].task.name == "next_item"
]


@pytest.mark.parametrize("name", SOFTMAX)
def test_the_first_loss_is_that_of_chance(name: str) -> None:
    """Freshly drawn at d = 256 on a catalogue of Beauty's size: ln V and at most .15 more, dropout
    on.
    """
    rng = np.random.default_rng(0)
    data = builders.dataset([12] * 60, items=12_101)
    brand = Field(
        "brand", "attribute", 2_076, torch.from_numpy(rng.integers(0, 2_076, (12_102, 1)))
    )
    schema = Schema(12_102, 50, (brand, position(50)), users=data.user_count + 1)
    torch.manual_seed(0)
    model = builders.sized(MODELS[name](), width=256, heads=8).build(schema)
    assert isinstance(model, SequentialModel)
    batch = gather(data, NextItem().rows(data, 50))
    with torch.no_grad():
        states = model.encode(batch)
        done = EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())
        loss = ItemCrossEntropy().build(schema, 256)(model, done).item()
    assert (
        -0.002 <= loss - math.log(12_101) <= 0.15
    )  # scores near 0 may favour these few targets by chance


@pytest.mark.parametrize(
    "name", [name for name, cls in TRAINED.items() if issubclass(cls, TransformerConfig)]
)
def test_transformers_declare_what_they_are(name: str) -> None:
    """Models of the one encoder differ in switches only: each is the shared configuration with
    other defaults.
    """
    config = MODELS[name]()
    assert isinstance(config, TransformerConfig)
    assert {
        key: getattr(config, key)
        for key in ("width", "heads", "inner", "dropout", "attention_dropout")
    } == {
        "width": 128,
        "heads": 4,
        "inner": 256,
        "dropout": 0.5,
        "attention_dropout": 0.3,
    }
    assert "build" not in vars(MODELS[name])
