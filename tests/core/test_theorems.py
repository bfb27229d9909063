"""What DIF-SR proves about attention, as laws of this code (64-bit)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import tiny as builders
import torch
from torch import Tensor

from sirec.core.layers.attention import ITEM, SourceAttention
from sirec.core.layers.fusion import SumScores
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, Schema, position
from sirec.data.tasks.batch import Visible
from sirec.data.tasks.layout import TokenLayout
from sirec.data.tasks.rectangular import whole

LENGTH, WIDTH, HEADS = 24, 16, 4
HEAD = WIDTH // HEADS
SHAPE = {**builders.SHAPE, "width": WIDTH, "heads": HEADS}
TOLERANCE = 1e-6


def rank(matrices: Tensor) -> Tensor:
    """Long[...]: singular values above a millionth of the largest."""
    values = torch.linalg.svdvals(matrices)
    return (values > TOLERANCE * values[..., :1]).sum(dim=-1)


def fused_scores(model: FusedTransformer, data: Dataset) -> list[Tensor]:
    """Each block's fused score matrices [b, h, n, n] before scaling and mask, on histories that
    fill the window.
    """
    seen: list[Tensor] = []

    def record(
        part: SourceAttention, given: tuple[Tensor, Mapping[str, Tensor], TokenLayout, Visible]
    ) -> None:
        _, sources, layout, visible = given
        seen.append(part.scores(sources, layout.buckets[0], visible))

    hooks = [block.attention.register_forward_pre_hook(record) for block in model.blocks]
    with torch.no_grad():
        model.encode(builders.a_batch(data, lengths=[LENGTH] * 3))
    for hook in hooks:
        hook.remove()
    return seen


@pytest.fixture(scope="module")
def long_data() -> Dataset:
    return builders.dataset([30, 30, 30])


@pytest.mark.parametrize(
    ("levels", "sources"),
    [
        (
            {"attribute": "embedding", "attribute_fusion": "concat", "behaviour": "embedding"},
            1,
        ),  # SASRecF
        ({"attribute": "query_key", "behaviour": "query_key"}, 1),  # NOVA
        ({"attribute": "query_key", "behaviour": "query_key", "query_key_fusion": "gate"}, 1),
        ({"attribute": "embedding", "behaviour": "attention"}, 3),
        ({"attribute": "attention", "behaviour": "attention"}, 5),  # DIF-SR
        (
            {
                "attribute": "attention",
                "behaviour": "attention",
                "score_fusion": "concat",
                "fusion_form": "source_axis",
            },
            5,
        ),
        (
            {
                "attribute": "attention",
                "behaviour": "attention",
                "score_fusion": "concat",
                "fusion_form": "reference",
            },
            5,
        ),
        (
            {
                "attribute": "attention",
                "behaviour": "attention",
                "score_fusion": "gate",
                "fusion_form": "reference",
            },
            5,
        ),
    ],
)
def test_ranks_keep_their_bound(levels: dict[str, str], sources: int, long_data: Dataset) -> None:
    """Theorem 4.1: one source has rank d_h at most, S sources their sum (one more where a bias is
    added); both are reached.
    """
    model = builders.build(
        TransformerConfig(**SHAPE, **levels), long_data.schema(LENGTH, with_position=True)
    ).double()
    builders.loud(model, std=0.15)  # not so loud that a gate shuts a source out
    bound = sources * HEAD + (levels.get("score_fusion") == "concat")
    for scores in fused_scores(model, long_data):
        ranks = rank(scores)
        assert scores.dtype == torch.float64
        assert scores.shape[-1] == LENGTH > bound
        assert ranks.max() <= bound
        assert ranks.max() > bound - 1 - (sources > 1)  # and the bound is not idle
        assert (ranks > HEAD).all() == (sources > 1)


def test_masked_row_fusion_has_no_such_bound(long_data: Dataset) -> None:
    """The control: a mask that enters before the map of rows breaks the bound, so ranks above it
    can be seen.
    """
    levels = {"attribute": "attention", "behaviour": "attention", "score_fusion": "concat"}
    model = builders.build(
        TransformerConfig(**SHAPE, **levels), long_data.schema(LENGTH, with_position=True)
    ).double()
    assert all((rank(scores) > 5 * HEAD + 1).all() for scores in fused_scores(model, long_data))


def test_the_construction_of_the_theorem() -> None:
    """Sources that each know other slots add up to the identity: rank 2 d_h, where one source alone
    has d_h.
    """
    width = 5
    attention = SourceAttention({"brand": width, ITEM: width}, 1, SumScores(), 0.0, 1.0).double()
    with torch.no_grad():
        for part in (*attention.queries.values(), *attention.keys.values()):
            part.weight.copy_(torch.eye(width))
            part.bias.zero_()
    knows, nothing = (
        torch.eye(width, dtype=torch.float64),
        torch.zeros(width, width, dtype=torch.float64),
    )
    sources = {"brand": torch.cat([nothing, knows]), ITEM: torch.cat([knows, nothing])}
    bucket = whole(torch.ones(1, 2 * width, dtype=torch.long)).buckets[0]
    scores = attention.scores(sources, bucket, "past")[0, 0]
    assert torch.equal(scores, torch.eye(2 * width, dtype=torch.float64))
    alone = attention.scores(
        {"brand": torch.zeros_like(sources["brand"]), ITEM: sources[ITEM]}, bucket, "past"
    )[0, 0]
    assert (rank(scores), rank(alone)) == (2 * width, width)


def test_rank_counts_what_it_should() -> None:
    """The control of the measure: products of known inner size have that rank, also with a source a
    thousand times weaker.
    """
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(LENGTH, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    c, d = (torch.randn(LENGTH, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    assert rank(a @ b.T) == 3
    assert rank(a @ b.T + 1e-3 * c @ d.T) == 7


@pytest.mark.parametrize(
    ("levels", "equal"),
    [
        ({"attribute": "embedding"}, True),
        ({"attribute": "embedding", "attribute_fusion": "concat"}, False),
        ({"attribute": "embedding", "attribute_fusion": "gate"}, False),
        ({"attribute": "query_key"}, False),
        ({"attribute": "attention"}, False),
    ],
)
def test_added_attributes_learn_what_their_items_learn(
    levels: dict[str, str], equal: bool, tiny: Dataset
) -> None:
    """Theorem 4.2: added at the input, an attribute that only one item has gets that item's
    gradient; fused otherwise, not.
    """
    own = Field("own", "attribute", tiny.item_codes, torch.arange(tiny.item_codes)[:, None])
    config = TransformerConfig(**SHAPE, **levels)
    model = builders.build(config, Schema(tiny.item_codes, 12, (own, position(12)))).double()
    states = model.encode(builders.a_batch(tiny)).final
    (
        states
        * torch.randn(states.shape, generator=torch.Generator().manual_seed(0), dtype=states.dtype)
    ).sum().backward()
    items, values = model.items.weight.grad, model.value_vectors("own").grad
    assert items[1:].any()
    assert torch.allclose(items, values, rtol=1e-9, atol=1e-12) == equal


@pytest.mark.parametrize(
    ("levels", "equal"),
    [
        ({"attribute": "query_key", "behaviour": "query_key"}, True),
        ({"attribute": "query_key", "behaviour": "query_key", "query_key_fusion": "concat"}, False),
        ({"attribute": "query_key", "behaviour": "query_key", "query_key_fusion": "gate"}, False),
        ({"attribute": "attention", "behaviour": "attention"}, False),
    ],
)
def test_attributes_added_to_queries_learn_alike(
    levels: dict[str, str], equal: bool, tiny: Dataset
) -> None:
    """Theorem 4.2 for NOVA: attributes added to queries and keys get one gradient, unlike the
    item's; fused otherwise, not.
    """
    values = torch.arange(tiny.item_codes)[:, None]
    fields = tuple(Field(name, "attribute", tiny.item_codes, values) for name in ("one", "two"))
    model = builders.build(
        TransformerConfig(**SHAPE, **levels), Schema(tiny.item_codes, 12, (*fields, position(12)))
    ).double()
    states = model.encode(builders.a_batch(tiny)).final
    (
        states
        * torch.randn(states.shape, generator=torch.Generator().manual_seed(0), dtype=states.dtype)
    ).sum().backward()
    one, two = (model.value_vectors(name).grad for name in ("one", "two"))
    assert one[1:].any()
    assert torch.allclose(one, two, rtol=1e-9, atol=1e-12) == equal
    assert not torch.allclose(one, model.items.weight.grad, rtol=1e-9, atol=1e-12)


def test_shared_attributes_learn_the_sum_of_their_items(tiny: Dataset, schema: Schema) -> None:
    """Under addition, also of candidates, an attribute value's gradient is the sum of its items'
    gradients.
    """
    config = TransformerConfig(**SHAPE, attribute="embedding", candidates="fused")
    model = builders.build(
        config, replace(schema, fields=(*schema.attributes[:1], position(12)))
    ).double()
    scores = model.scores(builders.a_batch(tiny))
    (
        scores
        * torch.randn(scores.shape, generator=torch.Generator().manual_seed(0), dtype=scores.dtype)
    ).sum().backward()
    brand = schema.attributes[0].values.squeeze(1)
    summed = torch.zeros_like(model.value_vectors("brand")).index_add_(
        0, brand, model.items.weight.grad
    )
    torch.testing.assert_close(
        model.value_vectors("brand").grad[1:], summed[1:], rtol=1e-9, atol=1e-12
    )
