"""`sirec export`: a prepared data set as files for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sirec.cli import options
from sirec.cli.console import say
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.data.store.export import Exported


# The options of `sirec prepare` for the settings of a split.
SPLIT = {
    "name": "--split", "valid": "--valid-share", "test": "--test-share",
    "valid_from": "--valid-from", "test_from": "--test-from", "target": "--target",
}  # fmt: skip


class FormatName(StrEnum):
    """What is written."""

    atomic = "atomic"
    csv = "csv"
    sequences = "sequences"


def export(
    name: Annotated[str, typer.Argument(metavar="DATA", help="Prepared data set.")],
    to: Annotated[Path, typer.Option(help="Folder to write, new or empty.")],
    form: Annotated[
        FormatName,
        typer.Option(
            "--format",
            help="atomic: RecBole's files; csv: two tables; sequences: the S3-Rec release's.",
        ),
    ] = FormatName.csv,
    data_root: options.DataRoot = options.DATA_ROOT,
) -> None:
    """Write a prepared data set as files that other programs read.

    Example: sirec export demo --format csv --to shop
    """
    from sirec.data.store import storage
    from sirec.data.store.export import export as write

    folder = storage.find(data_root, name)
    exported = write(storage.load(folder), storage.load_timestamps(folder), to, form.value)
    for note in exported.notes:
        say(note)
    say(f"written: {', '.join(sorted(path.name for path in to.iterdir()))} in {to}")
    say(f"{command(*_reading(exported, name))} reads them again")


def _reading(exported: Exported, name: str) -> Iterator[str]:
    """The command that prepares the same data set from what was written."""
    from sirec import config

    yield from (
        "prepare",
        exported.source.name,
        "--name",
        f"{name}-again",
        "--raw",
        str(exported.folder),
    )
    source = config.dump(exported.source, defaults=False)
    for key, value in source.items():
        if isinstance(value, Mapping):
            for pair in value.items():
                yield from (f"--{key.removesuffix('s')}", "=".join(dict.fromkeys(pair)))
        elif isinstance(value, list):
            yield from ("--set", f"{key}={json.dumps(value)}")
        elif key != "name":
            yield from (f"--{key}", value)
    options = config.dump(exported.options, defaults=False)
    yield from ("--core", str(options["core"]))
    for key, value in options.get("split", {}).items():
        yield from (SPLIT[key], str(value))
