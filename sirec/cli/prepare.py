"""`sirec prepare`: raw files into a prepared data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskID

from sirec.cli import options
from sirec.cli.console import print_json, progress, say, stdout
from sirec.cli.datasets import dataset_table


def prepare(
    name: Annotated[str, typer.Argument(help="What the data set is called from now on: beauty, sports, demo, …")],
    source: Annotated[str | None, typer.Option(help="Raw format: s3rec or demo; without it demo for demo, else s3rec.")] = None,
    raw: Annotated[Path | None, typer.Option(help="Folder with the raw files.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option(help="First day, inclusive, UTC: 2019-01-01.", show_default=False)] = None,
    until: Annotated[str | None, typer.Option(help="Last day, inclusive, UTC.", show_default=False)] = None,
    min_rating: Annotated[float | None, typer.Option(help="Drop lower ratings.", show_default=False)] = None,
    core: Annotated[int, typer.Option(help="Interactions every user and every item must have; 0: no filter.")] = 5,
    dedupe: Annotated[bool, typer.Option("--dedupe", help="Keep a user's first interaction with an item only.")] = False,
    categories: Annotated[str, typer.Option(help="A category is a phrase, or a fragment (each of its words).")] = "phrase",
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Prepare a data set from raw files.

    Example: sirec prepare beauty --source s3rec --raw downloads/beauty
    """
    from sirec import config
    from sirec.data import prepare as preparing
    from sirec.data import storage
    from sirec.data.raw import Reading
    from sirec.data.sources import SOURCES
    from sirec.errors import SirecError, unknown

    chosen = source or ("demo" if name == "demo" else "s3rec")
    if chosen not in SOURCES:
        raise unknown("source", chosen, SOURCES)
    reader = SOURCES[chosen]()
    if reader.needs_files and raw is None:
        raise SirecError(
            f"{name}: the source {chosen} reads raw files, and none were given",
            f"sirec prepare {name} --source {chosen} --raw FOLDER, a folder with sequences.txt and item2attributes.json",
        )
    settings = {
        "since": since,
        "until": until,
        "min_rating": min_rating,
        "core": core,
        "drop_duplicates": dedupe,
        "categories": categories,
    }
    wanted = config.load(preparing.PrepareOptions, settings, "prepare")
    with progress() as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, note="")
            bars.update(tasks[stage], completed=done, total=total)

        prepared = preparing.prepare(reader.read(raw, Reading(progress=show)), name, wanted, show)
        folder = storage.write(data_root, prepared)
    for note in prepared.notes:
        say(note)
    for step in prepared.steps:
        say(f"{step.name}: {step.users:,} users, {step.items:,} items, {step.interactions:,} interactions")
    if as_json:
        print_json({"folder": str(folder), "statistics": prepared.statistics.as_dict()})
    else:
        stdout.print(dataset_table([storage.read_manifest(folder)]))
        say(f"prepared: {folder}")
