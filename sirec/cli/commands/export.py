"""`sirec export`: a finished run, or a prepared data set, as files for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sirec.cli import options
from sirec.cli.console import StudyBars, loading, say, say_next
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.data.store.export import Exported


# The options of `sirec prepare` for the settings of a split.
SPLIT = {
    "name": "--split", "valid": "--valid-share", "test": "--test-share",
    "valid_from": "--valid-from", "test_from": "--test-from", "target": "--target",
}  # fmt: skip


def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="DATA|RUN",
            help="Prepared data set; or run folder, first digits of an id, or a model: its newest"
            " run.",
        ),
    ],
    to: Annotated[Path, typer.Option(help="Folder to write, new or empty.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of a data set: csv (two tables), atomic (RecBole's files), sequences (the S3-Rec"
            " release's). Of a run: onnx (model, id tables and a card).",
            show_default="csv or onnx",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an earlier export in the folder.")
    ] = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
) -> None:
    """Write a prepared data set, or the model of a finished run, as files that other programs read.

    A run becomes an ONNX model that needs no torch and no sirec: it is compared
    with the trained model before it is written. It needs the extra `onnx`
    (docs/export.md).

    Example: sirec export demo --format csv --to shop

    Example: sirec export demo/comif --to served
    """
    with loading():
        from sirec import api_export

    exported = api_export.export(
        name,
        to,
        format=form,
        replace=replace,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    for note in exported.notes:
        say(note)
    say(f"written: {', '.join(sorted(path.name for path in to.iterdir()))} in {to}")
    if exported.data is not None:
        say_next(command(*_reading(exported.data, name)))
    else:
        say(f"how to call it: {to / 'README.md'}")
        say_next(command("recommend", name, "--all", "--to", "recommendations.parquet"))


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
