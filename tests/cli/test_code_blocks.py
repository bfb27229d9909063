"""Every code block of README and pages is read by what would read it: console lines by the command
line, experiment files by their loader, Python by its compiler. Blocks of some pages run as well.
"""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from sirec.cli.app import app
from sirec.config import load
from sirec.data import recipes
from sirec.studies.spec.experiment import Experiment

from .conftest import Call

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# What stands before a command of ours or runs something else; `make` and scripts are looked up.
OTHER_COMMANDS = {
    "pip",
    "source",
    "head",
    "git",
    "export",
    "ray",
    "torchrun",
    "pre-commit",
    "unshare",
}
SMALL = ("--set", "epochs=1", "--set", "model.width=16", "--set", "model.inner=16")


@dataclass(frozen=True)
class CodeBlock:
    """A block of a page.

    Attributes:
        page: the page, relative to the repository.
        language: what stands behind the first three ticks.
        text: the lines between.
    """

    page: str
    language: str
    text: str

    def commands(self) -> Iterator[list[str]]:
        """The words of each command line, without comments and printed lines."""
        lines = self.text.replace("\\\n", " ").splitlines()
        has_prompt = any(line.lstrip().startswith("$ ") for line in lines)
        for line in lines:
            command = line.strip()
            if has_prompt and not command.startswith("$ "):
                continue
            words = shlex.split(command.removeprefix("$ "), comments=True)
            if words:
                yield words


def blocks_of(text: str, page: str) -> list[CodeBlock]:
    """The blocks of a page, in order."""
    return [CodeBlock(page, language, block) for language, block in BLOCK.findall(text)]


def all_blocks() -> list[CodeBlock]:
    found: list[CodeBlock] = []
    for path in PAGES:
        page = path.relative_to(ROOT).as_posix()
        found += blocks_of(path.read_text(encoding="utf-8"), page)
    return found


def check(block: CodeBlock) -> None:
    """Read a block; raises whatever its reader raises."""
    READERS[block.language](block)


def _console(block: CodeBlock) -> None:
    commands = list(block.commands())
    assert commands, f"{block.page}: a console block without a command:\n{block.text}"
    for words in commands:
        _command(words)


def _command(words: list[str]) -> None:
    while re.fullmatch(r"\w+=.*", words[0]):  # variables of the environment
        words = words[1:]
    name = words[0].rpartition("/")[2]
    if name == "sirec":
        group: Any = typer.main.get_command(app)
        assert words[1] in group.commands, words
        group.commands[words[1]].make_context(words[1], words[2:])
    elif name == "make":
        targets = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{words[1]}:", targets, re.MULTILINE), words
    elif name in ("python", "sh"):
        if not words[1].startswith("-") and not words[1].isupper():
            assert (ROOT / words[1]).exists(), words
    else:
        assert name in OTHER_COMMANDS, words


def _python(block: CodeBlock) -> None:
    """It compiles, and what it imports of ours is there."""
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sirec"):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module}: {alias.name}"


def _yaml(block: CodeBlock) -> None:
    """A whole experiment or recipe is loaded; keys of one are at least YAML."""
    values = yaml.safe_load(re.sub(r"(?m)^(tune: .*)\n(?=tune: )", "", block.text))
    assert isinstance(values, dict)
    if "title" in values:
        assert isinstance(load(Experiment, values, block.page), Experiment)
    for key in set(values) & {"rows", "search", "tune", "set"}:
        whole = {"title": "A block", "datasets": ["demo"], "rows": {"A": {"model": "sasrec"}}}
        if key == "rows" and "along" in values:  # the two stand together
            whole["along"] = values["along"]
        assert isinstance(load(Experiment, whole | {key: values[key]}, block.page), Experiment)


def _toml(block: CodeBlock) -> None:
    assert tomllib.loads(block.text)


def _text(block: CodeBlock) -> None:
    """Printed lines, equations and layouts have no reader."""
    assert block.text.strip()


READERS = {
    "console": _console,
    "bash": _console,
    "python": _python,
    "yaml": _yaml,
    "toml": _toml,
    "text": _text,
}


@pytest.mark.parametrize("page", sorted({block.page for block in all_blocks()}))
def test_every_block_is_read_by_what_would_read_it(page: str) -> None:
    """Options exist, choices are possible, numbers are numbers, imports are there."""
    for block in all_blocks():
        if block.page == page:
            assert block.language in READERS, f"{page}: say what this is:\n{block.text[:200]}"
            check(block)


@pytest.mark.parametrize(
    ("language", "text", "message"),
    [
        ("console", "$ sirec train comif --dta demo", "No such option: --dta"),
        ("console", "$ sirec trian comif", "trian"),
        ("console", "$ sirec train comif --threads two", "integer"),
        ("console", "$ sirec evaluate comif --history both", "not one of"),
        ("console", "make nothing", "nothing"),
        ("console", "python scripts/nothing.py", "nothing"),
        ("console", "prints nothing", "prints"),
        ("python", "from sirec import comifs", "comifs"),
        ("python", "import sirec as", "invalid syntax"),
        ("yaml", "title: A\nrows: {A: {modell: sasrec}}", "modell"),
        ("yaml", "tune: {trials: 1}", "from 2 to"),
    ],
)
def test_a_wrong_block_is_found(language: str, text: str, message: str) -> None:
    """Control: misspelt commands, options, choices, names, keys and files."""
    [block] = blocks_of(f"```{language}\n{text}\n```", "a page")
    with pytest.raises(Exception, match=message):  # of Python, Typer, or ours
        check(block)


def test_recipes_of_pages_are_recipes(tmp_path: Path) -> None:
    """A block with a source is what `sirec prepare FILE` reads."""
    found = 0
    for block in all_blocks():
        if block.language == "yaml" and "source:" in block.text:
            path = tmp_path / "recipe.yaml"
            path.write_text(block.text, encoding="utf-8")
            assert recipes.resolve(str(path)).source
            found += 1
    assert found


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/index.md", "docs/recommend.md", "docs/export.md"])
def test_blocks_of_a_page_run(
    sirec: Call, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, in one folder with the shop and a small COMIF; docs/shop.md has its own test.

    `--new-items FILE` and the like name files that a reader has.
    """
    monkeypatch.chdir(tmp_path)
    before = (
        "prepare demo",
        "export demo --format csv --to shop",
        "prepare table --name shop --raw shop --interactions interactions.csv --time timestamp"
        " --items items.csv --attribute brand --attribute category --title title",
        shlex.join(["train", "comif", "--data", "shop", *SMALL]),
    )
    needs_shop = page != "docs/index.md"  # which begins with data of its own
    for line in before * needs_shop:
        outcome = sirec(*shlex.split(line))
        assert outcome.code == 0, outcome.err
    Path("in_stock.txt").write_text("D00023\nD00685\nD00001\n", encoding="utf-8")
    commands = 0
    for block in all_blocks():
        if block.page != page or block.language != "console":
            continue
        for words in block.commands():
            if words[0] != "sirec" or any(word.isupper() for word in words[1:]):
                continue
            options = SMALL if words[1] == "train" and "--refit" not in words else ()
            share = ("--share", "0.1") if words[1] == "newitems" else ()
            outcome = sirec(*words[1:], *options, *share)
            assert outcome.code == 0, outcome.err
            commands += 1
    assert commands
