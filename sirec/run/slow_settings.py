"""Settings that are legal, and with which a training goes on for long without a sign."""

from __future__ import annotations

import warnings

from sirec.config import unusual_numbers
from sirec.errors import Remark
from sirec.memory import usable_cores
from sirec.run.config import RunConfig


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
