"""Fusion of vectors and of score matrices against their loops."""

from __future__ import annotations

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor

from sirec.core.fusion import ConcatFusion, GateFusion, ScoreFusion, SumFusion, score_fusion, vector_fusion

WINDOW, SOURCES = 6, 3


def parts(*shape: int, count: int = SOURCES) -> list[Tensor]:
    """Random parts of one shape."""
    return list(torch.randn(count, *shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64))


@pytest.mark.parametrize("name", builders.FUSIONS)
def test_vector_fusions_equal_their_loops(name: str) -> None:
    """Sum, concat and gate of vectors agree with their formulas, vector by vector."""
    fusion = builders.loud(vector_fusion(name, [4] * SOURCES, 4)).double()
    x = parts(5, 4)
    for row, fused in enumerate(fusion(x).tolist()):
        vectors = [part[row].tolist() for part in x]
        if isinstance(fusion, ConcatFusion):
            expected = reference.concat(vectors, *builders.numbers(fusion.map))
        elif isinstance(fusion, GateFusion):
            expected = reference.gate(vectors, builders.gate_weights([fusion.energy[0], fusion.energy[2]]))
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
    fusion = score_fusion(switches["score_fusion"], switches.get("fusion_form", "masked"), SOURCES, WINDOW)
    loud = builders.loud(fusion).double()
    assert isinstance(loud, ScoreFusion)
    return loud


@pytest.mark.parametrize("switches", builders.SCORE_FUSIONS, ids=lambda s: "-".join(s.values()))
@pytest.mark.parametrize("length", [WINDOW, 4])
def test_score_fusions_equal_their_loops(switches: dict[str, str], length: int) -> None:
    """Every fusion in every form agrees with its formula, also on the first columns of its window, whose others score 0."""
    fusion = loud_scores(switches)
    scores = parts(2, 2, length, length)
    may = torch.ones(length, length, dtype=torch.bool).tril()
    fused = fusion(scores, may)
    weights = builders.score_weights(fusion, switches.get("fusion_form", "masked"))
    assert weights["name"] == switches["score_fusion"]
    for row in range(2):
        for head in range(2):
            expected = reference.fuse_scores([part[row, head].tolist() for part in scores], may.tolist(), weights)
            torch.testing.assert_close(fused[row, head].tolist(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("switches", builders.SCORE_FUSIONS, ids=lambda s: "-".join(s.values()))
def test_only_the_reference_form_reads_invisible_scores(switches: dict[str, str]) -> None:
    """Scores of later keys change a row of visible fused scores in the reference form, and in no other."""
    fusion = loud_scores(switches)
    scores = parts(1, 1, WINDOW, WINDOW)
    may = torch.ones(WINDOW, WINDOW, dtype=torch.bool).tril()
    other = [part + 1.0 * ~may for part in scores]
    same = torch.equal(fusion(scores, may)[..., may], fusion(other, may)[..., may])
    assert same != fusion.reads_all_keys
    assert fusion.reads_all_keys == (switches.get("fusion_form") == "reference")


def test_one_source_needs_no_fusion() -> None:
    """Whatever the fusion is called, the scores of a single source stay as they are."""
    (scores,) = parts(1, 1, WINDOW, WINDOW, count=1)
    may = torch.ones(WINDOW, WINDOW, dtype=torch.bool)
    for name in builders.FUSIONS:
        torch.testing.assert_close(score_fusion(name, "masked", 1, WINDOW)([scores], may), scores, rtol=0, atol=0)


def test_a_gate_of_one_number_is_refused() -> None:
    """Gating on the source axis has nothing to read a gate from."""
    with pytest.raises(ValueError, match="source_axis"):
        score_fusion("gate", "source_axis", SOURCES, WINDOW)
