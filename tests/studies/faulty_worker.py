"""Plugins that make a worker of a cluster die or wait at a certain epoch, in the worker itself.

A test that killed a worker from outside would have to be quicker than the worker, and on a busy
machine it is not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.config import dump
from sirec.run.config import RunConfig
from sirec.run.store import RunFolder
from sirec.studies.launch.sent_run import SentRun

PLUGIN = """
import os
import signal
import time
from pathlib import Path

from sirec.run.snapshot import Snapshot

save = Snapshot.save


def save_or_fail(snapshot, path):
    is_meant = Path({run!r}) in path.parents and len(snapshot.reports) == {epoch}
    if not is_meant or not Path({armed!r}).exists():
        return save(snapshot, path)
    if {is_saved}:
        save(snapshot, path)
    if {times} == 1:
        Path({armed!r}).unlink()
    if {waits}:
        time.sleep(3600)
    os.kill(os.getpid(), signal.SIGKILL)


Snapshot.save = save_or_fail
"""


def send_with_fault(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    run: RunFolder,
    *,
    epoch: int,
    is_saved: bool = True,
    always: bool = False,
    waits: bool = False,
) -> Path:
    """Let the worker that trains a run die after an epoch.

    Args:
        monkeypatch: undoes it after the test.
        folder: where the plugin is written.
        run: the run.
        epoch: after which epoch.
        is_saved: whether the snapshot of that epoch is written before.
        always: whether it dies each time that it comes there, and not only the first time.
        waits: whether it waits there, as if it were very slow, instead of dying.

    Returns:
        A file; once it is deleted, nothing goes wrong any more.
    """
    armed = folder / "armed"
    armed.touch()
    plugin = folder / "faulty_worker_plugin.py"
    values = {
        "run": str(run.path),
        "epoch": epoch,
        "armed": str(armed),
        "is_saved": is_saved,
        "times": 0 if always else 1,
        "waits": waits,
    }
    plugin.write_text(PLUGIN.format(**values))

    def sent(config: RunConfig) -> SentRun:
        return SentRun(dump(config), (plugin,))

    monkeypatch.setattr(SentRun, "of", staticmethod(sent))
    return armed
