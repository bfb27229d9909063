"""Disks that can only be read, that are full, and names that they do not take: one line each."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from sirec.cli import console, streams
from sirec.data import tensors
from sirec.run.commit import COMMIT
from sirec.run.store import Store

from .conftest import SMALL, Call, Outcome

# An audit hook sees whatever Python opens, makes, moves or deletes below a folder.
READ_ONLY = """
import os, sys
from contextlib import suppress
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def refuse(event, arguments):
    is_open = event == "open" and (arguments[2] or 0) & WRITING
    if not is_open and event not in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link"):
        return
    if isinstance(arguments[0], int) or event in ("os.remove", "os.rmdir") and arguments[1] >= 0:
        return  # a number of an open file, or a name inside an open folder of somebody else
    path = os.path.abspath(os.fsdecode(arguments[0]))
    if path.startswith(os.getcwd() + os.sep):
        raise OSError(30, "Read-only file system", path)
sys.addaudithook(refuse)
os.access = lambda path, mode: mode != os.W_OK
from sirec.cli.app import main
for command in sys.argv[1:]:
    sys.argv = ["sirec", *command.split()]
    try:
        main()
    except SystemExit as stop:
        print("CODE", stop.code or 0, file=sys.stderr)
"""
STUDY = """
title: Two
datasets: [shop]
set: {threads: 1, width: 8, heads: 2, layers: 1, inner: 8, epochs: 2}
rows:
  Popularity: {model: popularity}
  SASRec: {model: sasrec}
"""
RUN = ["train", "sasrec", "--data", "shop", *SMALL, "--out", "disks"]


@pytest.fixture(scope="module")
def home(prepared: Path) -> Path:
    """Results folder of this module."""
    (prepared / "two.yaml").write_text(STUDY)
    return prepared / "disks"


def content(folder: Path) -> dict[str, str]:
    """Digest of each file below a folder, without lock files."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            name = str(path.relative_to(folder))
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def one_line(outcome: Outcome) -> str:
    """The error of a call: its last line, or the one before a hint."""
    assert outcome.code == 2, outcome.err
    assert "Traceback" not in outcome.err
    *_, last = outcome.err.split("error: ")
    assert len(last.splitlines()) <= 2
    return last


@pytest.mark.slow
def test_finished_work_needs_nothing_written(sirec: Call, home: Path) -> None:
    """On a disk that can only be read, finished runs are shown and new ones are refused."""
    assert sirec("study", "two.yaml", "--out", "disks").code == 0
    assert sirec("report", "--out", "disks").code == 0
    [run] = [each.path for each in Store(home).all() if each.model == "sasrec"]
    before = content(home.parent)
    words = " ".join(RUN)
    commands = {
        words: 0,
        "study two.yaml --out disks": 0,
        "report --out disks": 0,
        f"evaluate {run}": 0,
        f"evaluate {run} --recompute": 0,
        "datasets": 0,
        f"evaluate {run} --name x --out disks": 2,
        f"{words} --seed 1": 2,
        f"{words} --again": 2,
        "export shop --to elsewhere": 2,
    }
    ended = subprocess.run(
        [sys.executable, "-c", READ_ONLY, *commands],
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    codes = [int(line[5:]) for line in ended.stderr.splitlines() if line.startswith("CODE ")]
    assert dict(zip(commands, codes, strict=True)) == commands, ended.stderr
    assert ended.stderr.count("could not be written: Read-only file system\n") == 4
    assert ended.stderr.count("hint:  this disk can only be read") == 4
    assert content(home.parent) == before


def test_a_full_disk_costs_no_finished_result(
    sirec: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training again replaces the older result when the new one is complete, and not before."""
    assert sirec(*RUN).code == 0
    [run] = [each.path for each in Store(home).all() if each.model == "sasrec"]
    before = content(run)
    written = tensors.save_file

    def full(values: dict[str, object], path: Path, *others: object) -> None:
        if "model.safetensors" in path.name:
            message = "Error while serializing: I/O error: No space left on device (os error 28)"
            raise SafetensorError(message)
        written(values, path, *others)

    monkeypatch.setattr(tensors, "save_file", full)
    told = one_line(sirec(*RUN, "--again"))
    assert "model.safetensors: could not be written: No space left on device" in told
    assert "free some space" in told
    after = content(run)
    assert {name: after[name] for name in before} == before
    assert sirec("evaluate", str(run)).code == 0
    assert "already trained" in sirec(*RUN).err
    monkeypatch.undo()
    monkeypatch.chdir(home.parent)
    assert "goes on after epoch 2" in sirec(*RUN, "--again").err
    after = content(run)
    assert set(after) == set(before)  # nothing of the training inside is left
    for name in ("ranks.parquet", "metrics.json", "epochs.jsonl", "config.yaml"):
        assert after[name] == before[name]
    assert (run / "evaluations.jsonl").read_text().count('"split": "test"') == 2


def test_results_that_were_being_replaced_are_read_and_then_replaced(
    sirec: Call, home: Path
) -> None:
    """A process was killed after the rename that decided: nobody reads a mix of old and new, and
    the next that writes puts the new ones in place.
    """
    assert sirec(*RUN).code == 0
    [run] = [each.path for each in Store(home).all() if each.model == "sasrec"]
    (run / COMMIT).mkdir()
    for name in ("ranks.parquet", "metrics.json"):
        (run / name).rename(run / COMMIT / name)
    (run / "metrics.json").write_text("{}")  # half of the older result is still there
    assert sirec("evaluate", str(run)).code == 0
    assert (run / COMMIT).exists()  # reading writes nothing
    assert sirec("evaluate", str(run), "--recompute").code == 0
    assert not (run / COMMIT).exists()
    assert (run / "metrics.json").read_text() != "{}"


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "can only be read"),
        (errno.EACCES, "that you may read and write"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EIO, "may be failing"),
    ],
)
def test_whatever_a_disk_refuses_is_one_line(
    sirec: Call, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    """Also where nobody expected it: the number decides what is advised."""

    def refuse(path: Path, *_: object, **__: object) -> str:
        raise OSError(number, "in the words of a library", str(path))

    monkeypatch.setattr(Path, "glob", refuse)
    assert hint in one_line(sirec("datasets"))


LONG = "x" * 300


@pytest.mark.parametrize(
    "command",
    [
        ["train", "sasrec", "--data", LONG],
        ["train", LONG],
        ["prepare", "demo", "--name", LONG],
        ["prepare", "demo", "--data-root", f"{LONG}/data"],
        ["train", "popularity", "--data", "shop", "--out", LONG],
        ["evaluate", LONG],
        ["evaluate", "--recommendations", LONG, "--data", "shop"],
        ["study", f"{LONG}.yaml"],
        ["study", "two.yaml", "--out", LONG],
        ["report", "--out", LONG],
        ["export", "shop", "--to", LONG],
        ["train", "popularity", "--data", "shop", "--plugin", f"{LONG}.py"],
    ],
    ids=lambda command: " ".join(word for word in command if LONG not in word),
)
def test_names_that_no_disk_takes(sirec: Call, home: Path, command: list[str]) -> None:
    """A file name ends at 255 bytes: what is longer is one line, whatever it names."""
    assert "x" * 100 in one_line(sirec(*command))


@pytest.mark.parametrize(
    "command",
    [
        ["train", "popularity", "--data", "shop", "--out", "two.yaml"],
        ["study", "two.yaml", "--out", "two.yaml/results"],
        ["prepare", "demo", "--data-root", "two.yaml"],
        ["report", "--out", "two.yaml"],
        ["export", "shop", "--to", "two.yaml/export"],
        ["evaluate", "two.yaml"],
        ["study", "data"],
        ["train", "sasrec", "--data-root", "two.yaml", "--data", "shop"],
    ],
    ids=" ".join,
)
def test_a_file_where_a_folder_is_expected(sirec: Call, home: Path, command: list[str]) -> None:
    """And a folder where a file is expected."""
    one_line(sirec(*command))


@pytest.mark.slow
def test_standard_output_that_takes_nothing(home: Path) -> None:
    """A full disk and a closed stream are told on stderr; a reader that has gone is not."""
    call = f"{sys.executable} -m sirec datasets"
    expected = {
        ">/dev/full": (2, "standard output could not be written: No space left on device"),
        "<&- >&-": (2, "standard output is closed"),
        "| true": (0, ""),
    }
    for redirection, (code, told) in expected.items():
        ended = subprocess.run(
            f"{call} {redirection}",
            shell=True,
            cwd=home.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, redirection
        assert ended.stderr.startswith(f"error: {told}" if told else ""), ended.stderr
        assert bool(ended.stderr) == bool(told), ended.stderr
        assert "Traceback" not in ended.stderr


def test_an_encoding_without_our_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be encoded is shown by its code, and JSON stays JSON."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    streams.settle()
    value = {"name": "café ±"}
    console.print_json(value)
    sys.stdout.flush()
    assert json.loads(written.getvalue()) == value
    console.print_text("café ±")
    sys.stdout.flush()
    assert b"caf\\xe9 \\xb1" in written.getvalue()
