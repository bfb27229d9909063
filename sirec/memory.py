"""How much memory this process may use: that of the machine, or less where a group is limited.

Nothing here needs torch. Limits of control groups (Linux, versions 1 and 2) hold for containers and
for jobs of a scheduler.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
LIMIT_FILES = ("memory.max", "memory.limit_in_bytes")
GIGABYTE = 1e9


def memory_size(groups: Path = GROUPS, own_groups: Path = OWN_GROUPS) -> int | None:
    """Bytes of memory that this process may use at most; None where the system does not tell.

    Args:
        groups: where the system shows control groups.
        own_groups: the file that names the groups of this process.
    """
    sizes = list(_group_limits(groups, own_groups))
    with suppress(AttributeError, ValueError, OSError):  # systems without these names
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((size for size in sizes if size > 0), default=None)


def gigabytes(size: float) -> str:
    """A number of bytes as messages say it.

    >>> gigabytes(22.4e9), gigabytes(5.2e14), gigabytes(3e8)
    ('22 GB', '520,000 GB', '0.3 GB')
    """
    number = size / GIGABYTE
    return f"{number:,.0f} GB" if number >= 10 else f"{number:.1f} GB"


def _group_limits(groups: Path, own_groups: Path) -> Iterator[int]:
    """The limits of the groups that this process is in, and of the groups around them."""
    try:
        lines = own_groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        root = groups / "memory" if controllers else groups
        steps = [step for step in path.split("/") if step]
        for length in range(len(steps) + 1):
            yield from _limits_in(root.joinpath(*steps[:length]))


def _limits_in(folder: Path) -> Iterator[int]:
    for name in LIMIT_FILES:
        try:
            text = (folder / name).read_text(encoding="utf-8").strip()
        except OSError:
            continue
        if text.isdecimal():  # version 2 writes `max` where there is no limit
            yield int(text)
