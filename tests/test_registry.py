"""Registries: what `sirec` has of a kind, and how other packages and files add to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sirec import registry as registry_module
from sirec.config import dump, load
from sirec.data.sources import SOURCES
from sirec.data.tasks import TASKS
from sirec.errors import SirecError
from sirec.evaluation.metrics import METRIC_KINDS
from sirec.models import MODELS
from sirec.models.declaration import Declaration
from sirec.models.sasrec import SASRec
from sirec.objectives import OBJECTIVES
from sirec.objectives.base import ObjectiveConfig
from sirec.papers import PROTOCOLS
from sirec.provider import Provider
from sirec.registry import Registry, load_plugin_file, providers_of
from sirec.run.config import DataConfig, RunConfig
from sirec.run.environment import plugins_of

ALL: list[Registry[Any]] = [MODELS, OBJECTIVES, TASKS, SOURCES, METRIC_KINDS, PROTOCOLS]
PLUGIN = """
from dataclasses import dataclass
from sirec.models.sasrec import SASRec

@dataclass(frozen=True, kw_only=True)
class Renamed(SASRec):
    name = "{name}"
    title = "SASRec under another name"
"""


@pytest.fixture(autouse=True)
def _registries_as_before() -> Iterator[None]:
    """Other tests of the process list the registries: what a test adds is taken out again."""
    kept = [(registry, dict(registry), dict(registry._providers)) for registry in ALL]
    files = dict(registry_module._plugin_files)
    yield
    for registry, components, providers in kept:
        registry._components, registry._providers = components, providers
    registry_module._plugin_files.clear()
    registry_module._plugin_files.update(files)


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A file that defines one model, and imports another."""
    path = tmp_path / "another.py"
    path.write_text(PLUGIN.format(name=f"another-{tmp_path.name.replace('_', '-')}"))
    return path


@pytest.mark.parametrize("registry", ALL)
def test_every_component_is_listed_under_its_own_name(registry: Registry[type]) -> None:
    """The key is the component's name, and `sirec` is the provider of its own components."""
    assert registry
    for name, component in registry.items():
        assert component.name == name  # type: ignore[attr-defined]
        assert registry.provider(name).is_sirec


def test_no_component_is_abstract() -> None:
    """Base classes are in no listing: nobody can build them."""
    assert Declaration not in MODELS.values()
    assert ObjectiveConfig not in OBJECTIVES.values()
    assert SASRec in MODELS.values()  # control


@pytest.mark.parametrize("registry", ALL)
def test_an_unknown_name_gets_the_nearest_one(registry: Registry[type]) -> None:
    """The message says what kind was meant; the hint has the nearest name and the list."""
    known = next(iter(registry))
    with pytest.raises(SirecError, match=f"'{known}x' is not an? {registry.kind}") as caught:
        registry[f"{known}x"]
    assert f"did you mean '{known}'?" in (caught.value.hint or "")
    assert registry.get(f"{known}x") is None


def test_a_plugin_file_adds_what_it_defines_and_nothing_that_it_imports(plugin: Path) -> None:
    """One more model; the imported SASRec stays sirec's. A second loading changes nothing."""
    before = set(MODELS)
    loaded = load_plugin_file(plugin)
    [added] = set(MODELS) - before
    assert MODELS[added].title == "SASRec under another name"
    assert str(MODELS.provider(added)) == f"another.py {loaded.provider.version}"
    assert MODELS.provider("sasrec").is_sirec
    assert load_plugin_file(plugin) is loaded


def test_an_imported_metric_keeps_its_provider(tmp_path: Path) -> None:
    """A plugin that derives a metric from Recall provides its own metric, and not Recall."""
    path = tmp_path / "first_hit.py"
    path.write_text(
        "from dataclasses import replace\n"
        "from sirec.evaluation.metrics import RECALL\n"
        'FIRST = replace(RECALL, name="FirstHit")\n'
    )
    load_plugin_file(path)
    assert METRIC_KINDS.provider("FirstHit").package == "first_hit.py"
    assert METRIC_KINDS.provider("Recall").is_sirec


def test_a_run_records_who_provides_its_metric_and_its_protocol(tmp_path: Path) -> None:
    """Neither is a component inside the configuration; both are named there."""
    path = tmp_path / "chosen_by.py"
    path.write_text(
        "from dataclasses import replace\n"
        "from sirec.evaluation.metrics import MRR\n"
        "from sirec.papers import PROTOCOLS\n"
        'SECOND = replace(MRR, name="SecondMRR")\n'
        'OTHER = replace(PROTOCOLS["comif"], name="other-protocol")\n'
    )
    version = load_plugin_file(path).provider.version
    ours = RunConfig(data=DataConfig(name="tiny"), model=SASRec(), stages=SASRec.stages)
    assert plugins_of(ours) == {}
    chosen = replace(ours.stages[-1], metric="SecondMRR@10")
    for config in (replace(ours, stages=(chosen,)), replace(ours, protocol="other-protocol")):
        assert plugins_of(config) == {"plugins": {"chosen_by.py": version}}


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    """The message names both providers; the first component stays."""
    path = tmp_path / "taken.py"
    path.write_text(PLUGIN.format(name="sasrec"))
    with pytest.raises(
        SirecError, match=r"two models are called 'sasrec': one of sirec .*taken\.py"
    ):
        load_plugin_file(path)
    assert MODELS["sasrec"] is SASRec


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1/0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError"),
        (None, "cannot be read"),
    ],
)
def test_a_plugin_file_that_cannot_be_run_is_one_line(
    content: str | None, message: str, tmp_path: Path
) -> None:
    """It names the file and the reason, and nothing is added."""
    path = tmp_path / "bad.py"
    if content is not None:
        path.write_text(content)
    before = set(MODELS)
    with pytest.raises(SirecError, match=rf"--plugin .*bad\.py: {message}"):
        load_plugin_file(path)
    assert set(MODELS) == before


def test_a_plugins_component_stands_wherever_ours_may(plugin: Path) -> None:
    """A configuration holds it, dumps it and loads it, and says who provides it."""
    before = set(MODELS)
    load_plugin_file(plugin)
    [name] = set(MODELS) - before
    model = MODELS[name]
    config = RunConfig(data=DataConfig(name="shop"), model=model(), stages=model.stages)
    assert load(RunConfig, dump(config), "here") == config
    packages = {provider.package for provider in providers_of(config)}
    assert packages == {"sirec", "another.py"}
    ours = RunConfig(data=DataConfig(name="shop"), model=SASRec(), stages=SASRec.stages)
    assert {provider.package for provider in providers_of(ours)} == {"sirec"}


def test_providers_tell_sirec_from_others() -> None:
    """Only the package `sirec` is `sirec`."""
    assert Provider("sirec", "1").is_sirec
    assert not Provider("own-model", "1").is_sirec
