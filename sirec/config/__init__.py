"""Configurations: text into frozen dataclasses, strictly, and back.

`load` builds a dataclass from plain values, `dump` gives plain values of one. `read_yaml` and
`to_yaml` turn files and text into plain values and back. `assign` changes one value, named by a
dotted path such as `model.heads`.
"""

from sirec.config.dumping import dump, is_named
from sirec.config.loading import load, load_named, open_kind
from sirec.config.paths import Tree, assign, has, leaves, overlap, parse_assignments, title_of
from sirec.config.yaml_text import parse_yaml, read_yaml, to_yaml

__all__ = [
    "Tree",
    "assign",
    "dump",
    "has",
    "is_named",
    "leaves",
    "load",
    "load_named",
    "open_kind",
    "overlap",
    "parse_assignments",
    "parse_yaml",
    "read_yaml",
    "title_of",
    "to_yaml",
]
