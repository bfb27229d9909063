"""`sirec prepare`: raw files into a prepared data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sirec.cli import options
from sirec.cli.commands.datasets import dataset_facts
from sirec.cli.console import loading, print_json, say, say_next, stage_bars, stdout
from sirec.cli.option_values import columns_of, pairs_of, words_of
from sirec.shell import command

KEEP, VALUES, ORDER, SPLIT, AMAZON, TABLE, BESIDE = (
    "What is kept",
    "How values are read",
    "Order",
    "Split",
    "Amazon, MovieLens, S3-Rec",
    "A table of your own",
    "Beside any data",
)

SKIPPED_SHOWN = 5  # bad lines that are printed one by one; of more there is a count of each kind


def text(help: str, panel: str, *names: str) -> Any:
    """An option that is left to the recipe where it is not given."""
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False)


def prepare(
    name: Annotated[
        str,
        typer.Argument(
            help="beauty, sports, toys, yelp, ml-1m, demo, …; a source; or a recipe in a YAML file."
        ),
    ],
    called: Annotated[
        str | None,
        typer.Option("--name", help="Name of the data set, if it is not NAME.", show_default=False),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="Raw format: amazon, yelp, movielens, s3rec, atomic, table, demo.",
            show_default=False,
        ),
    ] = None,
    raw: Annotated[
        Path | None,
        typer.Option(
            help="Folder or archive with the raw files; else below raw/, where downloads go.",
            show_default=False,
        ),
    ] = None,
    skip_bad_lines: Annotated[
        int,
        typer.Option(help="Leave out up to this many lines that cannot be read; they are counted."),
    ] = 0,
    since: Annotated[str | None, text("First day (or minute) in UTC: 2019-01-01.", KEEP)] = None,
    until: Annotated[str | None, text("Last day (or minute), inclusive.", KEEP)] = None,
    min_rating: Annotated[float | None, text("Drop lower ratings.", KEEP)] = None,
    core: Annotated[
        int | None,
        text("Interactions every user and every item must have; 0: no filter; usually 5.", KEEP),
    ] = None,
    dedupe: Annotated[
        bool,
        typer.Option(
            "--dedupe",
            help="Keep a user's first interaction with an item only.",
            rich_help_panel=KEEP,
        ),
    ] = False,
    drop_repeated_rows: Annotated[
        bool,
        typer.Option(
            "--drop-repeated-rows",
            help="Of rows with equal user, item and time keep the first only.",
            rich_help_panel=KEEP,
        ),
    ] = False,
    categories: Annotated[
        str | None,
        text("A category is a phrase (the default) or a fragment: each of its words.", KEEP),
    ] = None,
    bins: Annotated[
        list[str] | None,
        text(
            "Bins of a number by inner edges or quantiles: price=10,20,50 or price=8q; gap=1h,1d,7d"
            " bins the time between interactions, span=90d the calendar. Repeatable.",
            KEEP,
        ),
    ] = None,
    ties: Annotated[
        str | None,
        text(
            "What decides the order of a user's interactions with equal times: file (the default),"
            " random, or item (by its raw id).",
            ORDER,
        ),
    ] = None,
    ties_seed: Annotated[
        int | None, text("Decides the order that --ties random gives; 0 without it.", ORDER)
    ] = None,
    without: Annotated[
        list[str] | None, text("Leave out attributes or behaviours: brand,price.", VALUES)
    ] = None,
    missing: Annotated[
        list[str] | None, text("Words that mean no value: nan,N/A. Repeatable.", VALUES)
    ] = None,
    unknown: Annotated[
        list[str] | None,
        text("Behaviours of which an interaction may have no value: rating. Repeatable.", VALUES),
    ] = None,
    lists: Annotated[
        list[str] | None,
        text(
            "Cells of an attribute hold lists: genre=';' (or another separator); genre=literal for"
            " ['a', 'b']. Repeatable.",
            VALUES,
        ),
    ] = None,
    clean: Annotated[
        bool,
        typer.Option(
            "--clean",
            help="Read &amp; as & and leave out <br> in attributes and titles.",
            rich_help_panel=VALUES,
        ),
    ] = False,
    decimal: Annotated[
        str | None, text("The sign before decimals of numbers in texts: '.' or ','.", VALUES)
    ] = None,
    merge: Annotated[
        list[str] | None,
        text("Fields in which Nike, NIKE and nike are one value: brand,user.", VALUES),
    ] = None,
    join: Annotated[
        str | None,
        text(
            "Find items in the table of items by number (007 is 7.0), text (ab is AB) or prefix"
            " (7 is item_7), too.",
            VALUES,
        ),
    ] = None,
    split: Annotated[
        str | None,
        text("leave-one-out (the default), or temporal: the same moments for everybody.", SPLIT),
    ] = None,
    valid_from: Annotated[str | None, text("temporal: first day of validation.", SPLIT)] = None,
    test_from: Annotated[str | None, text("temporal: first day of the test.", SPLIT)] = None,
    valid_share: Annotated[
        float | None, text("temporal, without days: share of interactions; usually 0.1.", SPLIT)
    ] = None,
    test_share: Annotated[
        float | None, text("temporal, without days: share of interactions; usually 0.1.", SPLIT)
    ] = None,
    target: Annotated[
        str | None,
        text(
            "temporal: the last (the default) or the first interaction of a period is predicted.",
            SPLIT,
        ),
    ] = None,
    category: Annotated[
        str | None, text("Any Amazon category, as its files call it: Musical_Instruments.", AMAZON)
    ] = None,
    edition: Annotated[str | None, text("Amazon: 2014 (the papers), 2018 or 2023.", AMAZON)] = None,
    reviews: Annotated[str | None, text("Amazon: 5-core files or all reviews.", AMAZON)] = None,
    release: Annotated[str | None, text("MovieLens or S3-Rec: ml-1m, Beauty, …", AMAZON)] = None,
    interactions: Annotated[
        str | None, text("File of interactions: CSV, TSV, Parquet or JSON lines.", TABLE)
    ] = None,
    user: Annotated[str | None, text("Its column of users.", TABLE)] = None,
    item: Annotated[str | None, text("Its column of items.", TABLE)] = None,
    time: Annotated[
        str | None,
        text(
            "Its column of times; without it a column of a known name, such as timestamp or date;"
            " none: no times.",
            TABLE,
        ),
    ] = None,
    time_format: Annotated[
        str | None, text("How times are written, if not ISO 8601 or seconds: '%d/%m/%Y'.", TABLE)
    ] = None,
    behaviour: Annotated[
        list[str] | None, text("A behaviour: NAME, or NAME=COLUMN. Repeatable.", TABLE)
    ] = None,
    items: Annotated[str | None, text("File of items.", TABLE)] = None,
    items_key: Annotated[
        str | None, text("Its column of items, if called otherwise.", TABLE)
    ] = None,
    attribute: Annotated[
        list[str] | None, text("An attribute: NAME, or NAME=COLUMN. Repeatable.", TABLE)
    ] = None,
    title: Annotated[str | None, text("The column of titles.", TABLE)] = None,
    separator: Annotated[
        str | None, text("What separates several values in a cell.", TABLE)
    ] = None,
    delimiter: Annotated[
        str | None, text("What separates the cells of a text file: ';', or '\\t' for a tab.", TABLE)
    ] = None,
    encoding: Annotated[
        str | None, text("How a text file is encoded, if not in UTF-8 or UTF-16: cp1252.", TABLE)
    ] = None,
    columns: Annotated[
        str | None,
        text("Names of the columns of a file without a header, separated by commas.", TABLE),
    ] = None,
    vectors: Annotated[
        list[str] | None,
        text(
            "Vectors of items, such as text embeddings: text=FILE.npz (ids and vectors), FILE.npy"
            " (ids in FILE.txt) or FILE.parquet. Repeatable.",
            BESIDE,
        ),
    ] = None,
    users: Annotated[
        str | None,
        text("File of users, one row each: CSV, TSV, Parquet, JSON lines, X.user.", BESIDE),
    ] = None,
    users_key: Annotated[
        str | None, text("Its column of users, if called otherwise than user or user_id.", BESIDE)
    ] = None,
    user_attribute: Annotated[
        list[str] | None,
        text("An attribute of users: NAME, or NAME=COLUMN; all without it. Repeatable.", BESIDE),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="KEY=VALUE: any other option of the source. Repeatable.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Replace another data set of this name, on which runs may stand."
        ),
    ] = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Prepare a data set from raw files, which are downloaded where that is possible.

    Examples: sirec prepare beauty

    sirec prepare yelp --since 2019-01-01 --until 2019-12-31 --raw downloads/yelp_dataset.tar

    sirec prepare table --name shop --interactions orders.csv --user customer --item product
    --time ordered_at

    sirec prepare beauty --vectors text=embeddings.npz
    """
    with loading():
        from sirec import api, config
    from sirec.data.prepare.findings import NARROW, listed
    from sirec.data.store import storage

    asked = {
        "category": category,
        "edition": edition,
        "reviews": reviews,
        "release": release,
        "interactions": interactions,
        "user": user,
        "item": item,
        "time": time,
        "time_format": time_format,
        "behaviours": columns_of(behaviour),
        "items": items,
        "items_key": items_key,
        "attributes": columns_of(attribute),
        "title": title,
        "separator": separator,
        "delimiter": delimiter and delimiter.replace("\\t", "\t"),
        "encoding": encoding,
        "columns": columns and [column.strip() for column in columns.split(",")],
    }
    parts = {
        "name": split
        or (
            "temporal"
            if _is_given(valid_from, test_from, valid_share, test_share, target)
            else None
        ),
        "valid_from": valid_from,
        "test_from": test_from,
        "valid": valid_share,
        "test": test_share,
        "target": target,
    }
    settings = {
        "since": since,
        "until": until,
        "min_rating": min_rating,
        "core": core,
        "drop_duplicates": dedupe or None,
        "drop_repeated_rows": drop_repeated_rows or None,
        "ties": ties,
        "ties_seed": ties_seed,
        "categories": categories,
        "split": _given(parts) or None,
        "bins": pairs_of(bins, "--bins"),
        "without": words_of(without),
        "lists": pairs_of(lists, "--lists", "FORM", "genre=';'"),
        "clean": clean or None,
        "missing": words_of(missing),
        "unknown": words_of(unknown),
        "decimal": decimal,
        "merge": words_of(merge),
        "join": join,
    }
    beside = {
        "vectors": pairs_of(vectors, "--vectors", "FILE", "text=embeddings.npz"),
        "users": users,
        "users_key": users_key,
        "user_attributes": columns_of(user_attribute),
    }
    source_options = _given(asked) | config.parse_assignments(changes or [])
    with stage_bars() as show_stage:
        made = api.prepare(
            name,
            name=called,
            source=source,
            source_options=source_options,
            options=_given(settings),
            **_given(beside),
            raw=raw,
            skip_bad_lines=skip_bad_lines,
            replace=replace,
            results=out,
            data_root=data_root,
            progress=show_stage,
        )
    audit = command("audit", made.name)
    for message in made.skipped[:SKIPPED_SHOWN]:
        say(f"skipped {message}")
    if len(made.skipped) > SKIPPED_SHOWN:
        say(f"{made.skipped_counts}; --json lists every line")
    for step in made.prepared.steps:
        counts = f"{step.users:,} users, {step.items:,} items, {step.interactions:,} interactions"
        say(f"{step.name}: {counts}")
    say(f"order: {made.prepared.order}")
    for note in made.notes:
        say(note)
    if made.findings:
        say(f"values to look at ({audit} lists all):")
    for line in listed(made.findings, NARROW - 2):
        say(f"  {line}")
    if as_json:
        statistics = made.prepared.statistics.as_dict()
        values = {"folder": str(made.folder), "statistics": statistics}
        values |= {"skipped": list(made.skipped), "findings": config.dump(made.findings)}
        print_json(values)
        return
    stdout.print(dataset_facts(storage.read_manifest(made.folder)))
    say(f"prepared: {made.folder}")
    say_next(audit, command("train", "comif", "--data", made.name))


def _is_given(*values: object) -> bool:
    """Whether any of these options is given; a share of 0 is, and is refused later."""
    return any(value is not None for value in values)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
