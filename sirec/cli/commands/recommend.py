"""`sirec recommend`: the best items of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from sirec.cli import options
from sirec.cli.console import (
    StudyBars,
    loading,
    print_json,
    print_text,
    progress,
    say,
    say_next,
    stdout,
)
from sirec.shell import command

if TYPE_CHECKING:
    import pandas as pd

    from sirec.run.recommendation import RecommendationRequest

USUAL_COUNT, EXPLAINED = 10, 3  # items that are recommended, and that fill a screen explained


def recommend(
    run: Annotated[
        str,
        typer.Argument(help="Run folder, first digits of an id, or a model: its newest run."),
    ],
    user: Annotated[
        list[str] | None,
        typer.Option(help="A user of the data set, by raw id; repeatable.", show_default=False),
    ] = None,
    history: Annotated[
        str | None,
        typer.Option(
            help="The history of a new user: raw ids of items, oldest first, separated by commas.",
            show_default=False,
        ),
    ] = None,
    histories: Annotated[
        Path | None,
        typer.Option(
            help="CSV or Parquet with columns user and item: new histories.", show_default=False
        ),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="All users of the data set; needs --to.")
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            "-k",
            help="How many items for each user; 10 without it, 3 with --explain.",
            show_default=False,
        ),
    ] = None,
    seen: Annotated[
        bool, typer.Option("--seen", help="Items of the history may be recommended again.")
    ] = False,
    only: Annotated[
        Path | None,
        typer.Option(help="Recommend only these: one item id a line.", show_default=False),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(help="Never recommend these: one item id a line.", show_default=False),
    ] = None,
    new_items: Annotated[
        Path | None,
        typer.Option(
            help="CSV or Parquet of items that are not in the data: item, the attributes that the"
            " model reads, and optionally title. They are recommended too.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Say which attributes and which past items the scores come from, for one user"
            " or history.",
        ),
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(help="Write a Parquet file instead of printing.", show_default=False),
    ] = None,
    device: options.Device = "cpu",
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Recommend items with a finished run, for users of its data or for new histories.

    A user's whole history is read, validation and test targets included. Scores
    of different users cannot be compared.

    Example: sirec recommend 3f2a91 --history "D00023,D00685"

    Example: sirec recommend demo/comif --user "user 00001" --explain

    Example: sirec recommend demo/comif --user "user 00001" --new-items arrivals.csv

    Example: sirec recommend 3f2a91 --all --to recommendations.parquet --only in_stock.txt
    """
    with loading():
        from sirec import api_recommend
    from sirec.errors import SirecError
    from sirec.run.recommendation import RecommendationRequest

    new = api_recommend.read_histories(histories) if histories is not None else {}
    if history is not None:
        new[api_recommend.HISTORY] = list(options.parse_names(history) or ())
    if not (user or everybody or new):
        raise SirecError(
            "for whom?", "say --user ID, --history ITEM,ITEM, --histories FILE, or --all"
        )
    if everybody and to is None:
        raise SirecError("--all is for a file, not for a screen", "say --to FILE.parquet")
    request = RecommendationRequest(
        users=tuple(user or ()),
        everybody=everybody,
        histories=new,
        count=count if count is not None else EXPLAINED if explain else USUAL_COUNT,
        seen=seen,
        only=None if only is None else tuple(api_recommend.read_ids(only)),
        exclude=() if exclude is None else tuple(api_recommend.read_ids(exclude)),
    )
    if explain:
        if to is not None or everybody:
            raise SirecError("--explain is for one user, on a screen", "leave --to and --all out")
        _explain(run, request, new_items, device, out, data_root, as_json=as_json)
        return
    if to is not None:
        _write(run, to, request, new_items, device, out, data_root)
        if as_json:
            print_json({"written": str(to)})
        return
    table = api_recommend.recommend(
        run,
        users=request.users,
        histories=request.histories,
        count=request.count,
        seen=request.seen,
        only=request.only,
        exclude=request.exclude,
        new_items=new_items,
        device=device,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    if as_json:
        print_json(table.to_dict("records"))
        return
    stdout.print(_drawn(table))
    whom = ("--user", user[0]) if user else ("--history", history or "ITEM,ITEM")
    say_next(command("recommend", run, *whom, "--explain"))


def _explain(
    run: str,
    request: RecommendationRequest,
    new_items: Path | None,
    device: str,
    out: Path,
    data_root: Path,
    *,
    as_json: bool,
) -> None:
    """Print where the scores come from."""
    with loading():
        from sirec import api_recommend
    from sirec.cli.explanation_screen import explanation_lines

    explanation = api_recommend.explain_request(
        run,
        request,
        new_items=new_items,
        device=device,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    if as_json:
        print_json(explanation.to_dict())
        return
    for line in explanation_lines(explanation):
        print_text(line)
    say_next(command("evaluate", run))


def _write(
    run: str,
    to: Path,
    request: RecommendationRequest,
    new_items: Path | None,
    device: str,
    out: Path,
    data_root: Path,
) -> None:
    """Write the file, with a bar."""
    with loading():
        from sirec import api_recommend

    with progress() as bars:
        task = bars.add_task("recommending", total=None, note="")

        def tell(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        api_recommend.write_recommendations(
            run,
            to,
            request,
            new_items=new_items,
            device=device,
            results=out,
            data_root=data_root,
            on_users=tell,
            watcher=StudyBars(),
        )
    say(f"written: {to}")
    say_next(command("evaluate", run, "--lists", request.count))


def _drawn(table: pd.DataFrame) -> Table:
    """The items of each user, one a line."""
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False)
    headings = [column for column in table.columns if column != "user"]
    for heading in headings:
        is_number = heading in ("rank", "score")
        drawn.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for user, rows in table.groupby("user", sort=False):
        drawn.add_row("", Text(str(user), style="italic"))
        for row in rows.itertuples(index=False):
            cells: list[Text] = []
            for heading in headings:
                value = getattr(row, heading)
                cells.append(Text(_cell(heading, value)))
            drawn.add_row(*cells)
    return drawn


def _cell(heading: str, value: object) -> str:
    """A value as a cell shows it."""
    if heading == "new":
        return "new" if value else ""
    return f"{value:.4f}" if heading == "score" else str(value)
