"""One side of `training.py`: times a model of ours in this process and prints one JSON line a stage of its training.

    python benchmarks/own_side.py "dif-sr score_fusion=gate" --data data/beauty --steps 64 --evaluate

It runs what `sirec train` runs: the same configuration, the same loop with its gathering of batches and its check for finite
losses. Reading the data counts towards memory, not towards time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sirec.cli  # isort: skip  # noqa: F401 - how waiting threads behave is set before torch loads
import torch

from sirec.config import parse_assignments
from sirec.core.model import SequentialModel
from sirec.core.transformer import TransformerConfig
from sirec.data import storage
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.evaluate import rank_split
from sirec.run.config import RunConfig, resolve
from sirec.run.environment import peak_memory
from sirec.run.execute import Workshop, set_up
from sirec.training.fit import Place, Trainer

AFTER_IMPORTS = peak_memory()
SHAPE: dict[str, object] = {
    "model.layers": 3, "model.heads": 4, "model.width": 128, "model.inner": 256, "model.dropout": 0.5,
    "model.attention_dropout": 0.3, "max_length": 50, "budget": 512, "epochs": 1_000_000, "patience": 1_000_000,
}  # fmt: skip


class _Enough(Exception):  # noqa: N818 - not an error
    """Ends the training loop once enough steps are timed."""


def configure(spec: str, data: Dataset, threads: int, precision: str, attributes: list[str]) -> RunConfig:
    """The configuration of `MODEL KEY=VALUE…` in the benchmark's shape; what the spec assigns comes last and wins."""
    model, *assignments = spec.split()
    shared = SHAPE | {"threads": threads, "precision": precision, "data.attributes": attributes}
    return resolve(model, data, shared=shared, assignments=parse_assignments(assignments, "--own"), where=spec)


def measure(
    config: RunConfig, data: Dataset, *, warmup: int, steps: int, evaluate: bool, device: str = "cpu"
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Time `steps` training steps of each stage of a configuration and, if wanted, after the last the ranking of all users.

    Yields what to add to a name, nothing where there is one stage, and figures. The peak is that of the process so far; on
    an accelerator that of its memory.
    """
    workshop = set_up(config, data, torch.device(device))
    if not isinstance(workshop.model, SequentialModel) or not config.stages:
        raise SirecError(f"{config.model.name} is not trained, so there is no step to time")
    for index, stage in enumerate(config.stages):
        last, suffix = config.stages[-1], f" ({stage.title})" if len(config.stages) > 1 else ""
        figures = measure_stage(config, workshop, index, warmup=warmup, steps=steps, evaluate=evaluate and stage is last)
        yield suffix, {"model": f"{kind_of(config)}{suffix}", **figures}


def measure_stage(
    config: RunConfig, workshop: Workshop, index: int, *, warmup: int, steps: int, evaluate: bool
) -> dict[str, Any]:
    """Time one stage."""
    model = workshop.model
    assert isinstance(model, SequentialModel)
    trainer = Trainer(model, config.stages[index], workshop.data, workshop.schema, Place(config.seed, index, config.precision))
    mean = time_steps(trainer, warmup, steps)
    result = {
        "ms_per_step": 1e3 * mean,
        "steps_per_epoch": trainer.steps,
        "seconds_per_epoch": mean * trainer.steps,
        "peak_bytes_above_import": peak(workshop.data.items.device),
    }
    if evaluate:
        start = now(workshop.data.items.device)
        rank_split(model, workshop.data, "valid", config.data.max_length)
        result["evaluation_seconds"] = now(workshop.data.items.device) - start
    return result


def time_steps(trainer: Trainer, warmup: int, steps: int) -> float:
    """Mean seconds of a step after `warmup` (at least one), as seen from outside: from the end of one to the end of another.

    An accelerator is waited for at both ends and never in between.
    """
    seen, marks = 0, []

    def on_step(done: int, total: int) -> None:
        nonlocal seen
        seen += 1
        if seen - max(warmup, 1) in (0, steps):
            marks.append(now(trainer.data.items.device))
        if len(marks) == 2:
            raise _Enough

    with contextlib.suppress(_Enough):
        for _ in trainer.run(lambda: {trainer.stage.metric: 0.0}, on_step):
            pass
    start, end = marks
    return (end - start) / steps


def now(device: torch.device) -> float:
    """Seconds on a clock, once the device has done all it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak(device: torch.device) -> int:
    """Bytes: the most that this process has held, above what the imports took; on an accelerator of its memory."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory() - AFTER_IMPORTS


def kind_of(config: RunConfig) -> str:
    """What a peer must compute to be compared with: the model, and how scores are fused where attributes have their own."""
    model = config.model
    fused = isinstance(model, TransformerConfig) and model.attribute == "attention"
    return f"{model.name} {model.score_fusion}" if fused else model.name  # type: ignore[union-attr]


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description="Time one model of ours and print one JSON line.")
    parser.add_argument("spec", help='MODEL KEY=VALUE…, for example "sasrec composition=pools"')
    parser.add_argument("--data", type=Path, required=True, help="a prepared data set")
    parser.add_argument("--attributes", default="category", help="names of attributes, with commas between; empty: none")
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--device", default="cpu", help="cpu, or an accelerator: cuda")
    parser.add_argument("--evaluate", action="store_true", help="also time ranking every user's validation target")
    args = parser.parse_args()
    try:
        data = storage.load(args.data)
        attributes = [name for name in args.attributes.split(",") if name]
        config = configure(args.spec, data, args.threads, args.precision, attributes)
        how = {"warmup": args.warmup, "steps": args.steps, "evaluate": args.evaluate, "device": args.device}
        for suffix, result in measure(config, data, **how):
            print(json.dumps({"name": f"{args.spec}{suffix}", **result}))
    except SirecError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
