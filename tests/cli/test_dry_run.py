"""`--dry-run` of commands that train: what there is, what is missing; nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import SMALL, Call

PLAN = """
title: Small
seeds: [0, 1]
set: {width: 8, heads: 2, layers: 1, inner: 8, epochs: 2, threads: 1}
rows:
  Popularity: {model: popularity}
  SASRec: {model: sasrec}
"""


def states(text: str) -> dict[str, str]:
    """Label -> state of each run of a dry run as JSON."""
    [table] = json.loads(text)["tables"]
    found: dict[str, str] = {}
    for row in table["rows"]:
        found[row["label"]] = row["cells"]["state"]["value"]
    return found


def files_of(folder: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_study_says_what_is_done_and_what_is_missing(
    sirec: Call, prepared: Path, tmp_path: Path
) -> None:
    """Before it runs everything is missing and nothing is written; afterwards (control) all is
    done, and a further seed alone is missing.
    """
    file, out = tmp_path / "small.yaml", tmp_path / "results"
    file.write_text(PLAN)
    asked = ("study", str(file), "--data", "shop", "--out", str(out), "--dry-run", "--json")
    before = sirec(*asked)
    assert before.code == 0, before.err
    assert set(states(before.out).values()) == {"missing"}
    assert len(states(before.out)) == 3
    assert files_of(out) == []
    assert sirec("study", str(file), "--data", "shop", "--out", str(out)).code == 0
    written = files_of(out)
    assert set(states(sirec(*asked).out).values()) == {"done"}
    more = sirec(*asked, "--seeds", "0,5").out
    assert sorted(states(more).values()) == ["done", "done", "missing"]
    assert files_of(out) == written


@pytest.mark.parametrize(
    "words",
    [
        ("train", "sasrec", "--data", "shop", "--seeds", "0,1", *SMALL),
        ("worth", "shop", "--fields", "brand", "--quick", *SMALL[:-2]),
        ("ablate", "--no-upa", "--data", "shop", *SMALL[:-2]),
    ],
    ids=lambda words: words[0],
)
def test_every_command_that_trains_can_say_so_beforehand(
    sirec: Call, prepared: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Two runs and more are missing, their number is said, and nothing is written."""
    made = sirec(*words, "--out", str(tmp_path), "--dry-run", "--json")
    assert made.code == 0, made.err
    value: Any = json.loads(made.out)
    value = value[0] if isinstance(value, list) else value
    found = states(json.dumps(value))
    assert len(found) >= 2
    assert set(found.values()) == {"missing"}
    assert value["sentences"][0].startswith(f"{len(found)} runs, 0 of them done")
    assert files_of(tmp_path) == []
