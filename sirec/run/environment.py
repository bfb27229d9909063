"""What a number was made with: versions, processor, threads, the commit."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from sirec.core.kernels.products import library
from sirec.evaluation.metrics import METRIC_KINDS, parse_metric
from sirec.papers import PROTOCOLS
from sirec.registry import providers_of
from sirec.run.config import RunConfig

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows has none
    resource = None

PACKAGES = ("sirec", "torch", "numpy", "scipy", "pandas", "pyarrow")


def describe(threads: int | None = None, device: str = "cpu") -> dict[str, Any]:
    """What decides a run's numbers besides its configuration, as plain values.

    Args:
        threads: threads that a run computes with; None for those of this process.
        device: the kind of device that it computes on.

    Returns:
        The values for `environment.json` and `sirec doctor`.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "products": library(),
        "threads": torch.get_num_threads() if threads is None else threads,
        "device": device,
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
    }


def processor() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str | None:
    """The commit of the checkout that this package runs from; None outside a checkout.

    It ends in `+changes` where files of the package have been changed since.
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return f"{head}+changes" if _git(root, "status", "--porcelain", "--", "sirec") else head
    except (OSError, subprocess.CalledProcessError):
        return None


def peak_memory() -> int | None:
    """The largest resident size of this process so far, in bytes; None where it is not known."""
    if resource is None:
        return None
    peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else peak * 1024


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def plugins_of(config: RunConfig) -> dict[str, Any]:
    """The plugins that a run needs or was configured by, for its environment.json.

    Args:
        config: configuration of the run.

    Returns:
        {"plugins": {package: version}} with the providers of its components, of the metrics that
        select its weights and of its protocol; nothing if all of them are of `sirec`.
    """
    providers = providers_of(config)
    for stage in config.stages:
        providers.add(METRIC_KINDS.provider(parse_metric(stage.metric).kind))
    if config.protocol in PROTOCOLS:
        providers.add(PROTOCOLS.provider(config.protocol))
    plugins: dict[str, Any] = {}
    for provider in sorted(providers, key=str):
        if not provider.is_sirec:
            plugins[provider.package] = provider.version
    return {"plugins": plugins} if plugins else {}
