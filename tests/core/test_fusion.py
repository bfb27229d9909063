"""Fusion of vectors and of score matrices against their loops."""

from __future__ import annotations

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor

from sirec.core.layers.fusion import (
    ConcatFusion,
    GateFusion,
    GateScores,
    ScoreFusion,
    SumFusion,
    score_fusion,
    vector_fusion,
)

WINDOW, SOURCES = 6, 3


def parts(*shape: int, count: int = SOURCES) -> list[Tensor]:
    """Random parts of one shape."""
    return list(
        torch.randn(count, *shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    )


@pytest.mark.parametrize(
    ("name", "gate_form"),
    [("sum", "two_layer"), ("concat", "two_layer"), ("gate", "two_layer"), ("gate", "vector")],
)
def test_vector_fusions_equal_their_loops(name: str, gate_form: str) -> None:
    """Sum, concat and both gates of vectors agree with their formulas, vector by vector."""
    fusion = builders.loud(vector_fusion(name, [4] * SOURCES, 4, gate_form)).double()
    x = parts(5, 4)
    for row, fused in enumerate(fusion(x).tolist()):
        vectors = [part[row].tolist() for part in x]
        if isinstance(fusion, ConcatFusion):
            expected = reference.concat(vectors, *builders.numbers(fusion.map))
        elif isinstance(fusion, GateFusion):
            expected = reference.gate(vectors, builders.vector_gate_weights(fusion))
        else:
            expected = reference.add(*vectors)
        assert fused == pytest.approx(expected, abs=1e-10)


def test_concat_takes_parts_of_different_widths() -> None:
    """Concatenation maps parts of unequal width; the other fusions need equal ones."""
    fusion = vector_fusion("concat", [2, 3], 4)
    assert fusion([torch.zeros(5, 2), torch.zeros(5, 3)]).shape == (5, 4)
    with pytest.raises(RuntimeError):
        SumFusion()([torch.zeros(5, 2), torch.zeros(5, 3)])


def loud_scores(switches: dict[str, str]) -> ScoreFusion:
    form, gate_form = switches.get("fusion_form", "masked"), switches.get("gate_form", "two_layer")
    fusion = score_fusion(switches["score_fusion"], form, SOURCES, WINDOW, gate_form)
    loud = builders.loud(fusion).double()
    assert isinstance(loud, ScoreFusion)
    return loud


@pytest.mark.parametrize(
    "switches", builders.SCORE_FUSIONS + builders.VECTOR_GATES, ids=lambda s: "-".join(s.values())
)
@pytest.mark.parametrize("length", [WINDOW, 4])
def test_score_fusions_equal_their_loops(switches: dict[str, str], length: int) -> None:
    """Every fusion in every form agrees with its formula, also on the first columns of its window,
    whose others score 0.
    """
    fusion = loud_scores(switches)
    scores = parts(2, 2, length, length)
    may = torch.ones(length, length, dtype=torch.bool).tril()
    fused = fusion(scores, may)
    weights = builders.score_weights(fusion, switches.get("fusion_form", "masked"))
    assert weights["name"] == switches["score_fusion"]
    for row in range(2):
        for head in range(2):
            expected = reference.fuse_scores(
                [part[row, head].tolist() for part in scores], may.tolist(), weights
            )
            torch.testing.assert_close(fused[row, head].tolist(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "switches", builders.SCORE_FUSIONS + builders.VECTOR_GATES, ids=lambda s: "-".join(s.values())
)
def test_only_the_reference_form_reads_invisible_scores(switches: dict[str, str]) -> None:
    """Scores of later keys change a row of visible fused scores in the reference form, and in no
    other.
    """
    fusion = loud_scores(switches)
    scores = parts(1, 1, WINDOW, WINDOW)
    may = torch.ones(WINDOW, WINDOW, dtype=torch.bool).tril()
    other = [
        part + number * ~may for number, part in enumerate(scores)
    ]  # unlike: a vector's gates cancel what all share
    same = torch.equal(fusion(scores, may)[..., may], fusion(other, may)[..., may])
    assert same != fusion.reads_all_keys
    assert fusion.reads_all_keys == (switches.get("fusion_form") == "reference")


@pytest.mark.parametrize("gate_form", ["two_layer", "vector"])
def test_a_gate_of_weighted_matrices_is_that_of_their_products(gate_form: str) -> None:
    """Matrices that lie side by side with a weight each (MSSR): the gate of every matrix times its
    weight.
    """
    fusion = builders.loud(GateScores("masked", WINDOW, gate_form)).double()
    scores, weights = (
        parts(1, 2, WINDOW, WINDOW),
        torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64),
    )
    may = torch.ones(1, 1, WINDOW, WINDOW, dtype=torch.bool).tril()
    expected = fusion([weight * part for weight, part in zip(weights, scores, strict=True)], may)
    torch.testing.assert_close(fusion.weighted(torch.stack(scores, dim=-2), weights, may), expected)
    assert not torch.allclose(fusion(scores, may), expected)  # control


def test_a_gate_of_one_vector_has_that_vector_alone() -> None:
    """COMIF eq. 14: as many weights as the width, no bias, which no softmax would see; the default
    has two layers.
    """
    for form, count in (("vector", 5), ("two_layer", 36)):
        for fusion in (GateFusion(5, form), GateScores("masked", 5, form)):
            assert sum(weight.numel() for weight in fusion.parameters()) == count


def test_one_source_needs_no_fusion() -> None:
    """Whatever the fusion is called, the scores of a single source stay as they are."""
    (scores,) = parts(1, 1, WINDOW, WINDOW, count=1)
    may = torch.ones(WINDOW, WINDOW, dtype=torch.bool)
    for name in builders.FUSIONS:
        torch.testing.assert_close(
            score_fusion(name, "masked", 1, WINDOW)([scores], may), scores, rtol=0, atol=0
        )


def test_a_gate_of_one_number_is_refused() -> None:
    """Gating on the source axis has nothing to read a gate from."""
    with pytest.raises(ValueError, match="source_axis"):
        score_fusion("gate", "source_axis", SOURCES, WINDOW)
