"""Raw files of every format, damaged at random: they are read, or refused in one line.

What is read is prepared, stored and loaded again: the same data, whatever the names are.
"""

from __future__ import annotations

import gzip
import random
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from data.source_examples import EXAMPLES

from faults.law import REFUSED, Tally
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.store import storage
from sirec.errors import Remark
from sirec.testing.source_examples import SourceExample, sample

OPTIONS = (
    PrepareOptions(core=0),
    PrepareOptions(core=2),
    PrepareOptions(core=0, drop_repeated_rows=True),
)
PIECES: Sequence[bytes] = (
    *(b"\0", b"\r", b"\n", b"\r\n", b"\t", b",", b";", b"|", b"::", b'"', b"'", b"\\", b"\xff"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", "\u2028".encode(), "\u202e".encode()),
    *(b"{", b"[", b"[" * 5000, b'{"a":' * 5000, b"{}", b"null", b"NaN", b"nan", b"inf", b"1e400"),
    *(b"-1", b"0", b"9" * 30, b"9" * 5000, b"1.5", b"007", b" 7", b"7 ", b"7.0", b"", b" "),
    *(b"2024-13-45", b"1970-01-01", b"0001-01-01", b"9999-12-31", b"1600000000000000000000"),
    *(b"=1+cmd|' /C calc'!A0", b"\x1b[31m", b"x" * 100_000, "é".encode("cp1252"), "😀".encode()),
    *(b"user", b"item", b"item_id:token", b"\\ud800", b'"\\ud800"', b"['a'", b"__import__('os')"),
)


def damage_raw_files(tally: Tally, place: Path, inputs: int, seed: int = 0) -> None:
    """Damage the raw files of each source at random, and prepare them.

    Args:
        tally: counts what was tried.
        place: a folder for the files, which does not exist yet.
        inputs: how many damaged folders.
        seed: decides them.
    """
    rng = random.Random(seed)
    examples = {name: each for name, each in EXAMPLES.items() if each.write is not None}
    whole: dict[str, Path] = {}
    for number, (name, example) in enumerate(examples.items()):
        whole[name] = place / "whole" / str(number)
        whole[name].mkdir(parents=True)
        assert example.write is not None
        example.write(whole[name], sample())
    names = list(examples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        for number in range(inputs):
            name = names[number % len(names)]
            folder = place / "damaged"
            shutil.copytree(whole[name], folder)
            damaged = _damage(folder, rng)
            tried = f"{name}, input {number} of seed {seed}: {damaged}"
            found = tally.hold(tried, lambda: _prepare(examples[name], folder, rng))  # noqa: B023
            if found is not REFUSED:
                _check_stored(tally, tried, found, place / "data")
            shutil.rmtree(folder)


def _damage(folder: Path, rng: random.Random) -> str:
    """Damage a file of a folder in some ways; returns what was done."""
    path = rng.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    content = path.read_bytes()
    is_packed = path.suffix == ".gz"
    if is_packed:
        content = gzip.decompress(content)
    done: list[str] = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        way = rng.choice(WAYS)
        done.append(way.__name__.strip("_"))
        content = way(content, rng)
    if is_packed:
        content = gzip.compress(content)
    if rng.random() < 0.05:
        content = content[: rng.randrange(len(content) + 1)]
    path.write_bytes(content)
    return f"{path.name}: {', '.join(done)}"


def _place(content: bytes, rng: random.Random) -> int:
    return rng.randrange(len(content) + 1)


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = _place(content, rng)
    return content[:place] + rng.choice(PIECES) + content[place:]


def _delete(content: bytes, rng: random.Random) -> bytes:
    place = _place(content, rng)
    return content[:place] + content[place + rng.choice((1, 2, 10, 100)) :]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    place = _place(content, rng)
    return content[:place] + content[place : place + 60] * rng.choice((1, 2, 50)) + content[place:]


def _cell(content: bytes, rng: random.Random) -> bytes:
    """Another value in place of a cell."""
    signs = b",\t;|\n: "
    ends = [place for place, byte in enumerate(content) if byte in signs]
    if len(ends) < 2:
        return content
    number = rng.randrange(len(ends) - 1)
    return content[: ends[number] + 1] + rng.choice(PIECES) + content[ends[number + 1] :]


def _swap_lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines)


WAYS: Sequence[Callable[[bytes, random.Random], bytes]] = (
    *(_flip, _insert, _insert, _delete, _repeat, _cell, _cell, _cell, _swap_lines),
)


def _prepare(example: SourceExample, folder: Path, rng: random.Random) -> Prepared:
    """Read and prepare what lies in a folder."""
    context = ReadingContext(bad_lines=BadLines(rng.choice((0, 3))))
    raw = example.source.read(folder, context)
    return prepare(raw, "damaged", rng.choice(OPTIONS))


def _check_stored(tally: Tally, name: str, made: Prepared, root: Path) -> None:
    """Store what was prepared and load it: nothing of it changes."""
    shutil.rmtree(root, ignore_errors=True)
    loaded = tally.hold(f"{name}, stored", lambda: storage.load(storage.write(root, made)))
    tally.tried -= 1
    if loaded is REFUSED:
        return
    kept = (made.dataset.fingerprint(), made.dataset.user_names, made.dataset.item_names)
    if (loaded.fingerprint(), loaded.user_names, loaded.item_names) != kept:
        tally.broken.append(f"{name}: loaded it is other than prepared")
