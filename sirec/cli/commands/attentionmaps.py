"""`sirec attentionmaps`: DIF-SR's Figure 7, attention of one test history by source and fused."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading


def attentionmaps(
    runs: Annotated[
        list[str],
        typer.Argument(help="Run folders, first digits of ids, or models: their newest run."),
    ],
    seed: options.Seed = 0,
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of the record, table and figures; without it, a name from data and seed.",
            show_default=False,
        ),
    ] = None,
    render_only: Annotated[
        bool, typer.Option("--render-only", help="Draw what was measured before.")
    ] = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Draw what attention looks at in one test history, by source and fused (DIF-SR Figure 7).

    The history is drawn by --seed. The runs need their weights, which committed
    runs do not have.

    Example: sirec attentionmaps beauty/dif-sr
    """
    with loading():
        from sirec.api import load
    from sirec.cli.analyses import print_drawn
    from sirec.cli.console import say
    from sirec.studies.analyses.attention_runs import runs_with_attention
    from sirec.studies.analyses.attention_sample import ATTENTION_MAPS, NAME, measure_maps
    from sirec.studies.analyses.names import check_name
    from sirec.studies.compare.select_runs import select_by_id

    chosen = runs_with_attention(select_by_id(runs, out, say))
    usual = f"{NAME}_{chosen[0].dataset}" + f"_seed{seed}" * bool(seed)
    called = check_name(name) or usual
    if not render_only:
        data = load(chosen[0].dataset, data_root=data_root)
        say(f"measured: {ATTENTION_MAPS.keep(measure_maps(chosen, data, seed), out, called)}")
    drawn = ATTENTION_MAPS.draw(ATTENTION_MAPS.read(out, called), out)
    print_drawn(drawn, out, called, as_json=as_json, full=full)
