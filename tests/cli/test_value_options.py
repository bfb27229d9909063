"""What `sirec prepare` says of values, and that each option that it names does away with it.

Every remedy is taken from the output and typed as it stands there.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sirec.data.store import storage

from .conftest import Call

USERS, ITEMS = 24, 20
IDS = [f"i{number}" for number in range(ITEMS)]
START = 1_600_000_000  # seconds since 1970
PREPARE = ["prepare", "table", "--user", "user", "--item", "item", "--time", "time", "--core", "0"]


def orders(path: Path, user: Callable[[int], str] = "u{}".format, fee: str = "") -> None:
    """Twenty-four users with six interactions each; `fee` has a place for a number."""
    rows = ["user,item,time,fee"]
    for row in range(USERS * 6):
        text = fee.format(row)
        rows.append(f'{user(row // 6)},{IDS[(row * 7) % ITEMS]},{START + row},"{text}"')
    path.write_text("\n".join(rows))


def catalogue(path: Path, values: list[str], ids: list[str] = IDS) -> None:
    """Items with an attribute `kind`."""
    rows = ["item\tkind", *(f"{ids[row]}\t{values[row % len(values)]}" for row in range(ITEMS))]
    path.write_text("\n".join(rows))


def run(sirec: Call, *arguments: str) -> list[dict[str, Any]]:
    """The findings of a call that has to succeed."""
    outcome = sirec(*arguments, "--json", "--replace")
    assert outcome.code == 0, outcome.err
    found: list[dict[str, Any]] = json.loads(outcome.out)["findings"]
    return found


CASES = {
    "words": ["nan", "N/A", "—", *["Nike", "Puma", "Fila"] * 2],
    "invisible": ["\u200b", "Nike", "Puma"],
    "literals": ["['Home Decor', 'Arts|Crafts']", '["Games"]', "[]"],
    "semicolons": ["Arts; Games", "Games", "Arts; War", "War; Games"],
    "markup": ["Tom &amp; Jerry", "Nike", "</span>"],
    "dollars": [f"${number}.99" for number in range(ITEMS)],
    "comma": [f"{number},50" for number in range(ITEMS)],
    "thousands": [f"{number + 1},500" for number in range(ITEMS)],
    "own": [f"v{number}" for number in range(ITEMS)],
    "one": ["same"],
    "spellings": ["Nike", "NIKE", "Puma"],
}


@pytest.mark.parametrize("case", CASES)
def test_every_remedy_of_an_attribute_does_away_with_its_finding(
    sirec: Call, tmp_path: Path, case: str
) -> None:
    """One finding, which is gone once its option is followed."""
    orders(tmp_path / "orders.csv")
    catalogue(tmp_path / "items.tsv", CASES[case])
    call = [*PREPARE, "--name", "values", "--raw", str(tmp_path), "--interactions", "orders.csv"]
    call += ["--items", "items.tsv", "--attribute", "kind"]
    [finding] = run(sirec, *call)
    assert finding["field"] == "kind"
    assert not run(sirec, *call, *shlex.split(finding["remedy"]))


@pytest.mark.parametrize("ids", ["{:04d}", "{}.0", "item-{}", "I{}"])
def test_a_failed_join_is_explained_and_mended(sirec: Call, tmp_path: Path, ids: str) -> None:
    """The table of items spells the ids otherwise."""
    log = ["user,item,time"]
    for row in range(USERS * 6):
        name = f"i{row * 7 % ITEMS}" if ids == "I{}" else str(row * 7 % ITEMS)
        log.append(f"u{row // 6},{name},{START + row}")
    (tmp_path / "orders.csv").write_text("\n".join(log))
    catalogue(tmp_path / "items.tsv", ["a", "b", "c"], [ids.format(row) for row in range(ITEMS)])
    call = [*PREPARE, "--name", "joins", "--raw", str(tmp_path), "--interactions", "orders.csv"]
    call += ["--items", "items.tsv", "--attribute", "kind"]
    [finding] = run(sirec, *call)
    assert (finding["kind"], finding["count"]) == ("joins", ITEMS)
    assert "20 of 20 items have no row in items.tsv" in finding["what"]
    assert not run(sirec, *call, *shlex.split(finding["remedy"]))


def test_users_without_a_name_are_left_out_as_the_hint_says(
    sirec: Call, tmp_path: Path, prepared: Path
) -> None:
    """Six interactions of `nan`: the option alone is refused with the number that would do."""
    orders(tmp_path / "orders.csv", lambda user: "nan" if user == 3 else f"u{user}")
    call = [*PREPARE, "--name", "nobody", "--raw", str(tmp_path), "--interactions", "orders.csv"]
    [finding] = run(sirec, *call)
    assert finding["remedy"] == "--missing=nan --skip-bad-lines 6"
    refused = sirec(*call, "--missing=nan", "--replace")
    assert refused.code == 2
    assert "6 interactions have no user: 'nan'" in refused.err
    assert "--skip-bad-lines 6" in refused.err
    assert not run(sirec, *call, *shlex.split(finding["remedy"]))
    assert storage.load(prepared / "data" / "nobody").user_count == USERS - 1


def test_lines_that_are_skipped_already_are_part_of_the_number(sirec: Call, tmp_path: Path) -> None:
    """Two bad lines and six interactions of `nan` need eight: the hint says so, and works."""
    orders(tmp_path / "orders.csv", lambda user: "nan" if user == 3 else f"u{user}")
    with (tmp_path / "orders.csv").open("a") as file:
        file.write("\nu1,i1,soon,\nu1,i1,later,")
    call = [*PREPARE, "--name", "both", "--raw", str(tmp_path), "--interactions", "orders.csv"]
    [finding] = run(sirec, *call, "--skip-bad-lines", "2")
    assert finding["remedy"] == "--missing=nan --skip-bad-lines 8"
    assert not run(sirec, *call, *shlex.split(finding["remedy"]))


def test_spellings_of_users_are_merged(sirec: Call, tmp_path: Path, prepared: Path) -> None:
    """`u1` and `U1` are one user once the option is followed."""
    orders(tmp_path / "orders.csv", lambda user: f"u{user // 2}" if user % 2 else f"U{user // 2}")
    call = [*PREPARE, "--name", "twins", "--raw", str(tmp_path), "--interactions", "orders.csv"]
    [finding] = run(sirec, *call)
    assert finding["count"] == USERS // 2
    assert not run(sirec, *call, *shlex.split(finding["remedy"]))
    assert storage.load(prepared / "data" / "twins").user_count == USERS // 2


@pytest.mark.parametrize("fee", ["${}.99", "{},5", "{:,}.50", "{}.5 €"])
def test_too_many_numbers_written_as_text_need_bins_and_get_them(
    sirec: Call, tmp_path: Path, fee: str
) -> None:
    """More than a thousand prices are refused in any form; the hint works as it is typed."""
    rows = ["user,item,time,fee"]
    for row in range(1_200):
        rows.append(f'u{row // 50},{IDS[(row * 7) % ITEMS]},{START + row},"{fee.format(row)}"')
    (tmp_path / "orders.csv").write_text("\n".join(rows))
    call = [*PREPARE, "--name", "fees", "--raw", str(tmp_path), "--interactions", "orders.csv"]
    call += ["--behaviour", "fee"]
    refused = sirec(*call)
    assert refused.code == 2
    assert "distinct numbers, too many" in refused.err
    hint = refused.err.partition("for example ")[2].partition(" (")[0]
    assert not run(sirec, *call, *shlex.split(hint))


def test_lists_in_atomic_files_are_read_whole(sirec: Call, tmp_path: Path, prepared: Path) -> None:
    """A sequence is split at blanks, its lists in pieces; the option reads the cells as lists."""
    log = ["user_id:token\titem_id:token\ttimestamp:float"]
    for row in range(USERS * 6):
        log.append(f"u{row // 6}\t{IDS[(row * 7) % ITEMS]}\t{START + row}")
    (tmp_path / "x.inter").write_text("\n".join(log))
    items = ["item_id:token\tgenre:token_seq"]
    for row, name in enumerate(IDS):
        items.append(f"{name}\t['Home Decor', '{'Arts' if row % 2 else 'Games'}']")
    (tmp_path / "x.item").write_text("\n".join(items))
    call = ["prepare", "atomic", "--name", "pieces", "--raw", str(tmp_path), "--core", "0"]
    [finding] = run(sirec, *call)
    assert finding["remedy"] == "--lists genre=literal"
    assert not run(sirec, *call, *shlex.split(finding["remedy"]))
    data = storage.load(prepared / "data" / "pieces")
    assert data.vocabularies["genre"] == ["", "Arts", "Games", "Home Decor"]


def test_findings_are_printed_by_prepare_and_by_the_audit(sirec: Call, tmp_path: Path) -> None:
    """One line for a kind and field, in 80 columns; a clean data set (control) has none."""
    orders(tmp_path / "orders.csv")
    catalogue(tmp_path / "items.tsv", ["nan", "Nike", "NIKE", "Tom &amp; Jerry"])
    call = [*PREPARE, "--name", "seen", "--raw", str(tmp_path), "--interactions", "orders.csv"]
    call += ["--items", "items.tsv", "--attribute", "kind", "--replace"]
    printed = sirec(*call).err.splitlines()
    start = printed.index("values to look at (sirec audit seen lists all):")
    lines = [line for line in printed[start + 1 :] if line.startswith("  kind: ")]
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    audited = sirec("audit", "seen").out
    assert all(line.strip() in audited for line in lines)
    assert len(json.loads(sirec("audit", "seen", "--json").out)["findings"]) == 3
    clean = sirec(*call, "--missing=nan", "--merge", "kind", "--clean")
    assert "values to look at" not in clean.err
    assert "values: nothing to look at" in sirec("audit", "seen").out


MISTAKES = {
    "lists": (["--lists", "genre=literal"], "'genre' is not an attribute"),
    "lists alone": (["--lists", "genre"], "expected NAME=FORM"),
    "merge": (["--merge", "maker"], "'maker' is not a field"),
    "without": (["--without", "maker"], "'maker' is not a field"),
    "decimal": (["--decimal", ";"], "decimal"),
    "join": (["--join", "guess"], "join"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_wrong_options_are_one_line(sirec: Call, tmp_path: Path, case: str) -> None:
    """An unknown field, form or rule is refused with what would be right."""
    orders(tmp_path / "orders.csv")
    call = [*PREPARE, "--name", "wrong", "--raw", str(tmp_path), "--interactions", "orders.csv"]
    options, message = MISTAKES[case]
    outcome = sirec(*call, *options)
    assert outcome.code == 2
    assert message in outcome.err.splitlines()[0]
    assert "hint:" in outcome.err
