"""Lines that each hold a Python literal, as in the metadata of the 2014 Amazon reviews: parsed in
worker processes.

A literal is read by `ast.literal_eval`, which runs nothing, and costs a hundred times what JSON
does. So a line is parsed only if its key may be wanted, as far as a search for `'asin': '…'` shows,
and the parsing is spread over the cores.
"""

from __future__ import annotations

import ast
import json
import multiprocessing
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain

from sirec.data.progress import ProgressCallback
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import LineBlock, blocks
from sirec.data.reading.parallel import WORKERS, in_order
from sirec.data.reading.records import Parsed, ParsedBlocks, Wanted, parse_records

FAILURES = (ValueError, SyntaxError, MemoryError, RecursionError)


def read(
    file: RawFile, columns: Sequence[WantedColumn], progress: ProgressCallback, wanted: Wanted
) -> ParsedBlocks:
    """The rows that may be `wanted` (a few others among them), block by block in order; other lines
    are not looked at.
    """
    parser = _Parser(
        tuple(columns), wanted.key, frozenset(value.encode() for value in wanted.values)
    )
    pieces = blocks(file, progress)
    first, second = next(pieces), next(pieces, None)
    if second is None:
        yield parser(first)  # to start a process takes longer than to parse one block
        return
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(WORKERS, context, initializer=_start, initargs=(parser,)) as pool:
        yield from in_order(pool, _parse, chain([first, second], pieces))


@dataclass(frozen=True, eq=False)
class _Parser:
    columns: tuple[WantedColumn, ...]
    key: str
    wanted: frozenset[bytes]

    def __call__(self, block: LineBlock) -> Parsed:
        shown = re.compile(
            rb"""['"]%s['"]\s*:\s*(?:'([^'"\\]*)'|"([^'"\\]*)")?""" % re.escape(self.key).encode()
        )
        # A blank line in place of what is not wanted keeps the numbers of the others.
        kept = [
            line if self._may_be_wanted(shown.findall(line)) else b""
            for line in block.data.split(b"\n")
        ]
        return parse_records(
            LineBlock(b"\n".join(kept), block.first), self.columns, _loads, FAILURES
        )

    def _may_be_wanted(self, shown: list[tuple[bytes, bytes]]) -> bool:
        """Whether a line has to be parsed: it shows no key, a wanted one, or one that is not plain
        (escapes, quotes).
        """
        texts = [(single or double).strip() for single, double in shown]
        return not texts or any(text == b"" or text in self.wanted for text in texts)


_parser: _Parser | None = None  # of a worker process: set once, when it starts


def _start(parser: _Parser) -> None:
    global _parser
    _parser = parser


def _parse(block: LineBlock) -> Parsed:
    assert _parser is not None
    return _parser(block)


def _loads(line: str) -> object:
    try:
        # A byte that is no UTF-8 becomes the escape of what stands for it: it is a mistake only in
        # a wanted column.
        return ast.literal_eval(line.strip().encode("utf-8", "backslashreplace").decode())
    except FAILURES:
        try:
            return json.loads(line)  # later copies of these files are strict JSON
        except (json.JSONDecodeError, RecursionError):
            raise ValueError("neither a Python literal nor JSON") from None
