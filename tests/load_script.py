"""The scripts of `benchmarks/` and `scripts/`, which are no packages, as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def load(name: str, folder: str = "benchmarks") -> ModuleType:
    """The script of that name in `benchmarks/` or another folder of the repository."""
    path = ROOT / folder / f"{name}.py"
    module_name = f"{folder}_{name}".replace("/", "_")
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
