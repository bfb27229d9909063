"""The next item from every stream, against the loops of the main loss."""

from __future__ import annotations

import pytest
import reference
import tiny as builders
import torch

from sirec.core.layers.attention import ITEM
from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.errors import SirecError
from sirec.models.icai_sr import ICAISR
from sirec.models.sasrec import SASRec
from sirec.objectives.base import EncoderPass
from sirec.objectives.stream_item import StreamItem


@pytest.fixture
def schema(tiny: Dataset) -> Schema:
    """Brand and category, so two streams beside the item's."""
    return tiny.schema(builders.WINDOW, with_position=True)


@pytest.fixture
def model(schema: Schema) -> SequentialModel:
    """ICAI-SR with loud weights, in double precision."""
    model = builders.loud(ICAISR(**builders.SHAPE).build(schema)).double()
    assert isinstance(model, SequentialModel)
    return model


def a_pass(model: SequentialModel, tiny: Dataset) -> EncoderPass:
    """One pass over a small batch."""
    batch = builders.a_batch(tiny)
    states = model.encode(batch)
    return EncoderPass(batch, states, states.at(batch.target_slots), model.item_table())


@pytest.mark.parametrize("padding_class", [False, True])
@pytest.mark.parametrize("streams", [None, ("category",)])
def test_the_loss_is_the_sum_of_the_streams_item_losses(
    tiny: Dataset,
    schema: Schema,
    model: SequentialModel,
    streams: tuple[str, ...] | None,
    padding_class: bool,
) -> None:
    """The sum over the named streams, by default all but the item's, of the plain cross-entropy in
    loops.
    """
    encoded = a_pass(model, tiny)
    loss = StreamItem(streams=streams, padding_class=padding_class).build_for(schema, model)(
        model, encoded
    )
    targets, expected = encoded.batch.target_items.tolist(), 0.0
    for name in streams or ("brand", "category"):
        states = encoded.states.stream_at(name, encoded.batch.target_slots).tolist()
        expected += reference.item_cross_entropy(
            states, encoded.table.tolist(), targets, 0 if padding_class else 1
        )
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_gradients_reach_attribute_streams_and_not_the_item_stream(
    tiny: Dataset, schema: Schema, model: SequentialModel
) -> None:
    """Gradients reach the attributes' encoders, and the item's encoder only by the loss that is its
    own.
    """
    StreamItem().build_for(schema, model)(model, a_pass(model, tiny)).backward()
    reached = {
        name.split(".")[1]
        for name, p in model.named_parameters()
        if name.startswith("streams") and p.grad is not None
    }
    assert reached == {"brand", "category"}


def test_unknown_streams_are_refused(schema: Schema, model: SequentialModel) -> None:
    """SASRec has none, and the item's own is not this loss's."""
    with pytest.raises(SirecError, match="'item' is not a stream"):
        StreamItem(streams=(ITEM,)).build_for(schema, model)
    sasrec = SASRec(**builders.SHAPE).build(schema)
    with pytest.raises(SirecError, match="reads streams as wide as the states"):
        StreamItem().build_for(schema, sasrec)


def test_the_gradient_of_the_table_is_the_sum_over_streams(
    tiny: Dataset, schema: Schema, model: SequentialModel
) -> None:
    """Every stream scores the same table, so its rows hear every stream: the sum of what each alone
    tells them.
    """
    encoded = a_pass(model, tiny)
    chosen: list[tuple[str, ...] | None] = [None, ("brand",), ("category",)]
    losses = [
        StreamItem(streams=streams).build_for(schema, model)(model, encoded) for streams in chosen
    ]
    both, brand, category = (
        torch.autograd.grad(loss, encoded.table, retain_graph=True)[0] for loss in losses
    )
    torch.testing.assert_close(both, brand + category)
    assert not torch.allclose(brand, category)  # control
    assert not torch.allclose(both, brand, atol=1e-3)  # control
