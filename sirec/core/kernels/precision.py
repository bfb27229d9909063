"""The precision of matrix products: linear maps follow autocast, attention's small products do not.

Under bf16 a CPU compiles a kernel for every shape, and buckets differ in rows and length. The small
products of attention gain nothing from bf16, so that they are computed in fp32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from sirec.core.kernels.products import linear

Owner = TypeVar("Owner")
Given = ParamSpec("Given")
Result = TypeVar("Result")


class Linear(nn.Linear):
    """torch's linear map, computed by `products.linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """Float[..., w] -> Float[..., w']."""
        return linear(x, self.weight, self.bias)


def small_products(
    method: Callable[Concatenate[Owner, Given], Result],
) -> Callable[Concatenate[Owner, Given], Result]:
    """Decorate a method that multiplies many small matrices: on a CPU it computes in fp32."""

    @wraps(method)
    def wrapped(self: Owner, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        if not torch.is_autocast_enabled("cpu"):
            return method(self, *args, **kwargs)
        with torch.autocast("cpu", enabled=False):
            wide_args: Any = list(map(_widened, args))
            wide_kwargs: Any = {key: _widened(value) for key, value in kwargs.items()}
            return method(self, *wide_args, **wide_kwargs)

    return wrapped


def _widened(given: object) -> object:
    if isinstance(given, list | tuple):
        return list(map(_widened, given))
    return given.float() if isinstance(given, Tensor) and given.dtype is torch.bfloat16 else given
