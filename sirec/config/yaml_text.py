"""YAML text into plain values, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from sirec.errors import SirecError

LINE_WIDTH = 120


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        SirecError: if the file cannot be read or holds no mapping; with the line of a syntax
            error, or of a key that a mapping has twice.
    """
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file") from None
    except OSError as error:
        raise SirecError(
            f"{path}: cannot be read: {error.strerror}", "expected a YAML file"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise SirecError(f"{path}{line}: not valid YAML: {problem}") from None
    if not isinstance(values, dict):
        raise SirecError(f"{path}: expected a mapping, got {values!r}")
    return values


def parse_yaml(text: str) -> Any:
    """The plain values in a YAML text. Raises `yaml.YAMLError` for a mistake."""
    return yaml.load(text, _UniqueKeyLoader)


def to_yaml(values: object) -> str:
    """YAML text of plain values, keys in the given order."""
    return yaml.safe_dump(
        values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=LINE_WIDTH
    )


class _UniqueKeyLoader(yaml.SafeLoader):
    """Loads plain values, and refuses a key that a mapping has twice.

    PyYAML by itself keeps the last one.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The mapping as it is written, before another one is merged into it."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in lines:
                problem = f"'{key.value}' is there twice, first in line {lines[key.value]}"
                raise ConstructorError(problem=problem, problem_mark=key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return node
