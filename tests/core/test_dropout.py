"""Dropout keeps each value with its probability, alone of others, and the mean as it is."""

from __future__ import annotations

import pytest
import torch

from sirec.core.layers.dropout import LEVELS, Dropout

MANY = 200_003  # not a multiple of the four that share a drawn number


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_values_stay_with_their_probability_and_the_mean_is_kept(p: float) -> None:
    torch.manual_seed(0)
    part, x = Dropout(p), torch.ones(MANY, dtype=torch.float64)
    found = part(x)
    stays = part.staying / LEVELS
    assert abs(stays - (1 - p)) <= 0.5 / LEVELS
    assert set(found.unique().tolist()) == {0.0, LEVELS / part.staying}
    spread = (stays * (1 - stays) / MANY) ** 0.5
    assert abs((found > 0).double().mean().item() - stays) < 4 * spread
    assert (
        abs((found > 0).double().mean().item() - stays * 0.98) > 4 * spread or p > 0.8
    )  # control: it would be seen


def test_values_are_independent_of_their_neighbours() -> None:
    """Four values share one drawn number: pairs at any distance must stay together as often as
    chance has it.
    """
    torch.manual_seed(1)
    kept = (Dropout(0.5)(torch.ones(MANY)) > 0).double()
    for distance in (1, 2, 3, 4, 8):
        together = (kept[distance:] * kept[:-distance]).mean().item()
        assert abs(together - 0.25) < 4 * (0.1875 / MANY) ** 0.5
    doubled = kept[: MANY // 2].repeat_interleave(2)
    assert abs((doubled[1:] * doubled[:-1]).mean().item() - 0.25) > 0.05  # control


def test_the_gradient_passes_where_the_value_did() -> None:
    x = torch.randn(40, 7, requires_grad=True)
    out = Dropout(0.5)(x)
    out.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x.detach(), out.detach())


def test_it_follows_the_seed_and_rests_in_evaluation() -> None:
    x, part = torch.randn(33), Dropout(0.4)
    torch.manual_seed(3)
    first = part(x)
    torch.manual_seed(3)
    assert torch.equal(part(x), first)
    assert not torch.equal(part(x), first)
    assert part.eval()(x) is x
    assert Dropout(0.0)(x) is x


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_the_type_stays(dtype: torch.dtype) -> None:
    assert Dropout(0.5)(torch.ones(3, 5, dtype=dtype)).dtype is dtype


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_what_is_no_probability_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="not in"):
        Dropout(p)
