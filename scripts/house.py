"""How the code of a package reads, in figures: `python scripts/house.py [FOLDER] [--show]`.

The files are parsed and never imported. `tests/test_house.py` holds the package to limits of these
figures; `--show` names the places that count against it.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

LINE_LENGTH = 100
LONG_FUNCTION = 40
LONG_FILE = 250
COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Figures:
    """What was counted in one or more files; places are written `FILE:LINE`."""

    statements: int = 0
    conditionals: int = 0
    file_lengths: dict[str, int] = field(default_factory=dict)
    function_lengths: list[int] = field(default_factory=list)
    comprehensions: list[str] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)
    long_lines: list[str] = field(default_factory=list)
    documented: list[str] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    definitions: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def comprehension_rate(self) -> float:
        """Comprehensions and generator expressions per 100 statements."""
        return 100 * len(self.comprehensions) / max(self.statements, 1)

    @property
    def conditional_rate(self) -> float:
        """Conditional expressions per 100 statements."""
        return 100 * self.conditionals / max(self.statements, 1)

    @property
    def documented_rate(self) -> float:
        """Percentage of the public functions with two or more parameters whose docstring names all
        of them.
        """
        several = len(self.documented) + len(self.undocumented)
        return 100 * len(self.documented) / max(several, 1)

    @property
    def doubled(self) -> dict[str, list[str]]:
        """Public class and alias names that are defined more than once, with their places."""
        places = sorted(self.definitions.items())
        return {name: where for name, where in places if len(where) > 1}

    @property
    def long_files(self) -> dict[str, int]:
        """Files of more than 250 lines."""
        return {path: lines for path, lines in self.file_lengths.items() if lines > LONG_FILE}


def measure(root: Path) -> Figures:
    """The figures of all Python files under `root`."""
    figures = Figures()
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        add_file(figures, path.relative_to(root.parent).as_posix(), text)
    return figures


def add_file(figures: Figures, name: str, text: str) -> None:
    """Add the figures of one file.

    Args:
        figures: the figures so far; they are changed.
        name: what the file is called in the places.
        text: the source.
    """
    lines = text.splitlines()
    tree = ast.parse(text)
    figures.file_lengths[name] = len(lines)
    for number, line in enumerate(lines, start=1):
        if len(line) > LINE_LENGTH:
            figures.long_lines.append(f"{name}:{number}")
    for node in ast.walk(tree):
        _add_node(figures, name, node)
    for defined, number in public_definitions(tree):
        figures.definitions[defined].append(f"{name}:{number}")
    for function in public_functions(tree):
        parameters = named_parameters(function)
        if len(parameters) < 2:
            continue
        place = f"{name}:{function.lineno} {function.name}"
        known = figures.documented if names_all(function, parameters) else figures.undocumented
        known.append(place)


def _add_node(figures: Figures, name: str, node: ast.AST) -> None:
    figures.statements += isinstance(node, ast.stmt)
    figures.conditionals += isinstance(node, ast.IfExp)
    if isinstance(node, FUNCTION):
        figures.function_lengths.append((node.end_lineno or node.lineno) - node.lineno + 1)
    if isinstance(node, COMPREHENSION):
        place = f"{name}:{node.lineno}"
        figures.comprehensions.append(place)
        if is_nested(node):
            figures.nested.append(place)


def is_nested(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> bool:
    """Whether a comprehension has two loops, or holds another comprehension."""
    inner = sum(isinstance(part, COMPREHENSION) for part in ast.walk(node)) - 1
    return len(node.generators) > 1 or inner > 0


def public_definitions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(name, line) of the public classes and type aliases at the top level of a module."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if not name[0].isupper() or name.isupper():  # a value or a constant
                continue
        else:
            continue
        if not name.startswith("_"):
            yield name, node.lineno


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Functions at the top level, and methods of public classes, without a leading underscore."""
    for node in tree.body:
        candidates: list[ast.stmt] = [node]
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            candidates = node.body
        for function in candidates:
            if isinstance(function, FUNCTION) and not function.name.startswith("_"):
                yield function


def named_parameters(function: Function) -> list[str]:
    """The parameters of a function, without `self`, `cls`, `*args` and `**kwargs`."""
    arguments = function.args
    everything = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [part.arg for part in everything if part.arg not in ("self", "cls")]


def names_all(function: Function, parameters: list[str]) -> bool:
    """Whether the docstring of a function has each of `parameters` as a word."""
    text = ast.get_docstring(function) or ""
    return all(re.search(rf"\b{re.escape(name)}\b", text) for name in parameters)


def summary(figures: Figures) -> list[str]:
    """The figures, a line each."""
    lengths = sorted(figures.function_lengths) or [0]
    lines = sum(figures.file_lengths.values())
    long_functions = sum(length > LONG_FUNCTION for length in lengths)
    several = len(figures.documented) + len(figures.undocumented)
    return [
        f"files: {len(figures.file_lengths)} ({lines} lines); over {LONG_FILE} lines: "
        f"{len(figures.long_files)}",
        f"functions: median {median(lengths):.0f} lines, 90 % within "
        f"{lengths[int(0.9 * (len(lengths) - 1))]}; over {LONG_FUNCTION} lines: {long_functions}",
        f"per 100 statements: {figures.comprehension_rate:.1f} comprehensions "
        f"({len(figures.nested)} nested), {figures.conditional_rate:.1f} conditional expressions",
        f"lines over {LINE_LENGTH} characters: {len(figures.long_lines)}",
        f"public functions with two or more parameters: {several}; "
        f"all named in the docstring: {figures.documented_rate:.0f} %",
        f"public class and alias names defined more than once: {len(figures.doubled)}",
    ]


def places(figures: Figures) -> list[str]:
    """What counts against the package, a place a line."""
    found = []
    for name, where in figures.doubled.items():
        found.append(f"defined more than once: {name}: {', '.join(where)}")
    for title, listed in (
        ("nested comprehension", figures.nested),
        ("long line", figures.long_lines),
        ("parameters without documentation", figures.undocumented),
    ):
        found.extend(f"{title}: {place}" for place in listed)
    for name, length in figures.long_files.items():
        found.append(f"{length} lines: {name}")
    return found


def main() -> None:
    """Print the figures of a folder, and with `--show` the places that count against it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("sirec"))
    parser.add_argument("--show", action="store_true", help="name the places, too")
    chosen = parser.parse_args()
    figures = measure(chosen.folder.resolve())
    for line in summary(figures):
        print(line)
    if chosen.show:
        for line in places(figures):
            print(line)


if __name__ == "__main__":
    main()
