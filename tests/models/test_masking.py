"""Models that fill gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference
import tiny as builders
import torch
from torch import Tensor

from sirec.core.model import SequentialModel
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.cloze import Cloze
from sirec.data.tasks.next_item import NextItem
from sirec.data.tasks.segments import Segments
from sirec.errors import SirecError
from sirec.models import MODELS, model_class
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.objectives.base import EncoderPass
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.masked_item import MaskedItem
from sirec.objectives.stage import Stage
from sirec.run.config import resolve
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

N = builders.WINDOW
each = pytest.mark.parametrize("name", ["bert4rec", "dif-bert4rec", "s3-rec"])
each_gap_filler = pytest.mark.parametrize("name", ["bert4rec", "dif-bert4rec"])


def small(name: str, **switches: Any) -> TransformerConfig:
    config = model_class(name)()
    assert isinstance(config, TransformerConfig)
    return replace(config, **{**builders.SHAPE, **switches})


def build(name: str, schema: Schema, **switches: Any) -> FusedTransformer:
    model = builders.loud(small(name, **switches).build(schema))
    assert isinstance(model, FusedTransformer)
    return model


def a_cloze(data: Dataset, seed: int = 0) -> Batch:
    torch.manual_seed(seed)
    task = Cloze()
    return task.batch(data, task.rows(data, N), N)


def a_pass(model: FusedTransformer, batch: Batch) -> EncoderPass:
    states = model.encode(batch)
    return EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


def other_items(batch: Batch, at: Tensor) -> Batch:
    """The same batch with other items at these slots, shown or asked for."""
    changed = torch.where(
        at & (batch.items > 0) & (batch.items <= builders.ITEMS),
        batch.items % builders.ITEMS + 1,
        batch.items,
    )
    targets = torch.where(
        at & (batch.targets > 0), batch.targets % builders.ITEMS + 1, batch.targets
    )
    return replace(batch, items=changed, targets=targets)


@each
def test_every_slot_reads_every_other_in_a_row_with_gaps(
    name: str, tiny: Dataset, schema: Schema
) -> None:
    """A later item changes earlier states where all is visible; where only the past is, it does not
    (control).
    """
    model, batch = build(name, schema), a_cloze(tiny)
    other = other_items(batch, torch.arange(batch.items.shape[1]) >= 2)
    long = torch.from_numpy(batch.lengths) > 4
    with torch.no_grad():
        for visible, same in (("all", False), ("past", True)):
            states = [
                model.encode(replace(rows, visible=visible)).final[long, :2]
                for rows in (batch, other)
            ]  # type: ignore[arg-type]
            assert torch.allclose(*states, atol=1e-6) == same


@each
def test_what_is_hidden_does_not_reach_the_states(name: str, tiny: Dataset, schema: Schema) -> None:
    """With other items behind the gaps, hence other attributes and ratings, every state is the
    same; shown ones matter.
    """
    model = build(name, schema)
    batch = a_cloze(tiny)
    gaps = batch.targets > 0
    for at, same in ((gaps, True), (builders.real(batch) & ~gaps, False)):
        with torch.no_grad():
            states = [model.encode(rows).final for rows in (batch, other_items(batch, at))]
        assert torch.equal(*states) == same


def test_attributes_of_a_hidden_item_stay_hidden_and_those_of_shown_ones_do_not(
    tiny: Dataset, schema: Schema
) -> None:
    """DIF-BERT4Rec: other values for the hidden items alone change no state, for a shown item they
    do.
    """
    rows = Cloze().rows(tiny, N)
    torch.manual_seed(0)
    batch = Cloze().batch(
        tiny, rows.take(np.array([len(rows) - 1])), N
    )  # one row: an item is seldom both shown and hidden
    shown = set(batch.items.flatten().tolist()) - {0, schema.mask}
    only_hidden = set(batch.targets.flatten().tolist()) - shown - {0}
    with torch.no_grad():
        before = build("dif-bert4rec", schema).encode(batch).final
        for items, same in ((only_hidden, True), (shown, False)):
            after = build("dif-bert4rec", with_other_values(schema, items)).encode(batch).final
            assert torch.equal(before, after) == same


def with_other_values(schema: Schema, items: set[int]) -> Schema:
    """The same schema in which these items have another brand and another category."""
    chosen = torch.tensor(sorted(items))
    fields: list[Field] = []
    for field in schema.fields:
        if field.table is not None:
            table = field.table.clone()
            table[chosen] = torch.where(table[chosen] > 0, table[chosen] % (field.size - 1) + 1, 0)
            table[chosen, 0] = table[chosen, 0].clamp(min=1)
            field = replace(field, table=table)
        fields.append(field)
    return replace(schema, fields=tuple(fields))


def test_attributes_are_predicted_at_gaps(tiny: Dataset, schema: Schema) -> None:
    """DIF-SR's AAP under gaps: labels are those of the hidden item, read off what the last block
    gives at its gap.
    """
    model, batch = build("dif-bert4rec", schema), a_cloze(tiny)
    bare = build("dif-bert4rec", schema, head=False)
    bare.load_state_dict(
        {key: value for key, value in model.state_dict().items() if not key.startswith("head.")}
    )
    part = builders.loud(AttributePrediction(attributes=("brand",)).build_for(schema, model))
    with torch.no_grad():
        loss = part(model, a_pass(model, batch)).item()
        states = bare.encode(batch).final
    at_gaps, hidden = [], []
    for row, slot in batch.targets.nonzero().tolist():
        at_gaps.append(states[row, slot].tolist())
        hidden.append(int(batch.targets[row, slot]))
        assert batch.items[row, slot] == schema.mask
    brand = next(field for field in schema.attributes if field.name == "brand")
    expected = reference.attribute_prediction(
        at_gaps, *builders.numbers(part.heads["brand"]), brand.values.tolist(), hidden
    )
    assert loss == pytest.approx(expected, rel=1e-4)


def test_the_head_is_there_for_items_alone(tiny: Dataset, schema: Schema) -> None:
    """Other weights of BERT4Rec's head leave AAP as it is, whose own heads are as wide as items;
    they change the item loss.
    """
    model, batch = build("dif-bert4rec", schema), a_cloze(tiny)
    assert model.head is not None
    parts = [
        builders.loud(part.build_for(schema, model))
        for part in (AttributePrediction(), ItemCrossEntropy())
    ]
    assert (
        {head.in_features for head in parts[0].heads.values()}
        == {model.hidden_width}
        == {model.state_width - 1}
    )
    with torch.no_grad():
        before = [part(model, a_pass(model, batch)).item() for part in parts]
        builders.loud(model.head, seed=2)
        after = [part(model, a_pass(model, batch)).item() for part in parts]
    assert after[0] == before[0]
    assert after[1] != pytest.approx(before[1], rel=1e-2)  # control


@each_gap_filler
@pytest.mark.parametrize("question", ["mask", "before_mask", "last"])
def test_the_next_item_is_asked_where_the_switch_says(
    name: str, question: str, tiny: Dataset, schema: Schema
) -> None:
    """Scores are those of the state at MASK after the last item, at the last item before it, or
    without any MASK.
    """
    model, batch = (
        build(name, schema, question=question),
        builders.a_batch(tiny, lengths=(9, 1, 4, N)),
    )
    with torch.no_grad():
        scores = model.scores(batch)
        for row, length in enumerate(batch.lengths.tolist()):
            first = (
                1 if length == N and question != "last" else 0
            )  # a full row forgets its oldest item
            items = batch.items[row, first:length].tolist()
            rating = batch.behaviours["rating"][row, first:length].tolist()
            if question != "last":
                items, rating = [*items, schema.mask], [*rating, 0]
            one = torch.tensor([items])
            codes = {"position": torch.arange(len(items))[None], "rating": torch.tensor([rating])}
            visible: Any = "past" if question == "last" else "all"
            alone = Batch(
                batch.users[:1], one, np.array([len(items)]), codes, one * 0, one[:, 0], visible
            )
            read = len(items) - (2 if question == "before_mask" else 1)
            expected = model.score(model.encode(alone).final[0, read], model.item_table())
            torch.testing.assert_close(scores[row], expected, rtol=1e-4, atol=1e-4)


def test_mask_is_no_item(schema: Schema, tiny: Dataset) -> None:
    """It has a vector of its own, which gaps are trained with, and no row in the table that
    scores.
    """
    model = build("bert4rec", schema)
    assert model.item_table().shape[0] == schema.items == schema.mask
    batch = a_cloze(tiny)
    states = model.encode(batch)
    states.at(batch.target_slots).sum().backward()
    assert model.mask is not None
    assert model.mask.weight.grad is not None
    assert model.mask.weight.grad.any()


def test_the_head_equals_its_loops(schema: Schema, tiny: Dataset) -> None:
    """A linear map, GELU, a norm, the dot product with the item and the item's own bias."""
    model, batch = build("bert4rec", schema), a_cloze(tiny)
    bare = build("bert4rec", schema, head=False)
    bare.load_state_dict(
        {key: value for key, value in model.state_dict().items() if not key.startswith("head.")}
    )
    assert model.head is not None
    with torch.no_grad():
        scores = model.score(model.encode(batch).final[3, 1], model.item_table()).tolist()
        x = bare.encode(batch).final[3, 1].tolist()
    inner = [
        reference.gelu(value) for value in reference.linear(x, *builders.numbers(model.head.map))
    ]
    y = reference.norm(inner, *builders.numbers(model.head.norm))
    for item, score in enumerate(scores):
        expected = (
            reference.dot(y, model.items.weight[item].tolist()) + model.head.bias[item].item()
        )
        assert score == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_fresh_head_has_no_preference(schema: Schema) -> None:
    """Biases start at 0, and drawing all weights anew puts them back."""
    model = build("bert4rec", schema)
    assert model.head is not None
    assert model.head.bias.any()
    model.reset()
    assert not model.head.bias.any()


@pytest.mark.parametrize("mask_token", [None, True, False], ids=["declared", "with", "without"])
@pytest.mark.parametrize(
    "name", [name for name, declared in MODELS.items() if not declared.is_training_free]
)
def test_exactly_models_with_mask_fill_gaps(
    name: str, mask_token: bool | None, tiny: Dataset, schema: Schema
) -> None:
    """A model may see both sides exactly if it has a vector for MASK; the rest are refused and
    could not read a gap at all.
    """
    config = builders.sized(MODELS[name](), **builders.SHAPE)
    if mask_token is not None and isinstance(config, TransformerConfig):
        config = replace(config, mask_token=mask_token, question="last")
    model = config.build(schema)
    assert isinstance(model, SequentialModel)
    stage = Stage(task=Cloze())
    if getattr(model, "mask", None) is not None:
        Trainer(model, stage, tiny, schema, SeedKey(0))
        assert model.encode(a_cloze(tiny)).final.isfinite().all()
        return
    with pytest.raises(SirecError, match="cannot train on task cloze") as caught:
        Trainer(model, stage, tiny, schema, SeedKey(0))
    assert ("mask_token=true" in str(caught.value.hint)) == hasattr(config, "mask_token")
    with pytest.raises(IndexError):  # control
        model.encode(a_cloze(tiny))


def test_a_question_by_mask_needs_one() -> None:
    """A model that hides nothing cannot be asked by a gap; the message says what to set."""
    with pytest.raises(SirecError, match="question mask needs mask_token"):
        small("sasrec", question="mask")


@each_gap_filler
def test_a_history_that_fills_the_window_is_scored(
    name: str, tiny: Dataset, schema: Schema
) -> None:
    """The oldest item makes room for MASK: it does not matter to the scores, the second oldest
    does.
    """
    model, batch = build(name, schema), builders.a_batch(tiny, lengths=(N, N))
    with torch.no_grad():
        scores = model.scores(batch)
        assert scores.isfinite().all()
        for slot, matters in ((0, False), (1, True)):
            other = other_items(batch, torch.arange(N) == slot)
            assert torch.equal(model.scores(other), scores) != matters


def test_a_step_of_few_gaps_has_a_finite_loss(tiny: Dataset, schema: Schema) -> None:
    """RecBole's corruption at a tiny ratio: a step in which chance hides nothing still has a gap,
    and no loss is NaN.
    """
    stage = Stage(
        task=Cloze(prefixes=True, mask_ratio=1e-9, last_ratio=0.0),
        budget=64,
        epochs=1,
        keeps="last",
    )
    [report] = Trainer(small("bert4rec").build(schema), stage, tiny, schema, SeedKey(0)).run(dict)  # type: ignore[arg-type]
    assert np.isfinite(report.loss)


@each
def test_the_published_profile_resolves_and_trains(
    name: str, tiny: Dataset, schema: Schema
) -> None:
    """What RecBole did, switch by switch, and an epoch of it on tiny data."""
    config = resolve(
        name,
        tiny,
        profile="published",
        assignments={"width": 8, "heads": 2, "layers": 1, "inner": 8},
    )
    last = config.stages[-1]
    [item] = [part for part in last.objectives if isinstance(part, ItemCrossEntropy)]
    assert item.padding_class
    if name == "s3-rec":
        assert last.task.name == "last_item"
        first = config.stages[0]
        weights = {part.name: part.weight for part in first.objectives}
        assert weights == {
            "associated_attribute": 1.0,
            "masked_item": 0.2,
            "masked_attribute": 1.0,
            "segment": 0.5,
        }
        assert (
            first.task.reads,
            first.task.hide_last,
            first.task.negatives,
            first.task.counted,
        ) == (  # type: ignore[union-attr]
            "examples",
            False,
            "batch",
            "right",
        )
    else:
        assert last.task == Cloze(prefixes=True, mask_ratio=0.6, last_ratio=0.0)
        assert (config.model.question, config.model.head) == ("before_mask", False)  # type: ignore[union-attr]
    model = config.model.build(schema)
    for index, stage in enumerate(config.stages):
        reports = list(
            Trainer(model, replace(stage, epochs=1), tiny, schema, SeedKey(0, index)).run(
                lambda: {"Recall@20": 0.0}
            )
        )  # type: ignore[arg-type]
        assert np.isfinite(reports[0].loss)


def test_weights_of_the_first_stage_are_the_authors(tiny: Dataset) -> None:
    """By default: 0.2 AAP, 1 MIP, 1 MAP, 0.5 SP at rate 1e-3 for 100 epochs, whatever rate the
    protocol has for training.
    """
    for protocol in ("comif", "difsr"):
        first, second = resolve("s3-rec", tiny, protocol=protocol).stages
        weights = {part.name: part.weight for part in first.objectives}
        assert weights == {
            "associated_attribute": 0.2,
            "masked_item": 1.0,
            "masked_attribute": 1.0,
            "segment": 0.5,
        }
        assert (first.learning_rate, first.epochs, first.keeps) == (1e-3, 100, "last")
        assert (second.learning_rate, second.task) == (1e-4, NextItem())


def test_a_stage_that_keeps_the_last_epoch_is_not_validated(tiny: Dataset, schema: Schema) -> None:
    """Nobody asks for metrics, no epoch is the best, patience does not end it, and the weights stay
    those of the last epoch.
    """
    model = small("s3-rec").build(schema)
    stage = replace(model_class("s3-rec").stages[0], epochs=4, patience=1)

    def refuse() -> dict[str, float]:
        raise AssertionError("validated")

    trainer = Trainer(model, stage, tiny, schema, SeedKey(0))  # type: ignore[arg-type]
    reports = list(trainer.run(refuse))
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert not any(report.valid or report.is_best for report in reports)
    assert reports[-1].loss < reports[0].loss
    last = {name: value.clone() for name, value in model.state_dict().items()}
    trainer.restore_best()
    assert all(torch.equal(value, last[name]) for name, value in model.state_dict().items())


def test_fine_tuning_begins_where_the_first_stage_ended(tiny: Dataset, schema: Schema) -> None:
    """The encoder's weights are shared by the stages, the objectives' maps are not part of the
    model, attributes rest.
    """
    model = small("s3-rec").build(schema)
    assert isinstance(model, FusedTransformer)
    assert not any("map" in name for name, _ in model.named_parameters())
    fresh = model.value_vectors("brand").detach().clone()
    first, second = (replace(stage, epochs=1) for stage in model_class("s3-rec").stages)
    list(Trainer(model, first, tiny, schema, SeedKey(0)).run(dict))
    taught = model.value_vectors("brand").detach().clone()
    assert not torch.equal(taught, fresh)
    before = model.items.weight.detach().clone()
    trainer = Trainer(model, second, tiny, schema, SeedKey(0, 1))
    assert torch.equal(model.items.weight, before)
    list(trainer.run(lambda: {second.metric: 0.0}))
    assert not torch.equal(model.items.weight, before)
    assert torch.equal(model.value_vectors("brand"), taught)


def test_masked_items_are_compared_in_the_width_of_states(schema: Schema, tiny: Dataset) -> None:
    """MIP under BERT4Rec's head, whose states are one wider than items, is finite: it reads the
    table that scores.
    """
    model, batch = build("bert4rec", schema), a_cloze(tiny)
    assert MaskedItem().build(schema, model.state_width)(model, a_pass(model, batch)).isfinite()


@pytest.mark.parametrize(
    ("model_counts", "task_counts", "same"),
    [
        ("right", "forward", True),
        ("forward", "right", True),
        ("right", "right", True),
        ("forward", "forward", False),
    ],
)
def test_positions_are_counted_once(
    model_counts: Any, task_counts: Any, same: bool, tiny: Dataset, schema: Schema
) -> None:
    """From the right by the model (the authors, in both stages), by the task (RecBole, in the first
    alone) or both: once.
    """
    torch.manual_seed(0)
    task = Segments(counted=task_counts)
    batch = task.batch(tiny, task.rows(tiny, N), N)
    torch.manual_seed(0)
    plain = Segments().batch(tiny, task.rows(tiny, N), N)
    slots = plain.behaviours["position"] - torch.from_numpy(plain.lengths)[:, None]
    right = replace(plain, behaviours={**plain.behaviours, "position": slots % N})
    with torch.no_grad():
        expected = build("s3-rec", schema).encode(right).final
        states = build("s3-rec", schema, positions=model_counts).encode(batch).final
    assert torch.equal(states, expected) == same
