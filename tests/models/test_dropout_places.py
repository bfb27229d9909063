"""Where dropout falls, in every model and every loss that a model is trained with.

A dropout that multiplies by known numbers instead of drawn ones makes a model a plain function. The
same function is the model at rest whose declared places are multiplied by the same numbers from
outside. Numbers differ from place to place, from time to time and from entry to entry, so that
nothing but the declared places will do.

A place is the output of a part, or with `<` its input, or SHARES: what attention's softmax gives.
Places come in the order in which a pass meets them; a part that runs several times is a place as
often.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import tiny as builders
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from sirec.core.layers.dropout import Dropout
from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.layout import TokenLayout
from sirec.models import MODELS
from sirec.objectives.base import EncoderPass, Objective
from sirec.objectives.streams import StreamAttributePrediction, StreamContrast

SHARES = "the shares of attention"
HIDDEN, ATTENTION = 0.5, 0.25  # how much falls out: p_h, and p_a of attention's shares
LAYERS = 2


def in_blocks(*places: str, stack: str = "blocks") -> list[str]:
    """The places of a block in every block of a stack."""
    return [place.replace("@", f"{stack}.{layer}.") for layer in range(LAYERS) for place in places]


def post_norm(stack: str = "blocks") -> list[str]:
    """P = Drop(softmax), Y = LN(X + Drop(… Wo)), Z = LN(Y + Drop(… W2)); nothing between W1 and
    W2.
    """
    return in_blocks(SHARES, "@attention.out", "@contract", stack=stack)


ONE_ENCODER = [
    "norm",
    *post_norm(),
]  # X_0 = Drop(LN(…)), whatever was fused before; raw fields are never dropped
ATTRIBUTES = ("brand", "category")
STREAMS = [f"@moved.{name}.{part}" for name in ATTRIBUTES for part in ("out", "feed")]
PLACES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(
        ["sasrec", "sasrecf", "nova", "dif-sr", "comif", "bert4rec", "s3-rec", "dif-bert4rec"],
        ONE_ENCODER,
    ),
    "esasrec": [
        "fuse_behaviours",
        *in_blocks(SHARES, "@attention.out", "<@contract", "@contract"),
    ],  # no norm before
    "gru4rec": ["items"],
    "gru4recf": ["items"],  # not the attributes
    "caser": ["<hidden"],  # [vert; horiz]
    "fdsa": [
        "norm",
        *post_norm("of_items"),
        "norm",
        *post_norm("of_attributes"),
        "norm",
    ],  # the last one on the state
    "icai-sr": [
        place
        for name in ("item", *ATTRIBUTES)
        for place in (f"streams.{name}.norm", *post_norm(f"streams.{name}.blocks"))
    ],
    "mssr": [
        "norm",  # H_0; the attributes as embedded
        *in_blocks(*[SHARES] * 3, "@item.out", "@item.feed", *STREAMS),
        "shares.scorer",  # the logits, not the streams that they are read off
    ],
    "stosa": [
        *["norm"] * 2,  # before ELU, means and covariances
        *in_blocks(
            SHARES,
            "@attention.mean_out",
            "@attention.covariance_out",
            "@mean.contract",
            "@covariance.contract",
        ),
    ],
    "dlfs-rec": ["mean_norm", "covariance_norm", *in_blocks("@mean", "@covariance")],
    "tasif": [
        "norm",  # X_0; neither guides nor raw attributes
        *in_blocks(
            "@item_filter.filter",
            *[f"@attribute_filters.{name}.filter" for name in ATTRIBUTES],
            *[
                place
                for stream in (*[f"@attributes.{name}" for name in ATTRIBUTES], "@item")
                for place in (SHARES, f"{stream}.attention.out", f"{stream}.contract")
            ],
        ),
    ],
    "diff": [
        "norm",  # X_0; neither G_0 nor a raw field
        *in_blocks(
            "@item_filter.filter",
            "@fused_filter.filter",
            *[f"@attribute_filters.{name}.filter" for name in ATTRIBUTES],
            *[SHARES] * 2,
            "@guided.out",
            "@plain.out",
            *["@contract"] * 2,
        ),
    ],
    "bsarec": ["norm", *in_blocks(SHARES, "@filter", "@attention.out", "@contract")],
}
IN_LOSSES: Mapping[str, Sequence[str]] = {
    "stream_aap": [f"gates.{name}.scorer" for name in ATTRIBUTES],  # the logit of a share
    "stream_contrast": [f"<maps.{name}" for name in ATTRIBUTES],  # h, before its map
}


class Known:
    """Numbers in place of drawn ones: x times a number an entry, told by the place and by how often
    it was met.
    """

    def __init__(self, layout: TokenLayout, spared: str = "") -> None:
        self.layout, self.spared = layout, spared
        self.met: list[str] = []

    def __call__(self, place: str, x: Tensor) -> Tensor:
        """`x` times its numbers, all between a half and one and a half; x itself at the spared
        place.

        An end of a row has the same numbers whether it lies among all tokens or with the other ends
        alone.
        """
        self.met.append(place)
        generator = torch.Generator().manual_seed(
            zlib.crc32(f"{place} {self.met.count(place)}".encode())
        )
        ends_alone = len(x) == self.layout.rows
        count = len(self.layout.slots) if ends_alone else len(x)
        numbers = torch.rand(count, *x.shape[1:], dtype=x.dtype, generator=generator) + 0.5
        return (
            x
            if place == self.spared
            else x * (numbers[self.layout.last_tokens] if ends_alone else numbers)
        )


@dataclass(frozen=True)
class Trial:
    """A part, a run through it, and the places where its dropouts should fall."""

    part: nn.Module
    run: Callable[[], list[Tensor]]
    places: Sequence[str]
    layout: TokenLayout

    def dropped(self) -> tuple[list[Tensor], list[float]]:
        """What the run gives in training, dropouts multiplying by the numbers of the places in
        turn; and their p.
        """
        numbers, ran = Known(self.layout), []

        def falls(dropout: Dropout, x: Tensor) -> Tensor:
            ran.append(dropout)
            return numbers(
                self.places[len(ran) - 1] if len(ran) <= len(self.places) else "nowhere", x
            )

        with pytest.MonkeyPatch.context() as patch, torch.no_grad():
            patch.setattr(Dropout, "forward", falls)
            self.part.train()
            found = self.run()
        assert len(ran) == len(self.places)
        assert set(ran) == {
            part for part in self.part.modules() if isinstance(part, Dropout)
        }  # none is there for nothing
        return found, [dropout.p for dropout in ran]

    def multiplied(self, spared: str = "") -> list[Tensor]:
        """What the run gives at rest, the places multiplied by their numbers from outside, but for
        the spared one.
        """
        numbers, softmax = Known(self.layout, spared), Tensor.softmax

        def shares(x: Tensor, dim: int) -> Tensor:
            masked = bool(x.isneginf().any())  # as attention's scores alone are
            return numbers(SHARES, softmax(x, dim)) if masked else softmax(x, dim)

        def hook(place: str) -> RemovableHandle:
            part = self.part.get_submodule(place.removeprefix("<"))
            if place.startswith("<"):
                return part.register_forward_pre_hook(lambda _, given: (numbers(place, given[0]),))
            return part.register_forward_hook(lambda _, given, out: numbers(place, out))

        hooks = [hook(place) for place in dict.fromkeys(self.places) if place != SHARES]
        with pytest.MonkeyPatch.context() as patch, torch.no_grad():
            patch.setattr(Tensor, "softmax", shares)
            self.part.eval()
            found = self.run()
        for handle in hooks:
            handle.remove()
        assert sorted(numbers.met) == sorted(self.places)
        return found


def a_model(name: str, schema: Schema) -> SequentialModel:
    """Loud, in 64 bit, with both dropouts."""
    rates = {"dropout": HIDDEN, "filter_dropout": HIDDEN, "attention_dropout": ATTENTION}
    sizes = {**builders.SHAPE, "layers": LAYERS, **rates}
    model = builders.loud(builders.sized(MODELS[name](), **sizes).build(schema)).double()
    assert isinstance(model, SequentialModel)
    return model


def rows(tiny: Dataset, **switches: Any) -> Batch:
    """Rows of several lengths that share a bucket, so that attention runs once a block."""
    batch = builders.a_batch(tiny, lengths=(9, 7, 10, 8))
    assert len(batch.layout.buckets) == 1
    return replace(batch, **switches)


def states(model: SequentialModel, batch: Batch) -> Callable[[], list[Tensor]]:
    """A run that gives the states at the ends of rows, and every stream's."""
    ends = torch.arange(len(batch.items)) * batch.items.shape[1] + torch.from_numpy(
        batch.lengths - 1
    )

    def run() -> list[Tensor]:
        found = model.encode(batch)
        if batch.only_last:
            return [found.at(ends), *(found.stream_at(stream, ends) for stream in found.streams)]
        return [found.final, *found.streams.values()]

    return run


def values(loss: Objective, model: SequentialModel, done: EncoderPass) -> list[Tensor]:
    """A loss of a pass."""
    return [loss(model, done)]


def agree(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Whether all are equal, to rounding."""
    return all(torch.allclose(a, b, rtol=1e-9, atol=1e-11) for a, b in zip(one, other, strict=True))


def test_every_trained_model_has_its_places() -> None:
    """A model that is not in the table has no law."""
    assert set(PLACES) == {name for name, cls in MODELS.items() if not cls.is_training_free}


@pytest.mark.parametrize("only_last", [False, True])
@pytest.mark.parametrize("name", PLACES)
def test_dropout_falls_where_it_is_declared(
    name: str, only_last: bool, tiny: Dataset, schema: Schema
) -> None:
    """At the places of the table and nowhere else, attention's p on its shares and the other p on
    all the rest.
    """
    model, places = a_model(name, schema), PLACES[name]
    batch = rows(tiny, only_last=only_last)
    trial = Trial(model, states(model, batch), places, batch.layout)
    found, shares = trial.dropped()
    assert agree(found, trial.multiplied())
    assert shares == [ATTENTION if place == SHARES else HIDDEN for place in places]
    for place in [] if only_last else dict.fromkeys(places):
        assert not agree(found, trial.multiplied(spared=place)), place  # control: every place shows


@pytest.mark.parametrize("name", PLACES)
def test_no_dropout_falls_on_candidates(name: str, schema: Schema) -> None:
    """The item table is the same in training, bit for bit."""
    model = a_model(name, schema)
    with torch.no_grad():
        assert torch.equal(model.train().item_table(), model.eval().item_table())


@pytest.mark.parametrize("name", PLACES)
def test_dropout_in_losses_falls_where_it_is_declared(
    name: str, tiny: Dataset, schema: Schema
) -> None:
    """On the logits of AAP's shares and on the item stream of the contrast; no other loss has
    any.
    """
    model, batch = a_model(name, schema).eval(), rows(tiny)
    with torch.no_grad():
        encoded = model.encode(batch)
        done = EncoderPass(batch, encoded, encoded.at(batch.target_slots), model.item_table())
    for config in (config for stage in MODELS[name].stages for config in stage.objectives):
        loss, places = config.build_for(schema, model), IN_LOSSES.get(config.name, [])
        assert any(isinstance(part, Dropout) for part in loss.modules()) == bool(places)
        if places:
            assert isinstance(config, StreamAttributePrediction | StreamContrast)
            builders.loud(loss).double()
            trial = Trial(loss, partial(values, loss, model, done), places, batch.layout)
            found, shares = trial.dropped()
            assert agree(found, trial.multiplied())
            assert shares == [config.dropout] * len(places)
            for place in places:
                assert not agree(found, trial.multiplied(spared=place)), place  # control


def test_a_place_beside_the_right_one_will_not_do(tiny: Dataset, schema: Schema) -> None:
    """The control of the law: one place of SASRec's moved by a step, on as many entries."""
    model, batch = a_model("sasrec", schema), rows(tiny)
    moved = {
        "norm": "<norm",
        "blocks.0.contract": "<blocks.0.contract",
        "blocks.1.contract": "<blocks.1.expand",
    }
    for right, wrong in moved.items():
        places = [wrong if place == right else place for place in ONE_ENCODER]
        trial = Trial(model, states(model, batch), places, batch.layout)
        assert not agree(trial.dropped()[0], trial.multiplied())
