"""Fusions as maps and a constant: what COMIF's appendix expands scores with."""

from __future__ import annotations

import pytest
import tiny as builders
import torch
from torch import Tensor

from sirec.core.layers.fusion import score_fusion, vector_fusion

WINDOW, LENGTH, SOURCES = 6, 4, 3
VISIBLE = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()


def draws(*shape: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=generator, dtype=torch.float64) for _ in range(SOURCES)]


@pytest.mark.parametrize("gate_form", ["two_layer", "vector"])
@pytest.mark.parametrize("name", builders.FUSIONS)
def test_vectors_through_their_maps_add_up_to_the_fusion(name: str, gate_form: str) -> None:
    """Σ M_s x_s + c = F(x); each map is additive, so a part may be split; a half is not the part
    (control).
    """
    fusion, parts = (
        builders.loud(vector_fusion(name, [5] * SOURCES, 5, gate_form)).double(),
        draws(7, 5),
    )
    maps, constant = fusion.linearised(parts)
    through = [step(part) for step, part in zip(maps, parts, strict=True)]
    torch.testing.assert_close(sum(through) + constant, fusion(parts), rtol=1e-12, atol=1e-12)
    for step, part, whole in zip(maps, parts, through, strict=True):
        torch.testing.assert_close(
            step(part.relu()) + step(-(-part).relu()), whole, rtol=1e-12, atol=1e-12
        )
        assert not torch.allclose(step(part.relu()), whole)


@pytest.mark.parametrize(
    "switches", builders.SCORE_FUSIONS + builders.VECTOR_GATES, ids=lambda s: "-".join(s.values())
)
def test_scores_through_their_maps_add_up_to_the_fusion(switches: dict[str, str]) -> None:
    """The same for score matrices in every form, shorter than the window; a masked form lets no
    invisible score through.
    """
    form = switches.get("fusion_form", "masked")
    gate_form = switches.get("gate_form", "two_layer")
    fusion = builders.loud(
        score_fusion(switches["score_fusion"], form, SOURCES, WINDOW, gate_form)
    ).double()  # type: ignore[arg-type]
    scores = draws(2, 2, LENGTH, LENGTH)
    maps, constant = fusion.linearised(scores, VISIBLE)
    through = [step(part) for step, part in zip(maps, scores, strict=True)]
    torch.testing.assert_close(
        sum(through) + constant, fusion(scores, VISIBLE), rtol=1e-12, atol=1e-12
    )
    later = [step(part * ~VISIBLE) for step, part in zip(maps, scores, strict=True)]
    hidden = switches["score_fusion"] != "sum" and form == "masked"
    assert all(part.any() != hidden for part in later)
