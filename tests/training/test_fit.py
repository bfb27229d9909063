"""Training: the same from the same seed, resumable bit for bit, and stopped in time."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import tiny as builders
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from sirec.core.model import SequentialModel
from sirec.core.transformer import TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.next_item import LastItem, NextItem
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import rank_split
from sirec.evaluation.metrics import parse_metric, summarise
from sirec.models import MODELS
from sirec.objectives.alignment import ItemAttributeAlignment
from sirec.objectives.stage import Stage
from sirec.run.build import set_up
from sirec.run.config import resolve
from sirec.training.fit import Trainer
from sirec.training.progress import EpochReport, Precision, SeedKey
from sirec.training.stopping import Stopping

TRAINED = [name for name, cls in MODELS.items() if not cls.is_training_free]
METRIC = "NDCG@10"
EPOCHS = 5


def a_trainer(
    name: str,
    data: Dataset,
    schema: Schema,
    seed: int = 0,
    precision: Precision = "fp32",
    **switches: Any,
) -> Trainer:
    """The model's own objectives on the tiny data, with dropout, in steps of 40 targets."""
    torch.manual_seed(seed)
    model = builders.sized(
        MODELS[name](), **{**builders.SHAPE, "dropout": 0.2, "attention_dropout": 0.1}
    ).build(schema)
    assert isinstance(model, SequentialModel)
    settings = {"budget": 40, "epochs": EPOCHS, "metric": METRIC, "patience": 100, **switches}
    return Trainer(
        model,
        replace(MODELS[name].stages[0], **settings),
        data,
        schema,
        SeedKey(seed, 0, precision),
    )


def validation(trainer: Trainer) -> Mapping[str, float]:
    doubled = rank_split(trainer.model, trainer.data, "valid", builders.WINDOW).keep.numpy()
    return summarise(doubled, [parse_metric(METRIC)])


def finish(trainer: Trainer, epochs: int | None = None) -> list[EpochReport]:
    """Run to the end, or for some epochs and no further."""
    reports: list[EpochReport] = []
    for report in trainer.run(lambda: validation(trainer)):
        reports.append(replace(report, train_seconds=0.0, valid_seconds=0.0))
        if len(reports) == epochs:
            break
    return reports


def state(trainer: Trainer) -> dict[str, Tensor]:
    """Everything a run is made of, copied."""
    return {name: value.clone() for name, value in trainer.tensors().items()}


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Bit for bit."""
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


@pytest.mark.parametrize("name", TRAINED)
def test_one_seed_is_one_run(name: str, tiny: Dataset, schema: Schema) -> None:
    """Two runs with one seed agree in every weight, moment, loss and metric, bit for bit; another
    seed in none.
    """
    first, second, other = (a_trainer(name, tiny, schema, seed) for seed in (3, 3, 4))
    reports, again, others = (finish(trainer) for trainer in (first, second, other))
    assert reports == again
    assert same(state(first), state(second))
    assert not same(state(first), state(other))
    assert reports != others


@pytest.mark.parametrize("name", ["dif-sr", "comif"])
@pytest.mark.parametrize("done", [1, 3])
def test_a_resumed_run_is_the_same_run(name: str, done: int, tiny: Dataset, schema: Schema) -> None:
    """Stopped after some epochs, stored, and gone on with in a fresh model: the same end as without
    a stop, bit for bit.
    """
    whole = a_trainer(name, tiny, schema)
    reports = finish(whole)
    stopped = a_trainer(name, tiny, schema)
    before = finish(stopped, done)
    tensors = load(save({key: value.contiguous() for key, value in stopped.tensors().items()}))
    counters = json.loads(json.dumps(stopped.counters()))
    finish(stopped)  # going on elsewhere must not disturb what was stored

    resumed = a_trainer(name, tiny, schema, seed=9)  # other initial weights
    resumed.seed_key = SeedKey(0)
    resumed.restore(tensors, counters)
    assert before + finish(resumed) == reports
    assert same(state(resumed), state(whole))

    forgetful = a_trainer(name, tiny, schema)  # control: the optimiser's state matters
    forgetful.restore(
        {key: value for key, value in tensors.items() if not key.startswith("adam/")}, counters
    )
    finish(forgetful)
    assert not same(state(forgetful), state(whole))


def test_a_step_is_filled_to_its_budget(tiny: Dataset, schema: Schema) -> None:
    """Steps an epoch are targets over budget, rounded up, and each is reported to who watches."""
    trainer = a_trainer("sasrec", tiny, schema, task=LastItem(), epochs=1)
    seen: list[tuple[int, int]] = []
    (report,) = trainer.run(
        lambda: validation(trainer), lambda done, total: seen.append((done, total))
    )
    targets = len(tiny.items) - 3 * tiny.user_count
    assert trainer.steps == report.steps == math.ceil(targets / 40)
    assert seen == [(step + 1, trainer.steps) for step in range(trainer.steps)]


def test_an_epoch_reports_its_losses_unweighted(tiny: Dataset, schema: Schema) -> None:
    """One number an objective, and their weighted sum."""
    trainer = a_trainer("comif", tiny, schema, epochs=1)
    (report,) = finish(trainer)
    assert set(report.losses) == {"item", "iaa", "upa"} == set(trainer.weights)
    assert report.loss == pytest.approx(
        report.losses["item"] + 0.4 * report.losses["iaa"] + 0.4 * report.losses["upa"]
    )
    assert report.epoch == 1
    assert report.is_best
    assert set(report.valid) == {METRIC}


def test_heads_of_objectives_are_trained(tiny: Dataset, schema: Schema) -> None:
    """What an objective owns moves with the model, and frozen tables do not."""
    trainer = a_trainer("dif-sr", tiny, schema, epochs=1)
    trainer.model.value_vectors("brand").requires_grad_(False)
    trainer = Trainer(trainer.model, trainer.stage, tiny, schema, SeedKey(0))
    before = state(trainer)
    finish(trainer)
    after = state(trainer)
    assert not torch.equal(
        before["objectives/aap.heads.brand.weight"], after["objectives/aap.heads.brand.weight"]
    )
    assert torch.equal(
        before["model/side.attributes.brand.values.weight"],
        after["model/side.attributes.brand.values.weight"],
    )
    assert not torch.equal(
        before["model/side.attributes.category.values.weight"],
        after["model/side.attributes.category.values.weight"],
    )


@pytest.mark.parametrize("name", TRAINED)
def test_half_precision_trains(name: str, tiny: Dataset, schema: Schema) -> None:
    """Under bf16 the losses of the first epoch are those of fp32 to a few per cent; exactly so
    where nothing is multiplied.
    """
    half, full = (
        finish(a_trainer(name, tiny, schema, precision=precision, epochs=1))[0]
        for precision in ("bf16", "fp32")
    )
    assert half.losses == {
        key: pytest.approx(value, rel=0.05) for key, value in full.losses.items()
    }
    maps = any(
        isinstance(part, nn.Linear | nn.GRU)
        for part in a_trainer(name, tiny, schema).model.modules()
    )
    assert (half.losses != full.losses) == maps


def test_a_loss_that_is_not_finite_stops_the_run(tiny: Dataset, schema: Schema) -> None:
    """An error names stage, epoch, step and objective; the best state so far is still there."""
    trainer = a_trainer("dif-sr", tiny, schema)
    run = trainer.run(lambda: validation(trainer))
    next(run)
    with torch.no_grad():
        trainer.objectives["aap"].heads["brand"].weight[1, 0] = float("inf")
    with pytest.raises(
        SirecError, match=r"stage train, epoch 2, step 1: the loss of aap is not finite"
    ):
        next(run)
    assert trainer.epoch == 1
    assert all(value.isfinite().all() for value in trainer.best_weights.values())


def run_with(values: list[float], trainer: Trainer) -> list[EpochReport]:
    """Run with these validation metrics, one an evaluation."""
    given = iter(values)
    return list(trainer.run(lambda: {METRIC: next(given)}))


def test_patience_stops_and_the_best_epoch_comes_back(tiny: Dataset, schema: Schema) -> None:
    """After `patience` evaluations without a larger metric training ends; equal is not larger; the
    best weights return.
    """
    trainer = a_trainer("sasrec", tiny, schema, patience=3, epochs=50)
    weights = []
    given = iter([0.1, 0.3, 0.3, 0.2, 0.1, 0.9])
    reports = []
    for report in trainer.run(lambda: {METRIC: next(given)}):
        reports.append(report)
        weights.append(state(trainer)["model/items.weight"])
    assert [report.is_best for report in reports] == [True, True, False, False, False]
    assert trainer.finished
    assert (trainer.stopping.best, trainer.stopping.best_epoch) == (0.3, 2)
    trainer.restore_best()
    assert torch.equal(trainer.model.item_vectors(), weights[1])
    assert not torch.equal(weights[1], weights[4])  # control


def test_a_rising_metric_is_never_stopped(tiny: Dataset, schema: Schema) -> None:
    """The control of patience: with a gain at each evaluation all epochs run."""
    assert (
        len(run_with([0.1, 0.2, 0.3, 0.4, 0.5], a_trainer("sasrec", tiny, schema, patience=1)))
        == EPOCHS
    )


def test_evaluation_may_be_rarer_than_epochs(tiny: Dataset, schema: Schema) -> None:
    """Every second epoch, and always the last; patience counts evaluations."""
    reports = run_with([0.1, 0.2, 0.3], a_trainer("sasrec", tiny, schema, evaluate_every=2))
    assert [bool(report.valid) for report in reports] == [False, True, False, True, True]
    assert (
        len(
            run_with(
                [0.3, 0.2, 0.1], a_trainer("sasrec", tiny, schema, evaluate_every=2, patience=1)
            )
        )
        == 4
    )


def test_a_metric_that_is_not_a_number_is_no_gain() -> None:
    """NaN never counts as the best."""
    stopping = Stopping(patience=1)
    assert not stopping.update(1, float("nan"))
    assert stopping.exhausted
    assert stopping.best_epoch == 0


@pytest.mark.parametrize("fusion", ["concat", "gate"])
def test_reference_forms_cannot_see_all_positions(
    fusion: str, tiny: Dataset, schema: Schema
) -> None:
    """`next_item` refuses a model whose states read later keys, with the way out; `last_item`
    trains it.
    """
    config = TransformerConfig(
        **builders.SHAPE, behaviour="attention", score_fusion=fusion, fusion_form="reference"
    )
    model, stage = config.build(schema), Stage(epochs=1, budget=40, metric=METRIC)
    with pytest.raises(SirecError, match="next_item") as caught:
        Trainer(model, replace(stage, task=NextItem()), tiny, schema, SeedKey(0))
    assert "last_item" in str(caught.value.hint)
    trainer = Trainer(model, replace(stage, task=LastItem()), tiny, schema, SeedKey(0))
    assert math.isfinite(finish(trainer)[0].loss)


def test_what_a_model_lacks_is_said_of_the_model_by_its_name(tiny: Dataset) -> None:
    """A run's model has the name that its user knows, and no way out is offered by a switch that it
    has not.
    """
    found = {}
    for name, task in (
        ("caser", NextItem()),
        ("bsarec", NextItem()),
        ("dif-sr", NextItem()),
        ("mssr", NextItem()),
    ):
        config = resolve(name, tiny, profile="published")
        built = set_up(config, tiny, torch.device("cpu"))
        assert isinstance(built.model, SequentialModel)
        with pytest.raises(SirecError, match=f"^{name} cannot train on task next_item") as caught:
            Trainer(
                built.model,
                replace(config.stages[0], task=task),
                built.data,
                built.schema,
                SeedKey(0),
            )
        found[name] = "fusion_form=masked" in str(caught.value.hint)
        assert found[name] == hasattr(config.model, "fusion_form")
    assert set(found.values()) == {True, False}  # both kinds were asked


@pytest.mark.parametrize("name", ["gru4rec", "sasrec", "dlfs-rec", "bsarec"])
def test_a_model_without_vectors_of_values_is_named(name: str, tiny: Dataset) -> None:
    """IAA compares items with values; where there is none the model is named as its user knows it,
    with what would be right.
    """
    config = resolve(name, tiny, adds=[ItemAttributeAlignment()])
    built = set_up(config, tiny, torch.device("cpu"))
    assert isinstance(built.model, SequentialModel)
    trainer = Trainer(built.model, config.stages[0], built.data, built.schema, SeedKey(0))
    with pytest.raises(SirecError, match=f"^{name} has no vectors of brand") as caught:
        next(trainer.run(dict))
    assert ("set attribute=objective" in str(caught.value.hint)) == hasattr(
        config.model, "mask_token"
    )
    if name == "sasrec":  # control: what is hinted at works
        cured = resolve(
            name,
            tiny,
            adds=[ItemAttributeAlignment()],
            assignments={"attribute": "objective", "epochs": 1},
        )
        built = set_up(cured, tiny, torch.device("cpu"))
        assert isinstance(built.model, SequentialModel)
        trainer = Trainer(built.model, cured.stages[0], built.data, built.schema, SeedKey(0))
        assert math.isfinite(next(trainer.run(lambda: {"Recall@20": 0.0})).loss)


def test_data_without_a_target_are_refused(schema: Schema) -> None:
    """Users of three interactions leave nothing to train on, which is an error and not an empty
    epoch.
    """
    with pytest.raises(SirecError, match="nothing to train on"):
        a_trainer("sasrec", builders.dataset([3, 3, 3]), schema)
