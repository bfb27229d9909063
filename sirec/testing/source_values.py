"""Whether what a source reads can be looked at: words for nothing and spellings among its ids."""

from __future__ import annotations

from pathlib import Path

from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.reading.context import BadLines
from sirec.testing.source_examples import (
    NANOSECONDS,
    START,
    SampleInteraction,
    SourceExample,
    sample,
)
from sirec.testing.source_reading import prepared, read

NOBODY, NOTHING = "NULL", "N/A"
SPELLINGS = ("Ann", "ann")
KINDS = ("missing-words", "spellings")


def check_ids_are_looked_at(example: SourceExample, folder: Path) -> None:
    """Users and items that are words for nothing, and users with two spellings, are counted, and
    the options that the findings name do away with them.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    if example.write is None or not example.has_text_ids:
        return
    clean, dirty = folder / "clean ids", folder / "dirty ids"
    for place in (clean, dirty):
        place.mkdir(parents=True)
    example.write(clean, sample())
    found = _counts(prepared(read(example, clean)))
    assert not found, f"clean ids have findings: {found}"
    rows = _dirty()
    example.write(dirty, rows)
    raw = read(example, dirty)
    nobody = sum(each.user == NOBODY for each in rows)
    nothing = sum(each.item == NOTHING for each in rows)
    wanted = {
        ("missing-words", "user"): nobody,
        ("missing-words", "item"): nothing,
        ("spellings", "user"): 1,
    }
    found = _counts(prepared(raw))
    assert found == wanted, f"the values have the findings {found}, not {wanted}"
    options = PrepareOptions(core=0, missing=(NOBODY, NOTHING), merge=("user",))
    left = _counts(prepare(raw, "checked", options, bad_lines=BadLines(nobody + nothing)))
    assert not left, f"the options leave the findings {left}"


def _dirty() -> list[SampleInteraction]:
    """The sample with a user and an item of no name, and with a user of two names."""
    rows: list[SampleInteraction] = []
    for each in sample():
        user = NOBODY if each.user == "4" else each.user
        item = NOTHING if each.item == "15" else each.item
        rows.append(SampleInteraction(user, item, each.nanoseconds, each.rating))
    for user in SPELLINGS:
        for item in ("11", "12", "13"):
            rows.append(SampleInteraction(user, item, START + NANOSECONDS))
    return rows


def _counts(made: Prepared) -> dict[tuple[str, str], int]:
    """How many users and items each finding on ids concerns."""
    counts: dict[tuple[str, str], int] = {}
    for finding in made.findings:
        if finding.field in ("user", "item") and finding.kind in KINDS:
            counts[finding.kind, finding.field] = finding.count
    return counts
