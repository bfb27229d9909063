"""How threads wait: what decides it, and what is done so that they sleep."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

from sirec import process, waiting
from sirec.errors import Remark
from sirec.run import slow_settings

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")


class Team(waiting.IdleTeam):
    """A team without threads."""

    def open(self) -> bool:
        """Be open."""
        self._end = waiting.threading.Event()
        return True


def watched(shares: list[float], interval: float = 0.1) -> list[bool]:
    """Whether threads sleep after each look, if they had no core for these shares of the time."""
    without_core = [0.0]
    watcher = waiting.WaitingWatch(Team(), lambda: without_core[0])
    watcher.look(0.0)
    asleep = []
    for number, share in enumerate(shares, start=1):
        without_core[0] += share * interval
        watcher.look(number * interval)
        asleep.append(watcher.team.is_open)
    return asleep


def test_threads_sleep_while_others_want_the_cores() -> None:
    """From the first look at which they were kept waiting, until they were served for a second; a
    moment without a core in between (control) starts the second anew.
    """
    assert watched([0.0] * 20) == [False] * 20
    assert watched([0.1] * 5) == [False] * 5
    asleep = watched([0.0, 0.9] + [0.0] * 12)
    assert asleep.index(True) == 1
    assert asleep.count(True) == 10
    assert all(watched([0.9] + [0.0] * 5 + [0.1] + [0.0] * 8))


def test_time_asleep_is_counted() -> None:
    """Only while threads sleep."""
    without_core = iter([0.0, 1.0, 1.0, 1.0])
    watcher = waiting.WaitingWatch(Team(), lambda: next(without_core))
    for now in (0.0, 1.0):
        watcher.look(now)
    assert watcher.seconds_asleep == 0.0
    watcher.look(1.5)
    assert watcher.seconds_asleep == 0.5
    watcher.look(2.5)
    assert watcher.seconds_asleep == 1.5
    assert not watcher.team.is_open


def test_a_user_who_set_how_threads_wait_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is watched then; without a system that tells how long threads had no core (control)
    they spin for some microseconds.
    """
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    here = waiting.can_watch()
    assert ("GOMP_SPINCOUNT" in process.variables()) == (not here)
    monkeypatch.setattr(waiting, "can_watch", lambda: False)
    assert process.variables()["GOMP_SPINCOUNT"] == "3000"
    monkeypatch.undo()
    for name, value in (("OMP_WAIT_POLICY", "passive"), ("GOMP_SPINCOUNT", "7")):
        with monkeypatch.context() as context:
            context.setenv(name, value)
            assert not waiting.can_watch()
            assert "GOMP_SPINCOUNT" not in process.variables()
            assert f"{name}={value}" in waiting.told() or waiting._Process.watcher is not None


@on_linux
def test_a_machine_with_many_cores_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would need as many idle threads; as many cores as are allowed (control) are."""
    for name in waiting.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(waiting, "_cores", lambda: waiting.MOST_CORES)
    here = waiting.can_watch()
    monkeypatch.setattr(waiting, "_cores", lambda: waiting.MOST_CORES + 1)
    assert not waiting.can_watch()
    assert here == waiting.Path("/proc/self/schedstat").exists()


@on_linux
def test_the_libgomp_of_torch_is_meant(
    tmp_path: waiting.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another package has loaded one of its own as well; none where none is loaded."""
    loaded = []
    monkeypatch.setattr(waiting.ctypes, "CDLL", loaded.append)
    maps = tmp_path / "maps"
    monkeypatch.setattr(waiting, "MAPS", maps)
    place = "7f0000000000-7f0000001000 r-xp 00000000 08:01 1 "
    other, own = "/env/sklearn.libs/libgomp-1.so.1", "/my env/torch/lib/libgomp-2.so.1"
    maps.write_text(f"{place} /lib/libc.so.6\n{place} {other}\n{place} {own}\n{place}\n")
    waiting._loaded_libgomp()
    maps.write_text(f"{place} {other}\n")
    waiting._loaded_libgomp()
    maps.write_text(f"{place} /lib/libc.so.6\n{place}\n")
    assert waiting._loaded_libgomp() is None
    assert loaded == [own, other]


def run_python(code: str) -> list[str]:
    """The lines that a program prints in a process of its own, which nothing has configured."""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


@on_linux
def test_an_idle_team_begins_and_ends() -> None:
    """While it is open the process has more threads than it may have cores, which is when libgomp
    lets its threads sleep; afterwards it has as many as before. Without torch there is no team.
    """
    code = """
import os, time
from sirec import waiting
team = waiting.IdleTeam()
print(team.open(), team.is_open)
import torch
torch.set_num_threads(2)
numbers = torch.randn(1 << 20)
numbers.add(numbers)
def threads(): return len(os.listdir("/proc/self/task"))
before = threads()
def settled(count):
    for _ in range(100):
        if threads() == count: return True
        time.sleep(0.05)
    return False
more = max(2, len(os.sched_getaffinity(0)))
if waiting._loaded_libgomp() is None:
    print("True", "True", "True")
else:
    print(team.open(), settled(before + more))
    team.close()
    print(settled(before))
"""
    assert run_python(code) == ["False", "False", "True", "True", "True"]


@on_linux
def test_time_without_a_core_is_seen() -> None:
    """Two processes on one core keep each other waiting; a process that sleeps (control) waits for
    nothing.
    """
    code = """
import os, subprocess, sys, time
from sirec import waiting
core = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {core})
def waited(work):
    begun = waiting.seconds_without_core()
    work()
    return waiting.seconds_without_core() - begun
def busy():
    end = time.perf_counter() + 0.6
    while time.perf_counter() < end: pass
asleep = waited(lambda: time.sleep(0.3))
other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
try:
    kept = waited(busy)
finally:
    other.kill()
print(kept > 0.1, asleep < kept / 2)
"""
    if not waiting.Path("/proc/self/schedstat").exists():
        pytest.skip("this system does not tell")
    assert run_python(code) == ["True", "True"]


@on_linux
def test_a_forked_child_watches_anew() -> None:
    """It has none of its parent's threads; the parent (control) starts no second watcher."""
    code = """
import os
from sirec import waiting
waiting.start()
first = waiting._Process.watcher
waiting.start()
print(waiting._Process.watcher is first, flush=True)
child = os.fork()
if child == 0:
    print(waiting._Process.watcher is None, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    assert run_python(code) == ["True", "True"]


def test_a_training_that_slept_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a large share of its time; a training that had the cores (control) says nothing."""
    for share, count in ((0.9, 1), (0.05, 0)):
        clock = iter([10.0, 20.0])
        asleep = iter([3.0, 3.0 + 10 * share])
        monkeypatch.setattr(slow_settings.time, "perf_counter", lambda clock=clock: next(clock))
        monkeypatch.setattr(
            slow_settings.waiting, "seconds_asleep", lambda asleep=asleep: next(asleep)
        )
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with slow_settings.sleep_remarked():
                pass
        monkeypatch.undo()
        assert [each.category for each in told] == [Remark] * count
        if count:
            assert "90%" in str(told[0].message)
