"""Experiment files by name: those that ship with `sirec`, and those of plugins.

A plugin offers a folder of YAML files, by an entry point of the group `sirec.experiments` that
names a package with such files or a `Path`, or by a value `EXPERIMENTS` of one of its modules or
of a plugin file: a folder, relative to the module's file if it is not absolute.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sirec.config import load, read_yaml
from sirec.errors import SirecError
from sirec.provider import Provider
from sirec.registry import Registry, own_provider
from sirec.resources import experiments_root
from sirec.studies.spec.experiment import Experiment


@dataclass(frozen=True)
class ExperimentFile:
    """A file that declares an experiment; its name is the file's, without the suffix."""

    name: str
    path: Path


class ExperimentRegistry(Registry[ExperimentFile]):
    """Experiment files by name; each folder that is offered gives its YAML files."""

    def own_components(self) -> list[tuple[ExperimentFile, Provider]]:
        """The experiment files that ship with `sirec`, by name."""
        provider = own_provider()
        files = _files_in(Path(str(experiments_root())))
        return [(file, provider) for file in files]

    def components_of(self, offered: object) -> list[ExperimentFile]:
        """The experiment files in a folder, or in the folder that a module names or is.

        Raises:
            SirecError: if there is no such folder.
        """
        folder = _folder_of(offered)
        if folder is None:
            return []
        if not folder.is_dir():
            raise SirecError(
                f"{folder}: no such folder", "EXPERIMENTS names a folder of experiment files"
            )
        return _files_in(folder)


def find_experiment(reference: str) -> Path:
    """An experiment file by its path, or by the name of a shipped or a plugin's experiment.

    Raises:
        SirecError: if there is none; the message has the nearest name.
    """
    path = Path(reference)
    if path.is_file():
        return path
    if path.stem in EXPERIMENTS:
        return EXPERIMENTS[path.stem].path
    raise EXPERIMENTS.unknown(reference)


def known_experiments() -> dict[str, Path]:
    """Name -> file of all experiments: those that ship with `sirec`, then those of plugins."""
    files: dict[str, Path] = {}
    for name, file in EXPERIMENTS.items():
        files[name] = file.path
    return files


def shipped_experiments() -> dict[str, Path]:
    """Name -> file of the experiments that ship with `sirec`."""
    files: dict[str, Path] = {}
    for name, path in known_experiments().items():
        if EXPERIMENTS.provider(name).is_sirec:
            files[name] = path
    return files


def read_experiment(path: Path) -> Experiment:
    """The experiment in a file.

    Raises:
        SirecError: naming file and key of the first mistake.
    """
    return load(Experiment, read_yaml(path), str(path))


def _folder_of(offered: object) -> Path | None:
    """The folder that a plugin means by a module or a path; None where it means none."""
    if isinstance(offered, str | Path):
        return Path(offered)
    if not isinstance(offered, ModuleType) or offered.__file__ is None:
        return None
    home = Path(offered.__file__).parent
    if hasattr(offered, "EXPERIMENTS"):
        return home / str(offered.EXPERIMENTS)
    is_package = hasattr(offered, "__path__")
    return home if is_package else None


def _files_in(folder: Path) -> list[ExperimentFile]:
    return [ExperimentFile(path.stem, path) for path in sorted(folder.glob("*.yaml"))]


EXPERIMENTS = ExperimentRegistry("experiment", ExperimentFile, instances=True)
