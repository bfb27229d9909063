"""What makes bf16 pay on a CPU, where oneDNN compiles a kernel for every shape that it meets.

Steps differ in their number of tokens, and buckets in rows and length, so nearly every product would be of a new shape: SASRec
on Beauty then spends a fifth of its time compiling, and 0.7 GB on what it compiled. So maps see multiples of 64 tokens, and the
small products of attention, which gain nothing from half the digits, stay in fp32. Elsewhere, and without autocast, nothing
changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Owner = TypeVar("Owner")
Given = ParamSpec("Given")
Result = TypeVar("Result")

ROWS = 64  # tokens are filled up to a multiple


def compiles_shapes(x: Tensor) -> bool:
    """Whether products with `x` are about to be compiled for its very shape."""
    return x.device.type == "cpu" and torch.is_autocast_enabled("cpu")


class Linear(nn.Linear):
    """torch's map, on rows filled up to a multiple of `ROWS` where shapes are compiled."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., w] -> [..., w']."""
        missing = -len(x) % ROWS
        if x.dim() != 2 or not missing or not compiles_shapes(x):
            return super().forward(x)
        return super().forward(F.pad(x, (0, 0, 0, missing)))[: len(x)]


def small_products(method: Callable[Concatenate[Owner, Given], Result]) -> Callable[Concatenate[Owner, Given], Result]:
    """A method whose products are of many small matrices: in fp32 where shapes are compiled, whatever type it is given."""

    @wraps(method)
    def wrapped(self: Owner, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        if not torch.is_autocast_enabled("cpu"):
            return method(self, *args, **kwargs)
        with torch.autocast("cpu", enabled=False):
            return method(self, *map(_widened, args), **{key: _widened(value) for key, value in kwargs.items()})  # type: ignore[arg-type]

    return wrapped


def _widened(given: object) -> object:
    if isinstance(given, list | tuple):
        return [_widened(part) for part in given]
    return given.float() if isinstance(given, Tensor) and given.dtype is torch.bfloat16 else given
