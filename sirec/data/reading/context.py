"""What a source is given beside its files: a callback for progress, and the count of bad lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from sirec.data.progress import ProgressCallback
from sirec.errors import SirecError

SHOWN = 80  # characters of a bad line that a message quotes


class BadLines:
    """The bad lines of raw files that were skipped.

    Args:
        tolerated: how many bad lines may be skipped.

    Attributes:
        messages: what was wrong with each skipped line, in the order of the files.
    """

    def __init__(self, tolerated: int = 0) -> None:
        self.tolerated = tolerated
        self.messages: list[str] = []

    def add(self, where: str, problem: str, line: str = "") -> None:
        """Count a bad line.

        Args:
            where: file, line and column.
            problem: what is wrong.
            line: the line itself, of which the message quotes the beginning.

        Raises:
            SirecError: if it is one bad line more than is tolerated.
        """
        message = f"{where}: {problem}"
        if line:
            printable = line[:SHOWN].encode("utf-8", "replace").decode()
            message = f"{message}: '{printable}'"
        if len(self.messages) < self.tolerated:
            self.messages.append(message)
            return
        if self.tolerated:
            message = f"{message} ({self.tolerated} bad lines were skipped before it)"
        more = max(10, 10 * self.tolerated)
        raise SirecError(message, f"--skip-bad-lines {more} skips up to that many")


@dataclass(frozen=True, eq=False)
class ReadingContext:
    """What a source is given beside its files.

    Attributes:
        progress: called with the name of a stage, the amount done, and the total.
        bad_lines: counts the bad lines that are skipped; by default none may be.
    """

    progress: ProgressCallback = lambda stage, done, total: None
    bad_lines: BadLines = field(default_factory=BadLines)
