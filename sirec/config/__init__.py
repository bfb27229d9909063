"""Configurations: text into frozen dataclasses, strictly, and back.

`load` builds a dataclass from plain values, `dump` gives plain values of one. `read_yaml`,
`read_json` and `to_yaml` turn files and text into plain values and back, within limits.
`assign` changes one value, named by a dotted path such as `model.heads`. `Range` declares which
numbers a field may have, and `permitted_values` says it in words.
"""

from sirec.config.dumping import dump, is_named
from sirec.config.json_text import parse_json, read_json
from sirec.config.loading import check_keys, load, load_named, open_kind
from sirec.config.paths import (
    Tree,
    assign,
    has,
    leaves,
    overlap,
    parse_assignments,
    title_of,
    value_at,
)
from sirec.config.permitted import permitted_values
from sirec.config.plain_values import MalformedTextError, brief
from sirec.config.ranges import Range, check_number, check_numbers, unusual_numbers
from sirec.config.yaml_text import parse_yaml, read_yaml, to_line, to_yaml

__all__ = [
    "MalformedTextError",
    "Range",
    "Tree",
    "assign",
    "brief",
    "check_keys",
    "check_number",
    "check_numbers",
    "dump",
    "has",
    "is_named",
    "leaves",
    "load",
    "load_named",
    "open_kind",
    "overlap",
    "parse_assignments",
    "parse_json",
    "parse_yaml",
    "permitted_values",
    "read_json",
    "read_yaml",
    "title_of",
    "to_line",
    "to_yaml",
    "unusual_numbers",
    "value_at",
]
