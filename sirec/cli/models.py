"""`sirec models`: what there is, and what each one is."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from sirec.cli import options
from sirec.cli.console import print_json, stdout

LEVELS = ("attribute", "behaviour")


def models(
    name: Annotated[str | None, typer.Argument(help="One model's page.", autocompletion=options.complete_model)] = None,
    as_json: options.Json = False,
) -> None:
    """List the models by where they fuse what, or show one model's page: equations, settings, published switches.

    Example: sirec models comif
    """
    from sirec.models import MODELS, model_class

    if name is not None:
        _page(model_class(name), as_json=as_json)
    elif as_json:
        print_json([_facts(model) for model in MODELS.values()])
    else:
        stdout.print(_taxonomy([_facts(model) for model in MODELS.values()]))


def _facts(model: Any) -> dict[str, Any]:
    """What a declaration says of itself, in the columns of COMIF Table 2."""
    config = model()
    stages = model.stages
    return {
        "name": model.name,
        "title": model.title,
        **{level: getattr(config, level, None) for level in LEVELS},
        "task": ", ".join(stage.task.name for stage in stages) or None,
        "objectives": [part.name for stage in stages for part in stage.objectives],
        "source": model.source,
    }


def _taxonomy(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("name", "attributes at", "behaviours at", "task", "objectives", "source"):
        table.add_column(heading)
    for row in rows:
        levels = [row[level] or "–" for level in LEVELS]
        table.add_row(row["name"], *levels, row["task"] or "–", ", ".join(row["objectives"]) or "–", row["source"])
    return table


def _page(model: Any, *, as_json: bool) -> None:
    from sirec.config import dump

    switches = dict(model.published)
    if as_json:
        print_json({**_facts(model), "defaults": dump(model()), "stages": dump(model.stages), "published": switches})
        return
    stdout.print(inspect.getdoc(inspect.getmodule(model)) or "", markup=False, highlight=False)
    table = Table("setting", "default", "profile published", box=box.SIMPLE_HEAD, show_edge=False, title="Settings")
    for field in fields(model):
        path = f"model.{field.name}"
        table.add_row(path, str(getattr(model(), field.name)), str(switches.pop(path, "")))
    for stage in dump(model.stages):
        for part in stage["objectives"]:
            table.add_row(f"objectives.{part['name']}", ", ".join(f"{k} {v}" for k, v in part.items() if k != "name"), "")
        table.add_row("task", stage["task"]["name"], "")
    for path, value in switches.items():
        table.add_row(path, "", str(value))
    stdout.print(table)
