"""How devices differ: the host from accelerators, and what they know of torch's autocast.

Some devices, such as `meta`, know nothing of autocast.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch


def device_kind(device: torch.device) -> Literal["cpu", "accelerator"]:
    """Whether the host computes by itself, or queues work for another device."""
    return "cpu" if device.type == "cpu" else "accelerator"


def autocast_type(device: torch.device) -> torch.dtype | None:
    """The type that autocast computes products in on a device; None where it is not in force."""
    kind = device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind)
    return None


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """While this lasts, operations on the device keep the types of their arguments."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()
