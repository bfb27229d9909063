"""Dotted paths into the plain values of a configuration.

A step of a path is the key of a mapping, or in a list the `name` or `title` of an element, else
its index: `stages.train.objectives.aap.weight`. A path may leave out its first steps, as long as
only one path of the configuration ends so: `heads` is `model.heads`. A key of several stages, such
as `learning_rate`, means all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sirec.config.plain_values import MalformedTextError, brief
from sirec.config.yaml_text import parse_yaml
from sirec.errors import SirecError, unknown

Tree = dict[str, Any]  # a dumped configuration
Steps = tuple[str, ...]  # a whole path, from the root


def parse_assignments(texts: Sequence[str], where: str = "--set") -> dict[str, object]:
    """Texts `KEY=VALUE` as a mapping from dotted path to value.

    Args:
        texts: the assignments; values are YAML.
        where: what messages begin with.

    Raises:
        SirecError: for a text without a key or with a value that is not YAML.
    """
    parsed: dict[str, object] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise SirecError(f"{where} {text}: expected KEY=VALUE", "for example: --set heads=2")
        try:
            parsed[path.strip()] = parse_yaml(value)
        except MalformedTextError as error:
            what = f"{where} {path}: {brief(value)} is not a YAML value: {error.problem}"
            raise SirecError(what, error.hint) from None
    return parsed


def assign(tree: Tree, path: str, value: object, where: str) -> None:
    """Set a value in a dumped configuration, in place.

    Args:
        tree: the dumped configuration.
        path: dotted path of the value; that of a key of several stages sets all of them.
        value: the plain value.
        where: what messages begin with.

    Raises:
        SirecError: for an unknown path, with the nearest one that there is, and for one that means
            several keys.
    """
    matches = _matches(tree, path)
    if not matches:
        raise _unknown_path(tree, path, where)
    meanings = {(steps[0], steps[2:]) for steps in matches}  # whatever stage the second step names
    if len(meanings) > 1:
        options = ", ".join(map(".".join, matches))
        raise SirecError(f"{where} {path}: the key is ambiguous", f"say one of: {options}")
    for steps in matches:
        _set(tree, steps, value)


def has(tree: Tree, path: str) -> bool:
    """Whether a configuration has a path.

    Args:
        tree: the dumped configuration.
        path: dotted path.
    """
    return bool(_matches(tree, path))


def overlap(tree: Tree, path: str, other: str) -> bool:
    """Whether two paths have a value in common, however each is written.

    Args:
        tree: the dumped configuration.
        path: dotted path.
        other: another one.
    """
    return not set(_matches(tree, path)).isdisjoint(_matches(tree, other))


def leaves(tree: object, path: Steps = ()) -> Iterator[tuple[Steps, object]]:
    """Every path below plain values, with its value; inner nodes are included.

    Args:
        tree: plain values.
        path: the steps that lead to them.
    """
    if path:
        yield path, tree
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, (*path, step_name(index, value)))


def step_name(index: int, value: object) -> str:
    """The step of a path that leads to an element of a list.

    Args:
        index: index of the element.
        value: the element.
    """
    title = title_of(value) if isinstance(value, Mapping) else None
    return title or str(index)


def title_of(value: Mapping[str, Any]) -> str | None:
    """The `name`, else the `title`, of an element of a list; None if it has neither."""
    title = value.get("name", value.get("title"))
    return None if title is None else str(title)


def _matches(tree: Tree, path: str) -> list[Steps]:
    """The whole paths that a path means: itself, if it is one, else all that end in it."""
    wanted = tuple(path.split("."))
    matches: list[Steps] = []
    for steps, _ in leaves(tree):
        if steps == wanted:
            return [wanted]
        if steps[-len(wanted) :] == wanted:
            matches.append(steps)
    return matches


def _unknown_path(tree: Tree, path: str, where: str) -> SirecError:
    """The error for an unknown path; paths of as many steps are offered instead."""
    length = path.count(".") + 1
    known: set[str] = set()
    for steps, _ in leaves(tree):
        if len(steps) >= length and not steps[-1].isdigit():
            known.add(".".join(steps[-length:]))
    return unknown("key", path, known, where)


def _set(tree: Any, steps: Steps, value: object) -> None:
    node = tree
    for step in steps[:-1]:
        node = node[_key_or_index(node, step)]
    node[_key_or_index(node, steps[-1])] = value


def _key_or_index(node: Any, step: str) -> Any:
    if not isinstance(node, list):
        return step
    for index, value in enumerate(node):
        if step_name(index, value) == step:
            return index
    raise KeyError(step)
