"""The demo study in two folders and two processes gives the same bytes.

The committed table is met within a tolerance. `demo.csv` is what
`sirec study tests/studies/demo.yaml` wrote to results/tables/demo.csv. Other processors and other
versions of torch add numbers up in another order; what that changes has to stay below `TOLERANCE`.
The two processes have different hash seeds, so that no order of a set or of a dictionary of
objects can decide anything.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

HERE = Path(__file__).parent
PROGRAM = "from sirec.cli.app import main; main()"
COMMAND = [sys.executable, "-c", PROGRAM, "study", str(HERE / "demo.yaml")]
# Files with versions, seconds and times of day, and `DONE`, which holds their digests.
ABOUT_THE_MACHINE = {"environment.json", "timings.json", "evaluations.jsonl", ".lock", "DONE"}
TOLERANCE = 0.005  # a dozen of the 2,496 users


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two folders, each with the data and the results of a study of its own."""
    roots = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    running = []
    for seed, root in enumerate(roots):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": str(seed)}
        process = subprocess.Popen(
            COMMAND, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        running.append(process)
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()
    return roots


def contents(root: Path) -> dict[str, bytes]:
    """Path -> bytes of every file below a folder that is not about the machine."""
    found: dict[str, bytes] = {}
    for path in root.rglob("*"):
        if path.is_file() and path.name not in ABOUT_THE_MACHINE:
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


def table_values(path: Path) -> pd.DataFrame:
    """The metrics in a table's CSV file, by table, row and column."""
    table = pd.read_csv(path)
    return table[table["direction"] == "higher"].set_index(["table", "row", "column"])


@pytest.mark.parametrize(
    ("ending", "count"),
    [
        ("ranks.parquet", 4),
        ("metrics.json", 4),
        ("model.safetensors", 4),
        (".md", 1),
        (".csv", 1),
        ("demo.json", 2),
    ],
)
def test_two_processes_agree_byte_for_byte(folders: list[Path], ending: str, count: int) -> None:
    """All files are the same in both folders; those of another row (control) differ."""
    first, second = map(contents, folders)
    assert first == second
    same_kind = [value for name, value in first.items() if name.endswith(ending)]
    assert len(same_kind) == len(set(same_kind)) == count


def test_the_committed_table_is_met_within_the_tolerance(folders: list[Path]) -> None:
    """Training-free baselines are met exactly; the tolerance (control) tells rows apart."""
    made = table_values(folders[0] / "results" / "tables" / "demo.csv")
    committed = table_values(HERE / "demo.csv")
    assert list(made.index) == list(committed.index)
    assert len(made) == 4 * 4 * 3  # rows, metrics, views
    distance = (made["value"] - committed["value"]).abs()
    assert distance.max() < TOLERANCE
    assert distance[made["is_training_free"] == 1].max() < 1e-12
    recall = committed.xs("Recall@20", level="column")["value"].unstack("row")
    assert (recall["Item transitions"] - recall["SASRec"]).abs().min() > TOLERANCE
