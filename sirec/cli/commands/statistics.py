"""`sirec statistics`: sizes of data sets beside the papers' Table 1."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options


def statistics(
    data: Annotated[
        list[str] | None,
        typer.Argument(help="Prepared data sets; without any all.", show_default=False),
    ] = None,
    render_only: Annotated[
        bool, typer.Option("--render-only", help="Draw what was counted before.")
    ] = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Draw the sizes of prepared data sets beside those that the papers print (Table 1 of both).

    Example: sirec statistics beauty sports yelp
    """
    from sirec.cli.analyses import print_drawn
    from sirec.studies.analyses.data_statistics import NAME, STATISTICS, statistics_record

    if not render_only:
        STATISTICS.keep(statistics_record(data_root, data or ()), out, NAME)
    drawn = STATISTICS.draw(STATISTICS.read(out, NAME), out)
    print_drawn(drawn, out, NAME, as_json=as_json, full=full)
