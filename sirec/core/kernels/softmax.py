"""Cross-entropy over a catalogue, block by block: no more than a block of logits exists at a time.

    L = 1/N Σ_n log Σ_v exp z_nv − z_nt(n),     z = Q Kᵀ + b
    ∂L/∂z = (softmax(z) − onehot(t)) / N,       ∂L/∂Q = ∂L/∂z K,   ∂L/∂K = (∂L/∂z)ᵀ Q,   ∂L/∂b = Σ_n ∂L/∂z

The gradient is known as soon as the logits are, so it is computed with the loss, while a block is
still in the cache, and N × V numbers are neither kept nor read again. Letters: N targets, V
classes, D width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from sirec.core.kernels.products import add_product, compiles_shapes, filled, product

BLOCK_BYTES = {
    "cpu": 1 << 24,
    "cuda": 1 << 28,
}  # of one block of logits: about a cache, or enough for a large device to do
LEAST_ROWS = 64  # fewer would read the whole table for next to nothing, however large the catalogue


def cross_entropy(queries: Tensor, keys: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """The mean loss of Long[N] `targets` under logits `queries` [N, D] · `keys` [V, D] + `bias`
    [V], a scalar.

    It has first derivatives only. Under autocast logits, shares and products have its type, loss
    and sums fp32.
    """
    wanted = torch.is_grad_enabled() and any(
        part is not None and part.requires_grad for part in (queries, keys, bias)
    )
    loss: Tensor = _CrossEntropy.apply(queries, keys, bias, targets, wanted)  # type: ignore[no-untyped-call]
    return loss


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        queries: Tensor,
        keys: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        wants_gradients: bool,
    ) -> Tensor:
        device, types = (
            queries.device.type,
            [part.dtype for part in (queries, keys, bias) if part is not None],
        )
        context.types = [None if part is None else part.dtype for part in (queries, keys, bias)]
        fast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        with torch.autocast(device, enabled=False):
            loss, gradients = _evaluate(
                queries, keys, bias, targets, fast or types[0], wants_gradients
            )
        context.count = len(targets)
        context.save_for_backward(*gradients)
        return loss

    @staticmethod
    @once_differentiable
    def backward(context: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        parts = zip(context.saved_tensors, context.types, strict=True)
        return (
            *(
                None if part is None else (part * (above / context.count)).to(kind)
                for part, kind in parts
            ),
            None,
            None,
        )


def _evaluate(
    queries: Tensor,
    keys: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    kind: torch.dtype,
    wants_gradients: bool,
) -> tuple[Tensor, tuple[Tensor | None, Tensor | None, Tensor | None]]:
    """The loss, and its gradients by queries, keys and bias; products in the type `kind`, the rest
    at least in fp32.
    """
    exact = torch.promote_types(kind, torch.float32)
    count, k = len(targets), keys.to(kind)
    many = filled(count) if compiles_shapes(k) else count
    q, aims = F.pad(queries.to(kind), (0, 0, 0, many - count)), F.pad(targets, (0, many - count))
    by_q = torch.empty_like(q) if wants_gradients else None
    by_k = (
        k.new_zeros((k.shape[1], len(k)), dtype=exact) if wants_gradients else None
    )  # [D, V]: the faster product
    by_b = torch.zeros_like(bias, dtype=exact) if wants_gradients and bias is not None else None
    total = torch.zeros((), dtype=exact, device=q.device)
    rows = max(BLOCK_BYTES[q.device.type] // (len(k) * kind.itemsize), LEAST_ROWS)
    for mine in np.array_split(
        np.arange(many), -(-many // rows)
    ):  # numbers of the host: nothing is asked of the device
        block, real = slice(int(mine[0]), int(mine[-1]) + 1), max(count - int(mine[0]), 0)
        logits, aim = product(q[block], k.T), aims[block, None]
        if bias is not None:
            logits = (logits + bias).to(kind)
        aimed, most = logits.gather(1, aim).to(exact), logits.amax(dim=1, keepdim=True).to(exact)
        shares = logits.softmax(dim=1)
        log_sum = (
            most - _largest(shares).to(exact).log()
        )  # the largest share is exp(max z - log sum)
        total += (log_sum - aimed)[:real].sum()
        if by_q is None or by_k is None:
            continue
        slope, each = shares, torch.arange(len(aim), device=q.device)[:, None]
        slope.index_put_(
            (each, aim), (aimed - log_sum).expm1().to(kind)
        )  # scatter_ copies all of it, several times
        slope[real:] = 0  # rows that only fill a block up
        if by_b is not None:
            by_b += slope.sum(dim=0, dtype=exact)
        by_q[block] = product(slope, k)
        add_product(by_k, q[block].T, slope)
    if by_q is None or by_k is None:
        return total / count, (None, None, None)
    return total / count, (by_q[:count], by_k.T.contiguous(), by_b)


def _largest(shares: Tensor) -> Tensor:
    """[n, V], none negative -> [n, 1]. Such numbers order as their bits do, and torch is 7 times
    faster with integers of 16.
    """
    if shares.dtype is torch.bfloat16:
        return shares.view(torch.int16).amax(dim=1, keepdim=True).view(torch.bfloat16)
    return shares.amax(dim=1, keepdim=True)
