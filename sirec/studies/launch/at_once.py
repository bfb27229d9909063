"""How many runs are trained at a time where nobody says it.

A second thread does little for a run whose steps are thousands of small operations, and a second
run on its core does all: so a list of runs gets as many processes as have cores of their own,

    jobs = min(cores // threads of a run, memory // 3 GB, runs that have stages)

and at least one. A run computes the same bits in any of them. On an accelerator, on a cluster and
in a process that torchrun started beside others it is one.
"""

from __future__ import annotations

from collections.abc import Sequence

from sirec.memory import gigabytes, memory_size, usable_cores
from sirec.run.device import device_named
from sirec.studies.spec.plan import PlannedRun
from sirec.training.process_group import is_one_of_several

# Of a process that trains: twice what models take on Beauty, but for MSSR, which takes 2.4 GB.
RUN_BYTES = 3 * 10**9


def usual_jobs(runs: Sequence[PlannedRun], device: str) -> int:
    """How many of these runs to train at a time on this machine.

    Args:
        runs: the runs that are to be trained.
        device: where they are trained.
    """
    trained = [run for run in runs if run.config.stages]
    if len(trained) < 2 or is_one_of_several() or device_named(device).type != "cpu":
        return 1
    threads = max(run.config.threads for run in trained)
    memory = memory_size()
    by_memory = len(trained) if memory is None else memory // RUN_BYTES
    return max(1, min(usable_cores() // threads, by_memory, len(trained)))


def jobs_remark(jobs: int, runs: Sequence[PlannedRun]) -> str:
    """What a person should know of a number of jobs that nobody has named.

    Args:
        jobs: how many runs are trained at a time.
        runs: the runs.
    """
    threads = max(run.config.threads for run in runs)
    cores, memory = usable_cores(), memory_size()
    here = f"{cores} core{'s' * (cores > 1)}"
    if memory is not None:
        here += f" and {gigabytes(memory)} of memory"
    return (
        f"{jobs} runs at a time, {threads} thread{'s' * (threads > 1)} each, on {here} "
        "(--jobs 1: one after the other)"
    )
