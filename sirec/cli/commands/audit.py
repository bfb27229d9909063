"""`sirec audit`: what a data set is like, before any model is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from sirec.cli import options
from sirec.cli.console import StudyBars, print_json, stage_bars, stdout

if TYPE_CHECKING:
    from sirec.data.audit import DataAudit
    from sirec.studies.analyses.order_signal import OrderSignal

WIDTH = 100  # wider lines of prose are hard to read
PARTS = {"valid": "validation", "test": "test"}
Lines = Iterator[tuple[str, str]]


def audit(
    data: Annotated[
        str | None, typer.Argument(help="Prepared data set; without it the last prepared one.")
    ] = None,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Audit a data set: sizes, ties, repeats, unseen targets, leakage, what is known of items, how
    much order says.

    Example: sirec audit demo
    """
    from sirec import api
    from sirec.data.store import storage
    from sirec.studies.analyses.order_signal import audit as make

    prepared = api.load(data, data_root=data_root, watcher=StudyBars())
    timestamps = storage.load_timestamps(data_root / prepared.name)
    with stage_bars() as show_stage:
        made = make(prepared, timestamps, show_stage)
    if as_json:
        print_json(made.as_dict())
        return
    width = min(stdout.width, WIDTH)
    counts = made.data.statistics
    sizes = f"{counts.users:,} users, {counts.items:,} items, {counts.interactions:,} interactions"
    stdout.print(
        Text(f"{made.data.name}: {sizes}, sparsity {_percent(counts.sparsity, 2)}\n"), width=width
    )
    stdout.print(_distributions(made.data), Text(), width=width)
    findings = Table.grid(padding=(0, 2))
    for lines in (
        _split(made.data),
        _repeats(made.data),
        _leakage(made.data),
        _fields(made.data),
        _order(made.order),
    ):
        for what, found in lines:
            findings.add_row(Text(what, style="bold"), Text(found))
    stdout.print(findings, width=width)


def _distributions(data: DataAudit) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("interactions")
    for name in data.lengths:
        table.add_column(f"{name[1:]} %" if name.startswith("p") else name, justify="right")
    for what, quantiles in (("of a user", data.lengths), ("of an item", data.popularity)):
        table.add_row(what, *(f"{value:,}" for value in quantiles.values()))
    return table


def _split(data: DataAudit) -> Lines:
    yield "split", f"{data.split}; {data.statistics.training_examples:,} training targets"
    for part, found in data.targets.items():
        unseen = (
            f"{found.unseen:,} ({_percent(found.unseen_share)}) are items that training never saw"
        )
        yield PARTS[part], f"{found.targets:,} targets, of which {unseen}"
    share = data.statistics.tied_last_pairs
    if share is None:
        yield "tied ends", f"unknown: {data.unknown['tied_last_pairs']}"
    else:
        yield (
            "tied ends",
            f"{_percent(share)} of users: their last two are of one second, and file order says"
            " which is last",
        )


def _repeats(data: DataAudit) -> Lines:
    share = data.repeats
    interactions = (
        f"{_percent(share.interactions)} of interactions are with an item of the user's past"
    )
    yield "repeats", f"{_percent(share.users)} of users come back to an item"
    yield "", f"{interactions}, {_percent(share.immediate)} with the very item before"
    yield (
        "",
        f"{_percent(share.test_targets)} of test targets are in the history: masking it makes them"
        " impossible to find",
    )


def _leakage(data: DataAudit) -> Lines:
    found = data.leakage
    if found is None:
        yield "leakage", f"unknown: {data.unknown['leakage']}"
        return
    yield (
        "leakage",
        f"{_percent(found.test_targets)} of test targets are earlier than something training has of"
        " another user",
    )
    yield (
        "",
        f"{_percent(found.training)} of training is later than a test target, on average; a"
        " temporal split has neither",
    )


def _fields(data: DataAudit) -> Lines:
    for index, found in enumerate(data.statistics.attributes):
        share = _percent(found.items / data.statistics.items)
        covered = f"{share} of items have any, {found.mean:.1f} on average"
        single = f"{_percent(data.single_item_values[found.name])} of values have one item"
        yield (
            "" if index else "attributes",
            f"{found.name}: {found.values:,} values; {covered}; {single}",
        )
    if not data.statistics.attributes:
        yield "attributes", "none"
    behaviours = (f"{name}: {values:,} values" for name, values in data.behaviours.items())
    yield "behaviours", "; ".join(["position", *behaviours])


def _order(signals: Sequence[OrderSignal]) -> Lines:
    yield (
        "order",
        "what item transitions, counted without training, lose on test by shuffling all histories",
    )
    for found in signals:
        shuffled = f"shuffled {found.shuffled:.4f} ± {found.deviation:.4f} ({found.seeds} seeds)"
        lost = "nothing to lose" if found.lost is None else f"{_percent(found.lost)} lost"
        yield "", f"{found.metric} {found.ordered:.4f}, {shuffled}: {lost}"
    yield "", "near 0 % there is little in the order for a sequential model to learn"


def _percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"
