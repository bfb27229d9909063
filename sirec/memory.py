"""How much memory and how many cores this process may use: those of the machine, or less where a
group is limited.

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


def usable_cores(groups: Path = GROUPS, own_groups: Path = OWN_GROUPS) -> int:
    """How many processor cores this process may use, at least one.

    That is what the system schedules it on, or less where a group may use less of their time.

    Args:
        groups: where the system shows control groups.
        own_groups: the file that names the groups of this process.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = float(len(os.sched_getaffinity(0)))
    else:
        cores = float(os.cpu_count() or 1)
    for folder in _group_folders("cpu", groups, own_groups):
        share = _processor_share(folder)
        if share is not None:
            cores = min(cores, share)
    return max(1, int(cores))


def _group_limits(groups: Path, own_groups: Path) -> Iterator[int]:
    """The limits of the groups that this process is in, and of the groups around them."""
    for folder in _group_folders("memory", groups, own_groups):
        for name in LIMIT_FILES:
            text = _text_of(folder / name)
            if text.isdecimal():  # version 2 writes `max` where there is no limit
                yield int(text)


def _processor_share(folder: Path) -> float | None:
    """How many cores' time a group may use; None where it has no limit."""
    quota, _, period = _text_of(folder / "cpu.max").partition(" ")
    if not quota:  # version 1
        quota = _text_of(folder / "cpu.cfs_quota_us")
        period = _text_of(folder / "cpu.cfs_period_us")
    if not (quota.isdecimal() and period.isdecimal() and int(period)):
        return None
    return int(quota) / int(period)


def _group_folders(controller: str, groups: Path, own_groups: Path) -> Iterator[Path]:
    """Folders of the groups that this process is in, and of the groups around them."""
    for line in _text_of(own_groups).splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and controller not in controllers.split(","):
            continue
        root = groups / controller if controllers else groups
        steps = [step for step in path.split("/") if step]
        for length in range(len(steps) + 1):
            yield root.joinpath(*steps[:length])


def _text_of(path: Path) -> str:
    """The text of a file of the system; empty where it is not there."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
