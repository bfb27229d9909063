"""Ranks of score matrices: that they are the model's own scores, that bounds hold and are reached,
that padding is as said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
import tiny as builders
import torch
from torch import Tensor

from sirec.core.layers.attention import ITEM, SourceAttention
from sirec.core.layers.fusion import SumScores
from sirec.core.model import INIT_STD
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import TokenLayout
from sirec.data.tasks.rectangular import whole
from sirec.evaluation.score_rank import (
    BlockScores,
    Matrix,
    block_scores,
    effective_rank,
    exact_scores,
    numerical_rank,
    rank_bound,
)

WINDOW, WIDTH, HEADS = 24, 16, 4
SHAPE = {**builders.SHAPE, "width": WIDTH, "heads": HEADS}
TOLERANCES = (1e-4, 1e-6, 1e-8)
EARLY = {
    "SASRecF": {"attribute": "embedding", "attribute_fusion": "concat", "behaviour": "embedding"},
    "NOVA": {"attribute": "query_key", "behaviour": "query_key"},
}
LATE = {
    "-".join(switches.values()): {"attribute": "attention", "behaviour": "attention", **switches}
    for switches in builders.SCORE_FUSIONS
}
MIXED = {"COMIF": {"attribute": "embedding", "behaviour": "attention", "score_fusion": "sum"}}
LEVELS = {**EARLY, **LATE, **MIXED}


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Long enough for histories that fill the window; category and position."""
    return builders.dataset([30] * 6).select(["category"], ["position"])


def a_model(data: Dataset, levels: Mapping[str, str], *, is_loud: bool = True) -> FusedTransformer:
    config = TransformerConfig(**SHAPE, **levels)
    torch.manual_seed(0)
    model = config.build(data.schema(WINDOW, with_position=True)).eval()
    builders.loud(model, std=0.15) if is_loud else None
    with torch.no_grad():
        model.items.weight[PADDING].normal_(
            std=INIT_STD
        )  # the originals' padding row, so that padded slots hold something
    return model


def ranks_and_bounds(
    model: FusedTransformer,
    batch: Batch,
    matrix: Matrix = "padded",
    tolerances: Sequence[float] = (1e-6,),
) -> Iterator[tuple[Tensor, list[int | None]]]:
    """For each block and tolerance: ranks [b, h], and the bound of each history."""
    lengths = torch.from_numpy(batch.lengths)
    for block, scores in enumerate(block_scores(model, batch)):
        singular = torch.linalg.svdvals(scores.select(lengths, matrix))
        bounds = [rank_bound(model, block, int(length), matrix) for length in lengths]
        yield from ((numerical_rank(singular, tolerance), bounds) for tolerance in tolerances)


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_fused_matrices_are_the_models_own_scores(levels: dict[str, str], data: Dataset) -> None:
    """On real pairs the matrices are what attention computes in the model's own pass, for every
    fusion; summed they are not.
    """
    model, batch = a_model(data, levels).double(), builders.a_batch(data, lengths=[5, 11, 20])
    seen: list[Tensor] = []

    def look(
        part: SourceAttention, given: tuple[Tensor, Mapping[str, Tensor], TokenLayout, Visible]
    ) -> None:
        _, sources, layout, visible = given
        rows = [part.scores(sources, bucket, visible) for bucket in layout.buckets]
        seen.append(torch.cat([_to_window(bucket) for bucket in rows]))

    hooks = [block.attention.register_forward_pre_hook(look) for block in model.layers]
    with torch.no_grad():
        model.encode(batch)
    for hook in hooks:
        hook.remove()
    order = torch.from_numpy(batch.lengths).argsort(descending=not model.whole_window, stable=True)
    pairs = _pairs(batch)[order]
    for scores, own in zip(block_scores(model, batch), seen, strict=True):
        torch.testing.assert_close(scores.fused[order] * pairs, own * pairs, rtol=1e-10, atol=1e-10)
        mixes = levels.get("score_fusion", "sum") != "sum"
        assert torch.allclose(scores.fused * pairs, scores.summed * pairs) != mixes
        assert not torch.allclose(
            scores.fused.flip(0)[order] * pairs, own * pairs
        )  # control: another history


def _to_window(scores: Tensor) -> Tensor:
    missing = WINDOW - scores.shape[-1]
    return torch.nn.functional.pad(scores, (0, missing, 0, missing))


def _pairs(batch: Batch) -> Tensor:
    real = torch.arange(WINDOW) < torch.from_numpy(batch.lengths)[:, None]
    return (real[:, None, :, None] & real[:, None, None, :]).tril()


@pytest.mark.parametrize("is_loud", [True, False], ids=["loud", "fresh"])
@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_no_rank_is_above_its_bound(levels: dict[str, str], is_loud: bool, data: Dataset) -> None:
    """Random weights, every matrix, block, length and tolerance, in the model's 32 bits: never
    above, and sometimes on it.
    """
    model, batch = (
        a_model(data, levels, is_loud=is_loud),
        builders.a_batch(data, lengths=[3, 6, 14, WINDOW]),
    )
    reached: set[Matrix] = set()
    bounded: set[Matrix] = set()
    for matrix in ("padded", "summed", "real", "visible"):
        for ranks, bounds in ranks_and_bounds(model, batch, matrix, TOLERANCES):
            for mine, bound in zip(ranks, bounds, strict=True):
                if bound is not None:
                    bounded.add(matrix)
                    assert mine.max() <= bound, matrix
                    reached |= {matrix} if mine.max() == bound else set()
    assert reached == bounded >= {"summed", "visible"}
    has_bound = levels.get("score_fusion", "sum") == "sum" or levels.get("fusion_form") in (
        "reference",
        "source_axis",
    )
    assert ("padded" in bounded, "real" in bounded) == (has_bound, has_bound)


@pytest.mark.parametrize("levels", EARLY.values(), ids=EARLY)
def test_early_fusion_never_exceeds_a_head(levels: dict[str, str], data: Dataset) -> None:
    """Theorem 4.1, first half: with attributes and position inside the factors, rank and bound are
    d_h, padded or not.
    """
    model, batch = a_model(data, levels), builders.a_batch(data, lengths=[10, WINDOW])
    for ranks, bounds in ranks_and_bounds(model, batch):
        assert bounds == [WIDTH // HEADS] * 2
        assert (ranks == WIDTH // HEADS).all()


def test_a_full_window_reaches_the_sum_of_widths(data: Dataset) -> None:
    """Theorem 4.1, second half: three added sources have rank 3 d_h (< n); masked concatenation
    goes above (control).
    """
    batch = builders.a_batch(data, lengths=[WINDOW] * 2)
    for ranks, bounds in ranks_and_bounds(a_model(data, LATE["sum"]), batch):
        assert bounds == [3 * WIDTH // HEADS] * 2
        assert (ranks == 3 * WIDTH // HEADS).all()
    for ranks, bounds in ranks_and_bounds(a_model(data, LATE["concat-masked"]), batch):
        assert bounds == [None, None]
        assert (ranks > 3 * WIDTH // HEADS).all()


def test_the_theorems_construction_reaches_the_bound() -> None:
    """Sources that know different slots add up to an identity: the measure says d_h + d_hf, and d_h
    for one source alone.
    """
    width = 5
    attention = SourceAttention({"brand": width, ITEM: width}, 1, SumScores(), 0.0, 1.0)
    with torch.no_grad():
        for part in (*attention.queries.values(), *attention.keys.values()):
            part.weight.copy_(torch.eye(width))
            part.bias.zero_()
    knows, nothing = torch.eye(width), torch.zeros(width, width)
    bucket = whole(torch.ones(1, 2 * width, dtype=torch.long)).buckets[0]
    for brand, expected in (
        (torch.cat([nothing, knows]), 2 * width),
        (torch.zeros(2 * width, width), width),
    ):
        scores = exact_scores(
            attention, {"brand": brand, ITEM: torch.cat([knows, nothing])}, bucket, "past"
        )
        assert numerical_rank(torch.linalg.svdvals(scores.fused), 1e-8).item() == expected


def test_padded_ranks_of_fresh_weights() -> None:
    """At d = 256, h = 8, d_f = 64, n = 50: early fusion 32, added sources L + 1 + 32 up to n; a
    padding row of 0 costs one.
    """
    long = builders.dataset([60] * 4, items=500).select(["category"], ["position"])
    batch, shape = (
        builders.a_batch(long, lengths=[5, 8, 20, 40]),
        {"width": 256, "heads": 8, "layers": 1, "inner": 8},
    )
    variants = {
        "SASRecF": EARLY["SASRecF"],
        "NOVA": EARLY["NOVA"],
        "DIF-SR": {**LATE["sum"], "attribute_width": 64},
    }
    expected = {"SASRecF": [32] * 4, "NOVA": [32] * 4, "DIF-SR": [38, 41, 50, 50]}
    for name, levels in variants.items():
        torch.manual_seed(0)
        model = (
            TransformerConfig(**shape, **levels).build(long.schema(50, with_position=True)).eval()
        )
        [(zero, _)] = ranks_and_bounds(model, batch, tolerances=[1e-8])
        with torch.no_grad():
            model.items.weight[PADDING].normal_(std=INIT_STD)
        (usual, _), (ranks, bounds) = ranks_and_bounds(model, batch, tolerances=[1e-6, 1e-8])
        assert bounds == expected[name]
        assert (ranks == torch.tensor(bounds)[:, None]).all()
        assert (
            usual.double().mean(dim=1) > torch.tensor(bounds) - 2
        ).all()  # at times position's last directions are too weak
        assert (zero[:2] == ranks[:2] - int(name == "DIF-SR")).all()


def test_empty_slots_hold_what_the_originals_give_them(data: Dataset) -> None:
    """Added sources, block 1, by hand: item 0 normed, the position of the slot, the attribute's
    bias alone.
    """
    model = a_model(data, LATE["sum"]).double()
    batch = builders.a_batch(data, lengths=[3])
    fused = next(block_scores(model, batch)).fused[0]
    attention = model.layers[0].attention
    item = model.norm(model.items.weight[PADDING])
    positions = model.side.behaviours["position"].values.weight
    rows = {
        ITEM: item.expand(WINDOW, -1),
        "position": positions,
        "category": torch.zeros(WINDOW, WIDTH, dtype=torch.float64),
    }
    by_hand = torch.zeros_like(fused)
    for name, row in rows.items():
        query, key = (
            attention.split(part[name](row)).transpose(0, 1)
            for part in (attention.queries, attention.keys)
        )
        by_hand += (query @ key.transpose(1, 2)).detach()
    torch.testing.assert_close(fused[:, 3:, 3:], by_hand[:, 3:, 3:], rtol=1e-10, atol=1e-10)
    assert not torch.allclose(
        fused[:, :3, :3], by_hand[:, :3, :3]
    )  # control: real slots hold something else


def test_position_reaches_the_items_of_later_blocks(data: Dataset) -> None:
    """Without position padded slots stay alike in every block; with it they differ from the second
    on, and so do bounds.
    """
    batch = builders.a_batch(data, lengths=[2])
    for behaviour, bounds in (("attention", [3 + 4, 4 + 3 + 4]), ("none", [3, 3])):
        model = a_model(data, {"attribute": "attention", "behaviour": behaviour})
        found = ranks_and_bounds(model, batch, tolerances=[1e-8])
        assert [bound for _, [bound] in found] == bounds
    model = a_model(data, LATE["sum"])
    second = list(ranks_and_bounds(model, batch, tolerances=[1e-8]))[1][0]
    assert second.max() > 3 + 4  # the first block's bound does not hold there


def test_what_is_selected() -> None:
    """Real: the first L slots; visible: their lower triangle; both with zeros around."""
    scores = BlockScores(torch.ones(2, 1, 4, 4), torch.full((2, 1, 4, 4), 2.0))
    lengths = torch.tensor([1, 3])
    assert scores.select(lengths, "real").sum(dim=(1, 2, 3)).tolist() == [1, 9]
    assert scores.select(lengths, "visible")[1, 0].tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
        [0, 0, 0, 0],
    ]
    assert (scores.select(lengths, "padded").sum(), scores.select(lengths, "summed").sum()) == (
        32,
        64,
    )


def test_ranks_of_known_matrices() -> None:
    """Equal singular values count fully, one alone counts once; a weak one counts by tolerance, and
    for its share.
    """
    equal, alone, weak = (
        torch.ones(5),
        torch.tensor([3.0, 0, 0, 0, 0]),
        torch.tensor([1.0, 1e-5, 0, 0, 0]),
    )
    assert [effective_rank(values.double()).item() for values in (equal, alone)] == pytest.approx(
        [5, 1]
    )
    assert 1 < effective_rank(weak.double()).item() < 1.001
    assert [numerical_rank(weak, tolerance).item() for tolerance in TOLERANCES] == [1, 2, 2]


def test_padding_does_not_depend_on_the_batch(data: Dataset) -> None:
    """A history has the same padded matrix alone and beside a longer one."""
    model = a_model(data, LATE["sum"]).double()
    both = builders.a_batch(data, lengths=[4, 20])
    alone = replace(
        both,
        items=both.items[:1, :4],
        targets=both.targets[:1, :4],
        users=both.users[:1],
        read=both.read[:1],
        lengths=both.lengths[:1],
        behaviours={"position": both.behaviours["position"][:1, :4]},
    )
    for one, two in zip(block_scores(model, alone), block_scores(model, both), strict=True):
        torch.testing.assert_close(one.fused[0], two.fused[0], rtol=1e-10, atol=1e-10)
