"""Lines that each hold a Python literal, as in the metadata of the 2014 Amazon reviews.

A literal is parsed by `ast.literal_eval`, which runs nothing and costs a hundred times what JSON
does. So a line is parsed only if its key may be wanted, as far as a search for `'asin': '…'` shows,
and worker processes share the parsing.
"""

from __future__ import annotations

import ast
import json
import multiprocessing
import re
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain

from sirec.data.progress import ProgressCallback
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import LineBlock, blocks
from sirec.data.reading.parallel import WORKERS, in_order
from sirec.data.reading.records import Parsed, ParsedBlocks, Wanted, parse_records
from sirec.errors import SirecError

DIED = (
    "was it killed, or memory short? run the same again; a script calls sirec below"
    " `if __name__ == '__main__':`, as such processes import it"
)
FAILURES = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)


def read(
    file: RawFile, columns: Sequence[WantedColumn], progress: ProgressCallback, wanted: Wanted
) -> ParsedBlocks:
    """Read the rows that may be wanted, block by block in order.

    Args:
        file: the file.
        columns: the wanted columns.
        progress: receives the number of bytes that were read.
        wanted: which rows are wanted. A few others may be among the results; lines of other rows
            are not parsed.
    """
    values = frozenset(value.encode() for value in wanted.values)
    parser = _Parser(tuple(columns), wanted.key, values)
    pieces = blocks(file, progress)
    first = next(pieces)
    second = next(pieces, None)
    if second is None:
        yield parser(first)  # starting a process takes longer than parsing one block
        return
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    try:
        with ProcessPoolExecutor(WORKERS, context, initializer=_start, initargs=(parser,)) as pool:
            yield from in_order(pool, _parse, chain([first, second], pieces))
    except BrokenProcessPool as error:
        raise SirecError(f"{file}: a process that helped to read it has died", DIED) from error


@dataclass(frozen=True, eq=False)
class _Parser:
    """Parses the lines of a block that may be wanted.

    Attributes:
        columns: the wanted columns.
        key: key whose value tells whether a row is wanted.
        wanted: its wanted values, in UTF-8.
    """

    columns: tuple[WantedColumn, ...]
    key: str
    wanted: frozenset[bytes]

    def __call__(self, block: LineBlock) -> Parsed:
        shown = re.compile(
            rb"""['"]%s['"]\s*:\s*(?:'([^'"\\]*)'|"([^'"\\]*)")?""" % re.escape(self.key).encode()
        )
        kept: list[bytes] = []
        for line in block.data.split(b"\n"):
            # A blank line in place of what is not wanted keeps the numbers of the others.
            kept.append(line if self._may_be_wanted(shown.findall(line)) else b"")
        wanted_lines = LineBlock(b"\n".join(kept), block.first)
        with warnings.catch_warnings():
            # Escapes that Python does not know, such as "\d", stand for themselves.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", SyntaxWarning)
            return parse_records(wanted_lines, self.columns, _loads, FAILURES)

    def _may_be_wanted(self, shown: list[tuple[bytes, bytes]]) -> bool:
        """Whether a line has to be parsed.

        It has to be if it shows no key, a wanted key, or one that is not plain (escapes, quotes).
        """
        if not shown:
            return True
        for single_quoted, double_quoted in shown:
            text = (single_quoted or double_quoted).strip()
            if text == b"" or text in self.wanted:
                return True
        return False


_parser: _Parser | None = None  # of a worker process: set once, when it starts


def _start(parser: _Parser) -> None:
    global _parser
    _parser = parser


def _parse(block: LineBlock) -> Parsed:
    assert _parser is not None
    return _parser(block)


def _loads(line: str) -> object:
    """The record on a line. Raises `ValueError` if it is neither a Python literal nor JSON."""
    try:
        # A byte that is no UTF-8 becomes an escape, so that it is a mistake only in a wanted
        # column.
        return ast.literal_eval(line.strip().encode("utf-8", "backslashreplace").decode())
    except FAILURES:
        try:
            return json.loads(line)  # later copies of these files are strict JSON
        except (ValueError, RecursionError):
            raise ValueError("neither a Python literal nor JSON") from None
