"""Imports everything that a command may need, so that a forked command need not import it."""

from __future__ import annotations

import importlib
import pkgutil

import sirec

ALSO = ("matplotlib.figure", "pyarrow.pandas_compat", "scipy.stats", "torch._dynamo")

for each in pkgutil.walk_packages(sirec.__path__, "sirec."):
    if not each.name.endswith("__main__"):
        importlib.import_module(each.name)
for name in ALSO:
    importlib.import_module(name)
