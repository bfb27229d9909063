"""What killed processes leave beside a data set: gone with the next write, and nothing else is."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.data.store.atomic_folder import atomic_folder

HOLD = """
import pathlib, sys
from sirec.data.store.atomic_folder import atomic_folder
with atomic_folder(pathlib.Path(sys.argv[1])) as fresh:
    (fresh / "half.parquet").write_text("half")
    print(fresh.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """A small data set to write."""
    return prepare(DemoSource(users=60, items=30).read(), "demo")


def begin(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process that has begun to write `folder`, and its half-written one."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, folder.with_name(process.stdout.readline().strip())


def end(process: subprocess.Popen[str], *, kill: bool) -> None:
    """End it, and wait until it is gone."""
    if kill:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == (-signal.SIGKILL if kill else 0)


@pytest.mark.parametrize("name", ["demo", "other"])
def test_leftovers_of_a_killed_process_go_with_the_next_write(
    tmp_path: Path, prepared: Prepared, name: str
) -> None:
    """Killed for good, a writer leaves a folder; the next write of any data set there deletes
    it.
    """
    process, half = begin(tmp_path / name)
    end(process, kill=True)
    assert (half / "half.parquet").exists()  # the control: it does stay
    storage.write(tmp_path, prepared)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path, prepared: Prepared) -> None:
    """A writer still at work keeps its folder, and takes it away itself."""
    process, half = begin(tmp_path / "demo")
    storage.write(tmp_path, prepared)
    assert (half / "half.parquet").read_text() == "half"
    end(process, kill=False)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_the_same_process_may_write_twice_at_once(tmp_path: Path) -> None:
    """A process does not take its own folders for leftovers."""
    with atomic_folder(tmp_path / "a") as first, atomic_folder(tmp_path / "a") as second:
        assert first.is_dir()
        assert second.is_dir()
        assert first != second
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_deleted(tmp_path: Path, prepared: Prepared) -> None:
    """Links, other names and those of other machines stay, whatever number they bear."""
    process, half = begin(tmp_path / "demo")
    end(process, kill=True)
    dead, host = process.pid, socket.gethostname()
    folders = [
        f".demo.new-{host}-{dead}-abcdefg",  # too short
        f".demo.new-{host}-{dead}-ABCDEFGH",
        f".demo.new-{host}-{dead}-abcdefgh.old",
        f"demo.new-{host}-{dead}-abcdefgh",  # not hidden
        f".demo.new-elsewhere-{dead}-abcdefgh",
        f".demo.new-x{host}-{dead}-abcdefgh",
        f".demo.new-{dead}-abcdefgh",
        f".demo.new-{host}-99999999999999999999-abcdefgh",  # no number of a process
        f".demo.new-{host}-1-abcdefgh",  # the first process always runs
        f".demo.new-{host}-0-abcdefgh",
        ".demo.new-abcdefgh",
        "target",
    ]
    for name in folders:
        (tmp_path / name).mkdir()
        (tmp_path / name / "kept").write_text("")
    (tmp_path / f".file.new-{host}-{dead}-abcdefgh").write_text("")  # a file is one of them
    (tmp_path / f".link.new-{host}-{dead}-abcdefgh").symlink_to(tmp_path / "target")
    before = {path.name for path in tmp_path.iterdir()}
    storage.write(tmp_path, prepared)
    ended = {half.name, f".file.new-{host}-{dead}-abcdefgh"}
    assert {path.name for path in tmp_path.iterdir()} == before - ended | {"demo"}
    assert all((tmp_path / name / "kept").exists() for name in folders)
