"""Losses over a few drawn items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor

from sirec.core.kernels import products
from sirec.core.model import SequentialModel
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema, position
from sirec.data.tasks.next_item import NextItem
from sirec.data.tasks.rows import gather, training_items
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.objectives.base import EncoderPass
from sirec.objectives.gbce import GeneralisedBCE, positive_power
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.sampled import (
    NEGATIVES,
    SampledConfig,
    SampledLoss,
    SampledSoftmax,
)

KINDS: dict[str, SampledConfig] = {
    "softmax": SampledSoftmax(negatives=7),
    "softmax, kept": SampledSoftmax(negatives=7, hits="kept"),
    "softmax, log q": SampledSoftmax(negatives=7, log_q=True, draw="popularity"),
    "gbce": GeneralisedBCE(negatives=7),
    "gbce, kept": GeneralisedBCE(negatives=7, hits="kept", calibration=0.3),
}


def a_pass(data: Dataset, schema: Schema) -> tuple[FusedTransformer, EncoderPass]:
    """A pass over every position of the tiny data set."""
    model = builders.build(TransformerConfig(**builders.SHAPE), schema)
    batch = gather(data, NextItem().rows(data, builders.WINDOW))
    with torch.no_grad():
        states = model.encode(batch)
        return model, EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


def built(config: SampledConfig, data: Dataset, schema: Schema) -> SampledLoss:
    loss = config.build(schema, 8)
    assert isinstance(loss, SampledLoss)
    loss.fit_statistics(data)
    return loss


def sampled_softmax(
    states: reference.Matrix,
    table: reference.Matrix,
    targets: Sequence[int],
    drawn: Sequence[Sequence[int]],
    expected: Sequence[float] | None,
    kept: bool,
) -> float:
    """Mean over targets of -log of the target's share among itself and the drawn items, less the
    log of `expected` counts.
    """
    losses = []
    for state, target, others in zip(states, targets, drawn, strict=True):
        scores = [reference.dot(state, table[target])]
        for item in others:
            if kept or item != target:
                scores.append(
                    reference.dot(state, table[item])
                    - (math.log(expected[item]) if expected else 0.0)
                )
        losses.append(reference.logsumexp(scores) - scores[0])
    return sum(losses) / len(losses)


def generalised_bce(
    states: reference.Matrix,
    table: reference.Matrix,
    targets: Sequence[int],
    drawn: Sequence[Sequence[int]],
    items: int,
    calibration: float,
    kept: bool,
) -> float:
    """Mean over targets of -(log p^β + Σ log(1 - p_k)) / (K + 1) with β = α (t (1 - 1/α) + 1/α), α
    = K / (items - 1).
    """
    losses = []
    for state, target, others in zip(states, targets, drawn, strict=True):
        alpha = len(others) / (items - 1)
        beta = alpha * (calibration * (1 - 1 / alpha) + 1 / alpha)
        total = math.log((1 / (1 + math.exp(-reference.dot(state, table[target])))) ** beta)
        for item in others:
            if kept or item != target:
                total += math.log(1 - 1 / (1 + math.exp(-reference.dot(state, table[item]))))
        losses.append(-total / (len(others) + 1))
    return sum(losses) / len(losses)


def by_loops(config: SampledConfig, drawn: Tensor, data: Dataset, encoded: EncoderPass) -> float:
    counts = [0] * data.item_codes
    for item in training_items(data)[1].tolist():
        counts[item] += 1
    chances = (
        [count / sum(counts) for count in counts]
        if config.draw == "popularity"
        else [1 / data.item_count] * data.item_codes
    )
    arguments = (
        encoded.predicting.tolist(),
        encoded.table.tolist(),
        encoded.batch.target_items.tolist(),
        drawn.tolist(),
    )
    if isinstance(config, SampledSoftmax):
        expected = [config.negatives * chance for chance in chances] if config.log_q else None
        return sampled_softmax(*arguments, expected, config.hits == "kept")
    assert isinstance(config, GeneralisedBCE)
    return generalised_bce(*arguments, data.item_count, config.calibration, config.hits == "kept")


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_the_losses_equal_their_loops(
    config: SampledConfig, shared: bool, tiny: Dataset, schema: Schema
) -> None:
    """For the items that were drawn, hits among them, the loss is what one loop a letter gives;
    kept hits give another.
    """
    model, encoded = a_pass(tiny, schema)
    config = replace(config, shared=shared)
    loss = built(config, tiny, schema)
    torch.manual_seed(0)
    drawn = loss.draw(len(encoded.predicting))
    targets = encoded.batch.target_items
    drawn = drawn.clone()
    drawn[0 if shared else (3, 0)] = targets[3]  # at least one hit
    loss.draw = lambda count: drawn  # type: ignore[method-assign]
    each = drawn.expand(len(targets), -1) if shared else drawn
    value = loss(model, encoded).item()
    assert value == pytest.approx(by_loops(config, each, tiny, encoded), rel=1e-4)
    other: Any = {"kept": "dropped", "dropped": "kept"}[config.hits]
    assert value != pytest.approx(
        by_loops(replace(config, hits=other), each, tiny, encoded), rel=1e-4
    )


@pytest.mark.parametrize("log_q", [False, True])
def test_sampled_softmax_of_all_items_is_the_full_cross_entropy(
    log_q: bool, tiny: Dataset, schema: Schema
) -> None:
    """Every other item once as a negative: the cross-entropy over the catalogue; with a few left
    out it is less.
    """
    model, encoded = a_pass(tiny, schema)
    full = ItemCrossEntropy().build(schema, 8)(model, encoded)
    everything = built(SampledSoftmax(negatives=None, log_q=log_q), tiny, schema)
    torch.testing.assert_close(everything(model, encoded), full)
    few = torch.arange(1, tiny.item_count - 4)
    everything.draw = lambda count: few  # type: ignore[method-assign]
    assert everything(model, encoded) < full - 1e-3


def test_gbce_of_all_items_is_binary_cross_entropy(tiny: Dataset, schema: Schema) -> None:
    """Every other item once: each class for itself, whatever t; nothing is left to calibrate."""
    model, encoded = a_pass(tiny, schema)
    labels = torch.nn.functional.one_hot(encoded.batch.target_items - 1, tiny.item_count).float()
    plain = torch.nn.functional.binary_cross_entropy_with_logits(
        encoded.predicting @ encoded.table[1:].T, labels
    )
    for calibration in (0.0, 0.75, 1.0):
        loss = built(GeneralisedBCE(negatives=None, calibration=calibration), tiny, schema)
        torch.testing.assert_close(loss(model, encoded), plain)


@pytest.mark.parametrize("draw", ["uniform", "popularity"])
def test_log_q_makes_the_sum_over_others_unbiased(draw: Any, tiny: Dataset, schema: Schema) -> None:
    """Averaged over many draws, the corrected sum over drawn items is the sum over all others;
    uncorrected it is not.
    """
    _, encoded = a_pass(tiny, schema)
    score = encoded.predicting[:1] @ encoded.table.detach().T
    target = encoded.batch.target_items[:1]
    positive, means = score[:, target[0]], []
    drawable = [
        v
        for v in range(1, tiny.item_codes)
        if v in set(training_items(tiny)[1].tolist()) or draw == "uniform"
    ]
    others = sum(math.exp(score[0, v]) for v in drawable if v != target)
    for log_q in (True, False):
        loss = built(SampledSoftmax(negatives=20_000, draw=draw, log_q=log_q), tiny, schema)
        torch.manual_seed(1)
        drawn = loss.draw(1)
        value = loss.loss(positive, score[:, drawn[0]], drawn, drawn == target[:, None]).item()
        means.append(math.exp(positive.item()) * (math.exp(value) - 1))
    assert means[0] == pytest.approx(others, rel=0.05)
    assert means[1] > 10 * others  # control


@pytest.mark.parametrize(("calibration", "expected"), [(1.0, 0.2), (0.0, 0.2 / (0.2 + 0.1 * 0.8))])
def test_gbce_with_t_of_one_is_calibrated(calibration: float, expected: float) -> None:
    """The score that minimises the expected loss says how likely the item is (t = 1); plain BCE
    says much more (t = 0).
    """
    likely, items = 0.2, 101
    power, sampled = positive_power(10, items, calibration), 10 / (items - 1)
    scores = torch.linspace(-6, 6, 100_001, dtype=torch.float64)
    softplus = torch.nn.functional.softplus
    cost = likely * power * softplus(-scores) + (1 - likely) * sampled * softplus(scores)
    assert scores[cost.argmin()].sigmoid().item() == pytest.approx(expected, abs=1e-4)


def test_draws_follow_the_declared_distribution(tiny: Dataset, schema: Schema) -> None:
    """Uniform draws take every item alike, popularity as often as training has it, and neither ever
    padding.
    """
    counts = torch.bincount(training_items(tiny)[1], minlength=tiny.item_codes).double()
    even = torch.ones(tiny.item_codes, dtype=torch.float64)
    even[0] = 0
    for draw, law in (("uniform", even), ("popularity", counts)):
        config: Any = {"negatives": 500, "draw": draw}
        torch.manual_seed(0)
        drawn = built(SampledSoftmax(**config), tiny, schema).draw(400)
        assert drawn.shape == (400, 500)
        shares = torch.bincount(drawn.flatten(), minlength=tiny.item_codes) / drawn.numel()
        torch.testing.assert_close(shares.double(), law / law.sum(), rtol=0, atol=2e-3)
        assert shares[0] == 0
    assert not torch.allclose(counts / counts.sum(), even / even.sum(), atol=5e-3)  # control


def test_only_targets_and_drawn_items_have_gradients(tiny: Dataset, schema: Schema) -> None:
    """The whole catalogue is not scored; items neither drawn nor predicted get no
    gradient.
    """
    model, whole = a_pass(tiny, schema)
    few = builders.a_batch(tiny)
    states = model.encode(few)
    encoded = replace(
        whole, batch=few, states=states, predicting=states.at(few.target_slots).detach()
    )
    table = encoded.table.detach().requires_grad_()
    for shared in (False, True):
        loss = built(SampledSoftmax(negatives=3, shared=shared), tiny, schema)
        drawn = torch.tensor([5, 6, 7])
        chosen = drawn if shared else drawn.expand(len(encoded.predicting), -1)
        loss.draw = lambda count, chosen=chosen: chosen  # type: ignore[method-assign,misc]
        [gradient] = torch.autograd.grad(loss(model, replace(encoded, table=table)), table)
        touched = set(gradient.abs().sum(dim=1).nonzero().flatten().tolist())
        assert touched == {5, 6, 7} | set(encoded.batch.target_items.tolist())
        assert len(touched) < tiny.item_count  # control


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: SampledSoftmax(negatives=0), "negatives must be from 1"),
        (lambda: GeneralisedBCE(calibration=1.5), "calibration must be from 0 to 1"),
    ],
)
def test_meaningless_settings_are_refused(make: Any, part: str) -> None:
    """No negatives at all, or a t outside [0, 1]."""
    with pytest.raises(SirecError, match=part):
        make()


@pytest.mark.parametrize("make", [SampledSoftmax, GeneralisedBCE])
def test_more_negatives_than_items_are_refused(make: Any) -> None:
    """Beyond the catalogue a draw only repeats itself, at any cost; the number that is declared
    goes with every catalogue.
    """
    few, many = Schema(41, 5, (position(5),)), Schema(1001, 5, (position(5),))
    for schema, negatives in ((few, NEGATIVES), (many, 1000), (many, None)):
        model = TransformerConfig(**builders.SHAPE).build(schema)
        assert isinstance(make(negatives=negatives).build_for(schema, model), SampledLoss)
    for schema, items in ((few, 40), (many, "1,000")):
        model = TransformerConfig(**builders.SHAPE).build(schema)
        with pytest.raises(
            SirecError, match=f"negatives 1001 of {make.name}: there are {items} items"
        ) as caught:
            make(negatives=1001).build_for(schema, model)
        assert f"{make.name}.negatives=null" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["sasrec", "stosa"])
def test_score_each_equals_score_row_by_row(tiny: Dataset, schema: Schema, name: str) -> None:
    """Row by row they are `score` of one state and its table, whatever library multiplies; another
    table gives others.
    """
    model = builders.sized(MODELS[name](), **builders.SHAPE).build(schema)
    assert isinstance(model, SequentialModel)
    states, tables = torch.randn(6, model.state_width), torch.randn(6, 5, model.state_width)
    each = model.score_each(states, tables)
    for state, table, scores in zip(states, tables, each, strict=True):
        torch.testing.assert_close(scores, model.score(state[None], table)[0], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(model.score_each(states, tables.flip(0)), each)  # control


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_large_products_give_the_same_loss_and_gradients(
    config: SampledConfig, tiny: Dataset, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every product is large enough for the faster library, loss and gradients are those of
    the usual one.
    """
    found = []
    for least in (1, 1 << 30):
        monkeypatch.setattr(products, "ONEDNN", hasattr(torch.ops.mkldnn, "_linear_pointwise"))
        monkeypatch.setattr(products, "LEAST_WORK", least)
        torch.manual_seed(0)
        model, encoded = a_pass(tiny, schema)
        states = encoded.predicting.clone().requires_grad_()
        loss = built(config, tiny, schema)(model, replace(encoded, predicting=states))
        found.append([loss.detach(), *torch.autograd.grad(loss, [states])])
    for fast, usual in zip(*found, strict=True):
        torch.testing.assert_close(fast, usual, rtol=1e-4, atol=1e-6)
