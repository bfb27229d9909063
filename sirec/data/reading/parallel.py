"""Blocks of lines that several workers parse, with results in the order of the blocks.

Only the blocks that workers have or wait for are in memory.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import chain

from sirec.data.reading.lines import LineBlock
from sirec.data.reading.records import Parsed, ParsedBlocks

WORKERS = min(os.cpu_count() or 1, 8)
AHEAD = 2  # blocks that wait while every worker has one


def in_threads(
    parse: Callable[[LineBlock], Parsed], first: LineBlock, rest: Iterator[LineBlock]
) -> ParsedBlocks:
    """Parse blocks in threads, with a parser that releases Python's lock while it works.

    Args:
        parse: the parser of one block.
        first: the first block.
        rest: all further blocks.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from in_order(pool, parse, chain([first], rest))


def in_order(
    pool: Executor, parse: Callable[[LineBlock], Parsed], blocks: Iterator[LineBlock]
) -> ParsedBlocks:
    """Parse blocks in a pool; an error in one block ends the work on all.

    Args:
        pool: threads or processes.
        parse: the parser of one block.
        blocks: all blocks.

    Yields:
        The results in the order of the blocks.
    """
    waiting: deque[Future[Parsed]] = deque()
    try:
        for block in blocks:
            waiting.append(pool.submit(parse, block))
            if len(waiting) > WORKERS + AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
