"""One point of `growth.py`: generates data of one size, times some steps and some ranking, and
prints one JSON line.

    python benchmarks/growth_side.py --users 31250 --items 15625 --window 50 --width 64 --loss full

It runs what `sirec train sasrec` runs, the same loop and the same ranking, with a stopwatch at the
seams. Popularity and lengths of histories have long tails, as in `preparation_side.py`; what an
item is called and what follows what has no influence on cost, so neither is generated. Ranking all
users would take hours at some points: the first users are ranked, who are like all others.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import sirec.process  # isort: skip

if __name__ == "__main__":  # before torch is loaded, as the command line does
    sirec.process.configure()

import numpy as np
import torch

from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import deal
from sirec.evaluation.full_ranking import rank_split
from sirec.objectives.base import ObjectiveConfig
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.sampled import SampledSoftmax
from sirec.run.build import set_up
from sirec.run.config import RunConfig, resolve
from sirec.run.environment import peak_memory
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

AFTER_IMPORTS = peak_memory()
SHORTEST, LENGTH_TAIL = 5, 0.9  # a history: 5 and a log-normal number of this spread
ITEM_TAIL = 0.6  # popularity of the item of rank r: r^-tail
CHUNK = 1 << 18  # interactions drawn at once, so that drawing does not decide the peak
NEGATIVES = 256
LOSSES: Mapping[str, ObjectiveConfig] = {
    "full": ItemCrossEntropy(),
    "sampled": SampledSoftmax(negatives=NEGATIVES),
    "shared": SampledSoftmax(negatives=NEGATIVES, shared=True),
}
"""What trains, by name: over the catalogue, with negatives of each target's own, with negatives
that a step shares.
"""

Clock = Callable[[], float]
CLOCKS: Mapping[str, Clock] = {"processor": time.process_time, "wall": time.perf_counter}
"""Processor time does not grow when others use the machine, but adds threads up, those too that
only wait.
"""

WARM_UP, FEWEST_STEPS, MOST_STEPS = 2, 5, 200
FEWEST_RANKED, RANKED_SCORES, RANKED_SLOTS = (
    512,
    1 << 29,
    1 << 20,
)  # users ranked: those of so many, but not fewer


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large everything is; `history` is the mean number of a user's interactions."""

    users: int = 31_250
    items: int = 15_625
    history: int = 10
    window: int = 50
    width: int = 64
    loss: str = "full"


class _Enough(Exception):  # noqa: N818 - not an error
    """Ends the training loop once enough steps are timed."""


@dataclass
class Stopwatch:
    """Seconds of `clock` between marks, added up by the name that each mark gives to the time since
    the one before.
    """

    clock: Clock
    laps: dict[str, float] = field(default_factory=dict)
    last: float = 0.0

    def lap(self, name: str) -> None:
        """The time since the last mark was spent on `name`."""
        now = self.clock()
        self.laps[name] = self.laps.get(name, 0.0) + now - self.last
        self.last = now

    def restart(self) -> dict[str, float]:
        """The seconds by name so far; the count starts anew."""
        done, self.laps, self.last = self.laps, {}, self.clock()
        return done

    def around(self, call: Callable[..., Any], before: str, during: str) -> Callable[..., Any]:
        """The same function: time up to it is `before`, time in it `during`."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self.lap(before)
            result = call(*arguments, **named)
            self.lap(during)
            return result

        return timed


def generate(size: Size, seed: int = 0) -> Dataset:
    """Interactions alone; the first is with the last item, so that every part of the data knows how
    many items there are.
    """
    rng = np.random.default_rng(seed)
    middle = math.log(max(size.history - SHORTEST, 1)) - LENGTH_TAIL**2 / 2
    lengths = SHORTEST + rng.lognormal(middle, LENGTH_TAIL, size.users).astype(np.int64)
    offsets = np.concatenate([[0], lengths.cumsum()])
    codes = 1 + rng.permutation(size.items)  # an item's popularity says nothing about its code
    items = np.empty(offsets[-1], dtype=np.int64)
    for start in range(0, len(items), CHUNK):
        part = items[start : start + CHUNK]
        part[:] = codes[
            (rng.random(len(part)) ** (1 / (1 - ITEM_TAIL)) * size.items).astype(np.int64)
        ]
    items[0] = size.items
    return Dataset("generated", torch.from_numpy(offsets), torch.from_numpy(items))


def first_users(data: Dataset, count: int) -> Dataset:
    """The same data set with its first users alone."""
    offsets = data.offsets[: count + 1]
    return replace(data, offsets=offsets, items=data.items[: int(offsets[-1])])


def configure(size: Size, data: Dataset, threads: int) -> RunConfig:
    """SASRec of two layers and heads in this size, 512 targets a step."""
    shared = {
        "layers": 2,
        "heads": 2,
        "width": size.width,
        "inner": 2 * size.width,
        "max_length": size.window,
        "budget": 512,
        "epochs": 1_000_000,
        "threads": threads,
    }
    config = resolve("sasrec", data, shared=shared, where="growth")
    [stage] = config.stages
    return replace(config, stages=(replace(stage, objectives=(LOSSES[size.loss],)),))


def measure(size: Size, seconds: float, threads: int, clock: Clock) -> dict[str, Any]:
    """All figures of one point: `parts` in milliseconds a step, `ranking` in seconds for 1,000
    users.
    """
    begun = time.perf_counter(), time.process_time()
    data = generate(size)
    config = configure(size, data, threads)
    built = set_up(config, data, torch.device("cpu"))
    model = built.model
    assert isinstance(model, SequentialModel)
    start = clock()
    trainer = Trainer(model, config.stages[0], built.data, built.schema, SeedKey(config.seed))
    listed = clock()
    next(
        deal(
            trainer.rows,
            trainer.stage.budget,
            trainer.stage.task.composition,
            np.random.default_rng(0),
        )
    )
    dealt = clock()
    steps = time_steps(trainer, seconds, clock)
    training_peak = peak_memory() - AFTER_IMPORTS
    ranked = min(
        size.users,
        max(FEWEST_RANKED, min(RANKED_SCORES // size.items, RANKED_SLOTS // size.window)),
    )
    ranking = time_ranking(model, first_users(built.data, ranked), size.window, clock)
    return {
        "parts": {name: 1e3 * value for name, value in middle_half(steps).items()},
        "timed_steps": len(steps),
        "steps_per_epoch": trainer.steps,
        "listing_seconds": listed - start,
        "dealing_seconds": dealt - listed,
        "ranking": {name: value * 1e3 / ranked for name, value in ranking.items()},
        "ranked_users": ranked,
        "interactions": len(data.items),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "training_peak_bytes": training_peak,
        "waiting": (time.perf_counter() - begun[0]) / (time.process_time() - begun[1]) * threads,
        "peak_bytes": peak_memory() - AFTER_IMPORTS,
    }


def time_steps(trainer: Trainer, seconds: float, clock: Clock) -> list[dict[str, float]]:
    """Seconds of each step by part, from the end of one step to the end of the next, after some for
    warming up.

    batch: dealing and gathering. encode. loss: the states and the table that it reads, and the
    objective. backward. optimiser: Adam, and giving last step's gradients back. rest: the check for
    finite losses, the caller.
    """
    watch, steps, end = Stopwatch(clock), list[dict[str, float]](), math.inf
    model, optimizer = trainer.model, trainer.optimizer
    encode, free = model.encode, optimizer.zero_grad
    model.encode = watch.around(encode, "batch", "encode")  # type: ignore[method-assign]
    optimizer.zero_grad = watch.around(free, "batch", "optimiser")  # type: ignore[method-assign]
    [objective] = trainer.objectives.values()
    hooks = [
        objective.register_forward_hook(lambda *_: watch.lap("loss")),
        optimizer.register_step_pre_hook(lambda *_: watch.lap("backward")),
        optimizer.register_step_post_hook(lambda *_: watch.lap("optimiser")),
    ]

    def on_step(done: int, total: int) -> None:
        nonlocal end
        watch.lap("rest")
        steps.append(watch.restart())
        if len(steps) == WARM_UP:
            end = clock() + seconds
        timed = len(steps) - WARM_UP
        if timed >= MOST_STEPS or (timed >= FEWEST_STEPS and clock() > end):
            raise _Enough

    try:
        for _ in trainer.run(lambda: {trainer.stage.metric: 0.0}, on_step):
            pass
    except _Enough:
        pass
    finally:
        model.encode, optimizer.zero_grad = encode, free  # type: ignore[method-assign]
        for hook in hooks:
            hook.remove()
    return steps[WARM_UP:]


def time_ranking(
    model: SequentialModel, data: Dataset, window: int, clock: Clock
) -> dict[str, float]:
    """Seconds by part of ranking every user of `data` once.

    batch: listing and gathering. encode. score: the item table, and products with it. count: of who
    is above the target.
    """
    watch = Stopwatch(clock)
    encode, score = model.encode, model.score
    model.encode = watch.around(encode, "batch", "encode")  # type: ignore[method-assign]
    model.score = watch.around(score, "score", "score")  # type: ignore[method-assign]
    try:
        watch.restart()
        rank_split(model, data, "valid", window, lambda done, total: watch.lap("count"))
        watch.lap("count")
    finally:
        model.encode, model.score = encode, score  # type: ignore[method-assign]
    return watch.restart()


def middle_half(steps: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each part over the steps that were neither among the fastest nor the slowest
    quarter as a whole.

    >>> middle_half([{"a": 9.0}, {"a": 1.0}, {"a": 2.0}, {"a": 4.0}])
    {'a': 3.0}
    """
    ordered = sorted(steps, key=lambda step: sum(step.values()))
    cut = len(ordered) // 4
    kept = ordered[cut : len(ordered) - cut]
    return {name: sum(step[name] for step in kept) / len(kept) for name in kept[0]}


def main() -> None:
    """Measure the size that the command line gives."""
    parser = argparse.ArgumentParser(
        description="Measure one point of growth and print one JSON line."
    )
    for each in fields(Size):
        if each.name != "loss":
            parser.add_argument(f"--{each.name}", type=int, default=each.default)
    parser.add_argument("--loss", choices=tuple(LOSSES), default=Size.loss)
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="of timed steps, but at least five of them"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="processor")
    args = parser.parse_args()
    size = Size(**{each.name: getattr(args, each.name) for each in fields(Size)})
    print(json.dumps(measure(size, args.seconds, args.threads, CLOCKS[args.clock])))


if __name__ == "__main__":
    main()
