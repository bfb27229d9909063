"""The connection to a Ray cluster: its address, what is said where nobody answers, its patience."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO

from sirec.errors import SirecError
from sirec.studies.launch.processes import HINT

LOCAL = "local"  # a cluster for this command alone
AUTO = "auto"  # the one that this machine belongs to
SECONDS_TO_ANSWER = 10.0
ATTEMPTS_TO_START = 5
PATIENCE = {
    "RAY_agent_register_timeout_ms": "600000",
    "RAY_health_check_timeout_ms": "600000",
    "RAY_health_check_failure_threshold": "100",
    "RAY_worker_register_timeout_seconds": "600",
}
"""How long a cluster's parts wait for each other. By default a node whose agent has not answered
after some seconds, as on a busy machine, is given up, and its whole cluster ends."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """A connection to the cluster, and a cluster of its own for `local`."""
    import ray

    check_address(address)
    with contextlib.redirect_stdout(OfThisThread(sys.stdout)):
        _connect(address)
        try:
            yield
        finally:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints here what it held back
                ray.shutdown()


def _connect(address: str) -> None:
    """Connect to a cluster, or start one for `local`.

    Ray gives a start up after 30 s, however busy the machine is; so it is tried again.
    """
    import ray

    options: dict[str, Any] = {}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of ours reports to nobody
    if address == LOCAL:
        options = {"include_dashboard": False}
        os.environ.update({**PATIENCE, **os.environ})
    for attempt in range(1, ATTEMPTS_TO_START + 1):
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
            return
        except Exception as error:  # Ray raises plain ones
            ray.shutdown()
            if address != LOCAL or attempt == ATTEMPTS_TO_START:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise _no_answer(address, reason) from error


class OfThisThread(io.TextIOBase):
    """Passes on what the thread that made it writes, and nothing else.

    Ray prints at length, from threads of its own and to stdout, what becomes of its workers; the
    queue tells that.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.thread = stream, threading.current_thread()

    def write(self, text: str) -> int:
        """Write, or do not."""
        return self.stream.write(text) if threading.current_thread() is self.thread else len(text)


def check_address(address: str) -> None:
    """Raise `SirecError` for what is no address, or where nobody listens: Ray itself would try for
    minutes.
    """
    if address in (LOCAL, AUTO):
        return
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or not host or "/" in host:
        raise SirecError(
            f"--cluster {address}: expected local, auto or HOST:PORT",
            "for example: --cluster 10.0.0.1:6379",
        )
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise _no_answer(address, str(error)) from error


def _no_answer(address: str, reason: str) -> SirecError:
    return SirecError(
        f"--cluster {address}: no Ray cluster answers: {reason}",
        "ray start --head starts one, --cluster local one for this command; where Ray wants a"
        " token, set RAY_AUTH_MODE=token",
    )


@contextlib.contextmanager
def losses_told() -> Iterator[None]:
    """A cluster that is lost is something to put right."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        raise SirecError(
            f"the cluster stopped working for us: {type(error).__name__}", HINT
        ) from error
