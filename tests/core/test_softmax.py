"""The blockwise cross-entropy is the plain one: its value, its gradients, whatever the blocks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sirec.core.kernels import softmax
from sirec.core.kernels.softmax import cross_entropy

TARGETS, CLASSES, WIDTH = 150, 37, 5
BLOCKS = (1, 64 * CLASSES * 8, 1 << 30)  # bytes: the least rows, a little more, everything at once


def _sides(
    dtype: torch.dtype = torch.float64, *, bias: bool = True
) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
    torch.manual_seed(0)
    queries = torch.randn(TARGETS, WIDTH, dtype=dtype, requires_grad=True)
    keys = torch.randn(CLASSES, WIDTH, dtype=dtype, requires_grad=True)
    offsets = torch.randn(CLASSES, dtype=dtype, requires_grad=True) if bias else None
    return queries, keys, offsets, torch.randint(CLASSES, (TARGETS,))


def _plain(queries: Tensor, keys: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    return F.cross_entropy(F.linear(queries, keys, bias).float().to(queries.dtype), targets)


def _with_gradients(loss: Tensor, *parts: Tensor | None) -> list[Tensor]:
    wanted = [part for part in parts if part is not None]
    return [loss.detach(), *torch.autograd.grad(loss, wanted)]


@pytest.mark.parametrize("size", BLOCKS)
@pytest.mark.parametrize("bias", [True, False])
def test_value_and_gradients_are_those_of_loops(
    size: int, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(softmax.BLOCK_BYTES, "cpu", size)
    queries, keys, offsets, targets = _sides(bias=bias)
    naive = torch.zeros((), dtype=torch.float64)
    for query, target in zip(queries, targets.tolist(), strict=True):
        scores = [
            query.dot(key) + (offsets[v] if offsets is not None else 0.0)
            for v, key in enumerate(keys)
        ]
        naive = naive + (sum(score.exp() for score in scores)).log() - scores[target]  # type: ignore[union-attr]
    expected = _with_gradients(naive / TARGETS, queries, keys, offsets)
    loss = cross_entropy(queries, keys, offsets, targets)
    for ours, theirs in zip(_with_gradients(loss, queries, keys, offsets), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    shifted = _with_gradients(
        cross_entropy(queries, keys, offsets, targets.roll(1)), queries, keys, offsets
    )
    assert not torch.allclose(shifted[1], expected[1])  # control


def test_numerical_gradients_agree_and_a_factor_in_front_scales_them() -> None:
    queries, keys, bias, targets = _sides()
    assert bias is not None
    assert torch.autograd.gradcheck(
        lambda q, k, b: 3 * cross_entropy(q, k, b, targets), (queries, keys, bias)
    )


def test_scores_far_apart_stay_finite() -> None:
    """A target whose share is 0 in floating point has a finite loss: its score's distance from the
    best one.
    """
    queries = torch.tensor([[1000.0]], requires_grad=True)
    keys = torch.tensor([[1.0], [-1.0]], requires_grad=True)
    loss = cross_entropy(queries, keys, None, torch.tensor([1]))
    assert loss.item() == 2000.0
    assert torch.isfinite(torch.autograd.grad(loss, queries)[0]).all()


def test_under_autocast_it_differs_by_rounding_only() -> None:
    queries, keys, bias, targets = _sides(torch.float32)
    exact = _with_gradients(_plain(queries, keys, bias, targets), queries, keys, bias)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cross_entropy(queries, keys, bias, targets)
    ours = _with_gradients(loss, queries, keys, bias)
    for mine, true in zip(ours, exact, strict=True):
        assert mine.dtype is torch.float32
        assert (mine - true).abs().max() <= 0.02 * true.abs().max()
    assert not torch.equal(ours[1], exact[1])  # control: it did run in bf16


def test_without_gradients_there_is_the_loss_alone() -> None:
    queries, keys, bias, targets = _sides()
    with torch.no_grad():
        assert not cross_entropy(queries, keys, bias, targets).requires_grad
    assert cross_entropy(queries.detach(), keys.detach(), None, targets).requires_grad is False
    frozen = cross_entropy(queries, keys.detach(), None, targets)
    torch.testing.assert_close(
        torch.autograd.grad(frozen, queries)[0],
        torch.autograd.grad(_plain(queries, keys.detach(), None, targets), queries)[0],
        atol=1e-8,
        rtol=1e-5,
    )


def test_a_block_is_all_the_logits_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tensor of the size of targets × classes is made, however many targets there are."""
    monkeypatch.setitem(softmax.BLOCK_BYTES, "cpu", 1)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[name-defined,misc]
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            made = function(*args, **(kwargs or {}))
            largest = max(largest, made.numel() if isinstance(made, Tensor) else 0)
            return made

    queries, keys, _, targets = _sides(bias=False)
    with Watch():
        cross_entropy(queries, keys, None, targets).backward()
    assert 0 < largest <= softmax.LEAST_ROWS * CLASSES
    with Watch():
        _plain(queries, keys, None, targets).backward()
    assert largest == TARGETS * CLASSES  # control
