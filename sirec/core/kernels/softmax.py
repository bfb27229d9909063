"""Cross-entropy over a catalogue, computed in blocks of logits.

    L = 1/N Σ_n log Σ_v exp z_nv − z_nt(n),     z = Q Kᵀ + b
    ∂L/∂z = (softmax(z) − onehot(t)) / N
    ∂L/∂Q = ∂L/∂z K,   ∂L/∂K = (∂L/∂z)ᵀ Q,   ∂L/∂b = Σ_n ∂L/∂z

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

from sirec.core.kernels.devices import autocast_type, device_kind, without_autocast
from sirec.core.kernels.products import add_product, compiles_shapes, filled, product

# Size of one block of logits: about that of a cache, or enough work for a large device.
BLOCK_BYTES = {"cpu": 1 << 24, "accelerator": 1 << 28}
LEAST_ROWS = 64  # of a block: each block reads the whole item table


def cross_entropy(queries: Tensor, keys: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """The mean cross-entropy of targets under the logits Q Kᵀ + b; it has first derivatives only.

    Under autocast logits, probabilities and products have its type, loss and sums are fp32.

    Args:
        queries: Q, Float[N, D].
        keys: K, Float[V, D].
        bias: b, Float[V], or None.
        targets: Long[N], the class of each query.

    Returns:
        A scalar.
    """
    needing = [part for part in (queries, keys, bias) if part is not None and part.requires_grad]
    wanted = torch.is_grad_enabled() and len(needing) > 0
    parts = (queries, keys, bias, targets)
    loss: Tensor = _CrossEntropy.apply(*parts, wanted)  # type: ignore[no-untyped-call]
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
        context.types = [None if part is None else part.dtype for part in (queries, keys, bias)]
        fast = autocast_type(queries.device)
        with without_autocast(queries.device):
            loss, gradients = _evaluate(
                queries, keys, bias, targets, fast or queries.dtype, wants_gradients
            )
        context.count = len(targets)
        context.save_for_backward(*gradients)
        return loss

    @staticmethod
    @once_differentiable
    def backward(context: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        gradients: list[Tensor | None] = []
        for part, kind in zip(context.saved_tensors, context.types, strict=True):
            gradients.append(None if part is None else (part * (above / context.count)).to(kind))
        return (*gradients, None, None)


def _evaluate(
    queries: Tensor,
    keys: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    kind: torch.dtype,
    wants_gradients: bool,
) -> tuple[Tensor, tuple[Tensor | None, Tensor | None, Tensor | None]]:
    """The loss, and the sums of its gradients by queries, keys and bias over targets.

    Products have the type `kind`, everything else at least fp32.
    """
    exact = torch.promote_types(kind, torch.float32)
    count, k = len(targets), keys.to(kind)
    many = filled(count) if compiles_shapes(k) else count
    q, aims = F.pad(queries.to(kind), (0, 0, 0, many - count)), F.pad(targets, (0, many - count))
    by_q = torch.empty_like(q) if wants_gradients else None
    # [D, V]: its product is the faster one.
    by_k = k.new_zeros((k.shape[1], len(k)), dtype=exact) if wants_gradients else None
    by_b = torch.zeros_like(bias, dtype=exact) if wants_gradients and bias is not None else None
    total = torch.zeros((), dtype=exact, device=q.device)
    rows = max(BLOCK_BYTES[device_kind(q.device)] // (len(k) * kind.itemsize), LEAST_ROWS)
    # Blocks are numbers of the host, so that no value is read back from a device.
    for mine in np.array_split(np.arange(many), -(-many // rows)):
        block, real = slice(int(mine[0]), int(mine[-1]) + 1), max(count - int(mine[0]), 0)
        logits, aim = product(q[block], k.T), aims[block, None]
        if bias is not None:
            logits = (logits + bias).to(kind)
        aimed, most = logits.gather(1, aim).to(exact), logits.amax(dim=1, keepdim=True).to(exact)
        probabilities = logits.softmax(dim=1)
        # The largest probability is exp(max z − log Σ exp z).
        log_sum = most - _largest(probabilities).to(exact).log()
        total += (log_sum - aimed)[:real].sum()
        if by_q is None or by_k is None:
            continue
        slope, each = probabilities, torch.arange(len(aim), device=q.device)[:, None]
        # scatter_ would copy all of the block several times.
        slope.index_put_((each, aim), (aimed - log_sum).expm1().to(kind))
        slope[real:] = 0  # rows that only pad a block
        if by_b is not None:
            by_b += slope.sum(dim=0, dtype=exact)
        by_q[block] = product(slope, k)
        add_product(by_k, q[block].T, slope)
    if by_q is None or by_k is None:
        return total / count, (None, None, None)
    return total / count, (by_q[:count], by_k.T.contiguous(), by_b)


def _largest(probabilities: Tensor) -> Tensor:
    """The largest number of each row, [n, V] -> [n, 1].

    Numbers of bf16 that are not negative have the order of their bits, and torch finds the largest
    integer of 16 bits 7 times faster.
    """
    if probabilities.dtype is torch.bfloat16:
        return probabilities.view(torch.int16).amax(dim=1, keepdim=True).view(torch.bfloat16)
    return probabilities.amax(dim=1, keepdim=True)
