"""Attention over several sources, and the block around it, against their loops and against one
kernel.
"""

from __future__ import annotations

import math

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor

from sirec.core.layers.attention import ITEM, SourceAttention, visibility
from sirec.core.layers.blocks import Block, Joined
from sirec.core.layers.fusion import score_fusion, vector_fusion
from sirec.data.tasks.batch import Visible
from sirec.data.tasks.rectangular import whole

WINDOW, HEADS, WIDTH, NARROW = 5, 2, 6, 5  # a source of width 5 has two heads of 2
SOURCES = {"brand": NARROW, ITEM: WIDTH, "position": WIDTH}
ITEMS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0]])


def an_attention(
    name: str, form: str, scale: float = 1 / math.sqrt(WIDTH // HEADS)
) -> SourceAttention:
    fusion = score_fusion(name, form, len(SOURCES), WINDOW)
    attention = builders.loud(SourceAttention(SOURCES, HEADS, fusion, 0.0, scale)).double()
    assert isinstance(attention, SourceAttention)
    return attention


def vectors(width: int, seed: int) -> Tensor:
    return torch.randn(
        ITEMS.numel(), width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def of_row(values: Tensor, row: int) -> list[list[float]]:
    return values.view(*ITEMS.shape, -1)[row].tolist()


SIDE = {name: vectors(width, seed) for seed, (name, width) in enumerate(SOURCES.items())}
VALUE = vectors(WIDTH, 9)


@pytest.mark.parametrize("visible", ["past", "all"])
@pytest.mark.parametrize("switches", builders.SCORE_FUSIONS, ids=lambda s: "-".join(s.values()))
def test_attention_equals_its_loops(switches: dict[str, str], visible: Visible) -> None:
    """Three sources of unequal width, each fusion in each form, forwards and both ways: the loops
    give the same vectors.
    """
    name, form = switches["score_fusion"], switches.get("fusion_form", "masked")
    attention = an_attention(name, form)
    out = attention(VALUE, SIDE, whole(ITEMS), visible)
    weights = builders.attention_weights(attention, list(SOURCES), form, 1 / math.sqrt(3))
    for row in range(len(ITEMS)):
        may = reference.visible((ITEMS[row] != 0).tolist(), visible == "past")
        sources = {source: of_row(values, row) for source, values in SIDE.items()}
        expected = reference.attention(of_row(VALUE, row), sources, may, weights)
        torch.testing.assert_close(of_row(out, row), expected, rtol=1e-9, atol=1e-9)


def test_scores_are_what_attention_uses() -> None:
    """`scores` returns the fused matrices before scaling: softmax of them, by hand, gives the
    attention's result.
    """
    attention, layout = an_attention("concat", "masked"), whole(ITEMS)
    bucket = layout.buckets[0]
    may = visibility(bucket, "past")
    shares = (
        (attention.scores(SIDE, bucket, "past") * attention.scale)
        .masked_fill(~may, -torch.inf)
        .softmax(dim=-1)
    )
    values = attention.value(VALUE).view(*ITEMS.shape, HEADS, -1).transpose(1, 2)
    by_hand = attention.out((shares @ values).transpose(1, 2).flatten(2).flatten(0, 1))
    torch.testing.assert_close(
        by_hand, attention(VALUE, SIDE, layout, "past"), rtol=1e-10, atol=1e-10
    )


def test_sum_is_one_kernel_on_concatenated_heads() -> None:
    """With sum, heads side by side in one fused product scaled by 1/√d_h give the same; scaled by
    their own width, not.
    """
    attention, layout = an_attention("sum", "masked"), whole(ITEMS)
    queries = torch.cat(
        [attention.split(part(SIDE[name])) for name, part in attention.queries.items()], dim=-1
    )
    keys = torch.cat(
        [attention.split(part(SIDE[name])) for name, part in attention.keys.items()], dim=-1
    )
    heads = (queries, keys, attention.split(attention.value(VALUE)))
    rows = [part.unflatten(0, ITEMS.shape).transpose(1, 2) for part in heads]
    may = visibility(layout.buckets[0], "past")
    kernel = torch.nn.functional.scaled_dot_product_attention

    def finish(mixed: Tensor) -> Tensor:
        return attention.out(mixed.transpose(1, 2).flatten(2).flatten(0, 1))

    ours = attention(VALUE, SIDE, layout, "past")
    torch.testing.assert_close(
        finish(kernel(*rows, attn_mask=may, scale=1 / math.sqrt(3))), ours, rtol=1e-9, atol=1e-9
    )
    assert not torch.allclose(
        finish(kernel(*rows, attn_mask=may)), ours, atol=1e-4
    )  # control: 1/√(3 + 3 + 2)


def test_past_includes_the_slot_itself_and_nobody_reads_padding() -> None:
    """A slot sees real slots up to and with itself under `past`, and every real slot under
    `all`.
    """
    bucket = whole(ITEMS).buckets[0]
    assert visibility(bucket, "past")[1, 0].int().tolist() == [
        [1, 0, 0, 0, 0],
        *[[1, 1, 0, 0, 0]] * 4,
    ]
    assert visibility(bucket, "all")[1, 0].int().tolist() == [[1, 1, 0, 0, 0]]


@pytest.mark.parametrize("joined", builders.FUSIONS)
def test_a_block_equals_its_loops(joined: str) -> None:
    """Attention, two norms, GELU and residuals agree with the formula; a joined field changes
    queries and keys alone.
    """
    fusion = vector_fusion(joined, [WIDTH, WIDTH], WIDTH)
    block = Block(an_attention("gate", "masked"), 7, 0.0, Joined([], ["position"], fusion))
    builders.loud(block).double()
    query_key = fusion([VALUE, SIDE["position"]])
    out = block(VALUE, SIDE, whole(ITEMS), "past")
    weights = builders.block_weights(block, list(SOURCES), "masked", 1 / math.sqrt(3))
    for row in range(len(ITEMS)):
        may = reference.visible((ITEMS[row] != 0).tolist(), True)
        sources = {name: of_row(values, row) for name, values in {**SIDE, ITEM: query_key}.items()}
        expected = reference.block(of_row(VALUE, row), sources, may, weights)
        torch.testing.assert_close(of_row(out, row), expected, rtol=1e-9, atol=1e-9)


def test_fields_join_in_the_authors_order() -> None:
    """Concatenation sees attributes, then the item, then behaviours, which matters to its
    weights.
    """
    fusion = vector_fusion("concat", [1, 1, 1], 1)
    with torch.no_grad():
        fusion.map.weight.copy_(torch.tensor([[1.0, 10.0, 100.0]]))
        fusion.map.bias.zero_()
    side = {"brand": torch.tensor([[1.0]]), "position": torch.tensor([[3.0]])}
    assert Joined(["brand"], ["position"], fusion)(torch.tensor([[2.0]]), side).item() == 321.0
