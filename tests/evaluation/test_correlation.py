"""Scores by origin: the terms add up to the model's own scores, and what levels of fusion cannot
multiply is not there.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import product

import pytest
import tiny as builders
import torch
from torch import Tensor

from sirec.core.layers.attention import SourceAttention
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import TokenLayout
from sirec.evaluation.score_terms import (
    ORIGINS,
    TERMS,
    Terms,
    attended,
    candidates,
    covariances,
    grouped,
    magnitudes,
    relevance_covariances,
    score_of,
    total,
)
from sirec.studies.analyses.score_terms.measure import KINDS, model_shares

SOME = dict(list(builders.COMBINATIONS.items())[::11])
LEVELS = {
    "SASRec": {"attribute": "none", "behaviour": "embedding"},
    "SASRecF": {"attribute": "embedding", "attribute_fusion": "concat", "behaviour": "embedding"},
    "NOVA": {"attribute": "query_key", "behaviour": "query_key"},
    "DIF-SR": {"attribute": "attention", "behaviour": "attention", "score_fusion": "gate"},
    "COMIF": {
        "attribute": "embedding",
        "behaviour": "attention",
        "score_fusion": "concat",
        "candidates": "fused",
    },
}
CROSS = {pair for pair in product(ORIGINS[:3], repeat=2) if pair[0] != pair[1]}


def a_model(levels: Mapping[str, str], schema: Schema) -> FusedTransformer:
    return builders.build(TransformerConfig(**builders.SHAPE, **levels), schema).double()


def own_scores(model: FusedTransformer, batch: Batch) -> tuple[list[Tensor], Tensor]:
    """What attention fuses in each block, for a single history, and the states, from the model's
    own pass.
    """
    seen: list[Tensor] = []

    def look(
        part: SourceAttention, given: tuple[Tensor, Mapping[str, Tensor], TokenLayout, Visible]
    ) -> None:
        _, sources, layout, visible = given
        seen.append(part.scores(sources, layout.buckets[0], visible))

    hooks = [block.attention.register_forward_pre_hook(look) for block in model.layers]
    with torch.no_grad():
        states = model.encode(batch).final
    for hook in hooks:
        hook.remove()
    return seen, states


@pytest.mark.parametrize("config", SOME.values(), ids=SOME)
def test_terms_add_up_to_the_score(
    config: TransformerConfig, tiny: Dataset, schema: Schema
) -> None:
    """In every block, for every eleventh legal combination of switches: Σ terms = fused score, Σ
    parts = state.
    """
    model, batch = builders.build(config, schema).double(), builders.a_batch(tiny, lengths=[9])
    seen, parts = attended(model, batch)
    own, states = own_scores(model, batch)
    for found, scores in zip(seen, own, strict=True):
        torch.testing.assert_close(
            score_of(found.terms)[..., :9, :9], scores[..., :9, :9], rtol=1e-10, atol=1e-10
        )
        rest = {pair: term for pair, term in found.terms.items() if "bias" not in pair}
        assert not torch.allclose(
            score_of(rest)[..., :9, :9], scores[..., :9, :9]
        )  # control: biases are not nothing
    torch.testing.assert_close(total(parts)[:9], states[0, :9], rtol=1e-10, atol=1e-10)


def test_the_first_blocks_terms_are_equation_3(tiny: Dataset, schema: Schema) -> None:
    """Addition at the embedding, by hand: each vector normed by what the sum is normed with, then
    Wq and Wk of one head.
    """
    model, batch = (
        a_model({"attribute": "embedding", "behaviour": "none"}, schema),
        builders.a_batch(tiny, lengths=[6]),
    )
    terms, attention = attended(model, batch)[0][0].terms, model.layers[0].attention
    item = model.items(batch.items[0])
    side = sum(model.side.of_items(batch.items[0]).values())
    deviation = (item + side).var(dim=1, unbiased=False, keepdim=True).sqrt()

    def projected(vectors: Tensor, layer: torch.nn.Linear) -> Tensor:
        centred = (vectors - vectors.mean(dim=1, keepdim=True)) / deviation * model.norm.weight
        return (centred @ layer.weight.T)[:, :4]  # the first of two heads

    origins = {"item": item, "attribute": side}
    for (a, query), (b, key) in product(origins.items(), repeat=2):
        by_hand = (
            projected(query, attention.queries["item"]) @ projected(key, attention.keys["item"]).T
        )
        torch.testing.assert_close(terms[a, b][0, 0], by_hand.detach(), rtol=1e-9, atol=1e-9)  # type: ignore[index]
    assert not torch.allclose(
        terms["item", "attribute"], terms["attribute", "item"].transpose(-1, -2)
    )  # order matters


@pytest.mark.parametrize(
    ("levels", "crossing"),
    [
        ({"attribute": "attention", "behaviour": "attention"}, set()),
        (LEVELS["DIF-SR"], set()),
        (LEVELS["COMIF"], {("item", "attribute"), ("attribute", "item")}),
        (
            {"attribute": "attention", "behaviour": "embedding"},
            {("item", "behaviour"), ("behaviour", "item")},
        ),
        (LEVELS["NOVA"], CROSS),
        (LEVELS["SASRecF"], CROSS),
    ],
)
def test_only_early_fusion_multiplies_items_with_fields(
    levels: dict[str, str], crossing: set[tuple[str, str]], tiny: Dataset, schema: Schema
) -> None:
    """COMIF's argument, in every block: a field fused at attention meets itself and biases
    alone.
    """
    for found in attended(a_model(levels, schema), builders.a_batch(tiny, lengths=[9, 4]))[0]:
        assert {pair for pair in found.terms if pair in CROSS} == crossing
        assert all(found.terms[pair].any() for pair in crossing)  # type: ignore[index]


def test_what_softmax_cannot_see_has_no_share(tiny: Dataset, schema: Schema) -> None:
    """Another bias of the keys adds a constant to each query's row: shares of variance stay, those
    of magnitude do not.
    """
    model = a_model(LEVELS["SASRecF"], schema)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.layers[0].attention.keys["item"].bias.add_(1.0)
    one, two = (
        model_shares(some, [builders.a_batch(tiny, lengths=[9, 7])])[0] for some in (model, other)
    )
    assert one.variance == pytest.approx(two.variance, rel=1e-9)
    assert one.kinds == pytest.approx(two.kinds, rel=1e-9)
    assert one.magnitude["bias"] < 0.95 * two.magnitude["bias"]


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_shares_add_up_to_one(levels: dict[str, str], tiny: Dataset, schema: Schema) -> None:
    """Five terms, and kinds, of each block and of relevance; in two batches or one; kinds are the
    four terms split finer.
    """
    model = a_model(levels, schema)
    whole, parts = (
        builders.a_batch(tiny, lengths=[9, 5]),
        [builders.a_batch(tiny, lengths=[9]), _second(tiny)],
    )
    for one, several in zip(model_shares(model, [whole]), model_shares(model, parts), strict=True):
        assert one.variance == pytest.approx(several.variance, rel=1e-9, abs=1e-12)
        assert (tuple(one.variance), tuple(one.kinds)) == (TERMS, (*KINDS, "bias"))
        assert sum(one.variance.values()) == pytest.approx(1)
        assert sum(one.kinds.values()) == pytest.approx(1)
        if one.magnitude:
            assert sum(one.magnitude.values()) == pytest.approx(1)
        crossing = one.kinds["item-attribute"] + one.kinds["item-behaviour"]
        assert one.variance["item-side"] + one.variance["side-item"] == pytest.approx(
            crossing, abs=1e-12
        )
        assert one.variance["item-item"] == pytest.approx(one.kinds["item-item"])


def _second(data: Dataset) -> Batch:
    """The second row of a batch of lengths 9 and 5, alone."""
    users = data.lengths.argsort(descending=True, stable=True)[1:2] + 1
    return builders.spans(data, [(int(users[0]), 0, 4)])


def test_an_origin_that_is_silent_has_no_share(tiny: Dataset, schema: Schema) -> None:
    """Attributes of 0 leave items alone, items of 0 leave attributes alone, in attention and in
    relevance.
    """
    batch = [builders.a_batch(tiny, lengths=[9, 6])]
    for silent, left in (("values.weight", "item-item"), ("items.weight", "side-side")):
        model = a_model(
            {"attribute": "embedding", "behaviour": "none", "candidates": "fused"}, schema
        )
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith(silent):
                    parameter.zero_()
        for shares in model_shares(model, batch):
            assert {name for name, share in shares.variance.items() if abs(share) > 1e-12} == {
                left,
                "bias",
            }


def test_fresh_items_and_positions_share_alike(tiny: Dataset, schema: Schema) -> None:
    """A known answer: two origins of one scale, added, give each of the four terms a quarter of the
    variance.
    """
    torch.manual_seed(0)
    wide = {**builders.SHAPE, "width": 128, "heads": 4}
    model = TransformerConfig(**wide, **LEVELS["SASRec"]).build(
        tiny.select([], ["position"]).schema(12, with_position=True)
    )
    shares = model_shares(model.eval().double(), [builders.a_batch(tiny, lengths=[12] * 4)])[0]
    assert all(0.15 < shares.variance[name] < 0.35 for name in TERMS[:4])
    assert shares.variance["bias"] == 0


@pytest.mark.parametrize("name", ["COMIF", "SASRecF"])
def test_relevance_is_what_every_score_says(name: str, tiny: Dataset, schema: Schema) -> None:
    """Equation 4: terms add up to z_v, and the sums equal those over all written-out scores, item
    by item.
    """
    model, batch = a_model(LEVELS[name], schema), builders.a_batch(tiny, lengths=[9, 9])
    table, states = candidates(model), attended(model, batch)[1]
    read = {origin: part.view(2, -1, part.shape[-1])[:, 8] for origin, part in states.items()}
    written: Terms = {(a, b): read[b] @ table[a].T for a in table for b in read}
    own = model.scores(batch).detach()
    torch.testing.assert_close(sum(written.values()), own, rtol=1e-10, atol=1e-10)
    centred = {
        pair: (scores[:, 1:] - scores[:, 1:].mean(dim=1, keepdim=True))
        for pair, scores in written.items()
    }
    score = own[:, 1:] - own[:, 1:].mean(dim=1, keepdim=True)
    for pair, value in relevance_covariances(table, read).items():
        torch.testing.assert_close(value, (centred[pair] * score).sum(), rtol=1e-9, atol=1e-9)
    assert ("attribute" in table) == (name == "COMIF")  # bare candidates know no field


def test_sums_over_pairs_by_hand() -> None:
    """Two queries, the first with one key: only the second's two keys count, centred for variance,
    as they come else.
    """
    item = torch.tensor([[[[5.0, 0.0], [1.0, 3.0]]]])
    bias = torch.tensor([[[[0.0, 0.0], [2.0, 2.0]]]])
    terms: Terms = {("item", "item"): item, ("bias", "bias"): bias}
    pairs = torch.tensor([[[[False, False], [True, True]]]])
    assert covariances(terms, pairs) == {
        ("item", "item"): torch.tensor([2.0]),
        ("bias", "bias"): torch.tensor([0.0]),
    }
    found = magnitudes(grouped(terms), pairs)
    assert {name: value.item() for name, value in found.items() if value} == {
        "item-item": 4.0,
        "bias": 4.0,
    }
