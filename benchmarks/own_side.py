"""One side of `training.py`: times a model of ours in this process and prints one JSON line a stage
of its training.

    python benchmarks/own_side.py "dif-sr score_fusion=gate" --data data/beauty --steps 64
    --evaluate

It runs what `sirec train` runs: the same configuration, the same loop with its gathering of batches
and its check for finite losses. Reading the data counts towards memory, not towards time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import sirec.process  # isort: skip

if __name__ == "__main__":  # before torch is loaded, as the command line does
    sirec.process.configure()

import torch

from sirec.config import parse_assignments
from sirec.core.kernels.products import linear
from sirec.core.model import SequentialModel
from sirec.core.transformer import TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import rank_split
from sirec.evaluation.top_items import Histories, top_items
from sirec.run.build import set_up
from sirec.run.config import RunConfig, resolve
from sirec.run.device import device_named
from sirec.run.environment import peak_memory
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

AFTER_IMPORTS = peak_memory()
SHARED: dict[str, object] = {
    "model.width": 128,
    "max_length": 50,
    "budget": 512,
    "epochs": 1_000_000,
    "patience": 1_000_000,
}
SHAPE = SHARED | {
    "model.layers": 3,
    "model.heads": 4,
    "model.inner": 256,
    "model.dropout": 0.5,
    "model.attention_dropout": 0.3,
}
SHAPES = {
    "equal": SHAPE,
    "declared": SHARED,
}  # every model in the peers' shape, or with its own layers and dropouts
TOP = 20  # items of a list
LEAST_STEPS = 3  # before a limit of seconds may end them


class _Enough(Exception):  # noqa: N818 - not an error
    """Ends the training loop once enough steps are timed."""


def configure(
    spec: str,
    data: Dataset,
    threads: int,
    precision: str,
    attributes: list[str],
    shape: str = "equal",
) -> RunConfig:
    """The configuration of `MODEL KEY=VALUE…` in a shape of `SHAPES`; what the spec assigns comes
    last and wins.
    """
    model, *assignments = spec.split()
    shared = SHAPES[shape] | {
        "threads": threads,
        "precision": precision,
        "data.attributes": attributes,
    }
    return resolve(
        model, data, shared=shared, assignments=parse_assignments(assignments, "--own"), where=spec
    )


def measure(
    config: RunConfig,
    data: Dataset,
    *,
    warmup: int,
    steps: int,
    evaluate: bool,
    device: str = "cpu",
    limit: float = math.inf,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Time `steps` training steps of each stage of a configuration and, if wanted, after the last
    the ranking of all users.

    Yields what to add to a name, nothing where there is one stage, and figures. The peak is that of
    the process so far; on an accelerator that of its memory. `limit` is as in `time_steps`. Raises
    `SirecError` for a device that is not there and a model that is not trained.
    """
    built = set_up(config, data, device_named(device))
    if not isinstance(built.model, SequentialModel) or not config.stages:
        raise SirecError(f"{config.model.name} is not trained, so there is no step to time")
    for index, stage in enumerate(config.stages):
        last, suffix = config.stages[-1], f" ({stage.title})" if len(config.stages) > 1 else ""
        trainer = Trainer(
            built.model,
            stage,
            built.data,
            built.schema,
            SeedKey(config.seed, index, config.precision),
        )
        figures = measure_stage(trainer, warmup, steps, limit)
        if evaluate and stage is last:
            figures["evaluation_seconds"] = time_ranking(
                built.model, trainer.data, config.data.max_length
            )
            figures["lists_seconds"] = time_lists(built.model, trainer.data, config.data.max_length)
        yield suffix, {"model": f"{kind_of(config)}{suffix}", **figures}


def measure_stage(trainer: Trainer, warmup: int, steps: int, limit: float) -> dict[str, Any]:
    """Time one stage's training, and where items are told apart by a softmax over all of them, its
    products alone.
    """
    mean, timed = time_steps(trainer, warmup, steps, limit)
    figures = {
        "ms_per_step": 1e3 * mean,
        "timed_steps": timed,
        "steps_per_epoch": trainer.steps,
        "seconds_per_epoch": mean * trainer.steps,
        "peak_bytes_above_import": peak(trainer.data.items.device),
    }
    if any(objective.name == "item" for objective in trainer.stage.objectives):
        floor = time_softmax_products(trainer)
        figures["floor_seconds_per_epoch"] = floor * trainer.steps
    return figures


def time_softmax_products(trainer: Trainer, rounds: int = 5) -> float:
    """Seconds of the three products of an item softmax, without which no step can be: the shortest
    of some rounds.

    With N targets a step, width d and V items these are scores N × d × V, and from their gradient
    those of states N × V × d and of items V × N × d, at the rate of the library that computes ours.
    """
    device = trainer.data.items.device
    kind = torch.bfloat16 if trainer.seed_key.precision == "bf16" else torch.float32
    targets, width = trainer.stage.budget, trainer.model.state_width
    states = torch.randn(targets, width, device=device).to(kind)
    items = torch.randn(trainer.data.item_codes, width, device=device).to(kind)
    fastest = math.inf
    with torch.no_grad():
        for _ in range(rounds):
            begun = now(device)
            scores = linear(states, items)
            linear(scores, items.T)
            linear(scores.T, states.T)
            fastest = min(fastest, now(device) - begun)
    return fastest


def time_lists(model: SequentialModel, data: Dataset, max_length: int) -> float:
    """Seconds of recommending `TOP` items to every user, for all that they did."""
    model.eval()
    start = now(data.items.device)
    everybody = Histories.of_users(data, np.arange(1, data.user_count + 1))
    for _ in top_items(model, everybody, max_length, TOP, seen=True):
        pass
    return now(data.items.device) - start


def time_ranking(model: SequentialModel, data: Dataset, max_length: int) -> float:
    """Seconds of ranking every user's validation target."""
    start = now(data.items.device)
    rank_split(model, data, "valid", max_length)
    return now(data.items.device) - start


def time_steps(
    trainer: Trainer, warmup: int, steps: int, limit: float = math.inf
) -> tuple[float, int]:
    """Mean seconds of a step after `warmup` (at least one), as seen from outside, and the number of
    steps it is the mean of.

    Timed is from the end of one step to the end of another. Both the warming up and the timing end
    early once they have taken `limit` seconds and `LEAST_STEPS` steps. An accelerator is waited for
    at both ends of the timing and never in between.
    """
    marks: list[float] = []
    seen, begun = 0, time.perf_counter()

    def on_step(done: int, total: int) -> None:
        nonlocal seen, begun
        seen += 1
        is_over = seen >= LEAST_STEPS and time.perf_counter() - begun >= limit
        if seen < (steps if marks else max(warmup, 1)) and not is_over:
            return
        marks.append(now(trainer.data.items.device))
        if len(marks) == 2:
            raise _Enough
        seen, begun = 0, marks[0]

    with contextlib.suppress(_Enough):
        for _ in trainer.run(lambda: {trainer.stage.metric: 0.0}, on_step):
            pass
    start, end = marks
    return (end - start) / seen, seen


def now(device: torch.device) -> float:
    """Seconds on a clock, once the device has done all it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak(device: torch.device) -> int:
    """Bytes: the most that this process has held, above what the imports took; on an accelerator of
    its memory.
    """
    return (
        torch.cuda.max_memory_allocated(device)
        if device.type == "cuda"
        else peak_memory() - AFTER_IMPORTS
    )


def kind_of(config: RunConfig) -> str:
    """What a peer must compute to be compared with: the model, and how scores are fused where
    attributes have their own.
    """
    model = config.model
    fused = isinstance(model, TransformerConfig) and model.attribute == "attention"
    return f"{model.name} {model.score_fusion}" if fused else model.name  # type: ignore[union-attr]


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description="Time one model of ours and print one JSON line.")
    parser.add_argument("spec", help='MODEL KEY=VALUE…, for example "sasrec composition=pools"')
    parser.add_argument("--data", type=Path, required=True, help="a prepared data set")
    parser.add_argument(
        "--attributes",
        default="category",
        help="names of attributes, with commas between; empty: none",
    )
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument(
        "--limit",
        type=float,
        default=60.0,
        help="seconds after which warming up and timing end early",
    )
    parser.add_argument(
        "--shape",
        choices=tuple(SHAPES),
        default="equal",
        help="the peers' shape, or as each model declares",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--device", default="cpu", help="cpu, or an accelerator: cuda")
    parser.add_argument(
        "--evaluate", action="store_true", help="also time ranking every user's validation target"
    )
    args = parser.parse_args()
    try:
        data = storage.load(args.data)
        attributes = [name for name in args.attributes.split(",") if name]
        config = configure(args.spec, data, args.threads, args.precision, attributes, args.shape)
        how = {"warmup": args.warmup, "steps": args.steps, "evaluate": args.evaluate}
        for suffix, result in measure(config, data, device=args.device, limit=args.limit, **how):
            print(json.dumps({"name": f"{args.spec}{suffix}", **result}))
    except SirecError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
