"""One run from configuration to ranks: the only place that wires data, model, training and evaluation together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import torch

from sirec.core.model import Recommender, SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.split import PARTS
from sirec.errors import SirecError
from sirec.evaluation.covariates import write_covariates
from sirec.evaluation.evaluate import evaluate, rank_split
from sirec.evaluation.metrics import DEFAULT_METRICS, parse_metric, summarise
from sirec.evaluation.ranks import HISTORY_RULES, RankTable
from sirec.objectives.stage import Stage
from sirec.run import environment
from sirec.run.config import RunConfig
from sirec.run.files import read_json, replace_json_lines
from sirec.run.identity import run_id
from sirec.run.snapshot import Snapshot
from sirec.run.store import RunFolder, Store
from sirec.training.fit import EpochReport, Place, Trainer


class Watcher(Protocol):
    """Who is told how a run goes: a progress bar, a test, nobody."""

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """A stage begins, or goes on after `epoch` epochs with the best one so far (epoch, value)."""

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
class Workshop:
    """A data set in use and the model built for it."""

    data: Dataset
    schema: Schema
    model: Recommender


def folder_of(config: RunConfig, data: Dataset, store: Store) -> RunFolder:
    """Where the run of this configuration on this (whole) data set lives."""
    return store.folder(data.name, config.model.name, run_id(config, data.fingerprint()))


def set_up(config: RunConfig, data: Dataset, device: torch.device) -> Workshop:
    """Select the fields, seed torch, build the model and let it count what it counts."""
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    # It would show who reads memory that nobody has written, for 7 % of a step; nobody does.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    chosen = data.select(config.data.attributes, config.data.behaviours).to(device)
    schema = chosen.schema(config.data.max_length, with_position="position" in config.data.behaviours)
    torch.manual_seed(config.seed)
    model = config.model.build(schema).to(device)
    model.count(chosen)
    return Workshop(chosen, schema, model)


def execute(
    config: RunConfig, data: Dataset, store: Store, *, device: str = "cpu", watcher: Watcher | None = None, again: bool = False
) -> RunFolder:
    """Train (or resume) and evaluate one run; a finished one is returned as it is, unless `again`.

    Raises `SirecError` for a configuration that cannot be trained, a loss that diverges, or a disk that refuses.
    """
    folder, place = folder_of(config, data, store), _device(device)
    with folder.locked():
        if again and folder.is_done:  # an unfinished run goes on, whoever asks
            folder.clear()
        if not folder.is_done:
            _refuse_other_device(folder, place)
            workshop = set_up(config, data, place)
            folder.write_config(config, data.fingerprint(), data.held_out.split)
            folder.write_json("environment.json", environment.describe(config.threads, place.type))
            covariates = store.covariates(data.name, data.fingerprint())
            if not covariates.exists():
                write_covariates(data, covariates)
            _train(config, workshop, folder, watcher or Silent())
            _finish(config, workshop, folder, watcher or Silent())
    return folder


def load_model(folder: RunFolder, data: Dataset, device: str = "cpu") -> Workshop:
    """The trained model of a run. Raises `SirecError` if it has not finished, or the data are not those it was trained on."""
    folder.check_finished()
    config = folder.config()
    if folder.fingerprint() != data.fingerprint():
        raise SirecError(
            f"{folder.path}: trained on data {folder.fingerprint()}, but {data.name} is now {data.fingerprint()}",
            "prepare the data set with the settings it had, or train again",
        )
    workshop = set_up(config, data, _device(device))
    workshop.model.load_state_dict(folder.weights())
    workshop.model.eval()
    return workshop


def write_ranks(folder: RunFolder, config: RunConfig, ranks: RankTable) -> None:
    """Store ranks, their metrics, and the fact that test was looked at."""
    ranks.to_parquet(folder.path / "ranks.parquet")
    metrics = [*DEFAULT_METRICS, *(parse_metric(stage.metric) for stage in config.stages)]
    folder.write_json(
        "metrics.json",
        {split: {rule: summarise(ranks.ranks[split][rule], metrics) for rule in HISTORY_RULES} for split in PARTS}
        | {"ties": dict(ranks.ties)},
    )
    folder.append_line("evaluations.jsonl", f'{{"split": "test", "time": "{datetime.now(UTC).isoformat(timespec="seconds")}"}}')


def _train(config: RunConfig, workshop: Workshop, folder: RunFolder, watcher: Watcher) -> None:
    snapshot = Snapshot.load(folder.snapshot_path)
    reports: list[dict[str, Any]] = list(snapshot.reports) if snapshot else []
    for index, stage in enumerate(config.stages):
        if snapshot and index < snapshot.stage:
            continue
        assert isinstance(workshop.model, SequentialModel), "only models with an encoder have stages"
        place = Place(config.seed, index, config.precision)
        trainer = Trainer(workshop.model, stage, workshop.data, workshop.schema, place)
        if snapshot and index == snapshot.stage:
            trainer.restore(snapshot.tensors, snapshot.counters)
        watcher.stage(stage, trainer.epoch, (trainer.stopping.best_epoch, trainer.stopping.best))
        for report in trainer.run(lambda stage=stage: _validate(config, workshop, stage), watcher.step):  # type: ignore[misc]
            reports.append(asdict(report))
            Snapshot(index, trainer.counters(), reports, trainer.tensors()).save(folder.snapshot_path)
            replace_json_lines(folder.path / "epochs.jsonl", [_without_times(line) for line in reports])
            watcher.epoch(report)
        trainer.restore_best()
    replace_json_lines(folder.path / "epochs.jsonl", [_without_times(line) for line in reports])
    folder.write_json("timings.json", _timings(reports))


def _validate(config: RunConfig, workshop: Workshop, stage: Stage) -> Mapping[str, float]:
    doubled = rank_split(workshop.model, workshop.data, "valid", config.data.max_length).keep.cpu().numpy()
    return summarise(doubled, [*DEFAULT_METRICS, parse_metric(stage.metric)])


def _finish(config: RunConfig, workshop: Workshop, folder: RunFolder, watcher: Watcher) -> None:
    start = time.perf_counter()
    ranks = evaluate(workshop.model, workshop.data, config.data.max_length, watcher.ranking)
    seconds = time.perf_counter() - start
    folder.write_weights(workshop.model.state_dict())
    write_ranks(folder, config, ranks)
    parameters = sum(value.numel() for value in workshop.model.parameters() if value.requires_grad)
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


def _refuse_other_device(folder: RunFolder, device: torch.device) -> None:
    """Resuming promises the same bits, which another kind of device cannot give."""
    if folder.snapshot_path.exists():
        before = read_json(folder.path / "environment.json").get("device", "cpu")
        if before != device.type:
            raise SirecError(f"{folder.path}: begun on {before}, cannot go on on {device.type}", f"use --device {before}")


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SirecError(f"'{name}' is not a device", "for example: cpu, cuda, cuda:1") from None
    if device.type not in ("cpu", "cuda"):
        raise SirecError(f"device {name} is not supported", "use cpu, cuda or cuda:1")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SirecError(f"device {name}: no CUDA accelerator is usable here", "use --device cpu")
    return device
