"""Standard input, output and error of the command line, whatever they are connected to.

A stream may be closed (`>&-`), full (`>/dev/full`), a pipe that nobody reads any more, or of an
encoding that lacks characters. None of these is a bug, and none may end in a traceback.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sirec.disk import disk_error_text
from sirec.errors import SirecError

STREAMS = 3  # standard input, output and error


class GuardedOutput(io.TextIOWrapper):
    """Standard output, whose errors say that it is standard output that could not be written."""

    def write(self, text: str) -> int:
        """Write a text; raises `SirecError`, or `BrokenPipeError` where the reader has gone."""
        with _output_faults():
            return super().write(text)

    def flush(self) -> None:
        """Write what is left; raises `SirecError`, or `BrokenPipeError`."""
        with _output_faults():
            super().flush()


class ClosedOutput(io.TextIOBase):
    """Stands for a standard output that was closed: an error once something is to be printed."""

    encoding = "utf-8"

    def writable(self) -> bool:
        """Always true: that it cannot be written is told by `write`."""
        return True

    def write(self, text: str) -> int:
        """Raise `SirecError` for every text that is not empty."""
        if text:
            raise SirecError("standard output is closed", "say >/dev/null to drop what is printed")
        return 0


def settle() -> None:
    """Put something in the place of closed streams, and make every text printable.

    A file that is opened later must not get the number of a closed stream, or what a library
    prints would end up in that file.
    """
    handle = os.open(os.devnull, os.O_RDWR)
    while handle < STREAMS:
        handle = os.dup(handle)
    os.close(handle)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 (for good)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (for good)
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    elif type(sys.stdout) is io.TextIOWrapper:  # and not what a test or a notebook put there
        sys.stdout = _guarded(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush_output() -> None:
    """Write what is left for standard output; nothing of it is tried again as Python ends.

    Raises:
        SirecError: if it cannot be written; not where its reader has gone.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()


def _guarded(stream: io.TextIOWrapper) -> GuardedOutput:
    """The same stream, with errors of its own."""
    encoding, buffering = stream.encoding, stream.line_buffering
    guarded = GuardedOutput(stream.detach(), encoding=encoding, line_buffering=buffering)
    sys.__stdout__ = guarded  # type: ignore[misc] # the old one has no stream any more
    return guarded


@contextmanager
def _output_faults() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise SirecError(
            f"standard output could not be written: {disk_error_text(error)}",
            "send it elsewhere and run the same command again",
        ) from None


def _drop_output() -> None:
    """Lead standard output to nowhere, with what is still to be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
