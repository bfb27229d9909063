"""What makes two runs the same run: configuration, data and the revisions of the code that decides
numbers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator

from sirec.config import dump
from sirec.run.config import RunConfig

DIGITS = 12


def run_id(config: RunConfig, fingerprint: str) -> str:
    """Hex digits that name a run.

    Keys at their defaults are left out of the hash, so that a key added later changes no existing
    identity; whoever changes a default, or what a configuration computes, raises the `revision` of
    that part instead.
    """
    identity = {
        "config": dump(config, defaults=False),
        "data": fingerprint,
        "revisions": sorted(set(revisions(config))),
    }
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def revisions(part: object) -> Iterator[str]:
    """`name@revision` of every part of a configuration that has a revision."""
    if hasattr(type(part), "revision"):
        yield f"{type(part).name}@{type(part).revision}"  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from revisions(getattr(part, field.name))
    if isinstance(part, tuple):
        for element in part:
            yield from revisions(element)
