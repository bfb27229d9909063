"""A run that is stopped, however rudely, ends as if it had not been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage

TRAIN = [
    sys.executable,
    "-m",
    "sirec",
    "train",
    "comif",
    "--data",
    "shop",
    "--threads",
    "1",
    "--set",
    "epochs=8",
    "--set",
    "patience=8",
    "--set",
    "width=16",
    "--set",
    "heads=2",
    "--set",
    "layers=1",
    "--set",
    "inner=16",
]
RESULTS = ("ranks.parquet", "model.safetensors", "metrics.json", "epochs.jsonl")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a prepared data set, and the uninterrupted run in `whole`."""
    root = tmp_path_factory.mktemp("resume")
    storage.write(root / "data", prepare(DemoSource(users=400, items=120).read(), "shop"))
    _train(root, "whole").wait(120)
    return root


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (signal.SIGKILL, -signal.SIGKILL),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_resumes_bit_for_bit(place: Path, how: signal.Signals, code: int) -> None:
    """Killed or interrupted after two epochs, the same command gives the same weights, ranks and
    losses.
    """
    out = f"stopped-{how.name}"
    process = _train(place, out)
    _wait_for_epochs(place / out, 2)
    process.send_signal(how)
    assert process.wait(60) == code
    run = _run(place / out)
    assert not (run / "DONE").exists()  # control: it was stopped in the middle
    done_before = len((run / "epochs.jsonl").read_text().splitlines())
    assert 2 <= done_before < 8
    assert _train(place, out).wait(120) == 0
    for name in RESULTS:
        assert (run / name).read_bytes() == (_run(place / "whole") / name).read_bytes(), name
    assert not (run / "snapshot.safetensors").exists()


def test_another_seed_gives_another_run(place: Path) -> None:
    """Control of the above: what is compared does depend on the randomness."""
    assert _train(place, "other", "--seed", "1").wait(120) == 0
    assert (_run(place / "other") / "ranks.parquet").read_bytes() != (
        _run(place / "whole") / "ranks.parquet"
    ).read_bytes()


def test_two_processes_do_not_train_one_run(place: Path) -> None:
    """The second one is told, and the first is not disturbed."""
    first = _train(place, "both")
    _wait_for_epochs(place / "both", 1)
    second = _train(place, "both", stderr=subprocess.PIPE)
    _, said = second.communicate(timeout=60)
    if first.poll() is None:  # else the machine was too slow to make them meet
        assert second.returncode == 2
        assert "another process is training this run" in " ".join(said.decode().split())
    assert first.wait(120) == 0


def _train(
    place: Path, out: str, *more: str, stderr: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*TRAIN, "--out", out, *more]
    return subprocess.Popen(
        command,
        cwd=place,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        preexec_fn=_hears_interrupts,
    )


def _hears_interrupts() -> None:
    """A shell starts background jobs deaf to Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run(out: Path) -> Path:
    [config] = out.glob("runs/shop/comif/*/config.yaml")
    return config.parent


def _wait_for_epochs(out: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(
            len(path.read_text().splitlines()) >= count
            for path in out.glob("runs/shop/comif/*/epochs.jsonl")
        ):
            return
        time.sleep(0.02)
    raise AssertionError(f"no {count} epochs within a minute")
