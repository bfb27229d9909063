"""Experiment files are found by name: those of `sirec` and those of plugins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sirec import registry as registry_module
from sirec.config import dump, to_yaml
from sirec.errors import SirecError
from sirec.registry import load_plugin_file
from sirec.resources import experiments_root
from sirec.studies.spec.library import (
    EXPERIMENTS,
    find_experiment,
    known_experiments,
    read_experiment,
    shipped_experiments,
)

PLAN = "title: Mine\nrows:\n  SASRec: {model: sasrec}\n"
METADATA = "Metadata-Version: 2.1\nName: own-experiments\nVersion: 0.3\n"


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds is taken out again."""
    monkeypatch.setattr(EXPERIMENTS, "_components", dict(EXPERIMENTS))
    monkeypatch.setattr(EXPERIMENTS, "_providers", dict(EXPERIMENTS._providers))
    monkeypatch.setattr(EXPERIMENTS, "failures", {})
    monkeypatch.setattr(registry_module, "_plugin_files", dict(registry_module._plugin_files))


def plugin_file(folder: Path, name: str, named: str = "experiments") -> Path:
    """A plugin file that names a folder with one experiment."""
    (folder / "experiments").mkdir()
    (folder / "experiments" / f"{name}.yaml").write_text(PLAN)
    (folder / "plugin.py").write_text(f"EXPERIMENTS = {named!r}\n")
    return folder / "plugin.py"


def installed(folder: Path, name: str, entry_point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with one experiment file, as an installer would leave it; the registry is empty."""
    package = folder / "own_experiments"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from pathlib import Path\nFOLDER = Path(__file__).parent\nEXPERIMENTS = 'nowhere'\n"
    )
    (package / "plans").mkdir()
    (package / "plans" / "__init__.py").touch()
    for each in (package, package / "plans"):
        (each / f"{name}.yaml").write_text(PLAN)
    metadata = folder / "own_experiments-0.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(METADATA)
    (metadata / "entry_points.txt").write_text(f"[sirec.experiments]\nown = {entry_point}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(EXPERIMENTS, "_components", {})
    monkeypatch.setattr(EXPERIMENTS, "_providers", {})
    monkeypatch.setattr(EXPERIMENTS, "_is_filled", False)


def test_every_file_of_the_folder_is_a_shipped_experiment() -> None:
    """Files and names are the same, in the same order."""
    files = sorted(Path(str(experiments_root())).glob("*.yaml"))
    assert files
    assert list(shipped_experiments().values()) == files
    assert list(shipped_experiments()) == [path.stem for path in files]


@pytest.mark.parametrize("name", shipped_experiments())
def test_a_shipped_experiment_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    """Written as YAML and read again it is the same; with another seed (control) it is not."""
    plan = read_experiment(shipped_experiments()[name])
    (tmp_path / "again.yaml").write_text(to_yaml(dump(plan)))
    again = read_experiment(tmp_path / "again.yaml")
    assert again == plan
    assert replace(again, seeds=(99,)) != plan


def test_an_experiment_of_a_plugin_file_is_found_by_its_name(tmp_path: Path) -> None:
    """It is listed among all experiments, and not among those that ship with sirec."""
    with pytest.raises(SirecError, match="'mine' is not an experiment"):  # control
        find_experiment("mine")
    load_plugin_file(plugin_file(tmp_path, "mine"))
    assert find_experiment("mine") == tmp_path / "experiments" / "mine.yaml"
    assert read_experiment(find_experiment("mine")).title == "Mine"
    assert set(known_experiments()) - set(shipped_experiments()) == {"mine"}
    assert EXPERIMENTS.provider("mine").package == "plugin.py"


def test_an_experiment_cannot_take_the_name_of_another(tmp_path: Path) -> None:
    """Both are named, and the one that was there stays."""
    before = find_experiment("overall")
    with pytest.raises(SirecError, match="two experiments are called 'overall': one of sirec") as e:
        load_plugin_file(plugin_file(tmp_path, "overall"))
    assert "one of plugin.py" in e.value.message
    assert find_experiment("overall") == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A person who names the plugin file learns which folder it lacks."""
    with pytest.raises(SirecError, match="nowhere: no such folder"):
        load_plugin_file(plugin_file(tmp_path, "mine", named="nowhere"))


@pytest.mark.parametrize("entry_point", ["own_experiments.plans", "own_experiments:FOLDER"])
def test_an_installed_package_offers_its_experiments(
    entry_point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an entry point that names a package of YAML files, or a folder of them."""
    installed(tmp_path, "installed", entry_point, monkeypatch)
    assert find_experiment("installed").name == "installed.yaml"
    assert str(EXPERIMENTS.provider("installed")) == "own-experiments 0.3"
    assert "overall" in shipped_experiments()


def test_a_broken_package_stops_no_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is missing: the others are listed, and a search for an unknown name says why."""
    installed(tmp_path, "installed", "own_experiments", monkeypatch)
    assert "overall" in known_experiments()
    with pytest.raises(SirecError, match="'installed' is not an experiment") as error:
        find_experiment("installed")
    assert "own of own-experiments 0.3 could not be loaded" in str(error.value.hint)
    assert "nowhere: no such folder" in str(error.value.hint)
