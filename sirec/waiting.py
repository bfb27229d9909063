"""How threads wait for each other: spinning while this process has the cores, asleep otherwise.

A thread that spins goes on at once when the next piece of work is there, and one that sleeps has to
be woken up first, which makes a training that is alone slower. On a busy machine a spinning thread
takes the core from the thread that it waits for. libgomp, with which torch computes on Linux, can
be told how to wait only before it is loaded, when nobody knows how busy the machine will be.

It does, however, let its threads sleep almost at once while the process has more threads of its own
than the machine has cores. So a watching thread looks, twenty times a second, how long threads of
this process were ready and had no core. If they are kept waiting, it opens a team of idle threads,
and closes it once they have been served for a while. Idle threads compute nothing: what changes is
how fast a training is, never its numbers.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

TASKS = Path("/proc/self/task")
MAPS = Path("/proc/self/maps")
INTERVAL, IDLE_INTERVAL = 0.05, 0.25  # seconds between looks; where there is nothing to watch
KEPT_WAITING, SERVED = 0.25, 0.05  # seconds a second that threads were ready and had no core
SERVED_FOR = 1.0  # seconds after which threads may spin again
NANOSECONDS = 1e9
MOST_CORES = 16
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")  # how libgomp is told beforehand


def can_watch() -> bool:
    """Whether the system tells how long threads waited for a core, and nothing forbids to act.

    A user who has set how threads wait knows better, and machines with many cores would need many
    idle threads.
    """
    is_set = any(name in os.environ for name in SETTINGS)
    if sys.platform != "linux" or is_set or _cores() > MOST_CORES:
        return False
    return Path("/proc/self/schedstat").exists()


def seconds_without_core() -> float:
    """How long the living threads of this process were ready to compute and had no core, so far."""
    total = 0
    for task in TASKS.iterdir():
        try:
            total += int((task / "schedstat").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError, ValueError):  # a thread that has ended meanwhile
            continue
    return total / NANOSECONDS


class IdleTeam:
    """Threads of libgomp that sleep; while they are there, all its threads sleep as they wait."""

    def __init__(self) -> None:
        self._end: threading.Event | None = None

    @property
    def is_open(self) -> bool:
        """Whether the threads are there."""
        return self._end is not None

    def open(self) -> bool:
        """Let the threads begin. Returns whether they could: torch is loaded, and with libgomp."""
        library = _loaded_libgomp()
        if library is None:
            return False
        self._end = threading.Event()
        threading.Thread(target=_hold, args=(library, self._end), daemon=True).start()
        return True

    def close(self) -> None:
        """Let the threads end."""
        if self._end is not None:
            self._end.set()
        self._end = None


class WaitingWatch(threading.Thread):
    """The thread that decides how the others wait.

    Args:
        team: what makes them sleep.
        without_core: the seconds that threads had no core, so far.
        is_worth_it: whether several threads compute, so that one may wait for another.
    """

    def __init__(
        self,
        team: IdleTeam,
        without_core: Callable[[], float] = seconds_without_core,
        is_worth_it: Callable[[], bool] = lambda: _torch_threads() > 1,
    ) -> None:
        super().__init__(name="sirec-waiting", daemon=True)
        self.team = team
        self.without_core, self.is_worth_it = without_core, is_worth_it
        self.seconds_asleep = 0.0  # how long threads have slept instead of spinning
        self._last: tuple[float, float] | None = None
        self._served = 0.0

    def run(self) -> None:
        """Look for ever."""
        while True:
            time.sleep(INTERVAL if self.is_worth_it() else IDLE_INTERVAL)
            if self.is_worth_it():
                self.look(time.perf_counter())
            else:
                self._last = None

    def look(self, now: float) -> None:
        """Decide anew.

        Args:
            now: seconds on a clock.
        """
        waited, last = self.without_core(), self._last
        self._last = (now, waited)
        if last is None or now <= last[0]:
            return
        passed = now - last[0]
        share = max(0.0, waited - last[1]) / passed
        if not self.team.is_open:
            if share > KEPT_WAITING:
                self._served = 0.0
                self.team.open()
            return
        self.seconds_asleep += passed
        self._served = self._served + passed if share < SERVED else 0.0
        if self._served >= SERVED_FOR:
            self.team.close()


class _Process:
    """The watcher of this process; a child that is forked has none of its threads."""

    watcher: WaitingWatch | None = None


def start() -> None:
    """Watch from now on, unless this process does already."""
    if _Process.watcher is None:
        _Process.watcher = WaitingWatch(IdleTeam())
        _Process.watcher.start()


def told() -> str:
    """How threads wait in this process, for people."""
    if _Process.watcher is None:
        for name in SETTINGS:
            if name in os.environ:
                return f"as {name}={os.environ[name]} says"
        return "as the system's library has it"
    if _Process.watcher.team.is_open:
        return "asleep, as other processes want the cores"
    return "spinning, or asleep while other processes want the cores"


def seconds_asleep() -> float:
    """How long threads have slept as they waited, because other processes wanted the cores."""
    return 0.0 if _Process.watcher is None else _Process.watcher.seconds_asleep


def _forget() -> None:
    _Process.watcher = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _torch_threads() -> int:
    """The threads that torch computes with; 0 while it is not loaded."""
    torch = sys.modules.get("torch")
    count: Callable[[], int] | None = getattr(torch, "get_num_threads", None)
    return 0 if count is None else count()


def _cores() -> int:
    """The cores that this process is scheduled on, as libgomp counts them.

    `memory.usable_cores` may be fewer: a group's share of time means nothing to libgomp.
    """
    return len(os.sched_getaffinity(0))


def _loaded_libgomp() -> ctypes.CDLL | None:
    """The libgomp that torch computes with, if this process has loaded it.

    Other packages may bring a libgomp of their own; torch's own stands in torch's folder.
    """
    found: list[str] = []
    for line in MAPS.read_text(encoding="utf-8", errors="replace").splitlines():
        path = line.split(maxsplit=5)[-1]
        if "libgomp" in path.rpartition("/")[2]:
            found.append(path)
    if not found:
        return None
    return ctypes.CDLL(min(found, key=_is_elsewhere))


def _is_elsewhere(path: str) -> bool:
    return "/torch/" not in path


def _hold(library: ctypes.CDLL, end: threading.Event) -> None:
    """Open a team of as many threads as there are cores, and keep it until `end`.

    Each thread calls a function without effect, and sleeps. They end with the thread that calls
    this.
    """
    nothing = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
    size = ctypes.c_uint(max(2, _cores()))
    library.GOMP_parallel(nothing, None, size, ctypes.c_uint(0))
    end.wait()
