"""Run folders: `results/runs/<data set>/<model>/<id>/`.

config.yaml          everything, defaults included            environment.json   versions, processor, commit
epochs.jsonl         losses and validation metrics by epoch   metrics.json       both splits, both history rules; no times
ranks.parquet        every user's doubled ranks               timings.json       seconds and memory
model.safetensors    the selected weights                     evaluations.jsonl  each time test ranks were made
snapshot.safetensors while in progress                        DONE               written last
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sirec.config import dump, load, load_named, read_yaml, to_yaml
from sirec.data.locks import hold_folder_or_refuse
from sirec.data.split import PARTS, LeaveOneOut, Split
from sirec.errors import SirecError, unknown
from sirec.evaluation.metrics import parse_metric
from sirec.evaluation.ranks import HISTORY_RULES, RankTable
from sirec.registry import Provider, available_packages
from sirec.run.config import RunConfig
from sirec.run.files import disk_error, make_folder, promote, read_json, replace_json, replace_text

OF_THE_DATA = ("fingerprint", "split")  # keys of config.yaml that are no part of the configuration
ROUNDING = 1e-9  # by which the same mean may differ on another processor


@dataclass(frozen=True)
class _OfPart:
    """Metric -> value under each history rule."""

    keep: Mapping[str, float]
    mask: Mapping[str, float]


@dataclass(frozen=True)
class _Metrics:
    """What metrics.json holds."""

    valid: _OfPart
    test: _OfPart
    ties: Mapping[str, float]

    def are_of(self, ranks: RankTable) -> bool:
        """Whether these ranks have these metrics, each to `ROUNDING`, and this share of ties."""
        stored = (
            (value, parse_metric(name).mean(ranks.ranks[part][rule]))
            for part in PARTS
            for rule in HISTORY_RULES
            for name, value in getattr(getattr(self, part), rule).items()
        )
        return self.ties == ranks.ties and all(
            math.isclose(*pair, abs_tol=ROUNDING) for pair in stored
        )


@dataclass(frozen=True)
class RecordedRun:
    """A run as the records below a results folder name it.

    Attributes:
        label: the label of its row in a table.
        run: the run's address, `runs/<data set>/<model>/<id>`, relative to the results folder.
    """

    label: str
    run: str

    def open(self, results: Path) -> RunFolder:
        """The run in a results folder."""
        return RunFolder(results / self.run, self.label)


@dataclass(frozen=True)
class RunFolder:
    """One run: its files, and what its place among all runs says of it.

    Attributes:
        path: the folder, which ends in `runs/<data set>/<model>/<id>`.
        label: the label of the run's row, where the run was chosen as a row of a table. Two folders
            with the same path are the same run, whatever their labels.
    """

    path: Path
    label: str = field(default="", compare=False)

    @property
    def dataset(self) -> str:
        """Name of the data set that the run was trained on."""
        return self._steps[-3]

    @property
    def model(self) -> str:
        """Name of the run's model."""
        return self._steps[-2]

    @property
    def id(self) -> str:
        """The run's id: digits of a hash of its configuration, data and revisions."""
        return self._steps[-1]

    @property
    def address(self) -> str:
        """The folder relative to its results folder: `runs/<data set>/<model>/<id>`."""
        return f"runs/{self.dataset}/{self.model}/{self.id}"

    @property
    def link(self) -> str:
        """The folder as tables link to it: its address, behind the name of the results folder."""
        return "/".join(self._steps[-5:])

    def labelled(self, label: str) -> RunFolder:
        """The same run under the label of a row."""
        return replace(self, label=label)

    def recorded(self, results: Path) -> RecordedRun:
        """The run as a record below a results folder names it; it may lie in another one."""
        return RecordedRun(self.label, Path(os.path.relpath(self.path, results)).as_posix())

    @property
    def _steps(self) -> tuple[str, ...]:
        """The steps of the path, however short it was given."""
        return self.path.parts if len(self.path.parts) > 4 else self.path.resolve().parts

    @property
    def is_done(self) -> bool:
        """Whether the run has finished."""
        return (self.path / "DONE").exists()

    @property
    def snapshot_path(self) -> Path:
        """Where the resumable state of an unfinished run lies."""
        return self.path / "snapshot.safetensors"

    def config(self) -> RunConfig:
        """The run's configuration, as it was resolved.

        Raises:
            SirecError: if the file is missing or damaged, or names a component of a plugin that is
                not here; then the message names the plugin and what to install.
        """
        path = self.path / "config.yaml"
        tree = read_yaml(path)
        for key in OF_THE_DATA:
            tree.pop(key, None)
        try:
            return load(RunConfig, tree, str(path))
        except SirecError:
            missing = self.missing_plugins()
            if not missing:
                raise
            raise SirecError(
                f"{self.path}: this run needs {', '.join(map(str, missing))}, "
                "which is not installed here",
                "; ".join(provider.remedy for provider in missing),
            ) from None

    def missing_plugins(self) -> list[Provider]:
        """The plugins that the run was made with and that are not here in any version."""
        path = self.path / "environment.json"
        if not path.exists():
            return []
        needed: Mapping[str, str] = read_json(path).get("plugins", {})
        here = available_packages()
        return [
            Provider(package, version) for package, version in needed.items() if package not in here
        ]

    def fingerprint(self) -> str:
        """The fingerprint of the data the run was made on."""
        return str(read_yaml(self.path / "config.yaml")["fingerprint"])

    def split(self) -> Split:
        """The split of the data the run was made on."""
        path = self.path / "config.yaml"
        split: Split = load_named(
            get_args(Split), read_yaml(path).get("split", LeaveOneOut.name), f"{path}: split"
        )
        return split

    def write_config(self, config: RunConfig, fingerprint: str, split: Split | None = None) -> None:
        """Write the whole configuration, defaults included, with the data's fingerprint, and its
        split if not leave-one-out.
        """
        of_the_data = {"fingerprint": fingerprint} | (
            {"split": dump(split)} if split not in (None, LeaveOneOut()) else {}
        )
        replace_text(self.path / "config.yaml", to_yaml(dump(config) | of_the_data))

    def check_finished(self) -> None:
        """Raise `SirecError` if the run has not finished, or is being trained anew: nothing of it
        is a result then.
        """
        if not self.is_done:
            raise SirecError(
                f"{self.path}: this run has not finished",
                "the command that began it goes on with it",
            )

    def ranks(self) -> RankTable:
        """Every user's ranks.

        Raises `SirecError` if the run has not finished, and for ranks that are damaged or have
        other metrics than are stored.
        """
        self.check_finished()
        ranks, path = (
            RankTable.from_parquet(self.path / "ranks.parquet"),
            self.path / "metrics.json",
        )
        hint = f"rank anew with the stored weights: sirec evaluate {self.path} --recompute"
        try:
            are_alike = load(_Metrics, self.metrics(), str(path)).are_of(ranks)
        except SirecError as error:
            raise SirecError(error.message, hint) from None
        if not are_alike:
            raise SirecError(
                f"{path}: these are not the metrics of the ranks beside it: one of the two was changed",
                hint,
            )
        return ranks

    def metrics(self) -> dict[str, Any]:
        """Split, history rule, metric -> value."""
        metrics: dict[str, Any] = read_json(self.path / "metrics.json")
        return metrics

    def timings(self) -> dict[str, Any]:
        """Seconds and bytes."""
        timings: dict[str, Any] = read_json(self.path / "timings.json")
        return timings

    def write_json(self, name: str, value: Any) -> None:
        """Replace one of the JSON files."""
        replace_json(self.path / name, value)

    def write_weights(self, weights: dict[str, Tensor]) -> None:
        """Replace the model's weights."""
        path, temporary = self.path / "model.safetensors", self.path / ".model.safetensors.new"
        try:
            save_file({name: value.contiguous() for name, value in weights.items()}, temporary)
            promote(temporary, path)
        except OSError as error:
            raise disk_error(path, error) from error

    @property
    def has_weights(self) -> bool:
        """Whether the weights lie beside the ranks."""
        return (self.path / "model.safetensors").exists()

    def weights(self) -> dict[str, Tensor]:
        """The selected weights. Raises `SirecError` if they are missing or damaged."""
        path = self.path / "model.safetensors"
        try:
            return load_file(path)
        except FileNotFoundError:
            raise SirecError(
                f"{path}: no such file", "committed runs keep ranks only: train with --again"
            ) from None
        except SafetensorError as error:
            raise SirecError(f"{path}: not readable: {error}") from None

    def append_line(self, name: str, line: str) -> None:
        """Add a line to one of the logs."""
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def finish(self) -> None:
        """Mark the run as done and drop its snapshot."""
        replace_text(self.path / "DONE", "")
        self.snapshot_path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget results and snapshot, so that the run starts anew; the log of evaluations
        stays.
        """
        for name in (
            "DONE",
            "snapshot.safetensors",
            "epochs.jsonl",
            "metrics.json",
            "timings.json",
            "ranks.parquet",
        ):
            (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process. Raises `SirecError` if another one is training it, or its
        folder cannot be made.
        """
        make_folder(self.path)
        with ExitStack() as stack:
            try:
                stack.enter_context(hold_folder_or_refuse(self.path))
            except BlockingIOError:
                raise SirecError(
                    f"{self.path}: another process is training this run", "wait for it, or stop it"
                ) from None
            except OSError as error:
                raise disk_error(self.path / ".lock", error) from error
            yield


@dataclass(frozen=True)
class Store:
    """All runs below a results folder."""

    root: Path

    def folder(self, data: str, model: str, identity: str) -> RunFolder:
        """The folder of a run, whether it exists or not."""
        return RunFolder(self.root / "runs" / data / model / identity)

    def covariates(self, data: str, fingerprint: str) -> Path:
        """Where what every user's targets are like is kept, once per data set."""
        return self.root / "runs" / data / f"covariates-{fingerprint}.parquet"

    def all(self) -> list[RunFolder]:
        """Every run there is, finished or not, in path order."""
        return [RunFolder(path.parent) for path in sorted(self.root.glob("runs/*/*/*/config.yaml"))]

    def find(self, reference: str) -> RunFolder:
        """A run by path, or by the first digits of its id. Raises `SirecError` if none or several
        answer.
        """
        path = Path(reference)
        if (path / "config.yaml").exists():
            return RunFolder(path)
        matches = [run for run in self.all() if _answers(run.path, path)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise SirecError(
                f"'{reference}' is the beginning of {len(matches)} runs",
                "give more digits of the id",
            )
        raise unknown(
            "run", reference, [f"{run.dataset}/{run.model}/{run.id}" for run in self.all()]
        )


def _answers(folder: Path, reference: Path) -> bool:
    """Whether the end of `folder` is `reference`, whose last part may be cut short."""
    if not reference.parts:
        return False
    *parents, last = reference.parts
    *mine, identity = folder.parts[-len(reference.parts) :]
    return identity.startswith(last) and mine == parents
