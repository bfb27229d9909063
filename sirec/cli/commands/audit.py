"""`sirec audit`: what a data set is like, before any model is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from sirec.cli import options
from sirec.cli.console import StudyBars, loading, print_json, say_next, stage_bars, stdout
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.data.audit import DataAudit
    from sirec.data.prepare.findings import ValueFinding
    from sirec.data.prepare.item_order import ItemOrder
    from sirec.studies.analyses.order_signal import OrderSignal, TieSignal

WIDTH = 100  # wider lines of prose are hard to read
HALF = 0.5
EVERY_QUANTILE = 72  # a narrower screen shows some of the quantiles
FEW_QUANTILES = ("min", "median", "max")
PARTS = {"valid": "validation", "test": "test"}
Lines = Iterator[tuple[str, str]]


def audit(
    data: Annotated[
        str | None, typer.Argument(help="Prepared data set; without it the last prepared one.")
    ] = None,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Audit a data set: sizes, ties, repeats, unseen targets, leakage, attributes, and how much the
    order of interactions says.

    Example: sirec audit demo
    """
    with loading():
        from sirec import api
    from sirec.data.audit import OrderOrigin
    from sirec.data.store import storage
    from sirec.studies.analyses.order_signal import audit as make

    prepared = api.load(data, data_root=data_root, watcher=StudyBars())
    folder = data_root / prepared.name
    timestamps = storage.load_timestamps(folder)
    manifest = storage.read_manifest(folder)
    origin = OrderOrigin(manifest.order_in_words, manifest.unused_times)
    with stage_bars() as show_stage:
        made = make(prepared, timestamps, show_stage, origin, manifest.findings)
    if as_json:
        print_json(made.as_dict())
        return
    width = min(stdout.width, WIDTH)
    counts = made.data.statistics
    sizes = f"{counts.users:,} users, {counts.items:,} items, {counts.interactions:,} interactions"
    stdout.print(
        Text(f"{made.data.name}: {sizes}, sparsity {_percent(counts.sparsity, 2)}"), width=width
    )
    stdout.print(_distributions(made.data, width), width=width)
    findings = Table.grid(padding=(0, 2))
    for lines in (
        _origin(made.data),
        _split(made.data),
        _repeats(made.data),
        _leakage(made.data),
        _fields(made.data),
        _order(made.order),
    ):
        for what, found in lines:
            findings.add_row(Text(what, style="bold"), Text(found))
    stdout.print(findings, width=width)
    stdout.print(_values(made.findings, width), width=width)
    say_next(command("train", "comif", "--data", made.data.name))


def _values(findings: Sequence[ValueFinding] | None, width: int) -> Text:
    """What in the raw values may not be meant, each with the option of `sirec prepare`."""
    from sirec.data.prepare.findings import listed

    if findings is None:
        return Text("values: prepared before they were looked at; prepare the data set again")
    if not findings:
        return Text("values: nothing to look at")
    lines = ["values to look at, each with the option of sirec prepare that changes it"]
    for line in listed(findings, width - 2, most=None):
        lines.append(f"  {line}")
    return Text("\n".join(lines))


def _distributions(data: DataAudit, width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("interactions")
    names = list(data.lengths) if width >= EVERY_QUANTILE else list(FEW_QUANTILES)
    for name in names:
        table.add_column(f"{name[1:]} %" if name.startswith("p") else name, justify="right")
    for what, quantiles in (("of a user", data.lengths), ("of an item", data.popularity)):
        table.add_row(what, *(f"{quantiles[name]:,}" for name in names))
    return table


def _origin(data: DataAudit) -> Lines:
    """What decides the order, and what no time decides."""
    yield "ordered by", data.decided_by
    share, tied = data.statistics.tied_last_pairs, data.tied_neighbours
    pattern = data.statistics.item_order
    if share is None or tied is None:
        yield "ties", f"unknown: {data.unknown['tied_last_pairs']}"
    else:
        rule = data.decided_by.rpartition("then ")[2].split(" ")[0]
        decides = rule if rule == "chance" else f"{rule} order"
        yield "ties", f"{_percent(tied)} of neighbours in a history have equal times"
        yield (
            "tied ends",
            f"{_percent(share)} of users: their last two have one time; {decides} decides",
        )
    if pattern is not None and pattern.neighbours and (tied is not None or pattern.is_sorted):
        counted = pattern.in_words(has_times=tied is not None)
        yield "", f"{counted}: {_pattern_in_words(pattern, data.decided_by)}"
    if data.repeated_rows is None:
        yield "duplicates", f"unknown: {data.unknown['repeated_rows']}"
    else:
        hint = ": prepare with --drop-repeated-rows" if data.repeated_rows else ""
        yield (
            "duplicates",
            f"{data.repeated_rows:,} interactions repeat user, item and time{hint}",
        )


def _pattern_in_words(pattern: ItemOrder, decided_by: str) -> str:
    if pattern.is_chance:
        return "as by chance"
    if not pattern.is_sorted and not pattern.is_partly_sorted:
        return "near chance"
    part = "" if pattern.is_sorted else "partly "
    hint = "; prepare with --ties random" if "file" in decided_by else ""
    return f"{part}sorted by item, which is no order{hint}"


def _split(data: DataAudit) -> Lines:
    yield "split", f"{data.split}; {data.statistics.training_examples:,} training targets"
    for part, found in data.targets.items():
        unseen = (
            f"{found.unseen:,} ({_percent(found.unseen_share)}) are items that training never saw"
        )
        yield PARTS[part], f"{found.targets:,} targets, of which {unseen}"


def _repeats(data: DataAudit) -> Lines:
    share = data.repeats
    interactions = f"{_percent(share.interactions)} of interactions repeat an item of the past"
    yield "repeats", f"{_percent(share.users)} of users come back to an item"
    yield "", f"{interactions}, {_percent(share.immediate)} at once"
    yield (
        "",
        f"{_percent(share.test_targets)} of test targets are in the history; masking it hides them",
    )


def _leakage(data: DataAudit) -> Lines:
    found = data.leakage
    if found is None:
        yield "leakage", f"unknown: {data.unknown['leakage']}"
        return
    yield (
        "leakage",
        f"{_percent(found.test_targets)} of test targets are earlier than training of other users",
    )
    yield (
        "",
        f"{_percent(found.training)} of training is later than a test target (temporal split: 0)",
    )


def _fields(data: DataAudit) -> Lines:
    for index, found in enumerate(data.statistics.attributes):
        share = _percent(found.items / data.statistics.items)
        if found.name not in data.single_item_values:
            yield "" if index else "attributes", f"{found.name}: vectors; {share} of items have one"
            continue
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
        "what counted item transitions lose on test in shuffled histories",
    )
    for found in signals:
        shuffled = f"shuffled {found.shuffled:.4f} ± {found.deviation:.4f} ({found.seeds} seeds)"
        lost = "nothing to lose" if found.lost is None else f"{_percent(found.lost)} lost"
        yield "", f"{found.metric} {found.ordered:.4f}, {shuffled}: {lost}"
        if found.lost is not None:
            yield "", f"  95 % interval over users and shuffles: {_interval(found.interval)}"
        if found.ties is not None and found.ties.lost is not None:
            yield "", _order_of_ties(found.ties)
    yield "", _order_verdict(signals)


def _order_of_ties(ties: TieSignal) -> str:
    worth = "" if ties.lost is None else f": {_percent(ties.lost)} lost"
    left = "nothing" if ties.left is None else _percent(ties.left)
    rest = f"the rest loses {left} more ({_interval(ties.left_interval)})"
    return f"  ties alone shuffled {ties.shuffled:.4f} ± {ties.deviation:.4f}{worth}; {rest}"


def _order_verdict(signals: Sequence[OrderSignal]) -> str:
    """What the intervals of all metrics allow to say."""
    if all(found.may_be_nothing for found in signals):
        return "so it could be nothing: 0 % is within the intervals"
    if any(found.may_be_nothing for found in signals):
        return "so it could be nothing: 0 % is within the interval of one of the metrics"
    if any((found.lost or 0) < 0 for found in signals):
        return "so shuffled histories do better: their order is misleading"
    tied = [found.ties for found in signals if found.ties is not None]
    if tied and all(ties.may_be_all for ties in tied):
        return "so there may be nothing but the order of ties: what times order loses nothing more"
    first = signals[0]
    of_ties = (first.ties.lost or 0) / (first.lost or 1) if first.ties else 0
    if of_ties > HALF:
        return f"so {_percent(of_ties)} of it is the order of ties, which the file gives, not time"
    return "so there is something in the order to learn; near 0 % there would be little"


def _interval(ends: tuple[float, float] | None) -> str:
    return "anything" if ends is None else f"{100 * ends[0]:.1f} to {_percent(ends[1])}"


def _percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"
