"""What accompanies a source while it reads: whom to tell how far it is, and what to do with bad
lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sirec.data.progress import ProgressCallback
from sirec.errors import SirecError

SHOWN = 80  # characters of a bad line that an error quotes


class BadLines:
    """How many bad lines of raw files may be skipped, and which were.

    `messages` says what was wrong with each, in the order of the files.
    """

    def __init__(self, tolerated: int = 0) -> None:
        self.tolerated = tolerated
        self.messages: list[str] = []

    def add(self, where: str, problem: str, line: str = "") -> None:
        """Count a bad line. Raises `SirecError` if that is one more than is tolerated."""
        printable = line[:SHOWN].encode("utf-8", "replace").decode()
        quoted = f": '{printable}'" if line else ""
        message = f"{where}: {problem}{quoted}"
        if len(self.messages) == self.tolerated:
            before = (
                f" ({self.tolerated} bad lines were skipped before it)" if self.tolerated else ""
            )
            raise SirecError(
                f"{message}{before}",
                f"--skip-bad-lines {max(10, 10 * self.tolerated)} skips up to that many",
            )
        self.messages.append(message)


@dataclass(frozen=True, eq=False)
class ReadingContext:
    """What accompanies a source while it reads: whom to tell how far it is, and what to do with bad
    lines.
    """

    progress: ProgressCallback = lambda stage, done, total: None
    bad_lines: BadLines = field(default_factory=BadLines)
