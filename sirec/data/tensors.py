"""Tensors on disk, as safetensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sirec.disk import atomic_file, read_fault
from sirec.errors import SirecError

SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str] | None = None
) -> None:
    """Replace a file of tensors; if that fails, the older one is still there.

    Args:
        path: the file.
        tensors: tensors by name.
        header: texts by name, which the file begins with.

    Raises:
        SirecError: if the disk refuses.
    """
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    with atomic_file(path) as temporary:
        try:
            save_file(contiguous, temporary, None if header is None else dict(header))
        except SafetensorError as error:
            raise _system_error(error) from error


def load_tensors(path: Path, hint: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file by name, and the texts of its header.

    Args:
        path: the file.
        hint: what to do where it is missing or damaged.

    Raises:
        SirecError: if the file is missing or damaged, or the disk refuses.
    """
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            header = dict(file.metadata() or {})
            for name in file.keys():  # noqa: SIM118 (not a mapping)
                tensors[name] = file.get_tensor(name)
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file", hint) from None
    except SafetensorError as error:
        raise SirecError(f"{path}: not a readable file of tensors: {error}", hint) from None
    except OSError as error:
        raise read_fault(path, error) from None
    return tensors, header


def _system_error(error: SafetensorError) -> OSError:
    """The error of the operating system that a text of safetensors names."""
    named = SYSTEM_ERROR.search(str(error))
    return OSError(int(named[1]), str(error)) if named else OSError(str(error))


def check_tensors(
    found: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str, hint: str | None = None
) -> None:
    """Check names, shapes and types before tensors are put to use.

    Libraries compute with whatever they are given, also outside of the memory of a tensor that is
    too small.

    Args:
        found: tensors by name, as they were read.
        expected: tensors of the names, shapes and types that are needed.
        what: whose tensors these are, with the file, for the message.
        hint: what to do, if anything can be said.

    Raises:
        SirecError: for the first tensor that is missing, unknown or different.
    """
    for name in (*expected, *found):
        if name not in found:
            raise SirecError(f"{what}: the tensor '{name}' is missing", hint)
        if name not in expected:
            raise SirecError(f"{what}: the tensor '{name}' is not expected", hint)
        here, needed = found[name], expected[name]
        if here.shape != needed.shape or here.dtype != needed.dtype:
            raise SirecError(
                f"{what}: the tensor '{name}' is {_described(here)}, expected {_described(needed)}",
                hint,
            )


def _described(tensor: Tensor) -> str:
    sizes = " x ".join(map(str, tensor.shape)) or "one number"
    return f"{sizes} of {str(tensor.dtype).removeprefix('torch.')}"
