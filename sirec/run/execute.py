"""One run from its configuration to its ranks: the only place where data, model, training and
evaluation meet.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch

from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.split import PARTS, HeldOutPart
from sirec.disk import make_folder
from sirec.errors import SirecError
from sirec.evaluation.covariates import write_covariates
from sirec.evaluation.full_ranking import OnUsers, evaluate, rank_split
from sirec.evaluation.metrics import DEFAULT_METRICS, parse_metric, summarise
from sirec.evaluation.ranks import HISTORY_RULES, RankedBlock, RankTable
from sirec.objectives.stage import Stage
from sirec.run import environment
from sirec.run.build import BuiltModel, load_model, set_up
from sirec.run.commit import commit, complete
from sirec.run.config import RunConfig
from sirec.run.device import device_named, refuse_other_device
from sirec.run.evaluation_log import log_evaluation
from sirec.run.files import replace_json_lines
from sirec.run.fits_memory import refuse_beyond_memory
from sirec.run.identity import run_id
from sirec.run.manifest import ENVIRONMENT, EPOCHS, METRICS, RANKS, TIMINGS, write_manifest
from sirec.run.slow_settings import remark_slow_settings, sleep_remarked
from sirec.run.snapshot import ANEW, Snapshot
from sirec.run.store import RunFolder, Store
from sirec.run.watcher import Silent, Watcher
from sirec.training.fit import Trainer
from sirec.training.process_group import ProcessGroup
from sirec.training.progress import SeedKey

NEW_RANKS = ".ranks"  # inside a run: ranks that are made anew
EpochLines = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class _Execution:
    """A run in progress: what it is, where it is kept, who trains it and who is told.

    Attributes:
        config: configuration of the run.
        folder: the folder of the run.
        built: its model and its data.
        watcher: who is told how it goes.
        process_group: the processes that train it together.
    """

    config: RunConfig
    folder: RunFolder
    built: BuiltModel
    watcher: Watcher
    process_group: ProcessGroup


def folder_of(config: RunConfig, data: Dataset, store: Store) -> RunFolder:
    """The folder of the run of a configuration, whether it exists or not.

    Args:
        config: configuration of the run.
        data: the whole data set.
        store: where runs are kept.
    """
    return store.folder(data.name, config.model.name, run_id(config, data.fingerprint()))


def execute(
    config: RunConfig,
    data: Dataset,
    store: Store,
    *,
    device: str = "cpu",
    watcher: Watcher | None = None,
    again: bool = False,
    process_group: ProcessGroup | None = None,
) -> RunFolder:
    """Train (or resume) and evaluate one run; a finished run is returned as it is.

    All processes of a `process_group` call this alike. The first one holds the folder and writes
    it; the others need not see it.

    Args:
        config: configuration of the run.
        data: the whole data set, on the CPU.
        store: where runs are kept.
        device: where to train.
        watcher: who is told how it goes; nobody without one.
        again: whether to train a finished run anew.
        process_group: the processes that train it together; without one, this process alone.

    Returns:
        The folder of the run.

    Raises:
        SirecError: for a configuration that cannot be trained, a loss that diverges, or a disk
            that refuses.
    """
    group = process_group or ProcessGroup()
    folder = folder_of(config, data, store)
    torch_device = device_named(device)
    for stage in config.stages:
        group.check(stage)  # also the last one, before the hours of the first one
    if again or not folder.is_done:
        refuse_beyond_memory(config, data, torch_device)
        remark_slow_settings(config)
    # A finished run needs nothing written, not even a lock.
    is_held = group.is_main and (again or not folder.is_done)
    with folder.locked() if is_held else nullcontext():
        if group.is_main:
            make_covariates(data, store)
        if not _is_wanted(folder, torch_device, group, again=again):
            return folder
        training = folder.to_train(again=again)
        built = set_up(config, data, torch_device)
        execution = _Execution(config, training, built, watcher or Silent(), group)
        if group.is_main:
            _write_beginning(execution, data, torch_device)
        with sleep_remarked():
            _train(execution)
        ranks, seconds = (None, 0.0) if config.refit else _evaluate(execution)
        if group.is_main:
            _write_end(execution, ranks, seconds)
        if group.is_main and training != folder:
            commit(folder.path, training.path)
    return folder


def make_covariates(data: Dataset, store: Store) -> None:
    """Write the covariates of the users of a data set, unless they are there.

    Args:
        data: the whole data set.
        store: where runs and covariates are kept.

    Raises:
        SirecError: where the disk refuses.
    """
    path = store.covariates(data.name, data.fingerprint())
    if not path.exists():
        write_covariates(data, path)


def write_ranks(
    folder: RunFolder, config: RunConfig, ranks: RankTable, *, recomputed: bool = False
) -> None:
    """Store ranks, their metrics, and the fact that test ranks were made.

    Args:
        folder: the folder of the run.
        config: configuration of the run.
        ranks: every user's ranks.
        recomputed: whether stored weights made them, and no training.

    Raises:
        SirecError: where the disk refuses.
    """
    ranks.to_parquet(folder.path / RANKS)
    folder.write_json(METRICS, metrics_of(config, ranks))
    log_evaluation(folder.path, recomputed=recomputed)


def metrics_of(config: RunConfig, ranks: RankTable) -> dict[str, Any]:
    """What metrics.json holds: the usual metrics, and those that select weights.

    Args:
        config: configuration of the run.
        ranks: every user's ranks.
    """
    metrics = [*DEFAULT_METRICS, *(parse_metric(stage.metric) for stage in config.stages)]
    values: dict[str, Any] = {"ties": dict(ranks.ties)}
    for part in PARTS:
        by_rule = ranks.ranks[part]
        values[part] = {rule: summarise(by_rule[rule], metrics) for rule in HISTORY_RULES}
    return values


def rank_again(folder: RunFolder, data: Dataset) -> None:
    """Rank all users with the stored weights of a run, and store these ranks instead.

    Configuration and weights are compared with their digests first. Ranks, metrics and manifest are
    replaced together: whenever the process stops, the older ones or the new ones stand.

    Args:
        folder: the folder of the run.
        data: the whole data set that it was trained on.

    Raises:
        SirecError: if the run has not finished, has no weights or damaged ones, or was trained on
            other data, and where the disk refuses; a disk that can only be read holds the same
            ranks already.
    """
    folder.check_evaluated()
    built = load_model(folder, data)
    config = folder.config()
    ranks = evaluate(built.model, built.data, config.data.max_length)
    if _has_ranks(folder, ranks) and not os.access(folder.path, os.W_OK):
        return
    fresh = RunFolder(folder.path / NEW_RANKS)
    with folder.locked():
        complete(folder.path)
        shutil.rmtree(fresh.path, ignore_errors=True)  # of a process that was killed
        make_folder(fresh.path)
        write_ranks(fresh, config, ranks, recomputed=True)
        write_manifest(fresh.path, based_on=folder.path)
        commit(folder.path, fresh.path)


def _has_ranks(folder: RunFolder, ranks: RankTable) -> bool:
    """Whether these are the ranks that a run has."""
    try:
        return folder.ranks().equals(ranks)
    except SirecError:
        return False


def _is_wanted(
    folder: RunFolder, device: torch.device, process_group: ProcessGroup, *, again: bool
) -> bool:
    """Whether there is something to train, as the first process finds it.

    Raises `SirecError` if the other processes are about to train another run.
    """

    def look() -> tuple[str, bool]:
        if folder.is_done and not again:
            return folder.path.name, False
        complete(folder.path)
        training = folder.to_train(again=again)
        if training.is_done:  # it ended before it took the place of the older result
            shutil.rmtree(training.path)
        refuse_other_device(training, device, process_group)
        return folder.path.name, True

    identity, is_wanted = process_group.broadcast_object(look)
    if identity != folder.path.name:
        mine = f"process {process_group.number} is about to train run {folder.path.name}"
        raise SirecError(
            f"{mine}, the first one {identity}",
            "all processes need the same data, the same options and the same version",
        )
    return bool(is_wanted)


def _write_beginning(execution: _Execution, data: Dataset, device: torch.device) -> None:
    """Write the configuration and the environment of a run."""
    config, folder = execution.config, execution.folder
    folder.write_config(config, data.fingerprint(), data.held_out.split)
    facts = environment.describe(config.threads, device.type)
    facts["processes"] = execution.process_group.size
    folder.write_json(ENVIRONMENT, facts | environment.plugins_of(config))


def _train(execution: _Execution) -> None:
    """Train every stage that is not done yet, and store the log and the times of all epochs."""
    config, folder, group = execution.config, execution.folder, execution.process_group
    snapshot = _resumed(folder, group)
    lines: EpochLines = list(snapshot.reports) if snapshot else []
    first = snapshot.stage if snapshot else 0
    if not 0 <= first <= len(config.stages) - 1 and snapshot:
        what = f"stage {first}, but this run has {len(config.stages)} stages, counted from 0"
        raise SirecError(f"{folder.snapshot_path}: {what}", ANEW)
    for index in range(first, len(config.stages)):
        is_resumed = index == first
        _train_stage(execution, index, lines, snapshot if is_resumed else None)
    if group.is_main:
        replace_json_lines(folder.path / EPOCHS, _without_times(lines))
        folder.write_json(TIMINGS, _timings(lines))


def _train_stage(
    execution: _Execution, index: int, lines: EpochLines, snapshot: Snapshot | None
) -> None:
    """Train one stage, from a snapshot if there is one, and leave its selected weights."""
    config, folder, built = execution.config, execution.folder, execution.built
    group, watcher, stage = execution.process_group, execution.watcher, config.stages[index]
    assert isinstance(built.model, SequentialModel), "only models with an encoder have stages"
    seed_key = SeedKey(config.seed, index, config.precision)
    trainer = Trainer(built.model, stage, built.data, built.schema, seed_key, group)
    if snapshot:
        _restore(trainer, snapshot, folder)
    watcher.stage(stage, trainer.epoch, (trainer.stopping.best_epoch, trainer.stopping.best))
    for report in trainer.run(partial(_validate, execution, stage), watcher.step):
        lines.append(asdict(report))
        if group.is_main:
            state = Snapshot(index, trainer.counters(), lines, trainer.tensors())
            state.save(folder.snapshot_path)
            replace_json_lines(folder.path / EPOCHS, _without_times(lines))
        watcher.epoch(report)
    trainer.restore_best()


def _restore(trainer: Trainer, snapshot: Snapshot, folder: RunFolder) -> None:
    """Continue from a snapshot; raises `SirecError` with its file if it is not of this run."""
    try:
        trainer.restore(snapshot.tensors, snapshot.counters)
    except SirecError as error:
        raise SirecError(f"{folder.snapshot_path}: {error.message}", ANEW) from None


def _resumed(folder: RunFolder, process_group: ProcessGroup) -> Snapshot | None:
    """The snapshot of the first process, in all processes."""
    mine = Snapshot.load(folder.snapshot_path) if process_group.is_main else None
    state = process_group.broadcast_object(
        lambda: mine and (mine.stage, mine.counters, mine.reports)
    )
    if state is None:
        return None
    stage, counters, reports = state
    tensors = process_group.broadcast_tensors(mine.tensors if mine else {})
    return Snapshot(stage, counters, reports, tensors)


def _rank(execution: _Execution, part: HeldOutPart, on_users: OnUsers | None = None) -> RankedBlock:
    """The ranks of all users, some of them computed by each process."""
    built, group = execution.built, execution.process_group
    max_length = execution.config.data.max_length
    mine = rank_split(built.model, built.data, part, max_length, on_users, group.users)
    return RankedBlock(*map(group.all_reduce_sum, mine))


def _validate(execution: _Execution, stage: Stage) -> Mapping[str, float]:
    """Validation metrics of the first process, by which all processes decide when to stop."""
    doubled = _rank(execution, "valid").keep.cpu().numpy()
    metrics = [*DEFAULT_METRICS, parse_metric(stage.metric)]
    values: dict[str, float] = execution.process_group.broadcast_object(
        lambda: summarise(doubled, metrics)
    )
    return values


def _evaluate(execution: _Execution) -> tuple[RankTable, float]:
    """The ranks of both held-out parts, and the seconds that a part took."""
    start = time.perf_counter()
    blocks: dict[HeldOutPart, list[RankedBlock]] = {}
    for part in PARTS:
        blocks[part] = [_rank(execution, part, execution.watcher.ranking)]
    ranks = RankTable.from_blocks(blocks)
    return ranks, (time.perf_counter() - start) / len(PARTS)


def _write_end(execution: _Execution, ranks: RankTable | None, seconds: float) -> None:
    """Write weights, ranks and metrics (if there are any) and times, and mark the run as done."""
    folder, model = execution.folder, execution.built.model
    folder.write_weights(model.state_dict())
    if ranks is not None:
        write_ranks(folder, execution.config, ranks)
    trained = [value.numel() for value in model.parameters() if value.requires_grad]
    timings = {
        "evaluation_seconds": seconds,
        "process_peak_bytes": environment.peak_memory(),
        "parameters": sum(trained),
    }
    folder.write_json(TIMINGS, folder.timings() | timings)
    folder.finish()


def _without_times(lines: EpochLines) -> EpochLines:
    """The reports of epochs without their seconds, which differ from one training to the next."""
    shorter: EpochLines = []
    for line in lines:
        shorter.append({key: line[key] for key in line if not key.endswith("_seconds")})
    return shorter


def _timings(lines: EpochLines) -> dict[str, Any]:
    timings: dict[str, Any] = {"epochs": len(lines)}
    for key in ("train_seconds", "valid_seconds"):
        timings[key] = [round(line[key], 3) for line in lines]
    return timings
