"""What a model needs of memory, counted before the memory is taken.

Models are built and run on torch's device `meta`, where tensors have shapes and no content. With P
bytes of trained parameters and F bytes of everything else that a model keeps, training takes

    P (1 + 1 + 2) + F       parameters, gradients, Adam's two moments

and for a step the tensors that backpropagation keeps of a pass of the encoder. Both are lower
bounds: what exceeds the memory cannot be trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from sirec.errors import SirecError
from sirec.memory import gigabytes, memory_size

COPIES = 4  # of a trained parameter: itself, its gradient, and Adam's two moments
Built = TypeVar("Built", bound=nn.Module)


@dataclass(frozen=True)
class WeightBytes:
    """Bytes that a model's weights take in training.

    Attributes:
        total: all of them.
        largest: name of the largest parameter or buffer.
        shape: its shape.
        largest_bytes: the bytes that it takes.
    """

    total: int
    largest: str
    shape: tuple[int, ...]
    largest_bytes: int


def without_content(build: Callable[[], Built]) -> Built | None:
    """A model that takes no memory, on torch's device `meta`.

    Args:
        build: builds the model; it is called where new tensors have no content.

    Returns:
        None for a model that cannot be built so, as its weights are computed from numbers.

    Raises:
        SirecError: what `build` raises.
    """
    try:
        with torch.device("meta"):
            return build().to("meta")
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        # Either the weights need numbers, which `meta` has not, or the model is faulty: then it
        # is built with content next, and that fails with the same error, unhidden.
        return None


def weight_bytes(model: nn.Module) -> WeightBytes:
    """The bytes of a model's weights in training."""
    tensors: dict[str, Tensor] = dict([*model.named_parameters(), *model.named_buffers()])
    sizes = {"": 0}
    for name, tensor in tensors.items():
        copies = COPIES if tensor.requires_grad else 1
        sizes[name] = copies * tensor.numel() * tensor.element_size()
    largest = max(sizes, key=lambda name: sizes[name])
    shape = tuple(tensors[largest].shape) if largest else ()
    return WeightBytes(sum(sizes.values()), largest, shape, sizes[largest])


def kept_bytes(model: nn.Module, run: Callable[[], object]) -> int:
    """Bytes of the tensors that backpropagation keeps, each once, the model's own left out.

    Args:
        model: the model.
        run: runs it, and gives what the loss starts from.
    """
    storages: dict[int, torch.UntypedStorage] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage._cdata] = storage  # on `meta` no storage has an address
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(note, lambda tensor: tensor):
        kept_alive = run()
    del kept_alive
    for own in [*model.parameters(), *model.buffers()]:
        storages.pop(own.untyped_storage()._cdata, None)
    return sum(storage.nbytes() for storage in storages.values())


def device_memory(device: torch.device) -> int | None:
    """Bytes of memory of a device; None where it does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return memory_size()


def refuse_beyond(needed: float, device: torch.device, what: str, hint: str) -> None:
    """Raise `SirecError` if this many bytes exceed the memory of a device.

    Args:
        needed: the bytes.
        device: where they would be.
        what: what needs them, the beginning of the message.
        hint: what to do.
    """
    size = device_memory(device)
    if size is not None and needed > size:
        where = "this machine" if device.type == "cpu" else str(device)
        message = f"{what} about {gigabytes(needed)}, and {where} has {gigabytes(size)}"
        raise SirecError(message, hint)
