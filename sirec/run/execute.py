"""One run from configuration to ranks: the only place that wires data, model, training and
evaluation together.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import torch

from sirec.core.model import Recommender, SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.split import PARTS, HeldOutPart
from sirec.errors import SirecError
from sirec.evaluation.covariates import write_covariates
from sirec.evaluation.full_ranking import OnUsers, rank_split
from sirec.evaluation.metrics import DEFAULT_METRICS, parse_metric, summarise
from sirec.evaluation.ranks import HISTORY_RULES, RankedBlock, RankTable
from sirec.objectives.stage import Stage
from sirec.registry import providers_of
from sirec.run import environment
from sirec.run.config import RunConfig
from sirec.run.files import read_json, replace_json_lines
from sirec.run.identity import run_id
from sirec.run.snapshot import Snapshot
from sirec.run.store import RunFolder, Store
from sirec.training.fit import Trainer
from sirec.training.process_group import ProcessGroup
from sirec.training.progress import EpochReport, SeedKey


class Watcher(Protocol):
    """Who is told how a run goes: a progress bar, a test, nobody."""

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """A stage begins, or goes on after `epoch` epochs with the best one so far (epoch,
        value).
        """

    def step(self, done: int, total: int) -> None:
        """A training step is done."""

    def epoch(self, report: EpochReport) -> None:
        """An epoch is done and saved."""

    def ranking(self, done: int, total: int) -> None:
        """Users were ranked in the final evaluation."""


class Silent:
    """Tells nobody."""

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """Nothing."""

    def step(self, done: int, total: int) -> None:
        """Nothing."""

    def epoch(self, report: EpochReport) -> None:
        """Nothing."""

    def ranking(self, done: int, total: int) -> None:
        """Nothing."""


@dataclass(eq=False)
class BuiltModel:
    """A data set in use and the model built for it."""

    data: Dataset
    schema: Schema
    model: Recommender


def folder_of(config: RunConfig, data: Dataset, store: Store) -> RunFolder:
    """Where the run of this configuration on this (whole) data set lives."""
    return store.folder(data.name, config.model.name, run_id(config, data.fingerprint()))


def set_up(config: RunConfig, data: Dataset, device: torch.device) -> BuiltModel:
    """Select the fields, seed torch, build the model and let it count what it counts."""
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    # It would show who reads memory that nobody has written, for 7 % of a step; nobody does.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    chosen = data.select(config.data.attributes, config.data.behaviours).to(device)
    schema = chosen.schema(
        config.data.max_length, with_position="position" in config.data.behaviours
    )
    torch.manual_seed(config.seed)
    model = config.model.build(schema).to(device)
    model.name = config.model.name
    model.fit_statistics(chosen)
    return BuiltModel(chosen, schema, model)


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
    """Train (or resume) and evaluate one run; a finished one is returned as it is, unless `again`.

    All processes of a `process_group` call this alike; the first one holds the folder and writes
    it, the others need not see it. Raises `SirecError` for a configuration that cannot be trained,
    a loss that diverges, or a disk that refuses.
    """
    folder, place, process_group = (
        folder_of(config, data, store),
        device_named(device),
        process_group or ProcessGroup(),
    )
    for stage in config.stages:
        process_group.check(stage)  # the last one's, too, before the first one's hours
    with folder.locked() if process_group.is_main else nullcontext():
        if _is_wanted(folder, place, process_group, again=again):
            built = set_up(config, data, place)
            if process_group.is_main:
                _begin(
                    config,
                    data,
                    store,
                    folder,
                    environment.describe(config.threads, place.type)
                    | {"processes": process_group.size}
                    | _plugins_of(config),
                )
            _train(config, built, folder, watcher or Silent(), process_group)
            _finish(config, built, folder, watcher or Silent(), process_group)
    return folder


def load_model(folder: RunFolder, data: Dataset, device: str = "cpu") -> BuiltModel:
    """The trained model of a run. Raises `SirecError` if it has not finished, or the data are not
    those it was trained on.
    """
    folder.check_finished()
    config = folder.config()
    if folder.fingerprint() != data.fingerprint():
        raise SirecError(
            f"{folder.path}: trained on data {folder.fingerprint()}, but {data.name} is now {data.fingerprint()}",
            "prepare the data set with the settings it had, or train again",
        )
    built = set_up(config, data, device_named(device))
    built.model.load_state_dict(folder.weights())
    built.model.eval()
    return built


def write_ranks(folder: RunFolder, config: RunConfig, ranks: RankTable) -> None:
    """Store ranks, their metrics, and the fact that test was looked at."""
    ranks.to_parquet(folder.path / "ranks.parquet")
    metrics = [*DEFAULT_METRICS, *(parse_metric(stage.metric) for stage in config.stages)]
    folder.write_json(
        "metrics.json",
        {
            split: {rule: summarise(ranks.ranks[split][rule], metrics) for rule in HISTORY_RULES}
            for split in PARTS
        }
        | {"ties": dict(ranks.ties)},
    )
    folder.append_line(
        "evaluations.jsonl",
        f'{{"split": "test", "time": "{datetime.now(UTC).isoformat(timespec="seconds")}"}}',
    )


def device_named(name: str) -> torch.device:
    """The device of that name. Raises `SirecError` if it cannot be used here."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SirecError(f"'{name}' is not a device", "for example: cpu, cuda, cuda:1") from None
    if device.type not in ("cpu", "cuda"):
        raise SirecError(f"device {name} is not supported", "use cpu, cuda or cuda:1")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SirecError(f"device {name}: no CUDA accelerator is usable here", "use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SirecError(
            f"device {name}: there are {torch.cuda.device_count()} accelerators here, counted from cuda:0"
        )
    return device


def _is_wanted(
    folder: RunFolder, place: torch.device, process_group: ProcessGroup, *, again: bool
) -> bool:
    """Whether there is something to do, as the first process finds it. Raises `SirecError` if the
    others mean another run.
    """

    def look() -> tuple[str, bool]:
        if again and folder.is_done:  # an unfinished run goes on, whoever asks
            folder.clear()
        if not folder.is_done:
            _refuse_other_place(folder, place, process_group)
        return folder.path.name, not folder.is_done

    identity, wanted = process_group.broadcast_object(look)
    if identity != folder.path.name:
        what = f"process {process_group.number} is about to train run {folder.path.name}, the first one {identity}"
        raise SirecError(
            what, "all processes need the same data, the same options and the same version"
        )
    return bool(wanted)


def _begin(
    config: RunConfig, data: Dataset, store: Store, folder: RunFolder, place: Mapping[str, Any]
) -> None:
    folder.write_config(config, data.fingerprint(), data.held_out.split)
    folder.write_json("environment.json", place)
    covariates = store.covariates(data.name, data.fingerprint())
    if not covariates.exists():
        write_covariates(data, covariates)


def _plugins_of(config: RunConfig) -> dict[str, Any]:
    """Package and version of each plugin that a run uses, for its environment.json; else nothing."""
    plugins = {
        provider.package: provider.version
        for provider in providers_of(config)
        if not provider.is_sirec
    }
    return {"plugins": plugins} if plugins else {}


def _train(
    config: RunConfig,
    built: BuiltModel,
    folder: RunFolder,
    watcher: Watcher,
    process_group: ProcessGroup,
) -> None:
    snapshot = _resumed(folder, process_group)
    reports: list[dict[str, Any]] = list(snapshot.reports) if snapshot else []
    for index, stage in enumerate(config.stages):
        if snapshot and index < snapshot.stage:
            continue
        assert isinstance(built.model, SequentialModel), "only models with an encoder have stages"
        place = SeedKey(config.seed, index, config.precision)
        trainer = Trainer(built.model, stage, built.data, built.schema, place, process_group)
        if snapshot and index == snapshot.stage:
            trainer.restore(snapshot.tensors, snapshot.counters)
        watcher.stage(stage, trainer.epoch, (trainer.stopping.best_epoch, trainer.stopping.best))
        validate = partial(_validate, config, built, stage, process_group)
        for report in trainer.run(validate, watcher.step):
            reports.append(asdict(report))
            if process_group.is_main:
                Snapshot(index, trainer.counters(), reports, trainer.tensors()).save(
                    folder.snapshot_path
                )
                replace_json_lines(
                    folder.path / "epochs.jsonl", [_without_times(line) for line in reports]
                )
            watcher.epoch(report)
        trainer.restore_best()
    if process_group.is_main:
        replace_json_lines(folder.path / "epochs.jsonl", [_without_times(line) for line in reports])
        folder.write_json("timings.json", _timings(reports))


def _resumed(folder: RunFolder, process_group: ProcessGroup) -> Snapshot | None:
    """The first process's snapshot, in all of them."""
    mine = Snapshot.load(folder.snapshot_path) if process_group.is_main else None
    state = process_group.broadcast_object(
        lambda: mine and (mine.stage, mine.counters, mine.reports)
    )
    if state is None:
        return None
    stage, counters, reports = state
    return Snapshot(
        stage, counters, reports, process_group.broadcast_tensors(mine.tensors if mine else {})
    )


def _rank(
    config: RunConfig,
    built: BuiltModel,
    part: HeldOutPart,
    process_group: ProcessGroup,
    on_users: OnUsers | None = None,
) -> RankedBlock:
    """Everybody's ranks, some users by each process."""
    mine = rank_split(
        built.model, built.data, part, config.data.max_length, on_users, process_group.users
    )
    return RankedBlock(*(process_group.all_reduce_sum(column) for column in mine))


def _validate(
    config: RunConfig, built: BuiltModel, stage: Stage, process_group: ProcessGroup
) -> Mapping[str, float]:
    """Metrics of the first process: what follows from them, as when to stop, all must decide
    alike.
    """
    doubled = _rank(config, built, "valid", process_group).keep.cpu().numpy()
    metrics: dict[str, float] = process_group.broadcast_object(
        lambda: summarise(doubled, [*DEFAULT_METRICS, parse_metric(stage.metric)])
    )
    return metrics


def _finish(
    config: RunConfig,
    built: BuiltModel,
    folder: RunFolder,
    watcher: Watcher,
    process_group: ProcessGroup,
) -> None:
    start = time.perf_counter()
    ranks = RankTable.from_blocks(
        {part: [_rank(config, built, part, process_group, watcher.ranking)] for part in PARTS}
    )
    seconds = time.perf_counter() - start
    if not process_group.is_main:
        return
    folder.write_weights(built.model.state_dict())
    write_ranks(folder, config, ranks)
    parameters = sum(value.numel() for value in built.model.parameters() if value.requires_grad)
    folder.write_json(
        "timings.json",
        folder.timings()
        | {
            "evaluation_seconds": seconds / len(PARTS),
            "process_peak_bytes": environment.peak_memory(),
            "parameters": parameters,
        },
    )
    folder.finish()


def _without_times(report: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if not key.endswith("_seconds")}


def _timings(reports: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "epochs": len(reports),
        "train_seconds": [round(report["train_seconds"], 3) for report in reports],
        "valid_seconds": [round(report["valid_seconds"], 3) for report in reports],
    }


def _refuse_other_place(
    folder: RunFolder, device: torch.device, process_group: ProcessGroup
) -> None:
    """Resuming promises the same bits, which another kind of device cannot give, nor another number
    of processes.
    """
    if folder.snapshot_path.exists():
        before = read_json(folder.path / "environment.json")
        kind, processes = before.get("device", "cpu"), before.get("processes", 1)
        if kind != device.type:
            raise SirecError(
                f"{folder.path}: begun on {kind}, cannot go on on {device.type}",
                f"use --device {kind}",
            )
        if processes != process_group.size:
            hint = f"use torchrun with as many as before, or delete {folder.snapshot_path.name} there to start anew"
            raise SirecError(
                f"{folder.path}: begun by {processes} processes, cannot go on by {process_group.size}",
                hint,
            )
