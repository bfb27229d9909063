"""The identity of a run: its configuration, its data, and the revisions of its components."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator

from sirec.config import dump
from sirec.run.config import RunConfig

DIGITS = 12


def run_id(config: RunConfig, fingerprint: str) -> str:
    """The id of a run, twelve hexadecimal digits.

    Keys at their defaults are not part of the hash, so that a key that is added later changes no
    existing id. Whoever changes a default, or what a configuration computes, raises the `revision`
    of that component instead.

    Args:
        config: the whole configuration.
        fingerprint: fingerprint of the data set.
    """
    identity = {
        "config": dump(config, defaults=False),
        "data": fingerprint,
        "revisions": sorted(set(revisions(config))),
    }
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def revisions(part: object) -> Iterator[str]:
    """`name@revision` of every component of a configuration that has a revision."""
    if hasattr(type(part), "revision"):
        yield f"{type(part).name}@{type(part).revision}"  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from revisions(getattr(part, field.name))
    if isinstance(part, tuple):
        for element in part:
            yield from revisions(element)
