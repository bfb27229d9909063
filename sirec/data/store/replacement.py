"""When a prepared data set may take the place of an older one of the same name.

It may without being asked where nothing is lost: the same recipe (source, options, skipped lines)
read the same raw files, by their digests, or the arrays and the names are the same. Anything else
would leave the runs on the older data set without their data, and needs a person's word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sirec import config
from sirec.data.store.manifest import Manifest
from sirec.errors import SirecError

SHOWN = 3  # differences that a message names


def _no_runs(name: str, fingerprint: str) -> str:
    """What is said of runs where nobody knows any."""
    return ""


@dataclass(frozen=True)
class Replacement:
    """What a person said on replacing data sets.

    Attributes:
        is_allowed: whether another data set of the same name may be replaced.
        runs_on: what to say of the runs that stand on the data set of a name and a fingerprint.
    """

    is_allowed: bool = False
    runs_on: Callable[[str, str], str] = _no_runs

    def refusal(self, folder: Path, older: Manifest, newer: Manifest) -> SirecError:
        """The error for another data set of the same name.

        Args:
            folder: the folder of both.
            older: the manifest of the one that is there.
            newer: the manifest of the one that would take its place.
        """
        runs = self.runs_on(folder.name, older.fingerprint)
        return SirecError(
            f"{folder}: another data set of this name is there, {_described(older)}; "
            f"the new one has {_described(newer)}; {_difference(older, newer)}"
            + (f"; {runs}" if runs else ""),
            "give the new one another --name, or replace the old one with --replace "
            "(replace=True in Python)",
        )


NOT_ALLOWED = Replacement()


def is_same_recipe(older: Manifest, newer: Manifest) -> bool:
    """Whether two data sets were made by one recipe from the same raw files.

    Data without files, such as DataFrames, are told by their contents alone.

    Args:
        older: the manifest of a data set.
        newer: the manifest of another one.
    """
    are_settings_equal = not _differing_settings(older, newer)
    return bool(newer.files) and are_settings_equal and _digests(older) == _digests(newer)


def _digests(manifest: Manifest) -> list[str]:
    return [file.sha256 for file in manifest.files]


def _described(manifest: Manifest) -> str:
    counts = manifest.statistics
    return f"{counts.users:,} users and {counts.interactions:,} interactions"


def _difference(older: Manifest, newer: Manifest) -> str:
    """What differs between two recipes, in words."""
    settings = _differing_settings(older, newer)
    if settings:
        more = f" and {len(settings) - SHOWN} more" if len(settings) > SHOWN else ""
        return f"they differ in {', '.join(settings[:SHOWN])}{more}"
    if _digests(older) != _digests(newer):
        return "their raw files differ"
    return "their contents differ"


def _differing_settings(older: Manifest, newer: Manifest) -> list[str]:
    """The settings in which two recipes differ, as `core 5 → 10`."""
    before, after = _settings(older), _settings(newer)
    found: list[str] = []
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            found.append(f"{key} ({before.get(key, 'not set')} → {after.get(key, 'not set')})")
    return found


def _settings(manifest: Manifest) -> dict[str, object]:
    """The settings of a recipe by dotted path."""
    settings: dict[str, object] = {"skipped lines": manifest.skipped_lines}
    _flatten(config.dump(manifest.options), "", settings)
    _flatten(dict(manifest.source or {}), "source.", settings)
    return settings


def _flatten(tree: Mapping[str, object], prefix: str, into: dict[str, object]) -> None:
    """Add the values below a mapping by dotted path."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            _flatten(value, f"{prefix}{key}.", into)
        else:
            into[f"{prefix}{key}"] = value
