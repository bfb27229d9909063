"""Where a run is computed: the device of a name, and the choice where none is named."""

from __future__ import annotations

import torch

from sirec.errors import SirecError
from sirec.run.store import RunFolder
from sirec.shell import arguments
from sirec.training.process_group import ProcessGroup

AUTO = "auto"


def device_named(name: str) -> torch.device:
    """The device of that name; `auto` is an accelerator if there is one, else the CPU.

    Raises:
        SirecError: if it cannot be used here.
    """
    name = usual_device() if name == AUTO else name
    try:
        device = torch.device(name)
    except RuntimeError:
        hint = "for example: auto, cpu, cuda, cuda:1"
        raise SirecError(f"'{name}' is not a device", hint) from None
    if device.type not in ("cpu", "cuda"):
        raise SirecError(f"device {name} is not supported", "use cpu, cuda or cuda:1")
    if device.type == "cpu":
        return device
    if not torch.cuda.is_available():
        raise SirecError(f"device {name}: no CUDA accelerator is usable here", "use --device cpu")
    count = torch.cuda.device_count()
    if (device.index or 0) >= count:
        what = f"device {name}: there are {count} accelerators here, counted from cuda:0"
        raise SirecError(what)
    return device


def usual_device() -> str:
    """An accelerator if there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_device(name: str, folder: RunFolder) -> tuple[str, str | None]:
    """The device of a run: the named one; for `auto` the one it was begun on, or the usual one.

    Args:
        name: `auto`, or the name of a device.
        folder: the folder of the run.

    Returns:
        The name of the device, and where it was chosen the sentence that says so.
    """
    if name != AUTO:
        return name, None
    if folder.snapshot_path.exists():
        kind, _ = begun_on(folder)
        return kind, f"device: {kind}, on which this run was begun"
    chosen = usual_device()
    if chosen == "cpu":
        return chosen, "device: cpu, as no accelerator is usable here"
    return chosen, f"device: {chosen} (say --device cpu to train without the accelerator)"


def begun_on(folder: RunFolder) -> tuple[str, int]:
    """The kind of device and the number of processes that an unfinished run was begun with."""
    environment = folder.environment()
    return environment.get("device", "cpu"), environment.get("processes", 1)


def refuse_other_device(
    folder: RunFolder, device: torch.device, process_group: ProcessGroup
) -> None:
    """Check that an unfinished run goes on as it was begun.

    A resumed run promises the same bits, which neither another kind of device nor another number
    of processes can give.

    Args:
        folder: the folder of the run.
        device: where it is about to go on.
        process_group: the processes that are about to train it.

    Raises:
        SirecError: if the kind of device or the number of processes is another one.
    """
    if not folder.snapshot_path.exists():
        return
    kind, processes = begun_on(folder)
    if kind != device.type:
        what = f"{folder.path}: begun on {kind}, cannot go on on {device.type}"
        raise SirecError(what, f"use {arguments('--device', kind)}")
    if processes != process_group.size:
        what = f"{folder.path}: begun by {processes} processes, cannot go on by"
        hint = "use torchrun with as many as before, or delete"
        snapshot = folder.snapshot_path.name
        raise SirecError(f"{what} {process_group.size}", f"{hint} {snapshot} there to start anew")
