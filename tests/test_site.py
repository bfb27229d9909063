"""The documentation site builds without a warning, has a page for whatever it should, and asks no
other server for anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from load_script import load

from sirec.cli.app import app
from sirec.data.tasks import TASKS
from sirec.models import MODELS
from sirec.objectives import OBJECTIVES
from sirec.papers import PROTOCOLS
from sirec.studies.analyses.model_cards import entries, settings
from sirec.studies.spec.library import EXPERIMENTS

ROOT = Path(__file__).parents[1]
LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]*\bsrc=\"(?:https?:)?//|<link[^>]*stylesheet[^>]*//"
)


def _build(configuration: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
    ]  # --quiet would hide warnings from it
    options = ["--config-file", str(configuration), "--site-dir", str(site)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *options], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the site needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    built = _build(ROOT / "mkdocs.yml", folder)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_command_model_and_protocol_is_described(site: Path) -> None:
    """Each has a heading, a page, or a row."""
    group: Any = typer.main.get_command(app)
    commands = (site / "commands/index.html").read_text(encoding="utf-8")
    for name in group.commands:
        assert f'id="sirec-{name}"' in commands, name
    for name in MODELS:
        assert (site / "models" / name / "index.html").exists(), name
    protocol = (site / "protocol/index.html").read_text(encoding="utf-8")
    for name in PROTOCOLS:
        assert f"<code>{name}</code>" in protocol, name


def test_every_setting_is_described() -> None:
    """Each key that a model has, each objective and each task stands in `docs/settings.md`."""
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`([a-z_0-9.]+)`", page))
    keys = {"no_such_key"}
    for registry in (OBJECTIVES, TASKS):
        keys |= {name for name in registry if registry[name].__module__.startswith("sirec.")}
    for card in entries():
        for setting in settings(card.model):
            keys.add(setting.path.rpartition(".")[2])
    missing = {key for key in keys if key not in described and f"data.{key}" not in described}
    assert missing == {"no_such_key"}  # which is the control


def test_commands_of_the_papers_tables_exist() -> None:
    """So do the experiments that they name."""
    group: Any = typer.main.get_command(app)
    reproduction: Any = load("reproduction_page", "scripts/site")
    for what, line, _ in reproduction.PAPERS:
        _, command, *words = line.split()
        options = {name for each in group.commands[command].params for name in each.opts}
        assert {word for word in words if word.startswith("--")} <= options, what
        if command == "study" or "--study" in words:
            assert words[-1] in EXPERIMENTS, what
    assert "no_such_experiment" not in EXPERIMENTS  # control


def test_every_document_is_a_page(site: Path) -> None:
    """Also those that are not in the navigation."""
    for document in (ROOT / "docs").glob("*.md"):
        page = "index.html" if document.stem == "index" else f"{document.stem}/index.html"
        assert (site / page).exists(), document.name


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    """Links may lead away; scripts, styles and pictures may not."""
    for page in site.rglob("*.html"):
        assert not LOADED.search(page.read_text(encoding="utf-8")), page
    assert LOADED.search('<script src="https://example.org/x.js">')  # control
    assert LOADED.search('<link rel="stylesheet" href="https://example.org/x.css">')  # control


@pytest.mark.slow
def test_a_broken_link_fails_the_build(site: Path, tmp_path: Path) -> None:
    """Control: the same configuration, with one page that links to a heading that is not there."""
    pages = tmp_path / "docs"
    pages.mkdir()
    (pages / "index.md").write_text("# Start\n\n[nowhere](#no-such-heading)\n", encoding="utf-8")
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    kept = text.partition("\nnav:")[0].replace("hooks: [scripts/site/hooks.py]\n", "")
    configuration = tmp_path / "mkdocs.yml"
    configuration.write_text(kept + "\n", encoding="utf-8")
    assert _build(configuration, tmp_path / "site").returncode != 0
