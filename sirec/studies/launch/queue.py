"""Which runs of a study wait, which worker holds which, and what is told of them: the state that a
cluster shares.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

ATTEMPTS = 3  # after which a run whose process always dies is given up
BEGAN, ENDED, DIED = (
    "began",
    "ended",
    "died",
)  # what the board tells beside the methods of a watcher


@dataclass(frozen=True)
class QueuedRun:
    """A run to train: its place among the runs, the how-manieth attempt it is, and whether a
    finished one is trained anew.
    """

    number: int
    attempt: int
    again: bool


@dataclass(frozen=True)
class QueueEvent:
    """What happened to the run of that number: a watcher's method, or one of `BEGAN`, `ENDED` and
    `DIED`, with arguments.
    """

    number: int
    what: str
    arguments: tuple[Any, ...] = ()


class RunQueue:
    """Which runs wait, which worker holds which, and what is told of them. One process of the
    cluster keeps it.

    A worker that takes while it holds a run has died in between.
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
        """A worker has come; the handle is what it can be stopped by."""
        self._workers[worker] = handle

    def take(self, worker: int) -> QueuedRun | None:
        """What that worker trains now: the run it held, else the next that waits; None when nothing
        is left for it.
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
        # What told of itself has been begun: to begin it anew once more would train it twice.
        return QueuedRun(number, self._attempts[number], self._again and number not in self._told)

    def tell(self, worker: int, method: str, arguments: tuple[Any, ...]) -> None:
        """A watcher of the run that the worker holds is to hear this."""
        number = self._held[worker]
        self._told.add(number)
        self._news.append(QueueEvent(number, method, arguments))

    def end(self, worker: int, refusal: tuple[str, str | None] | None) -> None:
        """The worker's run has ended: well, or with the message and hint of a `SirecError`."""
        self._news.append(QueueEvent(self._held.pop(worker), ENDED, (refusal,)))

    def news(self) -> list[QueueEvent]:
        """What happened since this was last asked."""
        news, self._news = self._news, []
        return news

    def stop(self) -> list[Any]:
        """Give out nothing more; the handles of all workers that came."""
        self._waiting.clear()
        return list(self._workers.values())
