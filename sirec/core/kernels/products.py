"""Products with weights on a CPU, by the faster of torch's two libraries and in few shapes.

torch multiplies fp32 matrices on x86 with MKL, which does not use AVX-512 on processors of other
makers than Intel: 84 to 110 GFLOP/s on one Zen 5 core, where oneDNN reaches 200 to 240. torch
contains oneDNN for bf16, and for fp32 behind an operator that its own compiler uses; this operator
is used here where MKL is known to be slow. Precision is the same, the order of summation is not.

oneDNN compiles a kernel for every shape, and training steps differ in their number of tokens:
SASRec on Beauty would spend a fifth of a bf16 step on compiling, and 0.7 GB on the kernels. So rows
are padded to few numbers, by a sixteenth at most where there are many.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 64  # rows are padded to a multiple of this, or of a sixteenth of themselves
LEAST_WIDTH = 4  # for narrower maps,
LEAST_WORK = 1 << 20  # and for fewer multiplications, the call costs more than it saves;
LEAST_WORK_ONCE = 1 << 25  # the same with the cost of a kernel, for a shape that may not recur


def _onednn_pays() -> bool:
    """Whether fp32 products are faster with oneDNN: torch has both libraries, and the processor has
    AVX-512 and another maker than Intel.
    """
    has_both = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
    if not has_both or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    info = Path("/proc/cpuinfo")
    vendor = info.read_text(encoding="utf-8") if info.exists() else platform.processor()
    return "GenuineIntel" not in vendor and hasattr(torch.ops.mkldnn, "_linear_pointwise")


ONEDNN = _onednn_pays()


def library() -> str:
    """The library that multiplies fp32 matrices here, as environment.json records it."""
    return "oneDNN" if ONEDNN else "torch's default"


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, recurs: bool = True) -> Tensor:
    """Compute x Wᵀ + b, as torch's `linear`; with oneDNN in fp32 it has first derivatives only.

    Args:
        x: Float[..., w].
        weight: W, Float[w', w].
        bias: b, Float[w'], or None.
        recurs: whether the same shapes come again, but for the number of rows.

    Returns:
        Float[..., w'].
    """
    if (
        torch.compiler.is_exporting()
    ):  # the graph is for another runtime, and for any number of rows
        return F.linear(x, weight, bias)
    fast = _goes_to_onednn(x, weight.T, LEAST_WORK if recurs else LEAST_WORK_ONCE)
    if (
        x.dim() < 2
        or not x.numel()
        or not (fast or (x.device.type == "cpu" and torch.is_autocast_enabled("cpu")))
    ):
        return F.linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    many = filled(len(rows))
    full = rows if many == len(rows) else F.pad(rows, (0, 0, 0, many - len(rows)))
    if fast:
        out: Tensor = _Linear.apply(full, weight, bias)  # type: ignore[no-untyped-call]
    else:
        out = F.linear(full, weight, bias)
    return out[: len(rows)].unflatten(0, x.shape[:-1])


def product(x: Tensor, y: Tensor) -> Tensor:
    """Multiply without gradients: `x` Float[n, k], `y` Float[k, m] -> Float[n, m]."""
    return _multiply(x, y) if _goes_to_onednn(x, y, LEAST_WORK) else x @ y


def compiles_shapes(x: Tensor) -> bool:
    """Whether a product with `x` may compile a kernel for its shape."""
    if x.device.type != "cpu":
        return False
    return (
        x.dtype is torch.bfloat16
        or torch.is_autocast_enabled("cpu")
        or (ONEDNN and x.dtype is torch.float32)
    )


def add_product(total: Tensor, x: Tensor, y: Tensor) -> None:
    """Add the product of `x` Float[n, k] and `y` Float[k, m] to `total` Float[n, m], in place."""
    if total.dtype is x.dtype and not _goes_to_onednn(x, y, LEAST_WORK):
        total.addmm_(x, y)
    else:
        total += product(x, y)


def filled(rows: int) -> int:
    """How many rows are computed where `rows` are needed."""
    step = max(ROWS, 1 << max(rows.bit_length() - 5, 0))
    return -(-rows // step) * step


def _goes_to_onednn(x: Tensor, y: Tensor, least: int) -> bool:
    """For a product of rows `x` with a matrix `y`."""
    if not ONEDNN or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    are_fp32 = x.dtype is torch.float32 and y.dtype is torch.float32
    return are_fp32 and min(y.shape) >= LEAST_WIDTH and x.numel() * y.shape[1] >= least


def _multiply(x: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    out: Tensor = torch.ops.mkldnn._linear_pointwise(_dense(x), _dense(y).T, bias, "none", [], "")
    return out


def _dense(x: Tensor) -> Tensor:
    """The matrix in contiguous memory, by rows or by columns; else oneDNN is many times slower."""
    return x if x.is_contiguous() or x.T.is_contiguous() else x.contiguous()


class _Linear(torch.autograd.Function):
    """x Wᵀ + b; ∂x = g W, ∂W = (xᵀ g)ᵀ, ∂b = Σ g."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(x, weight)
        return _multiply(x, weight.T, bias)

    @staticmethod
    @once_differentiable
    def backward(context: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = context.saved_tensors
        wanted, above = context.needs_input_grad, above.contiguous()
        by_x = _multiply(above, weight) if wanted[0] else None
        # (xᵀ g)ᵀ is twice as fast as gᵀ x where x is narrow.
        by_weight = _multiply(x.T, above).T if wanted[1] else None
        return by_x, by_weight, above.sum(dim=0) if wanted[2] else None
