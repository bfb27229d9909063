"""What was tried to make a step cheaper, each against the plain way, in one process and turn by
turn.

    python benchmarks/trials.py --data data/beauty --threads 1 --out benchmarks/trials.md

A trial is a list of ways to compute the same thing; the first is the plain one. Ways take turns, so
that a busy machine is busy for all of them; a time is the median over turns. Parts of a step are
measured on tensors of the size they have on Beauty, whole steps on the data.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

import sirec.process  # isort: skip

if __name__ == "__main__":  # before torch is loaded, as the command line does
    sirec.process.configure()

import numpy as np
import torch
import torch.nn.functional as F
from own_side import configure
from tabulate import tabulate
from torch import Tensor, nn

from sirec.core.kernels import products, softmax
from sirec.core.layers.dropout import Dropout
from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.data.tasks import layout as layouts
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, deal
from sirec.objectives.base import LossTerm
from sirec.run.build import set_up
from sirec.training.fit import Trainer, _autocast
from sirec.training.progress import SeedKey

TARGETS, ITEMS, WIDTH, TOKENS, WINDOW = 512, 12_101, 128, 600, 50
Way = Callable[[], object]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Trial:
    """Ways to do one thing by name, the plain one first, and what became of it."""

    title: str
    ways: Mapping[str, Way]
    verdict: str


def medians(ways: Mapping[str, Way], turns: int) -> dict[str, float]:
    """Milliseconds of each way, the ways taking turns; one turn before counts for nothing."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn:
                found[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in found.items()}


def item_softmax(precision: str) -> Trial:
    """Loss and both gradients of 512 targets against 12,101 items."""
    states, table = (
        torch.randn(TARGETS, WIDTH).requires_grad_(),
        (0.1 * torch.randn(ITEMS, WIDTH)).requires_grad_(),
    )
    targets = torch.randint(ITEMS, (TARGETS,))

    def plain() -> Tensor:
        return F.cross_entropy(F.linear(states, table).float(), targets)

    def blocks(megabytes: int) -> Callable[[], Tensor]:
        def loss() -> Tensor:
            with _set(softmax.BLOCK_BYTES, "cpu", megabytes << 20):
                return softmax.cross_entropy(states, table, None, targets)

        return loss

    losses = {"cross_entropy of linear": plain} | {
        f"by blocks of {size} MB": blocks(size) for size in (1, 2, 4, 8, 16, 32)
    }
    if precision == "fp32":
        losses["by blocks, torch's default products"] = _with(
            vars(products), "ONEDNN", False, blocks(16)
        )
    if hasattr(F, "linear_cross_entropy"):
        losses["torch's linear_cross_entropy"] = lambda: F.linear_cross_entropy(
            states, table, targets
        )
    cast = torch.bfloat16 if precision == "bf16" else None

    def through(loss: Callable[[], Tensor]) -> Way:
        def way() -> None:
            states.grad = table.grad = None
            with torch.autocast("cpu", dtype=cast, enabled=cast is not None):
                value = loss()
            value.backward()

        return way

    verdict = (
        "kept: blocks of 16 MB. In a step they save more than alone, since nothing of 25 MB is "
        "allocated and freed"
    )
    return Trial(
        f"Item softmax, forward and backward, {precision}",
        {n: through(f) for n, f in losses.items()},
        verdict,
    )


def a_map() -> Trial:
    """One map of tokens, forward and backward."""
    x, weight, bias = (
        torch.randn(TOKENS, WIDTH, requires_grad=True),
        torch.randn(2 * WIDTH, WIDTH),
        torch.randn(2 * WIDTH),
    )
    weight.requires_grad_()
    above = torch.randn(TOKENS, 2 * WIDTH)

    def through(way: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Way:
        def run() -> None:
            x.grad = weight.grad = None
            way(x, weight, bias).backward(above)

        return run

    ways = {"torch's linear": through(F.linear), "ours": through(products.linear)}
    title = f"{TOKENS} × {WIDTH} by {WIDTH} × {2 * WIDTH}, forward and backward, fp32"
    return Trial(title, ways, f"kept where it pays; ours is {products.library()} here")


def dropout(*shape: int) -> Trial:
    """A mask for a tensor, and the product."""
    x = torch.randn(*shape)
    ways = {"nn.Dropout": nn.Dropout(0.5), "four values from one 64-bit draw": Dropout(0.5)}
    title = f"Dropout of {' × '.join(map(str, shape))} values, forward"
    calls = {name: partial(part, x) for name, part in ways.items()}
    return Trial(title, calls, "kept")


def attribute_values(data: Dataset) -> Trial:
    """Vectors of all items' values added up, forward and backward, for the attribute with the most
    values an item.
    """
    table = max(
        (f.values for f in data.fields if f.kind == "attribute"), key=lambda values: values.shape[1]
    )
    weight, above = (
        torch.randn(int(table.max()) + 1, WIDTH).requires_grad_(),
        torch.randn(len(table), WIDTH),
    )

    def through(pooled: Callable[[], Tensor]) -> Way:
        def way() -> None:
            weight.grad = None
            pooled().backward(above)

        return way

    ways = {
        "gather [V, F, d], then sum": through(
            lambda: F.embedding(table, weight, padding_idx=0).sum(dim=1)
        ),
        "embedding_bag": through(lambda: F.embedding_bag(table, weight, mode="sum", padding_idx=0)),
    }
    return Trial(
        f"Values of {len(table):,} items, up to {table.shape[1]} each",
        ways,
        "kept: one call, and simpler",
    )


def optimisers() -> Trial:
    """A step of Adam on an item table and a dozen small weights."""
    shapes = [(ITEMS, WIDTH), *[(WIDTH, WIDTH)] * 12, *[(2 * WIDTH, WIDTH)] * 6]
    kinds: dict[str, dict[str, bool]] = {
        "a loop": {"foreach": False},
        "foreach": {"foreach": True},
        "fused": {"fused": True},
    }

    def through(options: dict[str, bool]) -> Way:
        weights = [torch.randn(shape).requires_grad_() for shape in shapes]
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        return torch.optim.Adam(weights, **options).step  # type: ignore[arg-type]

    return Trial("Adam", {name: through(options) for name, options in kinds.items()}, "kept: fused")


def steps(data: Dataset, spec: str, precision: str, threads: int) -> Trial:
    """A whole training step, with one thing changed at a time."""
    config = configure(spec, data, threads, precision, ["category"])
    built = set_up(config, data, torch.device("cpu"))
    trainer = Trainer(
        built.model, config.stages[0], built.data, built.schema, SeedKey(0, 0, config.precision)
    )  # type: ignore[arg-type]
    trainer.model.train()

    def dealt(composition: str) -> Iterator[SequenceRows]:
        generator = np.random.default_rng(0)
        while True:
            budget = trainer.stage.budget
            steps = deal(trainer.rows, budget, composition, generator)  # type: ignore[arg-type]
            for chosen in steps:
                yield trainer.rows.take(chosen)

    def made_before() -> Way:
        size = trainer.schema.max_length
        ready = cycle(
            [
                trainer.stage.task.batch(data, rows, size)
                for rows, _ in zip(dealt("random"), range(40), strict=False)
            ]
        )
        ahead = Trainer(
            trainer.model, trainer.stage, trainer.data, trainer.schema, trainer.seed_key
        )
        ahead._terms_of_shard = lambda rows: _parts(ahead, next(ready))  # type: ignore[method-assign]
        rows = next(dealt("random"))
        return lambda: ahead._step(rows)

    def packed() -> Way:
        full = _packed(data, trainer.schema.max_length)
        other = Trainer(trainer.model, trainer.stage, full, trainer.schema, trainer.seed_key)
        supply = cycle(deal(other.rows, other.stage.budget, "random", np.random.default_rng(0)))
        return lambda: other._step(other.rows.take(next(supply)))

    def way(composition: str = "random", **shortest: int) -> Way:
        supply = dealt(composition)

        def step() -> None:
            with _set(
                vars(layouts), "SHORTEST_BUCKET", shortest.get("bucket", layouts.SHORTEST_BUCKET)
            ):
                trainer._step(next(supply))

        return step

    def filled() -> None:
        with _filling():
            plain()

    plain = way()
    ways = {
        "as it is: random users, buckets by length": plain,
        "buckets of like length down to 4 slots": way(bucket=4),
        "down to 16 slots": way(bucket=16),
        "one rectangle, padded": way(bucket=1 << 30),
        "pools of similar length": way("pools"),
        "rows filled to the window, as packing would": packed(),
        "batches made beforehand, as prefetching would": made_before(),
        "fp32 products by torch's default library": _with(vars(products), "ONEDNN", False, plain),
        "torch fills what nobody has written": filled,
    }
    verdict = "kept as it is; filling is off, and products are oneDNN's where it pays"
    return Trial(f"A step of {spec.partition(' ')[0]}, {precision}", ways, verdict)


def _packed(data: Dataset, window: int) -> Dataset:
    """The same interactions cut into rows that fill a window: what packing users into rows costs at
    least; it masks more.
    """
    length = window + 3  # one target more than inputs, and two that are held out
    rows = len(data.items) // length
    cut = slice(0, rows * length)
    return replace(
        data,
        offsets=torch.arange(0, rows * length + 1, length),
        items=data.items[cut],
        behaviours={name: values[cut] for name, values in data.behaviours.items()},
        cut=None,
    )


def _parts(trainer: Trainer, batch: Batch) -> dict[str, LossTerm]:
    with _autocast(trainer.seed_key.precision, batch.items.device):
        return trainer.loss_terms(batch)


def _with(
    where: dict[str, Any], key: str, value: object, way: Callable[[], Result]
) -> Callable[[], Result]:
    def changed() -> Result:
        with _set(where, key, value):
            return way()

    return changed


@contextmanager
def _set(where: dict[str, object], key: str, value: object) -> Iterator[None]:
    before, where[key] = where[key], value
    try:
        yield
    finally:
        where[key] = before


@contextmanager
def _filling() -> Iterator[None]:
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def main() -> None:
    """Run all trials, print the tables, write them if wanted."""
    parser = argparse.ArgumentParser(description="Time ways to compute a step and its parts.")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("data/beauty"),
        help="a prepared data set with an attribute",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--out", type=Path, help="also write the tables here")
    args = parser.parse_args()
    torch.manual_seed(0)
    data = storage.load(args.data)
    made: list[Callable[[], Trial]] = [
        lambda: item_softmax("fp32"),
        lambda: item_softmax("bf16"),
        a_map,
        lambda: dropout(TOKENS, WIDTH),
        lambda: dropout(TARGETS, WINDOW, WIDTH),
        lambda: attribute_values(data),
        optimisers,
        lambda: steps(data, "sasrec", "fp32", args.threads),
        lambda: steps(data, "sasrec", "bf16", args.threads),
    ]
    torch.set_num_threads(args.threads)
    sections = [
        f"Milliseconds, medians over {args.turns} turns, {args.threads} threads, torch "
        f"{torch.__version__}."
    ]
    for make in made:
        trial = make()
        found = medians(trial.ways, args.turns)
        plain = next(iter(found.values()))
        rows = [(name, f"{ms:.2f}", f"{plain / ms:.2f}×") for name, ms in found.items()]
        table = tabulate(rows, ("way", "ms", "speed"), "pipe", colalign=("left", "right", "right"))
        sections.append(f"## {trial.title}\n\n{table}\n\nVerdict: {trial.verdict}.")
        print(sections[-1], flush=True)
    if args.out:
        args.out.write_text("\n\n".join(["# What was tried", *sections]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
