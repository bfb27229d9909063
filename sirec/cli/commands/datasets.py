"""`sirec datasets`: what is prepared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from sirec.cli import options
from sirec.cli.console import print_json, say, say_next, stdout
from sirec.errors import SirecError
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.data.store.manifest import Manifest


def datasets(
    data_root: options.DataRoot = options.DATA_ROOT, as_json: options.Json = False
) -> None:
    """List prepared data sets with their statistics, and name those that cannot be read.

    Example: sirec datasets
    """
    from sirec.data.store import finding

    names = finding.list_datasets(data_root)
    manifests = list(_readable(data_root / name for name in names))
    if as_json:
        facts = [
            {
                "name": m.name,
                "fingerprint": m.fingerprint,
                "split": m.options.split.text,
                "order": m.order_in_words,
            }
            for m in manifests
        ]
        print_json(
            [fact | m.statistics.as_dict() for fact, m in zip(facts, manifests, strict=True)]
        )
    elif manifests:
        stdout.print(dataset_table(manifests))
        say_next(command("audit", manifests[-1].name))
    elif not names:
        say(
            f"no data set is prepared in {data_root}; sirec prepare demo makes one,"
            " sirec prepare --help says more"
        )


def _readable(folders: Iterable[Path]) -> Iterator[Manifest]:
    """What can be read; of the others a line each says why."""
    from sirec.data.store import finding

    for folder in folders:
        try:
            yield finding.read_manifest(folder)
        except SirecError as error:
            say(
                f"not listed: {error.message}; {error.hint}"
                if error.hint
                else f"not listed: {error.message}"
            )


def dataset_table(manifests: Sequence[Manifest]) -> Table:
    """Data sets as rows, and below them the splits that leave users without a target."""
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        caption="\n".join(_splits(manifests)),
        caption_justify="left",
    )
    table.add_column("data set", overflow="fold", min_width=8)
    for heading in ("users", "items", "interactions"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("side information", overflow="fold", min_width=16)
    for manifest in manifests:
        s = manifest.statistics
        sizes = [f"{count:,}" for count in (s.users, s.items, s.interactions)]
        names = [field.name for field in manifest.fields]
        table.add_row(Text(manifest.name), *sizes, Text(", ".join(names) or "none"))
    return table


def dataset_facts(manifest: Manifest) -> Table:
    """One data set: its sizes, order and fields, a line each."""
    s = manifest.statistics
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row(
        Text(manifest.name),
        f"{s.users:,} users, {s.items:,} items, {s.interactions:,} interactions; "
        f"{s.mean_per_user:.1f} a user, sparsity {100 * s.sparsity:.2f} %",
    )
    coverage = {attribute.name: attribute for attribute in s.attributes}
    for field in manifest.fields:
        if field.name in coverage:
            found = coverage[field.name]
            share = f"{100 * found.items / s.items:.0f} % of items have any"
            what = f"vectors of {field.size:,}" if field.form == "vector" else _values(found.values)
            facts.add_row(Text(field.name), f"attribute, {what}; {share}")
        else:
            of = "behaviour of the user" if field.form == "user" else "behaviour"
            facts.add_row(Text(field.name), f"{of}, {_values(field.size - 1)}")
    if s.tied_last_pairs is not None:
        share = f"{100 * s.tied_last_pairs:.1f} % of users: their last two have the same time"
        facts.add_row("tied ends", share)
    facts.add_row("split", manifest.options.split.text)
    for line in _splits([manifest]):
        facts.add_row("", line)
    facts.add_row("fingerprint", manifest.fingerprint)
    return facts


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count:,} values"


def _splits(manifests: Sequence[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        s = manifest.statistics
        if (
            s.valid_targets is not None
            and s.test_targets is not None
            and min(s.valid_targets, s.test_targets) < s.users
        ):
            valid = f"{s.valid_targets:,} users have a validation target"
            split = f"{manifest.name}: {manifest.options.split.text}"
            yield f"{split}; {valid}, {s.test_targets:,} a test target"
