"""Settings of a process that trains: how its threads wait, and how it keeps memory.

Importing `sirec` changes nothing in a process. `configure()` sets what is described here; the
command line and the worker processes of a study call it, and a script may call it before it
imports torch, which reads the settings of threads as it loads:

    import sirec.process
    sirec.process.configure()

It changes how fast a training is, never its numbers.

Threads that wait for work by spinning make two trainings on two cores twenty times slower than one
after the other, and machines are often busy. Threads that sleep at once make a training that is
alone slower. Where the system tells how long threads had no core, they spin as long as nobody else
wants the cores (`waiting.py`). Elsewhere they spin for some microseconds. A value that the user has
set stays.

Gradients and logits take megabytes of memory, which the system hands out anew at every step,
cleared, page by page. Large pages (Linux only) save a tenth to a quarter of a step, and two thirds
of it with a million items. Where the C library can be told to keep freed memory for the next step,
this saves another 5 to 8 % of a step, for 1 to 10 % more memory.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sirec import waiting

# Parameters of glibc's `mallopt`, each a number of bytes: memory above it at the end of the heap is
# given back, it is asked for at least as much at a time, and larger blocks are mapped one by one.
GLIBC_TRIM, GLIBC_TOP, GLIBC_MAP = -1, -2, -3
LARGEST_HEAP_BLOCKS = (1 << 30, 1 << 25)  # older versions of glibc take no more than 32 MB


def configure() -> None:
    """Set the environment variables of threads and pages, watch how threads wait, and let freed
    memory be kept.

    Variables that are set already stay. Call it before torch is imported.
    """
    watched = waiting.can_watch()
    os.environ.update(variables())
    if watched:
        waiting.start()
    _keep_freed_memory()


@contextmanager
def configured_children() -> Iterator[None]:
    """Processes that start within have the environment variables that `configure` sets."""
    added = variables()
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def variables() -> dict[str, str]:
    """The environment variables that `configure` sets: those that are not set yet."""
    wanted = {"THP_MEM_ALLOC_ENABLE": "1"}
    if "OMP_WAIT_POLICY" not in os.environ and not waiting.can_watch():
        wanted["GOMP_SPINCOUNT"] = "3000"
    return {name: value for name, value in wanted.items() if name not in os.environ}


def _keep_freed_memory() -> None:
    """Tell glibc to keep freed memory, unless the user has set one of its variables."""
    is_set = "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if sys.platform != "linux" or is_set or any(map(_is_of_malloc, os.environ)):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is None:
        return
    for size in LARGEST_HEAP_BLOCKS:
        if mallopt(GLIBC_MAP, size):
            mallopt(GLIBC_TRIM, (1 << 31) - 1)
            mallopt(GLIBC_TOP, 1 << 28)
            return


def _is_of_malloc(variable: str) -> bool:
    return variable.startswith("MALLOC_")
