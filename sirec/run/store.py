"""Run folders: `results/runs/<data set>/<model>/<id>/`.

config.yaml           the whole configuration, defaults included
environment.json      versions, processor, commit, plugins
epochs.jsonl          losses and validation metrics of each epoch
metrics.json          metrics of both splits under both history rules, without times
ranks.parquet         doubled ranks of every user
lists.parquet         lists of items for every test user, if they were asked for (`sirec.run.lists`)
list_items.parquet    what metrics of these lists need to know of items
timings.json          seconds and memory
model.safetensors     the selected weights
evaluations.jsonl     one line for each time that test ranks were made, with its digest
snapshot.safetensors  the resumable state of an unfinished run
DONE                  digests of all files but the logs (`evaluations.jsonl`); written last
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from sirec.config import read_json
from sirec.data.locks import hold_folder_or_refuse
from sirec.data.split import Split
from sirec.data.tensors import load_tensors, save_tensors
from sirec.disk import disk_error, make_folder
from sirec.errors import SirecError
from sirec.evaluation.metric_means import MetricMeans
from sirec.evaluation.ranks import RankTable
from sirec.provider import Provider
from sirec.registry import available_packages
from sirec.run.config import RunConfig
from sirec.run.files import replace_json, replace_text
from sirec.run.identity import check_identity, current_revisions
from sirec.run.manifest import (
    CONFIG,
    ENVIRONMENT,
    MANIFEST,
    METRICS,
    RANKS,
    TIMINGS,
    TRAIN_AGAIN,
    WEIGHTS,
    Withheld,
    checked_file,
    has_file,
    read_manifest,
    write_manifest,
)
from sirec.run.references import find_run, refit_of, run_paths
from sirec.run.stored_config import StoredConfig, config_text, read_config
from sirec.run.stored_facts import read_environment, read_timings
from sirec.run.stored_ranks import digest_of_numbers, read_means, read_ranks

AGAIN = ".again"  # inside a finished run: the same run while it is trained again


@dataclass(frozen=True)
class RecordedRun:
    """A run as the records below a results folder name it.

    Attributes:
        label: the label of its row in a table.
        run: the run's address, `runs/<data set>/<model>/<id>`, relative to the results folder.
        digest: digest of the run's configuration, ranks and metrics, where the run has digests.
    """

    label: str
    run: str
    digest: str | None = field(default=None, compare=False)

    def open(self, results: Path) -> RunFolder:
        """The run in a results folder, whose ranks are refused if they are others by now."""
        return RunFolder(results / self.run, self.label, self.digest)


@dataclass(frozen=True)
class RunFolder:
    """One run: its files, and what its place among all runs says of it.

    Attributes:
        path: the folder, which ends in `runs/<data set>/<model>/<id>`.
        label: the label of the run's row, where the run was chosen as a row of a table. Two folders
            with the same path are the same run, whatever their labels.
        expected: digest of the run's numbers by which a record names it, if one does.
    """

    path: Path
    label: str = field(default="", compare=False)
    expected: str | None = field(default=None, compare=False)

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
        address = Path(os.path.relpath(self.path, results)).as_posix()
        return RecordedRun(self.label, address, self.digest_of_numbers())

    @property
    def _steps(self) -> tuple[str, ...]:
        """The steps of the path, however short it was given."""
        return self.path.parts if len(self.path.parts) > 4 else self.path.resolve().parts

    @property
    def is_done(self) -> bool:
        """Whether the run has finished."""
        return (self.path / MANIFEST).exists()

    @property
    def snapshot_path(self) -> Path:
        """Where the resumable state of an unfinished run lies."""
        return self.path / "snapshot.safetensors"

    def config(self) -> RunConfig:
        """The run's configuration, as it was resolved.

        Raises:
            SirecError: if the file is missing or damaged, if it does not give the run's id, or if
                it names a component of a plugin that is not here; then the message names the plugin
                and what to install.
        """
        stored = self._stored_config()
        try:
            config = stored.load()
        except SirecError:
            missing = self.missing_plugins()
            if not missing:
                raise
            raise SirecError(
                f"{self.path}: this run needs {', '.join(map(str, missing))}, "
                "which is not installed here",
                "; ".join(provider.remedy for provider in missing),
            ) from None
        check_identity(self.path, config, stored.fingerprint, stored.revisions)
        return config

    def earlier_revisions(self) -> list[str]:
        """`name@revision` of the components that this code has in another revision, sorted.

        Raises:
            SirecError: as of `config`.
        """
        config, stored = self.config(), self._stored_config()
        made_with = check_identity(self.path, config, stored.fingerprint, stored.revisions)
        return sorted(set(made_with) - set(current_revisions(config)))

    def _stored_config(self) -> StoredConfig:
        """What config.yaml holds, once the file has been compared with its digest."""
        return read_config(self.checked_file(CONFIG), str(self.path / CONFIG))

    def missing_plugins(self) -> list[Provider]:
        """The plugins that the run was made with and that are not here in any version."""
        if not has_file(self.path, ENVIRONMENT):
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
        return self._stored_config().fingerprint

    def split(self) -> Split:
        """The split of the data the run was made on."""
        return self._stored_config().split()

    def write_config(self, config: RunConfig, fingerprint: str, split: Split | None = None) -> None:
        """Write config.yaml, with the revisions of the components that this code has.

        Args:
            config: the whole configuration, defaults included.
            fingerprint: fingerprint of the data set.
            split: split of the data set; leave-one-out is not written.
        """
        replace_text(self.path / CONFIG, config_text(config, fingerprint, split))

    def check_finished(self) -> None:
        """Raise `SirecError` if the run has not finished."""
        if not self.is_done:
            raise SirecError(
                f"{self.path}: this run has not finished",
                "the command that began it goes on with it",
            )

    @property
    def repeated(self) -> str | None:
        """The id of the run that this one repeats on all interactions; None if it is no refit."""
        return refit_of(self.path)

    def check_evaluated(self) -> None:
        """Raise `SirecError` for a refit, which has no ranks."""
        if self.repeated is not None:
            what = "a refit, trained on other interactions: there is nothing left to evaluate it on"
            hint = f"evaluate the run that it repeats, {self.repeated}; recommend with this one"
            raise SirecError(f"{self.path}: {what}", hint)

    def ranks(self) -> RankTable:
        """The ranks of every user.

        Raises:
            SirecError: if the run has not finished, if it is a refit, if ranks are damaged, or if
                their metrics are not those of metrics.json.
        """
        self.check_finished()
        self.check_evaluated()
        return read_ranks(self.path, self.expected)

    @property
    def withheld(self) -> Withheld | None:
        """What a finished run lacks since it was copied; None if nothing."""
        manifest = read_manifest(self.path) if self.is_done else None
        return None if manifest is None else manifest.withheld

    def ranks_or_means(self) -> RankTable | MetricMeans:
        """The ranks of every user; the stored metrics where the ranks were withheld.

        Raises:
            SirecError: as of `ranks`.
        """
        withheld = self.withheld
        if withheld is None or has_file(self.path, RANKS):
            return self.ranks()
        return read_means(self.path, self.expected, withheld)

    def digest_of_numbers(self) -> str | None:
        """A digest of what tables are drawn from; None if the run has not finished, or has no
        digests.
        """
        return digest_of_numbers(self.path) if self.is_done else None

    def checked_file(self, name: str) -> Path:
        """The file of that name; of a finished run it is compared with its digest first.

        Raises:
            SirecError: if it is not what the run wrote.
        """
        return checked_file(self.path, name) if self.is_done else self.path / name

    def metrics(self) -> dict[str, Any]:
        """The metrics by split, history rule and name of the metric; a refit has none."""
        self.check_evaluated()
        return read_json(self.checked_file(METRICS))

    def timings(self) -> dict[str, Any]:
        """Seconds of each epoch and of evaluation, and bytes of memory."""
        return read_timings(self.checked_file(TIMINGS), is_done=self.is_done)

    def environment(self) -> dict[str, Any]:
        """Where and with what the run was made: versions, plugins, device, processes."""
        return read_environment(self.checked_file(ENVIRONMENT))

    def write_json(self, name: str, value: Any) -> None:
        """Replace one of the JSON files.

        Args:
            name: name of the file.
            value: its new content.
        """
        replace_json(self.path / name, value)

    def write_weights(self, weights: dict[str, Tensor]) -> None:
        """Replace the selected weights, tensors by name."""
        save_tensors(self.path / WEIGHTS, weights)

    @property
    def has_weights(self) -> bool:
        """Whether the weights lie beside the ranks."""
        return has_file(self.path, WEIGHTS)

    def weights(self) -> dict[str, Tensor]:
        """The selected weights. Raises `SirecError` if they were not kept, or are damaged."""
        if not self.has_weights:
            raise SirecError(
                f"{self.path / WEIGHTS}: the weights of this run were not kept: "
                "committed runs keep ranks only",
                TRAIN_AGAIN,
            )
        tensors, _ = load_tensors(self.checked_file(WEIGHTS), TRAIN_AGAIN)
        return tensors

    def finish(self) -> None:
        """Write the manifest, which marks the run as done, and drop its snapshot."""
        write_manifest(self.path)
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
