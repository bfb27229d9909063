"""The demo study in two folders and two processes: byte for byte the same, and the committed table
within a tolerance.

`demo.csv` is what `sirec study tests/studies/demo.yaml` wrote to results/tables/demo.csv. Other
processors and other versions of torch add numbers up in another order; what they change must stay
below `TOLERANCE`. The folders are trained with different hash seeds, so that no order of a set or a
dictionary of objects can decide anything.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

HERE = Path(__file__).parent
COMMAND = [
    sys.executable,
    "-c",
    "from sirec.cli.app import main; main()",
    "study",
    str(HERE / "demo.yaml"),
]
OF_THE_MACHINE = {
    "environment.json",
    "timings.json",
    "evaluations.jsonl",
    ".lock",
}  # versions, seconds, moments
TOLERANCE = 0.005  # a dozen of the 2,496 users


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two folders, each with the data and the results of a study of its own."""
    places = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    running = []
    for seed, place in enumerate(places):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": str(seed)}
        running.append(
            subprocess.Popen(
                COMMAND,
                cwd=place,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        )
    for process in running:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said.decode()
    return places


def contents(place: Path) -> dict[str, bytes]:
    """Every file below a folder that is not about the machine, by its path there."""
    files = (
        path for path in place.rglob("*") if path.is_file() and path.name not in OF_THE_MACHINE
    )
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


def test_two_processes_agree_byte_for_byte(folders: list[Path]) -> None:
    """Data, weights, ranks, metrics, logs of epochs and tables are the same files; another row's
    (control) are others.
    """
    first, second = map(contents, folders)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    for ending, count in (
        ("ranks.parquet", 4),
        ("metrics.json", 4),
        ("model.safetensors", 4),
        (".md", 1),
        (".csv", 1),
        (".tex", 1),
    ):
        found = [name for name in first if name.endswith(ending)]
        assert len(found) == count, ending
        assert len({first[name] for name in found}) == len(found), ending


def test_the_committed_table_is_met_within_the_tolerance(folders: list[Path]) -> None:
    """Every metric of every row under every view, floors exactly; the tolerance (control) tells the
    rows apart.
    """
    keys = ["table", "row", "column"]
    tables = [pd.read_csv(path).query("direction == 'higher'").set_index(keys) for path in
              (folders[0] / "results" / "tables" / "demo.csv", HERE / "demo.csv")]  # fmt: skip
    made, committed = tables
    assert list(made.index) == list(committed.index)
    assert len(made) == 4 * 4 * 3  # rows, metrics, views
    distance = (made["value"] - committed["value"]).abs()
    assert distance.max() < TOLERANCE
    assert distance[made["is_training_free"] == 1].max() < 1e-12
    recall = committed.xs("Recall@20", level="column")["value"].unstack("row")
    assert (recall["Item transitions"] - recall["SASRec"]).abs().min() > TOLERANCE
