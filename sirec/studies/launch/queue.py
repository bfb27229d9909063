"""The queue of runs that a cluster shares: which runs wait, which worker holds which run, and the
events of their training.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

ATTEMPTS = 3  # after which a run whose process always dies is given up
BEGAN, ENDED, DIED = "began", "ended", "died"  # events besides the calls of a watcher's methods


@dataclass(frozen=True)
class QueuedRun:
    """A run that a worker is to train.

    Attributes:
        number: its index in the list of runs.
        attempt: attempt number, from 1.
        again: whether it is trained anew if it has finished.
    """

    number: int
    attempt: int
    again: bool


@dataclass(frozen=True)
class QueueEvent:
    """What happened to a run.

    Attributes:
        number: the run's index in the list of runs.
        what: the name of a watcher's method, or `BEGAN`, `ENDED` or `DIED`.
        arguments: arguments of the method; for `ENDED` the refusal, if there is one.
    """

    number: int
    what: str
    arguments: tuple[Any, ...] = ()


class RunQueue:
    """Hands out runs to workers, and keeps the events of their training.

    One process of the cluster keeps it. A worker that takes a run while it holds one has died in
    between and was started anew.
    """

    def __init__(self, runs: int, again: bool = False) -> None:
        self._again = again
        self._waiting = deque(range(runs))
        self._held: dict[int, int] = {}
        self._attempts: Counter[int] = Counter()
        self._told: set[int] = set()
        self._news: list[QueueEvent] = []
        self._workers: dict[int, Any] = {}

    def enter(self, worker: int, handle: Any) -> None:
        """Note a worker that has come.

        Args:
            worker: its number.
            handle: by which it can be stopped.
        """
        self._workers[worker] = handle

    def take(self, worker: int) -> QueuedRun | None:
        """The run that a worker trains next.

        It is the run that the worker held when it died, else the next one that waits; None when
        nothing is left.
        """
        number = self._held.pop(worker, None)
        if number is not None and self._attempts[number] == ATTEMPTS:
            self._news.append(QueueEvent(number, DIED))
            number = None
        if number is None:
            if not self._waiting:
                return None
            number = self._waiting.popleft()
        self._held[worker] = number
        self._attempts[number] += 1
        self._news.append(QueueEvent(number, BEGAN))
        # A run of which something was told has begun: with `again` it would be trained twice.
        return QueuedRun(number, self._attempts[number], self._again and number not in self._told)

    def tell(self, worker: int, method: str, arguments: tuple[Any, ...]) -> None:
        """Keep a call of a watcher's method.

        Args:
            worker: the worker that trains the run.
            method: name of the method.
            arguments: its arguments.
        """
        number = self._held[worker]
        self._told.add(number)
        self._news.append(QueueEvent(number, method, arguments))

    def end(self, worker: int, refusal: tuple[str, str | None] | None) -> None:
        """Note that the run of a worker has ended.

        Args:
            worker: the worker that held it.
            refusal: message and hint of the `SirecError` that ended it, None if it has finished.
        """
        self._news.append(QueueEvent(self._held.pop(worker), ENDED, (refusal,)))

    def news(self) -> list[QueueEvent]:
        """The events since the last call, in their order."""
        news, self._news = self._news, []
        return news

    def stop(self) -> list[Any]:
        """Hand out nothing more, and return the handles of all workers."""
        self._waiting.clear()
        return list(self._workers.values())
