"""Lines that each hold a Python literal, as in the metadata of the 2014 Amazon reviews: parsed in worker processes.

A literal is read by `ast.literal_eval`, which runs nothing, and costs a hundred times what JSON does. So a line is parsed only
if its key (found by a search for `'asin': '…'`) is wanted, and the parsing is spread over the cores.
"""

from __future__ import annotations

import ast
import json
import multiprocessing
import re
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from sirec.data.raw import Progress
from sirec.data.reading.columns import Column
from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import Block, blocks
from sirec.data.reading.parallel import WORKERS, in_order
from sirec.data.reading.records import Parsed, parse_records

FAILURES = (ValueError, SyntaxError, MemoryError, RecursionError)
_wanted: frozenset[bytes] = frozenset()  # of a worker process: set once, when it starts


def read(file: RawFile, columns: Sequence[Column], progress: Progress, key: str, wanted: Collection[str]) -> Iterator[Parsed]:
    """The rows whose text `key` is `wanted`, block by block in order; a line that shows no key is parsed, to say why."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    keys = frozenset(name.encode() for name in wanted)
    parse = partial(_parse, columns=tuple(columns), key=key)
    with ProcessPoolExecutor(WORKERS, context, initializer=_start, initargs=(keys,)) as pool:
        yield from in_order(pool, parse, blocks(file, progress))


def _start(keys: frozenset[bytes]) -> None:
    global _wanted
    _wanted = keys


def _parse(block: Block, columns: Sequence[Column], key: str) -> Parsed:
    pattern = re.compile(rb"""['"]%s['"]\s*:\s*['"]([^'"]*)['"]""" % re.escape(key).encode())
    kept = []
    for line in block.data.split(b"\n"):
        found = pattern.search(line)
        is_wanted = found is None or found[1] in _wanted
        kept.append(line if is_wanted else b"")  # a blank line keeps the numbers of the others
    return parse_records(Block(b"\n".join(kept), block.first), columns, _loads, FAILURES)


def _loads(line: str) -> object:
    try:
        return ast.literal_eval(line.strip())
    except FAILURES as error:
        try:
            return json.loads(line)  # later copies of these files are strict JSON
        except json.JSONDecodeError:
            raise error from None
