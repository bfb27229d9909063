"""Is a device right, and is it busy? For every model: ranks beside the CPU's, a seed twice, and the
share of the time in which the device computes.

    python benchmarks/accelerator.py --data data/beauty --device cuda

For each model that is trained, as it declares itself:

- **ranks**: after some steps on the device, every user's validation target is ranked there and,
  with the same weights, on the CPU. Printed are the share of users with the same rank, and by how
  much Recall@20 differs. Ties and rounding move single users.
- **seed**: the same steps with the same seed, in a second model: are all weights equal to the bit?
  Otherwise the operations that torch reports as not deterministic are named.
- **busy**: the share of some steps in which the device ran at least one kernel; accelerators only.

`accelerator.sh` calls it after the times of all models.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sirec.process  # isort: skip

if __name__ == "__main__":  # before torch is loaded, as the command line does
    sirec.process.configure()

import torch
from own_side import configure, time_steps
from tabulate import tabulate
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from training import every_model

from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import rank_split
from sirec.evaluation.metrics import parse_metric
from sirec.run.build import BuiltModel, set_up
from sirec.run.config import RunConfig
from sirec.run.device import device_named
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

NOT_DETERMINISTIC = re.compile(r"(\S+) does not have a deterministic implementation")
METRIC = parse_metric("Recall@20")


def trained(
    config: RunConfig, data: Dataset, device: str, steps: int
) -> tuple[BuiltModel, Trainer, list[str]]:
    """A model after some steps of its last stage, and the operations without a fixed order.

    Args:
        config: what is trained.
        data: the whole data set.
        device: where.
        steps: how many steps, at least two.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        built = set_up(config, data, device_named(device))
        seed = SeedKey(config.seed, len(config.stages) - 1, config.precision)
        trainer = Trainer(built.model, config.stages[-1], built.data, built.schema, seed)
        time_steps(trainer, 1, steps - 1)
    found: dict[str, None] = {}
    for warning in caught:
        match = NOT_DETERMINISTIC.search(str(warning.message))
        if match:
            found[match[1]] = None
    return built, trainer, list(found)


def is_equal(one: BuiltModel, two: BuiltModel) -> bool:
    """Whether two models have the same weights, to the bit."""
    others = two.model.state_dict()
    return all(torch.equal(value, others[key]) for key, value in one.model.state_dict().items())


def ranks_beside_cpu(built: BuiltModel, max_length: int) -> tuple[float, float]:
    """The share of users whose target has the same rank on the CPU, and how Recall@20 differs.

    Args:
        built: the model and its data, on a device.
        max_length: the longest history that the model reads.
    """
    here = rank_split(built.model, built.data, "valid", max_length).keep.cpu()
    cpu = torch.device("cpu")
    model = copy.deepcopy(built.model).to(cpu)
    there = rank_split(model, built.data.to(cpu), "valid", max_length).keep
    ranked = there > 0
    recalls = [METRIC.per_user(ranks[ranked].numpy()).mean() for ranks in (here, there)]
    return (here == there)[ranked].double().mean().item(), abs(recalls[0] - recalls[1])


def busy_share(trainer: Trainer, steps: int) -> float | None:
    """The share of the time of some steps in which an accelerator ran a kernel; None on a CPU."""
    if trainer.data.items.device.type != "cuda":
        return None
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        time_steps(trainer, 1, steps)
    spans: list[tuple[float, float]] = []
    for event in seen.events():
        if event.device_type == DeviceType.CUDA and not event.is_user_annotation:
            spans.append((event.time_range.start, event.time_range.end))
    return covered(spans)


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The share of the time from the first start to the last end that lies in any span.

    Args:
        spans: start and end of each.
    """
    ordered = sorted(spans)
    if not ordered:
        return 0.0
    first, last = ordered[0][0], ordered[0][0]
    inside = 0.0
    for start, end in ordered:
        inside += max(0.0, end - max(start, last))
        last = max(last, end)
    return inside / (last - first) if last > first else 0.0


def check(spec: str, data: Dataset, args: argparse.Namespace) -> dict[str, Any]:
    """The line of one model.

    Args:
        spec: the model, and settings of it.
        data: the whole data set.
        args: the command line.
    """
    attributes = [name for name in args.attributes.split(",") if name]
    config = configure(spec, data, 1, args.precision, attributes, "declared")
    first, trainer, operations = trained(config, data, args.device, args.steps)
    second, _, _ = trained(config, data, args.device, args.steps)
    same, recall = ranks_beside_cpu(first, config.data.max_length)
    return {
        "model": spec,
        "same ranks": same,
        "difference of Recall@20": recall,
        "seed repeats": is_equal(first, second),
        "not deterministic": ", ".join(operations),
        "busy": busy_share(trainer, args.steps),
    }


def to_markdown(lines: Sequence[dict[str, Any]]) -> str:
    """The table of all models."""
    cells: list[list[str]] = []
    for line in lines:
        busy = line["busy"]
        cells.append(
            [
                line["model"],
                f"{line['same ranks']:.2%}",
                f"{line['difference of Recall@20']:.4f}",
                "yes" if line["seed repeats"] else f"no: {line['not deterministic'] or 'unknown'}",
                "–" if busy is None else f"{busy:.0%}",
            ]
        )
    headers = ["model", "same ranks as on CPU", "Recall@20 apart", "seed repeats", "device busy"]
    return tabulate(cells, headers=headers, tablefmt="pipe", disable_numparse=True)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Is a device right, and is it busy?")
    parser.add_argument("--data", type=Path, required=True, help="a prepared data set")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--attributes", default="brand", help="with commas between; empty: none")
    parser.add_argument("--own", action="append", metavar="MODEL", help="a model, repeatable")
    parser.add_argument("--steps", type=int, default=100, help="of training, before all is checked")
    parser.add_argument("--out", type=Path, metavar="MD", help="also write the table here")
    args = parser.parse_args(arguments)
    if args.steps < 2:
        parser.error("--steps must be at least 2")
    try:
        device_named(args.device)
    except SirecError as error:
        parser.error(str(error))
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Check every model, a line each as it is done, and print the table."""
    args = parse(arguments)
    data = storage.load(args.data)
    lines: list[dict[str, Any]] = []
    for spec in args.own or every_model():
        lines.append(check(spec, data, args))
        print(json.dumps(lines[-1]), file=sys.stderr)
    where = torch.cuda.get_device_name() if args.device.startswith("cuda") else "CPU"
    text = (
        f"{to_markdown(lines)}\n\nDevice: {where}, torch {torch.__version__}; {args.precision}, "
        f"{args.steps} steps of each model's last stage on {args.data.name}, attributes: "
        f"{args.attributes or 'none'}.\n"
    )
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
