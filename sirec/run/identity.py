"""The identity of a run: its configuration, its data, and the revisions of its components.

A run stores the revisions that it was made with, and its id follows from what it stores: code that
has moved on to later revisions still opens it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from sirec.config import dump
from sirec.errors import Remark, SirecError
from sirec.run.config import RunConfig

DIGITS = 12
MOST_COMBINATIONS = 4096  # of revisions that are tried for a run that does not store its own


def run_id(config: RunConfig, fingerprint: str, made_with: Sequence[str] | None = None) -> str:
    """The id of a run, twelve hexadecimal digits.

    Keys at their defaults are not part of the hash, so that a key that is added later changes no
    existing id. Whoever changes a default, or what a configuration computes, raises the `revision`
    of that component instead.

    Args:
        config: the whole configuration.
        fingerprint: fingerprint of the data set.
        made_with: `name@revision` of its components; None for those of this code.
    """
    if made_with is None:
        made_with = current_revisions(config)
    identity = {
        "config": dump(config, defaults=False),
        "data": fingerprint,
        "revisions": list(made_with),
    }
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def current_revisions(config: RunConfig) -> list[str]:
    """`name@revision` of every component of a configuration in this code, each once, sorted."""
    return sorted(set(revisions(config)))


def check_identity(
    folder: Path, config: RunConfig, fingerprint: str, made_with: Sequence[str] | None
) -> list[str]:
    """Check that the folder of a run is called what its configuration says.

    Where the run was made with other revisions than this code has, it gives a `Remark`.

    Args:
        folder: the folder of the run, whose name is its id.
        config: the configuration that is stored there.
        fingerprint: the fingerprint that is stored there.
        made_with: the revisions that are stored there; None for a run of version 0.2, which stored
            none: then they are found by trying this code's and the earlier ones.

    Returns:
        The revisions that the run was made with.

    Raises:
        SirecError: if the id is another one: the configuration was changed, or the folder renamed.
    """
    identity, here = folder.resolve().name, current_revisions(config)
    candidates = [made_with] if made_with is not None else _until(here)
    for candidate in candidates:
        if run_id(config, fingerprint, candidate) == identity:
            _remark_other_revisions(candidate, here)
            return list(candidate)
    raise SirecError(
        f"{folder / 'config.yaml'}: it gives the id {run_id(config, fingerprint, made_with)}, but "
        f"the folder is called {identity}: the configuration was changed, or the folder renamed",
        "copy config.yaml back, or give the folder its name back",
    )


def _until(here: Sequence[str]) -> Iterator[Sequence[str]]:
    """These revisions, then every combination with earlier ones."""
    choices: list[list[str]] = []
    for text in here:
        name, _, latest = text.rpartition("@")
        earlier: list[str] = []
        for revision in range(int(latest), 0, -1):
            earlier.append(f"{name}@{revision}")
        choices.append(earlier)
    for combination in itertools.islice(itertools.product(*choices), MOST_COMBINATIONS):
        yield sorted(set(combination))


def _remark_other_revisions(made_with: Sequence[str], here: Sequence[str]) -> None:
    for text in sorted(set(made_with) - set(here)):
        name = text.rpartition("@")[0]
        latest = [other for other in here if other.rpartition("@")[0] == name]
        warnings.warn(
            f"runs with {text} are read, but this version has {' and '.join(latest) or 'none'}: "
            "trained now they would be other runs",
            Remark,
            stacklevel=3,
        )


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
