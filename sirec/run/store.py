"""Run folders: `results/runs/<data set>/<model>/<id>/`.

config.yaml           the whole configuration, defaults included
environment.json      versions, processor, commit, plugins
epochs.jsonl          losses and validation metrics of each epoch
metrics.json          metrics of both splits under both history rules, without times
ranks.parquet         doubled ranks of every user
timings.json          seconds and memory
model.safetensors     the selected weights
evaluations.jsonl     one line for each time that test ranks were made
snapshot.safetensors  the resumable state of an unfinished run
DONE                  written last
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from torch import Tensor

from sirec.config import check_keys, dump, load, load_named, read_json, read_yaml, to_yaml
from sirec.data.locks import hold_folder_or_refuse
from sirec.data.split import PARTS, LeaveOneOut, Split
from sirec.data.tensors import load_tensors, save_tensors
from sirec.disk import disk_error, make_folder
from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.evaluation.ranks import HISTORY_RULES, RankTable
from sirec.provider import Provider
from sirec.registry import available_packages
from sirec.run.commit import complete, is_interrupted
from sirec.run.config import RunConfig
from sirec.run.files import replace_json, replace_text
from sirec.run.references import find_run, run_paths
from sirec.run.stored_facts import read_environment, read_timings
from sirec.shell import command

OF_THE_DATA = ("fingerprint", "split")  # keys of config.yaml that are no part of the configuration
AGAIN = ".again"  # inside a finished run: the same run while it is trained again
ROUNDING = 1e-9  # by which the same mean may differ on another processor


@dataclass(frozen=True)
class _MetricsOfPart:
    """Metrics of validation or test by name, under each history rule."""

    keep: Mapping[str, float]
    mask: Mapping[str, float]


@dataclass(frozen=True)
class _Metrics:
    """What metrics.json holds."""

    valid: _MetricsOfPart
    test: _MetricsOfPart
    ties: Mapping[str, float]

    def are_of(self, ranks: RankTable) -> bool:
        """Whether ranks have these metrics, each up to `ROUNDING`, and this share of ties."""
        if self.ties != ranks.ties:
            return False
        for part in PARTS:
            for rule in HISTORY_RULES:
                stored: Mapping[str, float] = getattr(getattr(self, part), rule)
                for name, value in stored.items():
                    computed = parse_metric(name).mean(ranks.ranks[part][rule])
                    if not math.isclose(value, computed, abs_tol=ROUNDING):
                        return False
        return True


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
        if not (self.path / "environment.json").exists():
            return []
        needed: Mapping[str, str] = self.environment().get("plugins", {})
        here = available_packages()
        missing: list[Provider] = []
        for package, version in needed.items():
            if package not in here:
                missing.append(Provider(package, version))
        return missing

    def fingerprint(self) -> str:
        """The fingerprint of the data the run was made on."""
        path = self.path / "config.yaml"
        values = read_yaml(path)
        check_keys({"fingerprint": str}, values, str(path), required=["fingerprint"])
        return str(values["fingerprint"])

    def split(self) -> Split:
        """The split of the data the run was made on."""
        path = self.path / "config.yaml"
        split: Split = load_named(
            get_args(Split), read_yaml(path).get("split", LeaveOneOut.name), f"{path}: split"
        )
        return split

    def write_config(self, config: RunConfig, fingerprint: str, split: Split | None = None) -> None:
        """Write config.yaml.

        Args:
            config: the whole configuration, defaults included.
            fingerprint: fingerprint of the data set.
            split: split of the data set; leave-one-out is not written.
        """
        tree = dump(config) | {"fingerprint": fingerprint}
        if split not in (None, LeaveOneOut()):
            tree["split"] = dump(split)
        replace_text(self.path / "config.yaml", to_yaml(tree))

    def check_finished(self) -> None:
        """Raise `SirecError` if the run has not finished.

        New results that a process had begun to put in place are put there first.
        """
        if is_interrupted(self.path):
            with self.locked():
                complete(self.path)
        if not self.is_done:
            raise SirecError(
                f"{self.path}: this run has not finished",
                "the command that began it goes on with it",
            )

    def ranks(self) -> RankTable:
        """The ranks of every user.

        Raises:
            SirecError: if the run has not finished, if ranks are damaged, or if their metrics are
                not those of metrics.json.
        """
        self.check_finished()
        ranks = RankTable.from_parquet(self.path / "ranks.parquet")
        path = self.path / "metrics.json"
        again = command("evaluate", self.path, "--recompute")
        hint = f"rank anew with the stored weights: {again}"
        try:
            are_alike = load(_Metrics, self.metrics(), str(path)).are_of(ranks)
        except SirecError as error:
            raise SirecError(error.message, hint) from None
        if not are_alike:
            raise SirecError(
                f"{path}: these are not the metrics of the ranks beside it: "
                "one of the two was changed",
                hint,
            )
        return ranks

    def metrics(self) -> dict[str, Any]:
        """The metrics by split, history rule and name of the metric."""
        return read_json(self.path / "metrics.json")

    def timings(self) -> dict[str, Any]:
        """Seconds of each epoch and of evaluation, and bytes of memory."""
        return read_timings(self.path / "timings.json", is_done=self.is_done)

    def environment(self) -> dict[str, Any]:
        """Where and with what the run was made: versions, plugins, device, processes."""
        return read_environment(self.path / "environment.json")

    def write_json(self, name: str, value: Any) -> None:
        """Replace one of the JSON files.

        Args:
            name: name of the file.
            value: its new content.
        """
        replace_json(self.path / name, value)

    def write_weights(self, weights: dict[str, Tensor]) -> None:
        """Replace the selected weights, tensors by name."""
        save_tensors(self.path / "model.safetensors", weights)

    @property
    def has_weights(self) -> bool:
        """Whether the weights lie beside the ranks."""
        return (self.path / "model.safetensors").exists()

    def weights(self) -> dict[str, Tensor]:
        """The selected weights. Raises `SirecError` if they are missing or damaged."""
        hint = "committed runs keep ranks only: train with --again"
        tensors, _ = load_tensors(self.path / "model.safetensors", hint)
        return tensors

    def append_line(self, name: str, line: str) -> None:
        """Add a line to one of the logs.

        Args:
            name: name of the file.
            line: the line, without its end.
        """
        path = self.path / name
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise disk_error(path, error) from error

    def finish(self) -> None:
        """Mark the run as done and drop its snapshot."""
        replace_text(self.path / "DONE", "")
        self.snapshot_path.unlink(missing_ok=True)

    def to_train(self, *, again: bool) -> RunFolder:
        """Where the run is trained: here, or inside where a finished result is to stay until then.

        Args:
            again: whether a finished run is trained again.
        """
        return RunFolder(self.path / AGAIN) if again and self.is_done else self

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process.

        Raises `SirecError` if another process is training it, or if its folder cannot be made.
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
        """The folder of a run, whether it exists or not.

        Args:
            data: name of the data set.
            model: name of the model.
            identity: id of the run.
        """
        return RunFolder(self.root / "runs" / data / model / identity)

    def covariates(self, data: str, fingerprint: str) -> Path:
        """The file with covariates of every user: history length, popularity of the target.

        Args:
            data: name of the data set.
            fingerprint: fingerprint of the data set.
        """
        return self.root / "runs" / data / f"covariates-{fingerprint}.parquet"

    def all(self) -> list[RunFolder]:
        """Every run there is, finished or not, in path order."""
        return [RunFolder(path) for path in run_paths(self.root)]

    def find(self, reference: str, told: Callable[[str], None] = lambda remark: None) -> RunFolder:
        """The run that is meant by a folder, the beginning of an id, or a model's name.

        Args:
            reference: what a person wrote; `comif` and `demo/comif` mean the newest finished run.
            told: called with which run it is, where a model was named.

        Raises:
            SirecError: if there is no such run, or several.
        """
        found = find_run(self.root, reference)
        if found.remark:
            told(found.remark)
        return RunFolder(found.path)
