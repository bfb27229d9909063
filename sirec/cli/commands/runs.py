"""`sirec runs`: the runs of a results folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.cells import cell_len
from rich.console import JustifyMethod, OverflowMethod
from rich.table import Table
from rich.text import Text

from sirec.cli import options
from sirec.cli.console import print_json, print_text, say, say_next, stdout
from sirec.plain_text import shortened, visible
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.evaluation.metrics import Metric
    from sirec.run.listing import ListedRun

MOST_ROWS = 16
MOST_DAMAGED = 4
WIDEST = 14  # of a column; longer names are shortened
NARROWEST = 8  # of the last column, which has the room that is left
GAP = 2  # between two columns
LONGEST_DAMAGE = 120  # characters
USUAL_METRIC = "Recall@20"  # what training selects by unless it is told otherwise


def runs(
    data: Annotated[
        str | None, typer.Option(help="Only runs on this data set.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Only runs of this model.", show_default=False)
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="Only runs that this study has.", show_default=False)
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help="Show this metric, such as NDCG@10, the best on validation first; without it the"
            " newest first, with Recall@20.",
            show_default=False,
        ),
    ] = None,
    test: Annotated[
        bool,
        typer.Option("--test", help="Show test too. Choose by validation, which is shown."),
    ] = False,
    out: options.Out = options.RESULTS,
    full: Annotated[bool, typer.Option("--full", help="List all, not one screen.")] = False,
    as_json: options.Json = False,
) -> None:
    """List the runs of a results folder, the newest first: data, model, id, seed, when it finished
    and how it does on validation.

    Where a command takes a run, it takes the folder, the first digits of the id,
    or the model: comif or demo/comif is its newest finished run, and comif/refit
    that run's refit.

    Example: sirec runs --data beauty --sort NDCG@10
    """
    from sirec.evaluation.metrics import parse_metric
    from sirec.run.listing import RunFilter, list_runs
    from sirec.run.measuring_runs import without_measuring

    metric = parse_metric(sort or USUAL_METRIC)
    wanted = RunFilter(data, model, study)
    listed = list_runs(out, metric, wanted=wanted, test=test, by_metric=sort is not None, told=say)
    if as_json:
        print_json([run.to_dict() for run in listed])
        return
    whole = [run for run in listed if not run.damage]
    damaged = [run for run in listed if run.damage]
    shown = whole if full else whole[:MOST_ROWS]
    if shown:
        stdout.print(draw_runs(shown, metric, study, test=test, width=stdout.width))
    told = damaged if full else damaged[:MOST_DAMAGED]
    for run in told:
        print_text(f"damaged: {run.path}: {shortened(run.damage, LONGEST_DAMAGE)}")
    print_text(_summary(listed, len(shown) + len(told), out))
    compared = _comparable(whole, without_measuring([run.path for run in whole], out))
    if compared:
        say_next(command("evaluate", *compared))
    elif not listed:
        say_next(command("quickstart"))


def _comparable(listed: Sequence[ListedRun], meant: Sequence[Path]) -> list[str]:
    """The ids of the first two finished runs on one data set, which share a table.

    Args:
        listed: the runs.
        meant: folders of those that are no rows which measure fields.
    """
    alike: list[ListedRun] = []
    for run in listed:
        is_evaluated = run.finished is not None and run.refit_of is None and run.path in meant
        if is_evaluated and run.dataset == (alike or [run])[0].dataset:
            alike.append(run)
    return [run.short_id for run in alike[:2]]


def draw_runs(
    listed: Sequence[ListedRun], metric: Metric, study: str | None, *, test: bool, width: int
) -> Table:
    """The runs, one a line; the last column has the room that is left.

    Args:
        listed: the runs, at least one.
        metric: the metric that is shown.
        study: the study whose rows are named; None to name the studies of each run.
        test: whether test is shown too.
        width: characters of a line of the screen.
    """
    headings = ["data", "model", "run", "seed", "finished", metric.name]
    if test:
        headings.append("test")
    lines: list[list[str]] = []
    for run in listed:
        values = [_value(run, "valid")]
        if test:
            values.append(_value(run, "test"))
        cells = [run.dataset, run.model, run.short_id, str(run.seed)]
        cells += [run.finish_date or "unfinished", *values, _rows_text(run, study)]
        lines.append(list(map(visible, cells)))
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    room = width
    for index, heading in enumerate(headings):
        longest = max(cell_len(line[index]) for line in lines)
        column = min(max(longest, cell_len(heading)), WIDEST)
        room -= column + GAP
        justify: JustifyMethod = "right" if heading in ("seed", metric.name, "test") else "left"
        drawn.add_column(heading, width=column, justify=justify, overflow="ellipsis", no_wrap=True)
    if room < NARROWEST and study is None:  # how many studies there are is left out
        for line in lines:
            drawn.add_row(*map(Text, line[:-1]))
        return drawn
    room = max(room, NARROWEST)
    overflow: OverflowMethod = "ellipsis" if study else "fold"
    drawn.add_column("row" if study else "studies", max_width=room, overflow=overflow, no_wrap=True)
    for run, line in zip(listed, lines, strict=True):
        if study is None:
            line[-1] = visible(_studies_text(run, room))
        drawn.add_row(*map(Text, line))
    return drawn


def _studies_text(run: ListedRun, room: int) -> str:
    """The studies that have the run; where not all names have room, how many there are."""
    text = _rows_text(run, None)
    if cell_len(text) <= room:
        return text
    count = len({row.study for row in run.rows})
    return f"{count} stud{'y' if count == 1 else 'ies'}"


def _value(run: ListedRun, split: str) -> str:
    if run.refit_of is not None and run.finished is not None:
        return "refit"
    return f"{run.values[split]:.4f}" if split in run.values else ""


def _rows_text(run: ListedRun, study: str | None) -> str:
    """The studies that have the run; of a study that was asked for, the label of its row."""
    texts: dict[str, None] = {}
    for row in run.rows:
        if study is None:
            texts[row.study] = None
        elif row.study == study:
            texts[row.label] = None
    return ", ".join(texts)


def _summary(listed: Sequence[ListedRun], shown: int, results: Path) -> str:
    """How many runs there are, and how many are left out."""
    if not listed:
        return f"no runs in {results}"
    finished = unfinished = damaged = 0
    for run in listed:
        if run.damage:
            damaged += 1
        elif run.finished is None:
            unfinished += 1
        else:
            finished += 1
    text = f"{finished} finished, {unfinished} unfinished, {damaged} damaged in {results}"
    left_out = len(listed) - shown
    return f"{text}; {left_out} left out: --full lists all" if left_out else text
