"""`sirec models`: what there is, and what each one is."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from sirec.cli import options
from sirec.cli.console import print_json, progress, stdout

if TYPE_CHECKING:
    from sirec.models.declaration import Declaration
    from sirec.studies.taxonomy import Built, Entry

OnData = Annotated[
    str | None,
    typer.Option("--data", help="Prepared data set to build the models for: adds their parameters.", show_default=False),
]


def models(
    name: Annotated[str | None, typer.Argument(help="One model's page.", autocompletion=options.complete_model)] = None,
    data: OnData = None,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """List the models by where they fuse what (COMIF's Table 2), or show one model's page.

    A page has the model's equations and departures, its settings under both profiles, what was printed for it, and how it
    compared with the original.

    Example: sirec models comif
    """
    from sirec.models import model_class
    from sirec.studies.taxonomy import Entry, entries

    chosen = entries() if name is None else [Entry(model_class(name))]
    sizes = [None] * len(chosen) if data is None else _sizes(chosen, data, data_root)
    if as_json:
        rows = [entry.as_dict() | ({} if size is None else vars(size)) for entry, size in zip(chosen, sizes, strict=True)]
        print_json(rows if name is None else rows[0] | _details(chosen[0].model))
    elif name is None:
        stdout.print(_taxonomy(chosen, sizes, data))
    else:
        _page(chosen[0].model, sizes[0], data)


def _sizes(chosen: Sequence[Entry], data: str, data_root: options.DataRoot) -> list[Built | None]:
    from sirec.cli.common import dataset
    from sirec.studies.taxonomy import built

    found = dataset(data, data_root)
    with progress() as bars:
        return [built(entry.model, found) for entry in bars.track(chosen, description="building")]


def _taxonomy(chosen: Sequence[Entry], sizes: Sequence[Built | None], data: str | None) -> Table:
    caption = "attributes and behaviours: where they enter, and what fuses them there; SSL: what self-supervised losses teach"
    if data is not None:
        caption += f"; parameters: on {data}; one pass: whether one trains every position of a sequence"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, caption=caption, caption_justify="left")
    table.add_column("name", no_wrap=True)
    for heading in ("attributes", "behaviours", "SSL", "task", "objectives"):
        table.add_column(heading, overflow="fold")
    if data is not None:
        table.add_column("parameters", justify="right")
        table.add_column("one pass")
    for entry, size in zip(chosen, sizes, strict=True):
        objectives = " then ".join(", ".join(parts) for parts in entry.objectives)
        cells = [
            entry.model.name,
            *(place.text for place in entry.places.values()),
            ", ".join(entry.lessons) or "–",
            ", ".join(entry.tasks) or "–",
            objectives or "–",
        ]
        table.add_row(*cells, *([] if size is None else _size_cells(size)))
    return table


def _size_cells(size: Built) -> list[str]:
    return [f"{size.parameters:,}", "yes" if size.single_pass else "causal" if size.causal else "–"]


def _details(model: type[Declaration]) -> dict[str, object]:
    from sirec.config import dump
    from sirec.studies.taxonomy import printed

    return {
        "defaults": dump(model()),
        "stages": dump(model.stages),
        "published": dict(model.published),
        "printed": printed(model),
        "checked": model.checked,
    }


def _page(model: type[Declaration], size: Built | None, data: str | None) -> None:
    from sirec.studies.taxonomy import printed, settings

    stdout.print(inspect.getdoc(inspect.getmodule(model)) or "", markup=False, highlight=False, soft_wrap=True)
    stdout.print(f"\nSource: {model.source}.", markup=False, highlight=False, soft_wrap=True)
    if model.checked:
        stdout.print(f"Beside the original: {model.checked}.", markup=False, highlight=False, soft_wrap=True)
    if size is not None:
        stdout.print(f"Built for {data}: {size.parameters:,} parameters.", highlight=False)
    figures = printed(model)
    if figures:
        stdout.print(_printed_table(figures))
    table = _table("Settings", "setting", "default", "profile published")
    for row in settings(model):
        table.add_row(*row)
    stdout.print(table)


def _printed_table(figures: Sequence[dict[str, object]]) -> Table:
    table = _table("Printed", *(str(key) for key in figures[0]))
    for row in figures:
        table.add_row(*(f"{value:.4f}" if isinstance(value, float) else str(value or "") for value in row.values()))
    return table


def _table(title: str, *headings: str) -> Table:
    return Table(*headings, box=box.SIMPLE_HEAD, show_edge=False, title=title, title_justify="left")
