"""A peer for `training.py`: times RecTools' SASRec and prints one JSON line.

    PEER_ENV/bin/python benchmarks/peer_rectools.py --data data/beauty --list
    PEER_ENV/bin/python benchmarks/peer_rectools.py --data data/beauty rectools-softmax --steps 12
    --evaluate

Everything is the peer's own: its data loader, its padded batches of users, its model, its loss, and
its training loop, which is Lightning's. A callback looks at the clock at the end of each step. The
script runs in the peer's environment, where sirec is not installed; `peer_recbole.py` beside it
reads the files of a prepared data set.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import logging
import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer_recbole import TOP, Data, PeerError, is_installed, peak, read, read_manifest

NEEDED = ("torch", "numpy", "pyarrow", "yaml", "rectools", "pytorch_lightning")
INSTALL = 'install it: pip install "rectools[torch]==0.19.0" "pyarrow<20" pyyaml'


@dataclass(frozen=True)
class Peer:
    """A setting that can be timed: its loss, the negatives of each target, and the row's title."""

    loss: str
    negatives: int
    title: str


PEERS = {
    "rectools-softmax": Peer("softmax", 1, "RecTools {version} SASRec, softmax over all items"),
    "rectools-sampled": Peer(
        "sampled_softmax", 256, "RecTools {version} SASRec, sampled softmax, 256 negatives"
    ),
}


def interactions_before(data: Data, held_out: int) -> Any:
    """A frame of all interactions but each user's last `held_out`, as RecTools wants it."""
    import numpy as np
    import pandas as pd
    import torch

    position = torch.arange(len(data.items))
    kept = (position < data.ends - held_out).numpy()
    times = pd.to_datetime(position.numpy()[kept], unit="s")
    frame = {"user_id": data.begins.numpy()[kept], "item_id": data.items.numpy()[kept]}
    return pd.DataFrame({**frame, "weight": np.float32(1.0), "datetime": times})


def stopwatch(warmup: int) -> Any:
    """A callback of Lightning's that keeps the moment and the loss of each step."""
    import pytorch_lightning as lightning
    import torch

    class Stopwatch(lightning.Callback):
        """Looks at the clock once a step is over."""

        def __init__(self) -> None:
            self.moments: list[float] = []
            self.losses: list[float] = []

        def __deepcopy__(self, memo: dict[int, object]) -> Stopwatch:
            """The same one: the model trains with a copy of its trainer."""
            return self

        def on_train_start(self, trainer: Any, module: Any) -> None:
            """Begin: without warming up, the first step counts."""
            if not warmup:
                self.moments.append(time.perf_counter())

        def on_train_batch_end(
            self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            """Keep a step's end and loss; one that is not a number stops everything."""
            loss = outputs["loss"]
            if torch.isnan(loss):
                raise PeerError(f"the loss of step {len(self.losses) + 1} is not a number")
            self.losses.append(float(loss))
            if len(self.losses) >= warmup:
                self.moments.append(time.perf_counter())

    return Stopwatch()


def build(peer: Peer, args: argparse.Namespace, watch: Any) -> Any:
    """The peer's model in the asked shape, with a trainer that ends after the timed steps."""
    import pytorch_lightning as lightning
    from rectools.models import SASRecModel

    def trainer() -> Any:
        return lightning.Trainer(
            max_steps=args.warmup + args.steps,
            max_epochs=-1,
            callbacks=[watch],
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    return SASRecModel(
        n_blocks=args.layers,
        n_heads=args.heads,
        n_factors=args.width,
        dropout_rate=args.dropout,
        session_max_len=args.window,
        loss=peer.loss,
        n_negatives=peer.negatives,
        lr=args.learning_rate,
        batch_size=args.batch,
        recommend_batch_size=args.evaluation_batch,
        recommend_torch_device="cpu",
        recommend_n_threads=args.threads,
        get_trainer_func=trainer,
    )


def recommend(model: Any, dataset: Any, targets: Any) -> tuple[float, float]:
    """Seconds of recommending 20 items to every user, and the share whose target is among them.

    Args:
        model: the trained model.
        dataset: the histories.
        targets: a frame with each user's next item.
    """
    begun = time.perf_counter()
    lists = model.recommend(
        users=targets["user_id"].to_numpy(), dataset=dataset, k=TOP, filter_viewed=False
    )
    seconds = time.perf_counter() - begun
    hits = lists.merge(targets, on=["user_id", "item_id"])
    return seconds, len(hits) / len(targets)


def measure(peer: Peer, data: Data, args: argparse.Namespace) -> dict[str, Any]:
    """Train and, if wanted, recommend: the figures that `training.py` reads."""
    from rectools.dataset import Dataset

    watch = stopwatch(args.warmup)
    model = build(peer, args, watch)
    training = Dataset.construct(interactions_before(data, held_out=2))
    model.fit(training)
    mean = (watch.moments[-1] - watch.moments[0]) / args.steps
    # Users with one interaction have no target, and no row in a batch.
    users = int((data.ends - data.begins)[data.begins.unique()].gt(3).sum())
    batches = math.ceil(users / args.batch)
    figures = {
        "ms_per_step": 1e3 * mean,
        "timed_steps": args.steps,
        "batches_per_epoch": batches,
        "seconds_per_epoch": mean * batches,
        "peak_bytes": peak(),
        "first_loss": watch.losses[0],
        "last_loss": watch.losses[-1],
    }
    if args.evaluate:
        at = data.validation()
        targets = interactions_before(data, held_out=1).groupby("user_id").tail(1)
        assert len(targets) == len(at), "every user has one validation target"
        seconds, recall = recommend(model, training, targets[["user_id", "item_id"]])
        figures |= {"lists_seconds": seconds, "recall@20": recall}
    return figures


def row_of(args: argparse.Namespace) -> dict[str, Any]:
    """Import, read and measure what is asked for: one row."""
    import torch
    from pyarrow import parquet  # noqa: F401  # counts as an import
    from pytorch_lightning import seed_everything
    from rectools.models import SASRecModel  # noqa: F401

    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(args.threads)
    seed_everything(args.seed, verbose=False)
    after_imports = peak()
    peer = PEERS[args.name]
    figures = measure(peer, read(args.data, {}), args)
    above = figures.pop("peak_bytes") - after_imports
    title = peer.title.format(version=importlib.metadata.version("rectools"))
    return {"name": title, "model": "sasrec", **figures, "peak_bytes_above_import": above}


def parse(arguments: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The command line."""
    parser = argparse.ArgumentParser(description="Time RecTools' SASRec and print one JSON line.")
    parser.add_argument("name", nargs="?", choices=tuple(PEERS), help="what to time")
    parser.add_argument("--list", action="store_true", help="print the names, and do nothing else")
    parser.add_argument("--data", type=Path, help="a prepared data set")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--evaluate", action="store_true", help="also time recommending 20 items to every user"
    )
    parser.add_argument("--batch", type=int, default=87, help="users a step")
    parser.add_argument(
        "--evaluation-batch", type=int, default=256, help="users at once; RecTools' own default"
    )
    parser.add_argument("--window", type=int, default=50, help="items of a history")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    return parser, parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """List, or measure and print. Raises `PeerError` for what cannot be had."""
    missing = [module for module in NEEDED if not is_installed(module)]
    if missing:
        raise PeerError(f"no {missing[0]} in this environment; {INSTALL}")
    if args.list:
        print("\n".join(PEERS))
        return
    if args.name is None or args.data is None:
        raise PeerError("a name and --data are needed; --list prints the names")
    if min(args.steps, args.threads, args.batch, args.evaluation_batch) < 1 or args.warmup < 0:
        raise PeerError("numbers of steps, threads and users must be at least 1, --warmup 0")
    read_manifest(args.data)
    print(json.dumps(row_of(args)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for; what is wrong with it is one line and exit status 2."""
    parser, args = parse(arguments)
    try:
        run(args)
    except PeerError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
