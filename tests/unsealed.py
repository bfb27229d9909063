"""Folders as version 0.2 wrote them, without digests: what is read there is checked by its content
alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sirec import config

reads_unsealed = pytest.mark.filterwarnings("ignore::sirec.errors.Remark")


def unseal_dataset(folder: Path) -> Path:
    """Take the digests of a prepared data set away."""
    path = folder / "dataset.yaml"
    tree = config.read_yaml(path)
    for key in ("digests", "digest"):
        tree.pop(key, None)
    path.write_text(config.to_yaml(tree))
    return folder


def unseal_run(folder: Path) -> Path:
    """Take the digests and the revisions of a run away."""
    path = folder / "config.yaml"
    tree = config.read_yaml(path)
    tree.pop("revisions", None)
    path.write_text(config.to_yaml(tree))
    if (folder / "DONE").exists():
        (folder / "DONE").write_text("")
    return folder


def unseal_record(path: Path) -> Path:
    """Take a record's digest of itself, and those of its runs, away."""
    tree = json.loads(path.read_text())
    tree.pop("digest", None)
    for run in tree.get("runs", ()):
        run.pop("digest", None)
    path.write_text(json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return path
