"""What every experiment counts, and the law that it holds each call to."""

from __future__ import annotations

import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from sirec.errors import SirecError

SECONDS = 20  # of the processor, that one call may take: a busy machine changes nothing of it
WAITING_SECONDS = 300  # of the clock, after which a call waits for something that never comes
MEGABYTES = 2048
LONGEST_MESSAGE = 2000
REFUSED = object()
"""What `Tally.hold` returns for a call that ended with one clear line."""


class TookTooLongError(Exception):
    """A call took more of the processor than the law allows."""


@dataclass
class Tally:
    """What became of the calls of one experiment.

    Attributes:
        what: what was tried, in the plural.
        tried: how many calls.
        refused: how many of them ended with one line and exit code 2.
        broken: how the law was broken, a line each.
        seconds: how long it took.
        peak: the most memory of a process that made the calls, in megabytes.
    """

    what: str
    tried: int = 0
    refused: int = 0
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak: int = 0

    @contextmanager
    def timed(self) -> Iterator[Tally]:
        """Add the time that the block takes."""
        begin = time.monotonic()
        try:
            yield self
        finally:
            self.seconds += time.monotonic() - begin

    def hold(self, name: str, call: Callable[[], Any]) -> Any:
        """Make one call in this process, and note how it breaks the law.

        Args:
            name: the input, by which it can be found again.
            call: the call.

        Returns:
            What the call returned, or `REFUSED`.
        """
        self.tried += 1
        try:
            with _limited_time():
                return call()
        except SirecError as error:
            self.refused += 1
            self._check_message(name, error)
        except TookTooLongError:
            self.broken.append(f"{name}: more than {SECONDS} s of the processor")
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            self.broken.append(f"{name}: {type(error).__name__}: {error} ({where})"[:600])
        finally:
            self.note_memory(name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return REFUSED

    def hold_equal(self, name: str, call: Callable[[], Any], expected: Any) -> None:
        """The same for a call that has to be refused, or to give what it gave before the damage.

        Args:
            name: the input.
            call: the call.
            expected: what it gave before.
        """
        found = self.hold(name, call)
        if found is not REFUSED and found != expected:
            self.broken.append(f"{name}: other numbers, and no word of it")

    def hold_refused(self, name: str, call: Callable[[], Any]) -> None:
        """The same for a call that has to be refused.

        Args:
            name: the input.
            call: the call.
        """
        if self.hold(name, call) is not REFUSED:
            self.broken.append(f"{name}: not told")

    def note_memory(self, name: str, megabytes: int) -> None:
        """Note the most memory of a process, which breaks the law where it is more than 2 GB.

        Args:
            name: the input after which it was seen.
            megabytes: the memory.
        """
        if megabytes > max(MEGABYTES, self.peak):
            self.broken.append(f"{name}: {megabytes} MB")
        self.peak = max(self.peak, megabytes)

    def _check_message(self, name: str, error: SirecError) -> None:
        lines = [error.message, error.hint or ""]
        if any("\n" in line or len(line) > LONGEST_MESSAGE for line in lines):
            self.broken.append(f"{name}: the error is more than one line: {error.message[:200]!r}")


@contextmanager
def _limited_time() -> Iterator[None]:
    """Raise `TookTooLongError` within the block after `SECONDS` of the processor."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TookTooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
