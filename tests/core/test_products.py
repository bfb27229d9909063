"""Products by oneDNN are those of torch's default library up to fp32 rounding, and see few shapes
without gaps.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.core.kernels import products
from sirec.core.kernels.products import filled, linear, product

WORK = 1 << 10  # in these tests


@pytest.fixture
def onednn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Uses oneDNN for all but the smallest products; yields the pairs of matrices that it is asked
    to multiply.
    """
    if not (
        torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    ):
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(products, "ONEDNN", True)
    monkeypatch.setattr(products, "LEAST_WORK", WORK)
    seen: list[tuple[Tensor, Tensor]] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[name-defined,misc]
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if function is torch.ops.mkldnn._linear_pointwise.default:
                seen.append((args[0], args[1]))
            return function(*args, **(kwargs or {}))

    with Watch():
        yield seen


def _weight(shape: str) -> Tensor:
    """[20, 12] in memory as it is, by columns, and as a part of more."""
    torch.manual_seed(1)
    return {
        "dense": torch.randn(20, 12),
        "transposed": torch.randn(12, 20).T,
        "part": torch.randn(20, 30)[:, :12],
    }[shape]


def _with_gradients(out: Tensor, *parts: Tensor | None) -> list[Tensor]:
    return [
        out.detach(),
        *torch.autograd.grad(
            out.square().sum() + out.sum(), [part for part in parts if part is not None]
        ),
    ]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("stored", ["dense", "transposed", "part"])
@pytest.mark.parametrize("rows", [(5,), (64,), (3, 7), (2, 3, 40)])
def test_a_map_is_torchs_in_value_and_gradient(
    rows: tuple[int, ...], stored: str, bias: bool, onednn: list[tuple[Tensor, Tensor]]
) -> None:
    """Compared in fp64, for rows in any number of dimensions and weights however they lie in
    memory.
    """
    x, weight = torch.randn(*rows, 12, requires_grad=True), _weight(stored).requires_grad_()
    offsets = torch.randn(20, requires_grad=True) if bias else None
    ours = _with_gradients(linear(x, weight, offsets), x, weight, offsets)
    assert len(onednn) == 3  # forward, and two gradients
    exact = [
        None if part is None else part.detach().double().requires_grad_()
        for part in (x, weight, offsets)
    ]
    theirs = _with_gradients(F.linear(exact[0], exact[1], exact[2]), *exact)  # type: ignore[arg-type]
    for mine, true in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.double(), true, rtol=1e-5, atol=1e-4)
    swapped = _with_gradients(linear(x, weight.flip(0), offsets), x, weight, offsets)
    assert not torch.allclose(swapped[0], ours[0], atol=1e-2)  # control


def test_matrices_have_no_gaps_and_rows_come_in_sixty_fours(
    onednn: list[tuple[Tensor, Tensor]],
) -> None:
    """What oneDNN sees lies in memory without gaps, by rows or by columns, and has 64 rows for 5;
    the caller sees 5.
    """
    x = torch.randn(5, 2, 40)[:, 0, :12].requires_grad_()
    assert not x.is_contiguous()
    assert not x.T.is_contiguous()  # control
    out = linear(x, _weight("part").requires_grad_())
    out.sum().backward()  # its gradient is one number, repeated without being stored so
    assert out.shape == (5, 20)
    assert [tuple(one.shape) for one, _ in onednn] == [(64, 12), (64, 20), (12, 64)]
    assert all(part.is_contiguous() or part.T.is_contiguous() for pair in onednn for part in pair)


def test_only_what_needs_a_gradient_costs_a_product(onednn: list[tuple[Tensor, Tensor]]) -> None:
    linear(torch.randn(9, 12), _weight("dense").requires_grad_()).sum().backward()
    assert len(onednn) == 2
    with torch.no_grad():
        linear(torch.randn(9, 12), _weight("dense"))
    assert len(onednn) == 3


def test_what_is_small_or_not_fp32_goes_the_usual_way(onednn: list[tuple[Tensor, Tensor]]) -> None:
    """Few multiplications, maps to one number, fp64 and autocast."""
    linear(torch.randn(2, 12), _weight("dense"))
    linear(torch.randn(900, 12), torch.randn(1, 12))
    linear(torch.randn(90, 12, dtype=torch.float64), _weight("dense").double())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(torch.randn(90, 12), _weight("dense")).dtype is torch.bfloat16
    assert linear(torch.randn(0, 12), _weight("dense")).shape == (0, 20)
    assert not onednn
    linear(torch.randn(90, 12), _weight("dense"))
    assert len(onednn) == 1  # control


def test_a_shape_that_may_not_come_again_must_be_worth_its_kernel(
    onednn: list[tuple[Tensor, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same product goes the usual way if its shape is rare, unless it is large."""
    linear(torch.randn(90, 12), _weight("dense"), recurs=False)
    assert not onednn
    monkeypatch.setattr(products, "LEAST_WORK_ONCE", WORK)
    linear(torch.randn(90, 12), _weight("dense"), recurs=False)
    assert len(onednn) == 1


def test_a_product_is_one_whichever_way_its_sides_lie(onednn: list[tuple[Tensor, Tensor]]) -> None:
    one, other = torch.randn(12, 33), torch.randn(33, 20)
    for x in (one, one.T.contiguous().T):
        for y in (other, other.T.contiguous().T):
            torch.testing.assert_close(
                product(x, y).double(), one.double() @ other.double(), rtol=1e-5, atol=1e-5
            )
    assert len(onednn) == 4


def test_rows_are_filled_up_a_little_and_to_few_numbers() -> None:
    """Never fewer, at most 63 or a sixteenth more, in multiples of 64; a number that is filled
    already stays.
    """
    counts = [filled(rows) for rows in range(1, 20_000)]
    for rows, count in enumerate(counts, start=1):
        assert rows <= count <= max(rows + 63, rows * 17 / 16)
        assert count % 64 == 0
        assert filled(count) == count
    assert len(set(counts)) <= 90
