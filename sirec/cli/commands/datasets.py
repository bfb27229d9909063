"""`sirec datasets`: what is prepared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from sirec.cli import options
from sirec.cli.console import print_json, say, stdout
from sirec.errors import SirecError

if TYPE_CHECKING:
    from sirec.data.store.manifest import Manifest


def datasets(
    data_root: options.DataRoot = options.DATA_ROOT, as_json: options.Json = False
) -> None:
    """List prepared data sets with their statistics, and name those that cannot be read.

    Example: sirec datasets
    """
    from sirec.data.store import storage

    names = storage.list_datasets(data_root)
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
    elif not names:
        say(
            f"no data set is prepared in {data_root}; sirec prepare demo makes one,"
            " sirec prepare --help says more"
        )


def _readable(folders: Iterable[Path]) -> Iterator[Manifest]:
    """What can be read; of the others a line each says why."""
    from sirec.data.store import storage

    for folder in folders:
        try:
            yield storage.read_manifest(folder)
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
    for heading in (
        "data set",
        "users",
        "items",
        "interactions",
        "a user",
        "sparsity",
        "tied ends",
        "attributes",
        "fingerprint",
    ):
        table.add_column(
            heading,
            justify="left" if heading in ("data set", "attributes", "fingerprint") else "right",
        )
    for manifest in manifests:
        s = manifest.statistics
        attributes = (
            "\n".join(f"{a.name}: {a.values:,} values, {a.items:,} items" for a in s.attributes)
            or "none"
        )
        tied = "unknown" if s.tied_last_pairs is None else f"{100 * s.tied_last_pairs:.1f} %"
        table.add_row(
            manifest.name,
            f"{s.users:,}",
            f"{s.items:,}",
            f"{s.interactions:,}",
            f"{s.mean_per_user:.1f}",
            f"{100 * s.sparsity:.2f} %",
            tied,
            attributes,
            manifest.fingerprint,
        )
    return table


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
