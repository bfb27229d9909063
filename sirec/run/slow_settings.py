"""What makes a training slow and is no mistake: settings that nobody takes, a busy machine."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sirec import waiting
from sirec.config import unusual_numbers
from sirec.errors import Remark
from sirec.memory import usable_cores
from sirec.run.config import RunConfig

LARGE_SHARE = 0.2  # of a training


def remark_slow_settings(config: RunConfig) -> None:
    """Give a `Remark` for more threads than cores, and for sizes that nobody takes.

    Args:
        config: the configuration of a run that is about to be trained.
    """
    cores = usable_cores()
    sentences = [*unusual_numbers(config.model), *unusual_numbers(config.data)]
    slow = [f"{sentence}: a step may take minutes" for sentence in sentences]
    if config.threads > cores:
        threads = f"threads: {config.threads}, and there are {cores} cores"
        slow.append(f"{threads}: fewer threads are faster")
    for text in slow:
        warnings.warn(text, Remark, stacklevel=2)


@contextmanager
def sleep_remarked() -> Iterator[None]:
    """Remark afterwards if threads slept for a large share of the time, as others had the cores."""
    begun, slept = time.perf_counter(), waiting.seconds_asleep()
    yield
    asleep, passed = waiting.seconds_asleep() - slept, time.perf_counter() - begun
    if asleep > LARGE_SHARE * passed:
        warnings.warn(
            f"other processes wanted the cores for {asleep / passed:.0%} of this training, so its "
            "threads slept as they waited for each other; alone it would be faster",
            Remark,
            stacklevel=3,
        )
