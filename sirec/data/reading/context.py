"""What a source is given beside its files: a callback for progress, and the count of bad lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sirec.config import check_number
from sirec.config.quantities import LineCount
from sirec.data.progress import ProgressCallback
from sirec.data.reading.columns import WantedColumn
from sirec.errors import SirecError
from sirec.shell import arguments

SHOWN = 80  # characters of a bad line that a message quotes
KINDS_SHOWN = 5  # kinds of mistakes that a message counts
LINE_NUMBER = re.compile(r":\d+(?=, column |$)")  # in "orders.csv:12, column time"


class BadLines:
    """The bad lines of raw files that were skipped.

    Args:
        tolerated: how many bad lines may be skipped.

    Attributes:
        messages: what was wrong with each skipped line, in the order of the files.
        kinds: file, column and kind of a mistake -> how many lines were skipped for it.
    """

    def __init__(self, tolerated: int = 0) -> None:
        check_number("skip_bad_lines", tolerated, LineCount)
        self.tolerated = tolerated
        self.messages: list[str] = []
        self.kinds: Counter[str] = Counter()

    def add(
        self,
        where: str,
        problem: str,
        line: str = "",
        kind: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Count a bad line.

        Args:
            where: file, line and column.
            problem: what is wrong.
            line: the line itself, of which the message quotes the beginning.
            kind: what is wrong without what only this line has, to count its like; None means
                `problem`.
            remedy: what a person may do, beside skipping the line.

        Raises:
            SirecError: if it is one bad line more than is tolerated.
        """
        message = f"{where}: {problem}"
        if line:
            printable = line[:SHOWN].encode("utf-8", "replace").decode()
            message = f"{message}: '{printable}'"
        if len(self.messages) < self.tolerated:
            self.messages.append(message)
            self.kinds[f"{LINE_NUMBER.sub('', where)}: {kind or problem}"] += 1
            return
        if self.tolerated:
            message = f"{message} ({self.tolerated} bad lines were skipped before it)"
        more = max(10, 10 * self.tolerated)
        hint = f"{arguments('--skip-bad-lines', more)} skips up to that many"
        raise SirecError(message, f"{remedy}; or {hint}" if remedy else hint)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Add to an error the lines that were skipped: without them it may not be understood."""
        try:
            yield
        except SirecError as error:
            if not self.messages:
                raise
            raise SirecError(f"{error.message} ({self.counts()})", error.hint) from None

    def counts(self) -> str:
        """How many lines were skipped, of which kinds: the most frequent ones first.

        Returns:
            A sentence, or an empty text if no line was skipped.
        """
        total = self.kinds.total()
        if not total:
            return ""
        parts = [f"{count:,} × {kind}" for kind, count in self.kinds.most_common(KINDS_SHOWN)]
        others = len(self.kinds) - len(parts)
        if others:
            parts.append(f"{others} other kinds")
        noun = "line" if total == 1 else "lines"
        return f"{total:,} bad {noun} skipped: {'; '.join(parts)}"


@dataclass(frozen=True, eq=False)
class ReadingContext:
    """What a source is given beside its files.

    Attributes:
        progress: called with the name of a stage, the amount done, and the total.
        bad_lines: counts the bad lines that are skipped; by default none may be.
        whole_cells: attributes whose cells are handed over as they stand, although the source
            would split them: the option `lists` says how they are split.
        unknown: behaviours of which a line may have no value.
    """

    progress: ProgressCallback = lambda stage, done, total: None
    bad_lines: BadLines = field(default_factory=BadLines)
    whole_cells: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    def separator(self, attribute: str, usual: str | None) -> str | None:
        """What stands between the values of an attribute in one cell.

        Args:
            attribute: the attribute.
            usual: its separator, if `lists` says nothing else.

        Returns:
            The separator; None for whole cells.
        """
        return None if attribute in self.whole_cells else usual

    def behaviour(self, name: str, column: WantedColumn) -> WantedColumn:
        """The column of a behaviour, whose values may be missing if it is declared to be so.

        Args:
            name: the behaviour.
            column: its column.
        """
        if name in self.unknown:
            return replace(column, required=False)
        return replace(column, option_if_missing=arguments("--unknown", name))
