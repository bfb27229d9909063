"""Documents point to what exists, and agree on the version."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from load_script import load
from record import needs_record

from sirec.models import MODELS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
# A path of the repository in code marks: a known folder, then folders and a file.
PATH = re.compile(r"`((?:benchmarks|docs|examples|experiments|scripts|sirec|tests)/[\w./-]+)`")


drawing: Any = load("draw_results", "scripts")


def document_name(path: Path) -> str:
    """How a parametrised test calls a document."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_name)
def test_links_and_paths_of_a_document_exist(document: Path) -> None:
    """Relative links lead to files; paths in code marks are files or folders, unless they hold a
    placeholder in capitals.
    """
    text = document.read_text(encoding="utf-8")
    for link in LINK.findall(text):
        if link.startswith("results/") and not (ROOT / "results").exists():
            continue  # a source distribution has no results
        assert (document.parent / link).exists(), link
    for path in PATH.findall(text):
        is_placeholder = re.search(r"NAME|FILE", path) is not None
        assert is_placeholder or (ROOT / path).exists(), path


def test_patterns_find_links_and_paths() -> None:
    """Control: a link, one with an anchor, an address and a path."""
    text = "[a](docs/a.md), [b](b.md#part), [c](https://example.org), `sirec/x/y.py`, `a/b`"
    assert LINK.findall(text) == ["docs/a.md", "b.md"]
    assert PATH.findall(text) == ["sirec/x/y.py"]


def test_the_version_is_the_same_everywhere() -> None:
    """In `pyproject.toml`, `CITATION.cff` and the newest section of the changelog."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## (\d+\.\d+\.\d+)", changes, flags=re.MULTILINE)[0]
    assert project["version"] == citation["version"] == newest
    assert citation["repository-code"] == project["urls"]["Repository"]
    assert citation["license"] == project["license"]


@needs_record
def test_the_readmes_picture_is_drawn_from_the_committed_table() -> None:
    """If this fails after the table has changed: `python scripts/draw_results.py`."""
    bars = drawing.read_bars(drawing.TABLE)
    assert drawing.PICTURE.read_text(encoding="utf-8") == drawing.draw(bars)
    assert drawing.draw(bars[1:]) != drawing.draw(bars)  # control


def test_the_readme_counts_the_models_that_were_compared_with_their_originals() -> None:
    """A model without public code says so in its declaration."""
    trained = [model for model in MODELS.values() if not model.is_training_free]
    ours = [model for model in trained if model.__module__.startswith("sirec.")]
    compared = [model for model in ours if not model.checked.startswith("no public code")]
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{len(compared)} of the {len(ours)} trained models give the originals' scores" in readme
