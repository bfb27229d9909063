"""The examples of the library run, and the README shows the same lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from load_script import ROOT, load


def test_the_first_comparison_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With one epoch instead of twenty: six runs, a table in the results folder, and a sentence."""
    example: Any = load("first_comparison", "examples/readme")
    monkeypatch.setitem(example.SETTINGS, "epochs", 1)
    monkeypatch.chdir(tmp_path)
    example.main()
    printed = capsys.readouterr().out
    assert "5-core" in printed
    assert "On demo, COMIF has Recall@20" in printed
    assert (tmp_path / "results" / "tables" / "first.md").exists()
    assert len(list((tmp_path / "results" / "runs" / "demo").glob("*/*/config.yaml"))) == 6


def test_the_readme_shows_the_example() -> None:
    """Every statement of the README's Python stands in the example."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```python\n(.*?)^```$", readme, flags=re.MULTILINE | re.DOTALL)
    example = (ROOT / "examples" / "readme" / "first_comparison.py").read_text(encoding="utf-8")
    statements = {line.strip() for line in example.splitlines()}
    for line in block.splitlines():
        assert line.strip() in statements, line
