"""Every registered source keeps the promises; each check finds a source that does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from data.source_examples import EXAMPLES

from sirec.data.reading import lines
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.reading.files import RawFile, RawFiles, read_text
from sirec.data.sources import SOURCES
from sirec.data.sources.base import RawData, Source, written_options
from sirec.errors import SirecError
from sirec.testing import SampleInteraction, SourceExample, check_source


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_source_keeps_the_promises(name: str, tmp_path: Path) -> None:
    """All checks in one call, as another package's tests make it."""
    check_source(EXAMPLES[name], tmp_path)


def test_every_registered_source_has_an_example() -> None:
    """A new source needs its raw files among the examples."""
    assert {example.source.name for example in EXAMPLES.values()} == set(SOURCES)


@dataclass(frozen=True)
class Faulty(Source):
    """Plays in a CSV file, read by plain Python, with one promise broken as `fault` says."""

    name: ClassVar[str] = "faulty-for-tests"
    needs_files: ClassVar[bool] = True
    fault: str = "none"

    def instructions(self) -> str:
        """The file."""
        return "a folder with plays.csv"

    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Read the file as `fault` says."""
        context = context or ReadingContext()
        if self.fault == "a bad line is passed over":
            context = replace(context, bad_lines=BadLines(100))
        path = self._file(folder)
        rows = list(self._rows(path, context))
        if not rows:
            raise SirecError(f"{path}: no plays in it", "is it the right file?")
        table = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
        attributes = {}
        if self.fault == "the place in the file counts":
            last = table.reset_index().drop_duplicates("item", keep="last")
            values = [f"v{place % 2}" for place in last["index"]]
            attributes["late"] = pd.DataFrame({"item": last["item"].tolist(), "value": values})
        return RawData(self._changed(table), attributes, None, self._options(), (path,))

    def _file(self, folder: Path | None) -> Path:
        if self.fault == "a missing file is not looked for":
            path = (folder or Path()) / "plays.csv"
            return path if path.exists() else path.with_name("plays.csv.gz")
        return RawFiles(folder, self.instructions()).need("plays.csv").path

    def _text(self, path: Path) -> list[str]:
        file = RawFile(path, path.stat().st_size)
        if self.fault == "damage is not noticed":
            with file.open() as (stream, _):
                return stream.read().decode("utf-8-sig").splitlines()
        if self.fault == "blocks lose a line":
            found: list[str] = []
            for block in lines.blocks(file, lambda stage, done, total: None):
                found += block.data.decode().splitlines()[int(block.first > 1) :]
            return found
        return read_text(file).splitlines()

    def _rows(self, path: Path, context: ReadingContext) -> Iterator[tuple[str, str, int]]:
        text = self._text(path)
        for number, line in enumerate(text[1:], 2):
            cells = line.split(",")
            if self.fault != "no line is checked" and (len(cells) != 3 or not all(cells)):
                place = 1 if self.fault == "another line is named" else number
                context.bad_lines.add(f"{path}:{place}", "expected user, item and time", line)
                continue
            yield cells[0], cells[1], int(cells[2].strip()) // 10**6

    def _changed(self, table: pd.DataFrame) -> pd.DataFrame:
        times = table["timestamp"].astype("datetime64[ms]")
        table = table.assign(timestamp=times)
        if self.fault == "users are numbers":
            return table.assign(user=pd.to_numeric(table["user"], errors="coerce").fillna(0))
        if self.fault == "the last row is lost":
            return table.iloc[:-1]
        if self.fault == "nan is nothing":
            return table[~table["item"].isin(["nan", "NULL"])]
        if self.fault == "times are whole seconds":
            return table.assign(timestamp=times.astype("datetime64[s]").astype("datetime64[ms]"))
        if self.fault == "times are lost":
            return table.drop(columns="timestamp")
        if self.fault == "rows are drawn":
            return table.sample(frac=1)
        if self.fault == "a name that no export takes":
            return table.assign(order=1.0)
        return table

    def _options(self) -> dict[str, str]:
        if self.fault == "options are not written":
            return {"name": self.name, "fault": "the last row is lost"}
        return {"name": self.name, **written_options(self)}


def write_plays(folder: Path, interactions: Sequence[SampleInteraction]) -> Path:
    """The file of `Faulty`, with times in nanoseconds."""
    texts = [f"{each.user},{each.item},{each.nanoseconds}" for each in interactions]
    path = folder / "plays.csv"
    path.write_text("\n".join(["user,track,played_at", *texts]) + "\n")
    return path


def example(fault: str) -> SourceExample:
    """`Faulty` with a fault."""
    return SourceExample(
        Faulty(fault),
        write_plays,
        unit=10**6,
        bad_line="1",
        without_item="1,,1600000000000000000",
        header_lines=1,
    )


FAULTS = {
    "users are numbers": "not every user of the interactions is a text",
    "options are not written": "the written options read other interactions",
    "rows are drawn": "two readings of the same files differ in interactions",
    "blocks lose a line": "the size of the blocks that are read changes interactions",
    "a name that no export takes": "cannot be exported as atomic",
    "times are lost": "the times of the file are lost",
    "the last row is lost": "15 interactions are written, 14 read",
    "nan is nothing": "the item 'nan' is read as something else",
    "times are whole seconds": "fractions of a second have no part in the order",
    "the place in the file counts": "the order of rows of different users changes the fingerprint",
    "a bad line is passed over": "a bad line: 15 interactions are read without a word",
    "no line is checked": "a bad line: IndexError in place of a SirecError",
    "another line is named": "the message does not say plays.csv:5",
    "damage is not noticed": "a compressed file that is cut short: EOFError in place of",
    "a missing file is not looked for": "a missing file: FileNotFoundError in place of",
}


def test_a_source_of_another_package_keeps_the_promises(tmp_path: Path) -> None:
    """The control of the next law: without a fault all checks pass."""
    check_source(example("none"), tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_promise_is_named(fault: str, tmp_path: Path) -> None:
    """A source that breaks one promise fails with a sentence."""
    with pytest.raises(AssertionError, match=re.escape(FAULTS[fault])):
        check_source(example(fault), tmp_path)
