"""Commands of `sirec` in processes of their own that can be killed, without seconds of imports.

A server that has imported everything forks a process for each command. That process has its own
folder, standard output and standard error, and ends as the command line does.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from faults.law import SECONDS, WAITING_SECONDS, Tally

PRELOADED = ("faults.preloaded", "faults.faulty_disk")
MEMORY = b"\0megabytes "  # begins what a process says last
SECONDS_TO_READ = 10
BUG = 1  # exit code of a traceback
DONE, REFUSAL = 0, 2
Fault = Callable[[], None]
"""Called in the process before the command begins: it arranges what goes wrong later."""

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(list(PRELOADED))
TESTS = Path(__file__).parents[1]
NOT_PRELOADED = "the server did not import what commands need"


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: the exit code; negative for a signal.
        told: what it wrote to standard error.
        megabytes: the most memory that it had; 0 where it was killed.
    """

    code: int
    told: str
    megabytes: int


@dataclass
class Command:
    """A command that runs.

    Attributes:
        words: the command without `sirec`.
        process: the process that runs it.
        told: what it writes to standard error, piece by piece; then its memory.
        reader: the thread that collects it.
    """

    words: str
    process: BaseProcess
    told: list[bytes]
    reader: threading.Thread

    def kill(self) -> None:
        """Kill it as nothing can prevent."""
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)

    def end(self) -> Ended:
        """Wait until it has ended; it is killed where it waits for something that never comes."""
        self.process.join(WAITING_SECONDS)
        hangs = self.process.exitcode is None
        if hangs:
            self.process.kill()
            self.process.join()
        self.reader.join(SECONDS_TO_READ)  # a process that it left behind may hold the pipe open
        told, _, megabytes = b"".join(self.told).partition(MEMORY)
        code = self.process.exitcode
        assert code is not None
        text = told.decode("utf-8", errors="replace")
        return Ended(-signal.SIGALRM if hangs else code, text, int(megabytes or 0))


def start(folder: Path, words: str | Sequence[str], fault: Fault | None = None) -> Command:
    """Begin a command.

    Args:
        folder: the folder in which it runs.
        words: the command without `sirec`, as one text or word by word.
        fault: what goes wrong in it.
    """
    # A pipe and no file: limits of files, which are among the faults, do not concern it.
    receiver, sender = _server.Pipe(duplex=False)
    given = words.split() if isinstance(words, str) else list(words)
    process = _server.Process(target=_call, args=(folder, given, sender, fault))
    with _found_by_server():
        process.start()
    sender.close()
    told: list[bytes] = []
    reader = threading.Thread(target=_read, args=(receiver, told), daemon=True)
    reader.start()
    return Command(" ".join(given), process, told, reader)


def _read(receiver: Connection, told: list[bytes]) -> None:
    """Collect what a process writes until it has ended."""
    with receiver:
        while piece := os.read(receiver.fileno(), 1 << 16):
            told.append(piece)


@contextmanager
def _found_by_server() -> Iterator[None]:
    """Let a server that starts within the block find these modules.

    Up to Python 3.11 it looks for what it is to import along PYTHONPATH alone, and does not say
    what it has not found.
    """
    before = os.environ.get("PYTHONPATH")
    places = [str(TESTS), str(TESTS.parent), *filter(None, [before])]
    os.environ["PYTHONPATH"] = os.pathsep.join(places)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def run(folder: Path, words: str | Sequence[str], fault: Fault | None = None) -> Ended:
    """Run a command to its end; the arguments are those of `start`."""
    return start(folder, words, fault).end()


def check(tally: Tally, name: str, ended: Ended, allowed: Sequence[int] = (DONE, REFUSAL)) -> bool:
    """Note how the end of a command breaks the law.

    Args:
        tally: where it is counted.
        name: the command and its fault.
        ended: how it ended.
        allowed: the exit codes that are right.

    Returns:
        Whether the law was kept.
    """
    tally.tried += 1
    tally.refused += ended.code == REFUSAL
    tally.note_memory(name, ended.megabytes)
    lines = ended.told.strip().splitlines()
    if "Traceback (most recent call last)" in ended.told or ended.code == BUG:
        tally.broken.append(f"{name}: a traceback: {lines[-1] if lines else ''}"[:600])
    elif ended.code == -signal.SIGPROF:
        tally.broken.append(f"{name}: more than {SECONDS} s of the processor")
    elif ended.code == -signal.SIGALRM:
        tally.broken.append(f"{name}: it waited for more than {WAITING_SECONDS} s")
    elif ended.code not in allowed:
        tally.broken.append(f"{name}: exit code {ended.code}: {' / '.join(lines[-2:])}"[:600])
    elif ended.code == REFUSAL and "rror" not in ended.told:
        tally.broken.append(f"{name}: exit code 2 without a word")
    else:
        return True
    return False


def _call(folder: Path, words: Sequence[str], told: Connection, fault: Fault | None) -> None:
    """What the forked process does."""
    assert PRELOADED[0] in sys.modules, NOT_PRELOADED
    from sirec.cli.app import main

    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(told.fileno(), 2)
    os.close(nowhere)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(
        os.fdopen(2, "wb", closefd=False), encoding="utf-8", write_through=True
    )
    sys.argv = ["sirec", *words]
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    if fault is not None:
        fault()
    try:
        main()
    finally:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        os.write(told.fileno(), MEMORY + str(peak).encode())
