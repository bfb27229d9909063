"""Compare every number of two results folders, whatever became of the words around them.

    python scripts/compare_numbers.py OLD NEW

Both folders must have the same CSV files below `tables/` and `figures/`, with the same number of
rows and columns, and the same number wherever one of the two has a number. Words may differ. Each
difference is one line that names file, row and column; the exit code is 1 if there is any.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("tables", "figures")
SHOWN = 20  # differences that are printed


def differences(old: Path, new: Path) -> Iterator[str]:
    """Every difference in numbers between the CSV files of two results folders.

    Args:
        old: the results folder to compare with.
        new: the results folder to check.
    """
    for folder in FOLDERS:
        before = {path.name for path in (old / folder).glob("*.csv")}
        after = {path.name for path in (new / folder).glob("*.csv")}
        for name in sorted(before ^ after):
            where = old if name in before else new
            yield f"{folder}/{name}: only in {where}"
        for name in sorted(before & after):
            yield from _of_files(old / folder / name, new / folder / name, f"{folder}/{name}")


def _of_files(old: Path, new: Path, name: str) -> Iterator[str]:
    before, after = _read(old), _read(new)
    if len(before) != len(after):
        yield f"{name}: {len(before)} rows, now {len(after)}"
        return
    for row, (first, second) in enumerate(zip(before, after, strict=True), start=1):
        if len(first) != len(second):
            yield f"{name}: row {row}: {len(first)} columns, now {len(second)}"
            continue
        for column, (was, now) in enumerate(zip(first, second, strict=True), start=1):
            if _number(was) != _number(now):
                yield f"{name}: row {row}, column {column}: '{was}', now '{now}'"


def _read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def main(arguments: list[str]) -> int:
    """Print the differences; 0 if there is none, 1 if there is any, 2 for other arguments."""
    if len(arguments) != 2:
        print("usage: compare_numbers.py OLD NEW", file=sys.stderr)
        return 2
    old, new = map(Path, arguments)
    if not (old / FOLDERS[0]).is_dir() or not (new / FOLDERS[0]).is_dir():
        print(f"{old} or {new} is no results folder: it has no {FOLDERS[0]}/", file=sys.stderr)
        return 2
    found = list(differences(old, new))
    for line in found[:SHOWN]:
        print(line)
    if len(found) > SHOWN:
        print(f"and {len(found) - SHOWN} more")
    files = sum(1 for folder in FOLDERS for _ in (old / folder).glob("*.csv"))
    print(f"{len(found)} differences in the numbers of {files} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
