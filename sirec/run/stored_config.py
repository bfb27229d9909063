"""The file config.yaml of a run: its configuration, and what its id follows from besides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from sirec.config import Tree, check_keys, dump, load, load_named, read_yaml, to_yaml
from sirec.data.split import LeaveOneOut, Split
from sirec.errors import SirecError
from sirec.run.config import RunConfig
from sirec.run.identity import current_revisions
from sirec.run.manifest import RESTORE

FINGERPRINT, SPLIT, REVISIONS = "fingerprint", "split", "revisions"


@dataclass(frozen=True)
class StoredConfig:
    """What config.yaml holds.

    Attributes:
        tree: the configuration as plain values.
        fingerprint: fingerprint of the data set.
        split_values: the split of the data set as plain values; its name alone means its defaults.
        revisions: `name@revision` of the components that the run was made with; None for a run of
            version 0.2, which did not store them.
        where: the file, as messages call it.
    """

    tree: Tree
    fingerprint: str
    split_values: Any
    revisions: tuple[str, ...] | None
    where: str

    def load(self) -> RunConfig:
        """The configuration. Raises `SirecError` for values that are none."""
        return load(RunConfig, self.tree, self.where)

    def split(self) -> Split:
        """The split of the data set. Raises `SirecError` for values that are none."""
        split: Split = load_named(get_args(Split), self.split_values, f"{self.where}: {SPLIT}")
        return split


def read_config(path: Path, where: str) -> StoredConfig:
    """Read a config.yaml.

    Args:
        path: the file to read.
        where: the file, as messages call it.

    Raises:
        SirecError: if it cannot be read, or is not the configuration of a run.
    """
    tree = read_yaml(path)
    kinds = {FINGERPRINT: str, REVISIONS: tuple[str, ...]}
    try:
        check_keys(kinds, tree, where, required=[FINGERPRINT])
    except SirecError as error:
        raise SirecError(error.message, error.hint or RESTORE) from None
    fingerprint = tree.pop(FINGERPRINT)
    split_values = tree.pop(SPLIT, LeaveOneOut.name)
    revisions = tree.pop(REVISIONS, None)
    made_with = None if revisions is None else tuple(revisions)
    return StoredConfig(tree, fingerprint, split_values, made_with, where)


def config_text(config: RunConfig, fingerprint: str, split: Split | None) -> str:
    """The text of config.yaml.

    Args:
        config: the whole configuration, defaults included.
        fingerprint: fingerprint of the data set.
        split: split of the data set; leave-one-out is not written.
    """
    tree = dump(config) | {FINGERPRINT: fingerprint}
    if split not in (None, LeaveOneOut()):
        tree[SPLIT] = dump(split)
    tree[REVISIONS] = current_revisions(config)
    return to_yaml(tree)
