"""`sirec newitems`: how well models find items that they have never seen."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading


def newitems(
    runs: Annotated[
        list[str],
        typer.Argument(help="Run folders, first digits of ids, or models: their newest runs."),
    ],
    share: Annotated[float, typer.Option(help="Share of the items to hide.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Seed of the draw of hidden items.")] = 0,
    device: options.Device = "auto",
    name: Annotated[
        str | None, typer.Option(help="Name of the record and the tables.", show_default=False)
    ] = None,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Hide some of the items from finished runs, train them anew, and see whether they find the
    hidden items by their attributes, as recommend --new-items would.

    Each run is trained once more without the hidden items. Beside them stands a
    baseline that counts which attributes follow which, and chance.

    Example: sirec newitems beauty/comif

    Example: sirec newitems 3f2a91 84be07 --share 0.1
    """
    with loading():
        from sirec import api_new_items
    from sirec.cli.analyses import print_drawn
    from sirec.cli.console import StudyBars

    drawn = api_new_items.newitems(
        runs,
        share=share,
        seed=seed,
        name=name,
        device=device,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    shown_name = name or api_new_items.default_name(drawn.dataset)
    print_drawn(drawn, out, shown_name, as_json=as_json, full=full)
