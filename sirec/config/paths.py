"""Dotted paths into the plain values of a configuration.

A step of a path is the key of a mapping, or in a list the `name` or `title` of an element, else
its index: `stages.train.objectives.aap.weight`. A path may leave out its first steps, as long as
only one path of the configuration ends so: `heads` is `model.heads`. A key of several stages, such
as `learning_rate`, means all of them.
"""

from __future__ import annotations

import difflib
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
        raise _unknown_path(tree, path, value, where)
    _refuse_other_type(tree, path, matches[0], value, where)
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


def value_at(tree: Tree, path: str) -> object:
    """The value of the first path in a configuration that a path means.

    Args:
        tree: the dumped configuration.
        path: dotted path, which `has` finds.
    """
    return _value_at(tree, _matches(tree, path)[0])


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


def _unknown_path(tree: Tree, path: str, value: object, where: str) -> SirecError:
    """The error for an unknown path; paths of as many steps are offered instead.

    A number leads to no key that is true or false, nor the other way round: for `hed=2` the nearest
    one is `heads`, not `head`.
    """
    known = _paths_like(tree, path)
    error = unknown("key", path, known, where)
    near = _nearest(known, path, value)
    if near is not None:
        _, _, choices = str(error.hint).rpartition("? ")
        error.hint = f"did you mean '{near}'? {choices}"
    return error


def _refuse_other_type(tree: Tree, path: str, steps: Steps, value: object, where: str) -> None:
    """Refuse a number where true or false stands, if a similar key holds a number; or vice versa.

    `head=2` would be read as `head`, which is true or false, where `heads` was meant.
    """
    current = _value_at(tree, steps)
    scalars = (bool, int, float, str)
    if not isinstance(current, scalars) or not isinstance(value, scalars):
        return
    if isinstance(current, bool) == isinstance(value, bool):
        return
    near = _nearest(_paths_like(tree, path), path, value)
    if near is not None:
        expected = "true or false" if isinstance(current, bool) else "no truth value"
        message = f"{where}: {'.'.join(steps)}: expected {expected}, got {brief(value)}"
        raise SirecError(message, f"did you mean '{near}'?")


def _paths_like(tree: Tree, path: str) -> dict[str, object]:
    """The paths of as many steps as another one, at all levels, each with its value."""
    length = path.count(".") + 1
    known: dict[str, object] = {}
    for steps, value in leaves(tree):
        if len(steps) >= length and not steps[-1].isdigit():
            known[".".join(steps[-length:])] = value
    return known


def _nearest(known: Mapping[str, object], path: str, value: object) -> str | None:
    """The path most like another one, among those that hold a truth value if and only if this is
    one.
    """
    fitting: list[str] = []
    for name, current in known.items():
        if name != path and isinstance(current, bool) == isinstance(value, bool):
            fitting.append(name)
    near = difflib.get_close_matches(path, fitting, n=1)
    return near[0] if near else None


def _value_at(tree: Any, steps: Steps) -> object:
    node = tree
    for step in steps:
        node = node[_key_or_index(node, step)]
    return node


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
