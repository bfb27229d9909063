"""A peer for `training.py`: times a model of RecBole, or of the DIF-SR repository, and prints one
JSON line.

    PEER_ENV/bin/python benchmarks/peer_recbole.py --data data/beauty --list PEER_ENV/bin/python
    benchmarks/peer_recbole.py --data data/beauty recbole-sasrec --steps 12 --evaluate
    PEER_ENV/bin/python benchmarks/peer_recbole.py --data data/beauty --repository DIF-SR difsr-gate
    --steps 12

The models, their losses and the batches they ask for are the peer's own, imported from its package.
What its trainer does around them is done here, so that a few steps can be timed: gather a batch of
prefix examples, `zero_grad`, `calculate_loss`, read the loss, check it, `backward`, a step of Adam.
It runs in the peer's environment, where sirec is not installed, so it reads the files of a prepared
data set by itself.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if (
    TYPE_CHECKING
):  # whether they are there is found out first, so that one line can say what to install
    from torch import Tensor

NEEDED = ("torch", "numpy", "pyarrow", "yaml")
INSTALL = f"install it: {sys.executable} -m pip install recbole==1.2.1 pyarrow"
REPOSITORY = "--repository PATH, a checkout of github.com/AIM-SE/DIF-SR"
# both peers' package, since the DIF-SR repository is a copy of RecBole
MODELS = "recbole.model.sequential_recommender"
MARK = Path(
    "recbole", "model", "sequential_recommender", "sasrecd.py"
)  # only the DIF-SR repository has it
MANIFEST, FORMAT, SPLIT = "dataset.yaml", 1, "leave-one-out"
TOP = 20
ATTRIBUTE_WEIGHT = (
    10.0  # of DIF-SR's attribute loss, as its repository has it for Beauty; it costs no time
)


class PeerError(Exception):
    """One line that says what is wrong and what to do."""


@dataclass(frozen=True)
class Peer:
    """A model that can be timed.

    `kind` is what it is compared with. `title` names the row; {version} and {state} are those of
    the imported package and of its anomaly detection.
    """

    model: str
    kind: str
    title: str
    from_repository: bool = False
    fusion: str | None = None
    # importing RecBole 1.2.1 leaves anomaly detection on, which slows all its models down
    as_imported: bool = False


PEERS = {
    "recbole-sasrec": Peer("SASRec", "sasrec", "RecBole {version} SASRec, anomaly detection off"),
    "recbole-sasrec-anomaly": Peer(
        "SASRec",
        "sasrec",
        "RecBole {version} SASRec as shipped (anomaly detection {state})",
        as_imported=True,
    ),
    "recbole-sasrecf": Peer(
        "SASRecF", "sasrecf", "RecBole {version} SASRecF, anomaly detection off"
    ),
    "difsr-sasrec": Peer("SASRec", "sasrec", "DIF-SR repository SASRec", from_repository=True),
    "difsr-sum": Peer(
        "SASRecD", "dif-sr sum", "DIF-SR repository DIF-SR sum", from_repository=True, fusion="sum"
    ),
    "difsr-concat": Peer(
        "SASRecD",
        "dif-sr concat",
        "DIF-SR repository DIF-SR concat",
        from_repository=True,
        fusion="concat",
    ),
    "difsr-gate": Peer(
        "SASRecD",
        "dif-sr gate",
        "DIF-SR repository DIF-SR gate",
        from_repository=True,
        fusion="gate",
    ),
}
WITHOUT_ATTRIBUTES = ("SASRec",)  # their trainer would load none


@dataclass(frozen=True)
class Data:
    """A prepared data set: users' items one after another, and for every position where its user
    begins and ends.

    `attributes` are code tables by item code, with the row of the padding item 0: Long[V] where
    every item has at most one value, Long[V, F] otherwise; `sizes` counts their codes with 0.
    """

    items: Tensor
    begins: Tensor
    ends: Tensor
    item_codes: int
    attributes: Mapping[str, Tensor]
    sizes: Mapping[str, int]

    def training(self) -> Tensor:
        """Positions that training predicts: of every user all but the first and the last two."""
        return self._where(lambda at: (at > self.begins) & (at < self.ends - 2))

    def validation(self) -> Tensor:
        """Positions that validation predicts: every user's last but one."""
        return self._where(lambda at: at == self.ends - 2)

    def _where(self, is_wanted: Callable[[Tensor], Tensor]) -> Tensor:
        import torch

        return is_wanted(torch.arange(len(self.items))).nonzero()[:, 0]

    def examples(self, at: Tensor, window: int) -> dict[str, Tensor]:
        """What a peer's loader makes of positions: the target, up to `window` items before it,
        padded behind, their number.
        """
        import torch

        lengths = (at - self.begins[at]).clamp(max=window)
        places = torch.arange(window)
        rows = self.items[((at - lengths)[:, None] + places).clamp_(max=len(self.items) - 1)]
        rows *= places < lengths[:, None]
        return {"item_id": self.items[at], "item_id_list": rows, "item_length": lengths}


def read_manifest(folder: Path) -> dict[str, int]:
    """The attributes of a prepared data set and how many codes each has, with 0.

    Raises `PeerError` if the folder is none, or one whose split the peers do not have.
    """
    import yaml

    path = folder / MANIFEST
    if not path.is_file():
        raise PeerError(
            f"--data {folder}: no {MANIFEST} in it; make a data set first, for example: sirec "
            "prepare beauty"
        )
    try:
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        written, split = (
            manifest["format"],
            manifest["options"].get("split", {"name": SPLIT})["name"],
        )
        sizes = {
            field["name"]: field["size"]
            for field in manifest["fields"]
            if field["kind"] == "attribute"
        }
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PeerError(
            f"{path}: does not describe a prepared data set; prepare it again"
        ) from error
    if written != FORMAT:
        raise PeerError(f"{path}: of format {written}, this script reads format {FORMAT}")
    if split != SPLIT:
        raise PeerError(f"--data {folder}: its split is {split}; the peers are timed on {SPLIT}")
    return sizes


def read(folder: Path, sizes: Mapping[str, int]) -> Data:
    """Read a prepared data set with some of its attributes. Raises `PeerError` where a file is
    missing or damaged.
    """
    import torch
    from pyarrow import ArrowException, parquet

    try:
        events = parquet.read_table(folder / "interactions.parquet", columns=["user", "item"])
        catalogue = parquet.read_table(folder / "items.parquet", columns=["item", *sizes])
    except (ArrowException, OSError, KeyError) as error:
        raise PeerError(
            f"{folder}: {str(error).splitlines()[0][:120]}; prepare it again"
        ) from error
    lengths = torch.bincount(_long(events["user"]))[1:]
    ends = lengths.cumsum(0)
    return Data(
        items=_long(events["item"]),
        begins=torch.repeat_interleave(ends - lengths, lengths),
        ends=torch.repeat_interleave(ends, lengths),
        item_codes=len(catalogue) + 1,
        attributes={name: _padded(catalogue[name]) for name in sizes},
        sizes=sizes,
    )


def _long(column: Any) -> Tensor:
    import torch

    return torch.tensor(column.to_numpy(), dtype=torch.long)


def _padded(lists: Any) -> Tensor:
    """Lists of codes as a table by item code; without its second axis where no list has two."""
    import torch

    merged = lists.combine_chunks()
    counts = _long(merged.value_lengths())
    table = torch.zeros(len(counts) + 1, max(int(counts.max()), 1), dtype=torch.long)
    table[1:][torch.arange(table.shape[1]) < counts[:, None]] = _long(merged.flatten())
    return table[:, 0] if table.shape[1] == 1 else table


class Settings(dict[str, Any]):
    """Stands in for a peer's configuration: what is not set is None."""

    def __missing__(self, key: str) -> None:
        """Nothing, as peers' own configurations have it."""


class Catalogue:
    """Stands in for a peer's data set: what its models ask of one when they are made."""

    def __init__(self, data: Data, features: Any, feature_type: Any) -> None:
        self._sizes = {**data.sizes, "item_id": data.item_codes, "user_id": 2}
        self._features = features
        self.field2type = {
            name: feature_type.TOKEN if table.dim() == 1 else feature_type.TOKEN_SEQ
            for name, table in data.attributes.items()
        }
        self.field2token_id = {
            name: range(data.sizes[name]) for name in data.attributes
        }  # only its length is asked for

    def num(self, field: str) -> int:
        """How many codes a field has, with 0."""
        return self._sizes[field]

    def get_item_feature(self) -> Any:
        """The attributes of all items."""
        return self._features


@dataclass(frozen=True)
class Package:
    """What is imported of a peer."""

    version: str
    models: Any
    interaction: Any
    feature_type: Any


def import_peer(peer: Peer, repository: Path | None) -> Package:
    """Import a peer and set anomaly detection. Raises `PeerError` where something it imports is not
    installed.
    """
    import numpy as np
    import torch

    if peer.from_repository:
        sys.path.insert(0, str(repository))
    # numpy 1.24 to 1.26 lack it, and RecBole's Config gives it back; attributes of one value
    # need it.
    if not hasattr(np, "long"):
        np.long = np.int_
    try:
        package, models, interaction, utils = map(
            importlib.import_module,
            ("recbole", MODELS, "recbole.data.interaction", "recbole.utils"),
        )
    except ImportError as error:
        raise PeerError(f"the peer cannot be imported: {error}; {INSTALL}") from error
    if not peer.as_imported:
        torch.autograd.set_detect_anomaly(False)
    return Package(package.__version__, models, interaction.Interaction, utils.FeatureType)


def build(peer: Peer, package: Package, data: Data, args: argparse.Namespace) -> tuple[Any, Any]:
    """The peer's model in the asked shape, and the attributes of all items, as its loader joins
    them to a batch.
    """
    import torch

    features = package.interaction({"item_id": torch.arange(data.item_codes), **data.attributes})
    settings = Settings(
        USER_ID_FIELD="user_id",
        ITEM_ID_FIELD="item_id",
        LIST_SUFFIX="_list",
        ITEM_LIST_LENGTH_FIELD="item_length",
        NEG_PREFIX="neg_",
        MAX_ITEM_LIST_LENGTH=args.window,
        device=torch.device("cpu"),
        loss_type="CE",
        n_layers=args.layers,
        n_heads=args.heads,
        hidden_size=args.width,
        inner_size=args.inner,
        hidden_dropout_prob=args.dropout,
        attn_dropout_prob=args.attention_dropout,
        hidden_act="gelu",
        layer_norm_eps=1e-12,
        initializer_range=0.02,
        pooling_mode="sum",
        selected_features=list(data.attributes),
        attribute_hidden_size=[args.width] * len(data.attributes),
        fusion_type=peer.fusion,
        attribute_predictor="linear",
        lamdas=[ATTRIBUTE_WEIGHT] * len(data.attributes),
    )
    model = getattr(package.models, peer.model)(
        settings, Catalogue(data, features, package.feature_type)
    )
    return model, features


def batches(count: int, size: int) -> Iterator[Tensor]:
    """Random batches without end, epoch after epoch; the last of an epoch may be smaller."""
    import torch

    while True:
        yield from torch.randperm(count).split(size)


def gather(examples: Any, index: Tensor, features: Any) -> Any:
    """A batch as a peer's loader makes it: rows of the examples, and beside them the attributes of
    their targets.
    """
    import torch

    batch = examples[index]
    batch.update(features[batch["item_id"]])
    return batch.to(torch.device("cpu"))


def train(
    model: Any, examples: Any, features: Any, args: argparse.Namespace
) -> tuple[float, list[float]]:
    """Mean seconds of a step after the warming up, and all losses. Raises `PeerError` where one is
    not a number.
    """
    import torch

    optimizer = torch.optim.Adam(model.parameters(), lr=args.learning_rate, weight_decay=0.0)
    losses: list[float] = []
    begun = time.perf_counter()
    model.train()
    for number, index in enumerate(
        islice(batches(len(examples), args.batch), args.warmup + args.steps)
    ):
        if number == args.warmup:
            begun = time.perf_counter()
        batch = gather(examples, index, features)
        optimizer.zero_grad()
        loss = model.calculate_loss(batch)
        losses.append(loss.item())
        if torch.isnan(loss):
            raise PeerError(f"the loss of step {number + 1} is not a number")
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - begun) / args.steps, losses


def rank(model: Any, users: Any, features: Any, size: int) -> tuple[float, float]:
    """Seconds of ranking every user's target among all items, `size` users at a time, and
    Recall@20.
    """
    import torch

    model.eval()
    begun, collected = time.perf_counter(), []
    with torch.no_grad():
        for index in torch.arange(len(users)).split(size):
            batch = gather(users, index, features)
            scores = model.full_sort_predict(batch)
            scores[:, 0] = -math.inf
            collected.append(hits(scores, batch["item_id"]))
    seconds = time.perf_counter() - begun
    return seconds, float(torch.cat(collected)[:, :TOP].sum(1).double().mean())


def hits(scores: Tensor, targets: Tensor) -> Tensor:
    """Int[B, 21]: which of the first 20 are targets, and how many there are; by a matrix of all
    items, as the peers do it.
    """
    import torch

    first = torch.topk(scores, TOP, dim=-1).indices
    is_target = torch.zeros_like(scores, dtype=torch.int)
    is_target[torch.arange(len(targets)), targets] = 1
    return torch.cat((is_target.gather(1, first), is_target.sum(1, keepdim=True)), dim=1)


def measure(peer: Peer, package: Package, data: Data, args: argparse.Namespace) -> dict[str, Any]:
    """Train and, if wanted, rank: the figures that `training.py` reads, less the peak."""
    model, features = build(peer, package, data, args)
    examples = package.interaction(data.examples(data.training(), args.window))
    mean, losses = train(model, examples, features, args)
    steps = math.ceil(len(examples) / args.batch)
    figures = {
        "ms_per_step": 1e3 * mean,
        "timed_steps": args.steps,
        "steps_per_epoch": steps,
        "seconds_per_epoch": mean * steps,
        "peak_bytes": peak(),
        "first_loss": losses[0],
        "last_loss": losses[-1],
    }
    if args.evaluate:
        users = package.interaction(data.examples(data.validation(), args.window))
        figures["evaluation_seconds"], figures["recall@20"] = rank(
            model, users, features, args.evaluation_batch
        )
    return figures


def row_of(args: argparse.Namespace, sizes: Mapping[str, int]) -> dict[str, Any]:
    """Import, read and measure what is asked for: one row."""
    import torch

    # What reading needs counts as an import, and what it reads as data.
    from pyarrow import parquet  # noqa: F401

    peer = PEERS[args.name]
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    package = import_peer(peer, args.repository)
    after_imports, state = peak(), "on" if torch.is_anomaly_enabled() else "off"
    figures = measure(peer, package, read(args.data, sizes), args)
    above = figures.pop("peak_bytes") - after_imports
    title = peer.title.format(version=package.version, state=state)
    return {"name": title, "model": peer.kind, **figures, "peak_bytes_above_import": above}


def peak() -> int:
    """Bytes: the most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def is_installed(module: str) -> bool:
    """Whether a module could be imported, without doing so."""
    return importlib.util.find_spec(module) is not None


def need_libraries() -> None:
    """Raise `PeerError` unless all is there that this script needs beside a peer."""
    if missing := [module for module in NEEDED if not is_installed(module)]:
        raise PeerError(f"no {missing[0]} in this environment; {INSTALL}")


def can_be_had(repository: Path | None) -> list[str]:
    """The names of what can be timed here. Raises `PeerError` if that is nothing."""
    if repository and not (repository / MARK).is_file():
        raise PeerError(f"--repository {repository}: no {MARK} in it; give {REPOSITORY}")
    has = {False: is_installed("recbole"), True: repository is not None}
    names = [name for name, peer in PEERS.items() if has[peer.from_repository]]
    if not names:
        raise PeerError(f"no recbole in this environment; {INSTALL}; or give {REPOSITORY}")
    return names


def parse(arguments: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The command line."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s NAME --data FOLDER [--repository PATH] [option …], or: %(prog)s --list",
        description="Time one model of a peer's and print one JSON line.",
    )
    parser.add_argument("name", nargs="?", choices=tuple(PEERS), help="what to time")
    parser.add_argument(
        "--list",
        action="store_true",
        help="print the names of what can be timed here, and do nothing else",
    )
    parser.add_argument("--data", type=Path, help="a prepared data set")
    parser.add_argument(
        "--repository",
        type=Path,
        help="a checkout of the DIF-SR repository, for the names of difsr",
    )
    parser.add_argument(
        "--attributes", default="category", help="names of attributes, with commas between"
    )
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--evaluate", action="store_true", help="also time ranking every user's validation target"
    )
    parser.add_argument("--batch", type=int, default=512, help="examples a step")
    parser.add_argument(
        "--evaluation-batch",
        type=int,
        default=4096,
        help="users ranked at once; RecBole's own default",
    )
    parser.add_argument("--window", type=int, default=50, help="items of a history")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--inner", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--attention-dropout", type=float, default=0.3)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    return parser, parser.parse_args(arguments)


def chosen_attributes(args: argparse.Namespace, sizes: Mapping[str, int]) -> dict[str, int]:
    """The attributes that the named peer uses, and their sizes. Raises `PeerError` where there are
    none of them.
    """
    if PEERS[args.name].model in WITHOUT_ATTRIBUTES:
        return {}
    names = [name for name in args.attributes.split(",") if name]
    unknown = [name for name in names if name not in sizes]
    if unknown or not names:
        what = (
            f"no attribute '{unknown[0]}'"
            if unknown
            else f"{args.name} needs at least one attribute"
        )
        raise PeerError(
            f"--attributes {args.attributes}: {what}; {args.data} has {', '.join(sizes) or 'none'}"
        )
    return {name: sizes[name] for name in names}


def problems(args: argparse.Namespace, names: Sequence[str]) -> Iterator[str]:
    """What is wrong with the command line where a peer is to be timed."""
    if args.name is None or args.data is None:
        yield "a name and --data are needed; --list prints the names"
    elif args.name not in names:
        wanted = (
            REPOSITORY
            if PEERS[args.name].from_repository
            else f"recbole in this environment; {INSTALL}"
        )
        yield f"{args.name} needs {wanted}"
    if min(args.steps, args.threads, args.batch, args.evaluation_batch) < 1 or args.warmup < 0:
        yield (
            "--steps, --threads, --batch and --evaluation-batch must be at least 1, --warmup at "
            "least 0"
        )


def run(args: argparse.Namespace) -> None:
    """List, or measure and print. Raises `PeerError` for what cannot be had."""
    need_libraries()
    sizes = read_manifest(args.data) if args.data else {}
    names = can_be_had(args.repository)
    if args.list:
        print("\n".join(names))
        return
    if problem := next(problems(args, names), None):
        raise PeerError(problem)
    print(json.dumps(row_of(args, chosen_attributes(args, sizes))))


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for; what is wrong with it is one line and exit status 2."""
    parser, args = parse(arguments)
    try:
        run(args)
    except PeerError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
