"""`sirec models`: what there is, and what each one is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
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
    from sirec.studies.analyses.model_facts import ModelListing, ModelPage, ShownSetting

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
WIDE_GAP = 3  # the same in tables with a space on both sides
LESS_PRINTED = ("NDCG@10", "Recall@10", "table", "history", "")  # what a narrow screen leaves out
MOST_BROKEN = 3  # lines of the list besides one for each model, while columns can be left out
FEWEST = 3  # columns that are shown in any case, if their words fit


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
    from sirec.papers import PROTOCOLS
    from sirec.studies.analyses.model_facts import model_listing, model_listings, model_page

    PROTOCOLS[protocol]  # raises where it is unknown, also where nothing depends on it
    chosen = model_listings() if name is None else [model_listing(name)]
    found = None if data is None else _loaded(data, data_root)
    sizes = None if found is None else _sizes(chosen, found, protocol)
    page = None if name is None else model_page(name, protocol, found)
    if as_json:
        rows = [dict(entry.facts) for entry in chosen]
        if sizes is not None:
            for row in rows:
                row["parameters"] = sizes[row["name"]]
        print_json(rows if page is None else rows[0] | _details(page, protocol))
    elif page is None:
        stdout.print(
            _taxonomy(
                _columns(chosen, sizes),
                stdout.width,
                f"parameters: on {data} under protocol {protocol}",
            )
        )
        say_next(command("models", "comif"))
    else:
        built = None
        if sizes is not None and found is not None:
            built = f"Built for {found.name}: {sizes[chosen[0].name]:,} parameters."
        _page(chosen[0].name, page, built, protocol, full=full)


def _loaded(data: str, data_root: Path) -> Dataset:
    from sirec import api

    return api.load(data, data_root=data_root)


def _sizes(chosen: Sequence[ModelListing], data: Dataset, protocol: str) -> dict[str, int]:
    from sirec.models import model_class
    from sirec.studies.analyses.model_cards import parameters

    sizes: dict[str, int] = {}
    with data_progress() as bars:
        for entry in bars.track(chosen, description="building"):
            sizes[entry.name] = parameters(model_class(entry.name), data, protocol)
    return sizes


def _columns(
    chosen: Sequence[ModelListing], sizes: Mapping[str, int] | None
) -> dict[str, list[str]]:
    """The taxonomy's cells by heading."""
    columns: dict[str, list[str]] = {}
    for entry in chosen:
        facts = entry.facts
        cells = {
            "name": entry.name,
            "attributes": entry.places["attribute"],
            "behaviours": entry.places["behaviour"],
            "SSL": ", ".join(facts["self_supervised"]) or "–",
            "task": " then ".join(facts["tasks"]) or "–",
            "objectives": " then ".join(map(", ".join, facts["objectives"])) or "–",
            "one pass": facts["one_pass"] or "–",
        }
        if sizes is not None:
            cells["parameters"] = f"{sizes[entry.name]:,}"
        for heading, text in cells.items():
            columns.setdefault(heading, []).append(text)
    return columns


def _taxonomy(columns: Mapping[str, Sequence[str]], screen: int, where: str) -> Table:
    """As many columns as a screen of this width has room for without a cut word; a line says what
    is left out.
    """
    shown, dispensable = dict(columns), list(DISPENSABLE)
    widths = _widths(shown, screen)
    while widths is None or (_broken_lines(shown, widths) > MOST_BROKEN and len(shown) > FEWEST):
        shown.pop(dispensable.pop(0), None)
        widths = _widths(shown, screen)
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


def _broken_lines(columns: Mapping[str, Sequence[str]], widths: Mapping[str, int]) -> int:
    """How many lines the rows have besides their first one."""
    lines = 0
    for cells in zip(*columns.values(), strict=True):
        heights: list[int] = []
        for heading, cell in zip(columns, cells, strict=True):
            heights.append(len(wrap(cell, widths[heading], break_long_words=False)))
        lines += max(heights) - 1
    return lines


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


def _details(page: ModelPage, protocol: str) -> dict[str, object]:
    return {
        "protocol": protocol,
        "settings": {setting.path: setting.values for setting in page.settings},
        "takes": {setting.path: setting.takes for setting in page.settings if setting.takes},
        "switches": page.switches,
        "printed": page.printed,
        "checked": page.checked,
        "no_graph": page.no_graph,
        "search": page.search,
    }


def _search_in_words(space: Mapping[str, str]) -> str:
    """`learning_rate 0.0001 to 0.003, by logarithms; dropout 0.1 or 0.2`: what a search tries."""
    parts: list[str] = []
    for key, values in space.items():
        short = key.removeprefix("model.").removeprefix("stages.train.")
        parts.append(f"{short} {values}")
    return "; ".join(parts)


def _export_sentence(page: ModelPage) -> str:
    """Whether a run of the model can be exported."""
    if page.no_graph:
        return f"Export: not to ONNX, since {page.no_graph}."
    return "Export: sirec export RUN --to FOLDER writes ONNX, with the same scores."


def _page(name: str, page: ModelPage, built: str | None, protocol: str, *, full: bool) -> None:
    """What a model is, how it compared with the original, what was printed for it; its settings.

    By default the settings, and the sentences beside the equations, are left to --full.
    """
    what, _, equations = page.text.partition("\n\n")
    _prose(" ".join(what.split()))
    _prose(f"Source: {page.source}.")
    if page.checked:
        _prose(f"Beside the original: {page.checked}.")
    if full:
        _prose(_export_sentence(page))
    if built is not None:
        _prose(built)
    if page.printed:
        stdout.print(_printed_table(page.printed))
    for paragraph in equations.split("\n\n"):
        if full or paragraph.startswith(" "):
            _paragraph(paragraph)
    rows = page.settings
    if full and rows:
        stdout.print(_values_table(rows))
        stdout.print(_settings_table(rows, protocol))
    if full and page.search:
        _prose(f"{command('sweep', name)} tries {_search_in_words(page.search)}.")
    differing = [row for row in rows if row.texts["published"] != row.texts["intended"]]
    if rows and not differing:
        _prose("Profile published is profile intended here: none of the settings differs.")
    if not full:
        counted = f"{len(rows)} settings ({len(differing)} differ in profile published), "
        _prose(f"--full prints {counted * bool(rows)}what is left open, export, search.")
    say_next(command("train", name))


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


def _prose(text: str) -> None:
    stdout.print(text, markup=False, highlight=False)


def _settings_table(settings: Sequence[ShownSetting], protocol: str) -> Table:
    table = _table(f"Settings under protocol {protocol}", "setting", "intended")
    table.columns[0].no_wrap = True
    differ = any(setting.texts["published"] != setting.texts["intended"] for setting in settings)
    legend = "declared: the model's own, where the protocol has another"
    if differ:
        table.add_column("published")
        legend += "; published: where it differs; –: no such setting"
    for column in table.columns[1:]:
        column.overflow = "fold"
    table.caption, table.caption_justify = legend, "left"
    for setting in settings:
        declared, intended = setting.texts["declared"], setting.texts["intended"]
        published = setting.texts["published"]
        cells = [setting.path, intended]
        if intended != declared:
            cells[1] = f"{intended} (declared {declared})"
        if differ:
            cells.append("" if published == intended else published)
        table.add_row(*map(escape, cells))
    return table


def _values_table(settings: Sequence[ShownSetting]) -> Table:
    """Which values each setting may have, with units."""
    table = _table("Values that settings may have", "setting", "values")
    table.columns[0].no_wrap = True
    table.columns[1].overflow = "fold"
    for setting in settings:
        if setting.takes:
            table.add_row(escape(setting.path), escape(setting.takes))
    return table


def _printed_table(figures: Sequence[Mapping[str, object]]) -> Table:
    columns: dict[str, list[str]] = {}
    for row in figures:
        for heading, value in row.items():
            text = f"{value:.4f}" if isinstance(value, float) else str(value or "")
            columns.setdefault(str(heading), []).append(text)
    for heading in LESS_PRINTED:
        widths = [max(map(len, (name, *texts))) for name, texts in columns.items()]
        if sum(widths) + WIDE_GAP * len(columns) - 1 <= stdout.width:
            break
        columns.pop(heading, None)
    table = _table("Printed", *columns)
    if "history" in columns:
        table.caption = "history: its items were ranked like all others (keep) or left out (mask)"
        table.caption_justify = "left"
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    return table


def _table(title: str, *headings: str) -> Table:
    return Table(*headings, box=box.SIMPLE_HEAD, show_edge=False, title=title, title_justify="left")
