"""`--cluster`: what it refuses, and that a study on a cluster prints and writes what it does
without one.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from sirec.studies.launch import ray_cluster as cluster

from .conftest import SMALL, Call

KEPT = (
    "studies/*",
    "tables/*.*",
    "runs/*/*/*/ranks.parquet",
    "runs/*/*/*/model.safetensors",
    "runs/*/*/*/epochs.jsonl",
)


@pytest.mark.parametrize("missing", cluster.NEEDED)
def test_what_is_not_installed_is_named(
    sirec: Call, prepared: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """One line with what to install and exit code 2, before anything is read or written."""
    monkeypatch.setattr(
        cluster, "find_spec", lambda name: None if name == missing else find_spec("json")
    )
    outcome = sirec(
        "study", "quickstart", "--data", "shop", "--cluster", "auto", "--out", "untouched"
    )
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert f"--cluster needs {missing}, which is not installed" in " ".join(outcome.err.split())
    assert "pip install 'sirec[ray]'" in " ".join(outcome.err.split())
    assert not (prepared / "untouched").exists()


def test_a_measurement_is_not_sent_anywhere(sirec: Call) -> None:
    """It trains nothing."""
    outcome = sirec("study", "correlation", "--data", "shop", "--cluster", "auto")
    assert outcome.code == 2
    assert "correlation measures finished runs and trains none" in " ".join(outcome.err.split())


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("ray") is None or find_spec("joblib") is None, reason="needs sirec[ray]"
)
@pytest.mark.skipif(
    (os.cpu_count() or 1) < cluster.LEAST_WORKERS,
    reason="a cluster of this machine has room for one run",
)
def test_a_cluster_changes_nothing_but_the_place(prepared: Path, tmp_path: Path) -> None:
    """Trials, printed values, record, tables, ranks and weights agree byte for byte; another seed
    (control) has others.
    """
    rows = "rows: {A: {model: sasrec}, C: {model: sasrec, set: {heads: 1}}}"
    (prepared / "sent.yaml").write_text(
        f"title: Sent\nsearch: {{learning_rate: [0.001, 0.01]}}\n{rows}"
    )
    left: list[tuple[str, dict[str, bytes]]] = []
    settings = [value for value in SMALL if value not in ("--threads", "1")]
    for name, more in (
        ("here", []),
        ("there", ["--cluster", "local", "--jobs", "2"]),
        ("other", ["--seeds", "1"]),
    ):
        place = tmp_path / name
        place.mkdir()
        call = [
            sys.executable,
            "-m",
            "sirec",
            "study",
            str(prepared / "sent.yaml"),
            "--data",
            "shop",
            "--json",
        ]
        done = subprocess.run(
            [*call, "--data-root", str(prepared / "data"), *settings, "--set", "threads=1", *more],
            cwd=place,
            env={**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        root = place / "results"
        files = {
            str(path.relative_to(root)): path.read_bytes()
            for pattern in KEPT
            for path in root.glob(pattern)
        }
        left.append((done.stdout, files))
    here, there, other = left
    assert sum(name.startswith("runs/") for name in here[1]) == 3 * 4  # two trials of each row
    assert here == there
    assert here[0] != other[0]
