"""YAML text into plain values, and back.

What is read is YAML without its surprises. Words such as `yes`, `off` and `2024-01-01` are texts,
keys are the texts that are written, and true and false have no other names. Numbers that versions
of YAML read differently (`010`, `1:30`), tags, keys that are there twice and documents that follow
another one are refused, and so is whatever exceeds the limits of `plain_values.py`. `to_yaml`
writes text that any version reads as the same values.
"""

from __future__ import annotations

import copy
import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.error import Mark
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from sirec.config.plain_values import (
    MOST_DEPTH,
    MOST_DIGITS,
    MalformedTextError,
    brief,
    check_text,
    read_text_of,
)
from sirec.errors import SirecError

LINE_WIDTH = 120
MOST_BYTES = 2**20
REMEMBERED_TEXTS, REMEMBERED_LENGTH = 512, 2**14  # how many parsed texts are kept, and how long
MOST_NODES = 50_000  # mappings, lists and scalars, those that an alias repeats included
FILE = "a YAML file"
LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")

NULL, BOOL, INT, FLOAT, MERGE, AMBIGUOUS = (
    f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "merge", "ambiguous")
)
# Each kind of plain scalar: its tag, its pattern, and the characters that it may begin with.
SCALARS = (
    (NULL, r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (BOOL, r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    (INT, r"[-+]?(0|[1-9]\d*(_\d+)*|0x[\da-fA-F]+|0b[01]+)", list("-+0123456789")),
    (FLOAT, r"[-+]?\d+(_\d+)*\.\d*([eE][-+]\d+)?|\.\d+([eE][-+]\d+)?", list("-+.0123456789")),
    (FLOAT, r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
    (AMBIGUOUS, r"[-+]?0[0-7_]+", list("-+0")),
    (AMBIGUOUS, r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.[\d_]*)?", list("-+0123456789")),
    (MERGE, r"<<", ["<"]),
)
ONE_LINE = 10**6  # characters; no value is wider


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        SirecError: if the file cannot be read or holds no mapping; with line and column of a
            syntax error, or of a key that a mapping has twice.
    """
    try:
        values = parse_yaml(read_text_of(path, MOST_BYTES, FILE))
    except MalformedTextError as error:
        raise error.in_file(path, "YAML") from None
    if not isinstance(values, dict):
        raise SirecError(f"{path}: expected a mapping, got {brief(values)}")
    return values


def parse_yaml(text: str) -> Any:
    """The plain values in a YAML text. Raises `MalformedTextError` for a mistake.

    A page of results reads the configuration of one run many times, and parsing takes longer than
    reading; so the values of short texts are remembered, and each caller gets a copy of its own.
    """
    if len(text) > REMEMBERED_LENGTH:
        return _parsed(text)
    return copy.deepcopy(_remembered(text))


@lru_cache(REMEMBERED_TEXTS)
def _remembered(text: str) -> Any:
    """What `_parsed` gives; nobody may change it."""
    return _parsed(text)


def _parsed(text: str) -> Any:
    try:
        node = _PlainLoader(text).get_single_node()
    except ReaderError as error:
        raise _forbidden_character(error, text) from None
    except yaml.MarkedYAMLError as error:
        raise _malformed(error) from None
    return None if node is None else _plain(node)


def to_yaml(values: object) -> str:
    """YAML text of plain values, keys in the given order."""
    text: str = yaml.dump(
        values,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=LINE_WIDTH,
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Writes unusual ends of lines as escapes; as they are, a reader would fold them."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if LINE_ENDS.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


class _PlainLoader(Reader, Scanner, Parser, Composer, BaseResolver):
    """Composes nodes, counting them, their depth, and what aliases would repeat."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self.nodes = 0
        self.depth = 0
        self.sizes: dict[int, int] = {}  # nodes below each finished node, by identity

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node, unless it exceeds a limit."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        if getattr(event, "tag", None) is not None:
            raise _refused(f"a tag ({event.tag}), which is not read here", mark)
        if self.depth >= MOST_DEPTH:
            raise _refused(f"nested more than {MOST_DEPTH} levels deep", mark)
        before = self.nodes
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self.sizes:
                raise _refused(f"*{event.anchor} stands inside what it repeats", mark)
            self.nodes += self.sizes[id(node)]
        else:
            self.nodes += 1
            self.sizes[id(node)] = self.nodes - before
        if self.nodes > MOST_NODES:
            raise _refused(f"more than {MOST_NODES:,} values", mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping whose keys are scalars, each there once."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a key that is no text", key.start_mark)
            if key.value in lines:
                problem = f"'{key.value}' is there twice, first in line {lines[key.value]}"
                raise _refused(problem, key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return node


for _tag, _pattern, _beginnings in SCALARS:
    _PlainLoader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), _beginnings)


def _plain(node: yaml.Node) -> Any:
    """The plain value of a node."""
    if isinstance(node, yaml.MappingNode):
        return _plain_mapping(node)
    if isinstance(node, yaml.SequenceNode):
        return list(map(_plain, node.value))
    assert isinstance(node, yaml.ScalarNode)
    return _plain_scalar(node)


def _plain_mapping(node: yaml.MappingNode) -> dict[str, Any]:
    """A mapping, laid over those that it merges (`<<: *defaults`)."""
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, value in node.value:
        _check_text(key)
        if key.tag != MERGE:
            own[key.value] = _plain(value)
            continue
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in reversed(sources):  # the first one has precedence
            if not isinstance(source, yaml.MappingNode):
                raise _refused("<< merges mappings only", source.start_mark)
            merged |= _plain_mapping(source)
    return merged | own


def _plain_scalar(node: yaml.ScalarNode) -> Any:
    """A text, a number, true, false or null."""
    text, tag = node.value, node.tag
    _check_text(node)
    if tag == NULL:
        return None
    if tag == BOOL:
        return text.lower() == "true"
    if tag == AMBIGUOUS:
        hint = "write the number in decimal digits, or the text in quotes"
        raise _refused(f"versions of YAML read {brief(text)} differently", node.start_mark, hint)
    if tag not in (INT, FLOAT):
        return text
    if len(text) > MOST_DIGITS:
        problem = f"a number of more than {MOST_DIGITS} digits"
        raise _refused(problem, node.start_mark, "text of digits stands in quotes")
    digits = text.replace("_", "").lower()
    if tag == INT:
        return int(digits, 0)
    number = float(digits.replace(".inf", "inf").replace(".nan", "nan"))
    if math.isinf(number) and "inf" not in digits:
        raise _refused(f"{text} is too large a number", node.start_mark)
    return number


def _check_text(node: yaml.ScalarNode) -> None:
    """Refuse a text that no file could hold; the mistake is told with its place."""
    try:
        check_text(node.value)
    except MalformedTextError as error:
        raise _refused(error.problem, node.start_mark) from None


def _refused(problem: str, mark: Mark, hint: str | None = None) -> MalformedTextError:
    return MalformedTextError(problem, mark.line + 1, mark.column + 1, hint)


def _malformed(error: yaml.MarkedYAMLError) -> MalformedTextError:
    """A mistake of syntax, as PyYAML words it, on one line."""
    parts = [part for part in (error.context, error.problem) if part]
    problem = ": ".join(" ".join(part.split()) for part in parts) or "a mistake of syntax"
    hint = "YAML is indented with blanks, not with tabs" if r"'\t'" in problem else None
    mark = error.problem_mark or error.context_mark
    return MalformedTextError(problem, hint=hint) if mark is None else _refused(problem, mark, hint)


def _forbidden_character(error: ReaderError, text: str) -> MalformedTextError:
    """A character that YAML does not allow, such as NUL."""
    position = int(error.position)
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return MalformedTextError(f"the character U+{int(error.character):04X}", line, column)


def to_line(value: object) -> str:
    """A value in one line, as it is typed after `--set KEY=`.

    >>> to_line([1, 2]), to_line(None), to_line("sum")
    ('[1, 2]', 'null', 'sum')
    """
    text: str = yaml.safe_dump(value, default_flow_style=True, width=ONE_LINE)
    return text.removesuffix("...\n").strip()
