"""`sirec models`: what there is, and what each one is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from sirec.cli import options
from sirec.cli.console import data_progress, print_json, say_next, stdout
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.data.dataset import Dataset
    from sirec.models.declaration import Declaration
    from sirec.studies.analyses.model_cards import ConfigKey, ModelCard

OnData = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="Prepared data set to build the models for: adds their parameters.",
        show_default=False,
    ),
]

# What goes first where a screen is too narrow: where what is fused is COMIF's Table 2 and goes
# last.
DISPENSABLE = ("objectives", "task", "one pass", "SSL", "behaviours", "attributes", "parameters")
LEGEND: Mapping[str, str] = {
    "attributes": "attributes and behaviours: where they enter and what fuses them; candidates:"
    " scored items have them, too",
    "SSL": "SSL: what self-supervised losses teach",
    "one pass": "one pass: whether one pass trains every position, or (masked items) those masked",
}
GAP = 2  # what a column takes beside its words


def models(
    name: Annotated[
        str | None, typer.Argument(help="One model's page.", autocompletion=options.complete_model)
    ] = None,
    data: OnData = None,
    data_root: options.DataRoot = options.DATA_ROOT,
    protocol: options.ProtocolName = "comif",
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """List the models by what they fuse and where (COMIF's Table 2), or show one model's page.

    A page has the model's equations and where it departs from its paper, how it
    compared with the authors' code, the published numbers, and the settings under
    the protocol and both profiles.

    Example: sirec models comif
    """
    from sirec import api
    from sirec.models import model_class
    from sirec.run.config import protocol_named
    from sirec.studies.analyses.model_cards import ModelCard, entries

    protocol_named(protocol)  # also where nothing depends on it
    chosen = entries() if name is None else [ModelCard(model_class(name))]
    found = None if data is None else api.load(data, data_root=data_root)
    sizes = None if found is None else _sizes(chosen, found, protocol)
    if as_json:
        rows = [entry.as_dict() for entry in chosen]
        if sizes is not None:
            for row, entry in zip(rows, chosen, strict=True):
                row["parameters"] = sizes[entry.model.name]
        print_json(rows if name is None else rows[0] | _details(chosen[0].model, found, protocol))
    elif name is None:
        stdout.print(
            _taxonomy(
                _columns(chosen, sizes),
                stdout.width,
                f"parameters: on {data} under protocol {protocol}",
            )
        )
        say_next(command("models", "comif"))
    else:
        _page(chosen[0], sizes, found, protocol, full=full)


def _sizes(chosen: Sequence[ModelCard], data: Dataset, protocol: str) -> dict[str, int]:
    from sirec.studies.analyses.model_cards import parameters

    with data_progress() as bars:
        return {
            entry.model.name: parameters(entry.model, data, protocol)
            for entry in bars.track(chosen, description="building")
        }


def _columns(chosen: Sequence[ModelCard], sizes: Mapping[str, int] | None) -> dict[str, list[str]]:
    """The taxonomy's cells by heading."""
    columns: dict[str, list[str]] = {}
    for entry in chosen:
        cells = {
            "name": entry.model.name,
            "attributes": entry.places["attribute"].text,
            "behaviours": entry.places["behaviour"].text,
            "SSL": ", ".join(entry.signals) or "–",
            "task": " then ".join(entry.tasks) or "–",
            "objectives": _objectives(entry),
            "one pass": entry.one_pass or "–",
        }
        if sizes is not None:
            cells["parameters"] = f"{sizes[entry.model.name]:,}"
        for heading, text in cells.items():
            columns.setdefault(heading, []).append(text)
    return columns


def _objectives(entry: ModelCard) -> str:
    stages = list(map(", ".join, entry.objectives))
    return " then ".join(stages) or "–"


def _taxonomy(columns: Mapping[str, Sequence[str]], screen: int, where: str) -> Table:
    """As many columns as a screen of this width has room for without a cut word; a line says what
    is left out.
    """
    shown, dispensable = dict(columns), iter(DISPENSABLE)
    while (widths := _widths(shown, screen)) is None:
        shown.pop(next(dispensable))
    legend = [text for heading, text in LEGEND.items() if heading in shown] + (
        [where] if "parameters" in shown else []
    )
    lines = ["; ".join(legend)] if legend else []
    if missing := [heading for heading in columns if heading not in shown]:
        lines.insert(0, f"no room for: {', '.join(missing)} (a wider terminal or --json has them)")
    caption = "\n".join(lines)
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        caption=caption,
        caption_justify="left",
    )
    for heading in shown:
        table.add_column(
            heading, width=widths[heading], justify="right" if heading == "parameters" else "left"
        )
    for cells in zip(*shown.values(), strict=True):
        table.add_row(*cells)
    return table


def _widths(columns: Mapping[str, Sequence[str]], screen: int) -> dict[str, int] | None:
    """The columns' widths, the widest narrowed until all fit; None where that would cut a word.

    One column, which nothing could be left out for, has the width of its longest word on any
    screen.
    """
    cells = {heading: [heading, *values] for heading, values in columns.items()}
    least: dict[str, int] = {}
    widths: dict[str, int] = {}
    for heading, values in cells.items():
        words = " ".join(values).split()
        least[heading] = max(map(len, words))
        widths[heading] = max(map(len, values))
    room = max(screen - GAP * (len(columns) - 1), max(least.values()) if len(columns) == 1 else 0)
    while sum(widths.values()) > room:
        wide = [heading for heading in widths if widths[heading] > least[heading]]
        if not wide:
            return None
        widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


def _details(model: type[Declaration], data: Dataset | None, protocol: str) -> dict[str, object]:
    from sirec.studies.analyses.model_cards import printed, settings

    keys = settings(model, data, protocol)
    return {
        "protocol": protocol,
        "settings": {key.path: dict(key.values) for key in keys},
        "takes": {key.path: key.takes for key in keys if key.takes},
        "switches": dict(model.published),
        "printed": printed(model),
        "checked": model.checked,
        "no_graph": model.no_graph,
    }


def _export_sentence(model: type[Declaration]) -> str:
    """Whether a run of the model can be exported."""
    if model.no_graph:
        return f"Export: not to ONNX, since {model.no_graph}."
    return "Export: sirec export RUN --to FOLDER writes ONNX, with the same scores."


def _page(
    entry: ModelCard,
    sizes: Mapping[str, int] | None,
    data: Dataset | None,
    protocol: str,
    *,
    full: bool,
) -> None:
    """What a model is, how it compared with the original, what was printed for it; its settings.

    By default only the settings in which the two profiles differ are shown.
    """
    from sirec.studies.analyses.model_cards import printed, settings

    model = entry.model
    figures, rows = printed(model), settings(model, data, protocol)
    text = inspect.getdoc(inspect.getmodule(model)) or ""
    what, _, equations = text.partition("\n\n")
    _prose(" ".join(what.split()))
    _prose(f"Source: {model.source}.")
    if model.checked:
        _prose(f"Beside the original: {model.checked}.")
    _prose(_export_sentence(model))
    if sizes is not None and data is not None:
        _prose(f"Built for {data.name}: {sizes[model.name]:,} parameters.")
    if figures:
        stdout.print(_printed_table(figures))
    for paragraph in equations.split("\n\n"):
        _paragraph(paragraph)
    differing = [row for row in rows if row.text("published") != row.text("intended")]
    shown = rows if full else differing
    if full and rows:
        stdout.print(_values_table(rows))
    if shown:
        stdout.print(_settings_table(shown, protocol))
    if rows and not differing:
        _prose("Profile published is profile intended here: none of the settings differs.")
    if rows and not full:
        _prose(f"--full prints all {len(rows)} settings, and which values each may have.")
    say_next(command("train", model.name))


def _paragraph(text: str) -> None:
    """Sentences are wrapped anew; equations keep their lines, with fewer blanks if too long."""
    if not text.startswith(" "):
        _prose(f"{' '.join(text.split())}\n")
        return
    for line in text.splitlines():
        shorter = line
        if len(line) > stdout.width:
            shorter = f"    {'  '.join(re.split(r' {2,}', line.strip()))}"
        stdout.print(shorter, markup=False, highlight=False, soft_wrap=True)
    _prose("")


def _prose(text: str) -> None:
    stdout.print(text, markup=False, highlight=False)


def _settings_table(settings: Sequence[ConfigKey], protocol: str) -> Table:
    from sirec.studies.analyses.model_cards import READINGS

    table = _table(f"Settings under protocol {protocol}", "setting", "intended")
    table.columns[0].no_wrap = True
    differ = any(setting.text("published") != setting.text("intended") for setting in settings)
    legend = "declared: the model's own, where the protocol has another"
    if differ:
        table.add_column("published")
        legend += "; published: where it differs; –: no such setting"
    for column in table.columns[1:]:
        column.overflow = "fold"
    table.caption, table.caption_justify = legend, "left"
    for setting in settings:
        declared, intended, published = map(setting.text, READINGS)
        cells = [setting.path, intended]
        if intended != declared:
            cells[1] = f"{intended} (declared {declared})"
        if differ:
            cells.append("" if published == intended else published)
        table.add_row(*map(escape, cells))
    return table


def _values_table(settings: Sequence[ConfigKey]) -> Table:
    """Which values each setting may have, with units."""
    table = _table("Values that settings may have", "setting", "values")
    table.columns[0].no_wrap = True
    table.columns[1].overflow = "fold"
    for setting in settings:
        if setting.takes:
            table.add_row(escape(setting.path), escape(setting.takes))
    return table


def _printed_table(figures: Sequence[dict[str, object]]) -> Table:
    table = _table("Printed", *(map(str, figures[0])))
    table.caption, table.caption_justify = (
        "history: its items were ranked like all others (keep) or left out (mask)",
        "left",
    )
    for row in figures:
        table.add_row(
            *(
                f"{value:.4f}" if isinstance(value, float) else str(value or "")
                for value in row.values()
            )
        )
    return table


def _table(title: str, *headings: str) -> Table:
    return Table(*headings, box=box.SIMPLE_HEAD, show_edge=False, title=title, title_justify="left")
