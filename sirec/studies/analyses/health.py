"""Whether this machine can do the work: what `sirec doctor` looks at."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sirec import waiting
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.run import environment
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import Store

ENOUGH_DISK = 2 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: str
    is_good: bool = True


def check(data_root: Path, results: Path) -> list[Finding]:
    """Versions, processor, folders, and a tiny model trained twice to the same bits."""
    facts = environment.describe()
    packages = [
        Finding(name, version or "missing", version is not None)
        for name, version in facts["packages"].items()
    ]
    free = shutil.disk_usage(Path.cwd()).free
    return [
        Finding("python", facts["python"]),
        *packages,
        Finding(
            "processor",
            f"{facts['processor']}, {os.cpu_count()} cores, torch uses {facts['threads']} threads",
        ),
        Finding("waiting threads", waiting.told()),
        Finding("matrix products", f"{facts['products']} in fp32"),
        Finding("accelerator", facts["accelerator"] or "none (not needed)"),
        Finding("free disk", f"{free / 2**30:.0f} GiB", free > ENOUGH_DISK),
        Finding(
            "data sets",
            ", ".join(storage.list_datasets(data_root)) or "none yet (sirec prepare demo)",
        ),
        Finding("finished runs", str(sum(run.is_done for run in Store(results).all()))),
        _training(),
    ]


def _training() -> Finding:
    """Train a tiny model twice: it must work, and give the same ranks."""
    start = time.perf_counter()
    data = prepare(DemoSource(users=300, items=100).read(), "doctor").dataset
    config = resolve(
        "comif",
        data,
        assignments={"width": 16, "heads": 2, "layers": 1, "inner": 16, "epochs": 1, "threads": 1},
    )
    with tempfile.TemporaryDirectory() as place:
        first, second = (
            execute(config, data, Store(Path(place) / name)).ranks() for name in ("first", "second")
        )
    same = bool(np.array_equal(first.ranks["test"]["keep"], second.ranks["test"]["keep"]))
    seconds = time.perf_counter() - start
    return Finding(
        "a tiny training", f"{seconds:.1f} s, repeats {'agree' if same else 'DIFFER'}", same
    )
