"""The log of a run, `evaluations.jsonl`: one line for each time that its test ranks were made, and
for each time that `sirec train` was asked for it, also where it had been trained before.

Which run of a model is the newest is decided by it. It grows after the run has finished, so that
the manifest cannot hold its digest; each line has one of its own instead. Lines of earlier versions
have none, and are read as they are.

Nothing here needs torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sirec.config.json_text import parse_json
from sirec.config.plain_values import MalformedTextError
from sirec.data.store.digests import OWN, digest_of_values
from sirec.disk import atomic_file, read_fault
from sirec.errors import SirecError

EVALUATIONS = "evaluations.jsonl"
SPLIT, TIME = "split", "time"
RECOMPUTED = "recomputed"  # key of lines about ranks that stored weights gave
REQUESTED = "requested"  # key of lines about a request
KEYS = {SPLIT, TIME, RECOMPUTED, REQUESTED, OWN}


def log_evaluation(run: Path, *, recomputed: bool = False) -> None:
    """Add a line with the present time; the file is replaced as a whole, so that no line is torn.

    Args:
        run: the folder of the run.
        recomputed: whether stored weights gave the ranks, and no training.

    Raises:
        SirecError: if the disk refuses.
    """
    _log(run, {SPLIT: "test"}, {RECOMPUTED: True} if recomputed else {})


def log_request(run: Path) -> None:
    """Add a line that says that somebody asked for the run now; arguments and errors as above."""
    _log(run, {}, {REQUESTED: True})


def _log(run: Path, first: Mapping[str, Any], last: Mapping[str, Any]) -> None:
    path = run / EVALUATIONS
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entry: dict[str, Any] = {**first, TIME: now, **last}
    entry[OWN] = digest_of_values(entry)
    with atomic_file(path) as temporary:
        older = path.read_bytes() if path.exists() else b""
        temporary.write_bytes(older + json.dumps(entry).encode() + b"\n")


def evaluation_times(run: Path) -> list[float]:
    """When the ranks of a run were made by training, in seconds since 1970.

    Args:
        run: the folder of the run.

    Returns:
        The times in the order of the lines; none without a log.

    Raises:
        SirecError: for a line that is not what was written.
    """
    entries = _entries(run / EVALUATIONS)
    return [time for entry, time in entries if not entry.keys() & {RECOMPUTED, REQUESTED}]


def request_time(run: Path) -> float:
    """When a run was asked for last, in seconds since 1970; 0 if never.

    Args:
        run: the folder of the run.

    Raises:
        SirecError: for a line that is not what was written.
    """
    last = 0.0
    for entry, time in _entries(run / EVALUATIONS):
        if REQUESTED in entry:
            last = time
    return last


def _entries(path: Path) -> Iterator[tuple[Mapping[str, Any], float]]:
    """The values of each line, with its time in seconds."""
    for number, line in enumerate(_lines(path), start=1):
        try:
            entry = _entry(line)
            time = datetime.fromisoformat(entry[TIME]).timestamp()
        except (KeyError, TypeError, ValueError, OverflowError, MalformedTextError):
            raise SirecError(
                f"{path}:{number}: not what was written",
                "copy the file back, or delete this line; without any line the run counts as"
                " finished at the time of its file DONE",
            ) from None
        yield entry, time


def _lines(path: Path) -> Iterator[str]:
    try:
        yield from path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise read_fault(path, error) from None


def _entry(line: str) -> Mapping[str, Any]:
    """The values of a line; raises `ValueError` where they are not those that were written."""
    entry = parse_json(line)
    if not isinstance(entry, dict) or not set(entry) <= KEYS:
        raise ValueError(line)
    if OWN in entry and entry[OWN] != digest_of_values(entry):
        raise ValueError(line)
    return entry
