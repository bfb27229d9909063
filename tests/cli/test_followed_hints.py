"""What a hint of `sirec prepare` says is done here, and it works."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from data.rawfiles import amazon, movielens

from sirec.data.store import storage
from sirec.shell import arguments

from .conftest import Call

Row = tuple[str, str, Any]
ROWS: list[Row] = [
    (str(user), str((user * step) % 7 + 1), 1_600_000_000 + 86_400 * step)
    for user in range(1, 9)
    for step in range(8)
]
RATINGS = [(user, item, "5", second) for user, item, second in ROWS]
USERS = 8
HEADER = ("user", "item", "time")
TYPED = ("user_id:token", "item_id:token", "timestamp:float")
FOLDER = "my shop's files"  # a path that a shell would read as something else


def written(sign: str, header: tuple[str, ...] = (), rows: list[Row] = ROWS) -> str:
    """Rows as lines with a separator."""
    lines = [*([header] if header else []), *rows]
    return "".join(sign.join(map(str, line)) + "\n" for line in lines)


def written_days(form: str) -> list[Row]:
    """The rows with times as texts."""
    found = []
    for user, item, second in ROWS:
        found.append((user, item, datetime.fromtimestamp(second, UTC).strftime(form)))
    return found


def starred(count: int, stars: str = "5") -> list[Any]:
    """Interactions with stars, as many a user."""
    return [
        (str(user), str(item), 1_600_000_000, stars)
        for user in range(1, USERS + 1)
        for item in range(count)
    ]


def reviews(edition: str) -> list[amazon.Record]:
    """The rows as reviews of an edition."""
    layout = amazon.LAYOUTS[edition]
    return [layout.review(user, item, 5.0, second) for user, item, second in ROWS]


def products(edition: str) -> list[amazon.Record]:
    """A product for each item."""
    layout = amazon.LAYOUTS[edition]
    known = {"title": "A soap", "brand": "Acme", "categories": None}
    return [layout.product(str(item), known) for item in range(1, 8)]


def sequences() -> str:
    """A line for each user."""
    of_user: dict[str, list[str]] = {}
    for user, item, _ in ROWS:
        of_user.setdefault(user, []).append(item)
    return "".join(f"{user} {' '.join(items)}\n" for user, items in of_user.items())


def packed(path: Path, **members: str) -> None:
    """Write an archive; the names of its members have an underscore for the dot."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)


@dataclass(frozen=True)
class Case:
    """A file that is not what the command expects, and what is said of it.

    Attributes:
        make: writes the files into a folder.
        command: arguments of `sirec prepare`, with {} for the folder.
        message: a part of the message.
        advice: options, or a whole command, which the hint has to contain as they stand here.
    """

    make: Callable[[Path], object]
    command: str
    message: str
    advice: str


def file(name: str, text: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    """Write a single file."""
    return lambda folder: (folder / name).write_text(text, encoding=encoding)


TABLE = "table --interactions {}/a.csv --time time"
PAIRS = "".join(f"{user} {item}\n" for user, item, _ in ROWS)
AS_TABLE = "sirec prepare table --interactions"
DAYS = "".join(f"{user},{item},2020-01-01 00:00:{second % 60:02}\n" for user, item, second in ROWS)

CASES = {
    "atomic with spaces": Case(
        file("x.inter", written(" ", TYPED)),
        "atomic --raw {}",
        "x.inter:1: expected tabs between the fields, found spaces",
        "--delimiter ' '",
    ),
    "atomic with commas": Case(
        file("x.inter", written(",", TYPED)),
        "atomic --raw {}",
        "expected tabs between the fields, found commas",
        "--delimiter ,",
    ),
    "atomic with two colons": Case(
        file("x.inter", written("::", TYPED)),
        "atomic --raw {}",
        "expected tabs between the fields, found '::'",
        "--delimiter ::",
    ),
    "atomic without types": Case(
        file("x.inter", written("\t", HEADER)),
        "atomic --raw {}",
        "no field with its type in the header: 'user item time'",
        f"{AS_TABLE} {{}}/x.inter --set format=tsv --time time",
    ),
    "atomic without a header": Case(
        file("x.inter", written("\t")),
        "atomic --raw {}",
        "no field with its type in the header: '1 1 16000",
        f"{AS_TABLE} {{}}/x.inter --set format=tsv --columns user,item,time --time time",
    ),
    "atomic without a header and tabs": Case(
        file("x.inter", written(",")),
        "atomic --raw {}",
        "no field with its type in the header: '1,1,16000",
        f"{AS_TABLE} {{}}/x.inter --set format=tsv --columns user,item,time --delimiter , "
        "--time time",
    ),
    "atomic without types and tabs": Case(
        file("x.inter", written(",", ("userId", "the movie", "at_time"))),
        "atomic --raw {}",
        "no field with its type in the header",
        f"{AS_TABLE} {{}}/x.inter --set format=tsv --delimiter , --user userId --item 'the movie' "
        "--time at_time",
    ),
    "pairs": Case(
        file("sequences.txt", PAIRS),
        "s3rec --raw {}",
        "sequences.txt: a line for each interaction",
        f"{AS_TABLE} {{}}/sequences.txt --columns user,item --delimiter ' '",
    ),
    "pairs with tabs": Case(
        file("sequences.txt", PAIRS.replace(" ", "\t")),
        "s3rec --raw {}",
        "a line for each interaction",
        f"{AS_TABLE} {{}}/sequences.txt --columns user,item --delimiter '\\t'",
    ),
    "pairs of words": Case(
        file("sequences.txt", PAIRS.replace(" ", " i")),
        "s3rec --raw {}",
        "a line for each interaction",
        f"{AS_TABLE} {{}}/sequences.txt --columns user,item --delimiter ' '",
    ),
    "ratings": Case(
        file("sequences.txt", written("::5::").replace("::5::16", "::16")),
        "s3rec --raw {}",
        "a line for each interaction",
        f"{AS_TABLE} {{}}/sequences.txt --columns user,item,column3,time --delimiter :: "
        "--time time",
    ),
    "pairs in an archive": Case(
        lambda folder: packed(folder / "one.zip", sequences_txt=PAIRS),
        "s3rec --raw {}/one.zip",
        "one.zip!sequences.txt: a line for each interaction",
        "sirec prepare table --raw {}/one.zip --interactions sequences.txt --columns user,item "
        "--delimiter ' '",
    ),
    "no header": Case(
        file("a.csv", written(",")), TABLE, "'user' is not a column", "--columns user,item,time"
    ),
    "no header, and dates": Case(
        file("a.csv", DAYS),
        "table --interactions {}/a.csv --user buyer --time 'sold at'",
        "'buyer' is not a column",
        "--columns 'buyer,item,sold at'",
    ),
    "semicolons, and a comma in a name": Case(
        file("a.csv", written(";", ("user", "item", "when, in UTC"))),
        "table --interactions {}/a.csv",
        "'user' is not a column",
        "--delimiter ';'",
    ),
    "spaces in a table": Case(
        file("a.csv", written(" ", HEADER)), TABLE, "a single column", "--delimiter ' '"
    ),
    "two tables in an archive": Case(
        lambda folder: packed(
            folder / "two.zip", a_csv=written(",", HEADER), b_csv=written(",", HEADER)
        ),
        "table --interactions {}/two.zip --time time",
        "2 tables in this archive",
        "--raw {}/two.zip --interactions a.csv",
    ),
    "a table outside the archive": Case(
        lambda folder: (
            packed(folder / "one.zip", b_csv=written(",", HEADER)),
            file("a.csv", written(",", HEADER))(folder),
        ),
        "table --raw {}/one.zip --interactions {here}/a.csv --time time",
        "a.csv: no such file",
        "--interactions {}/a.csv",
    ),
    "an ending that tells nothing": Case(
        file("a.dat", written(",", HEADER)),
        "table --interactions {}/a.dat --time time",
        "tells no format",
        "--set format=csv",
    ),
    "days before months": Case(
        file("a.csv", written(",", HEADER, written_days("%d/%m/%Y %H:%M"))),
        TABLE,
        "a.csv:2, column time: expected",
        "--time-format '%d/%m/%Y %H:%M'",
    ),
    "months before days": Case(
        file("a.csv", written(",", HEADER, written_days("%m/%d/%y %I:%M %p"))),
        TABLE,
        "a.csv:2, column time: expected",
        "--time-format '%m/%d/%y %I:%M %p'",
    ),
    "names of months, in JSON lines": Case(
        file(
            "a.jsonl",
            "".join(
                json.dumps(dict(zip(HEADER, row, strict=True))) + "\n"
                for row in written_days("%d-%b-%Y")
            ),
        ),
        "table --interactions {}/a.jsonl --time time",
        "a.jsonl:1, column time: expected",
        "--time-format '%d-%b-%Y'",
    ),
    "times of another format than the declared": Case(
        file("x.inter", written("\t", TYPED, written_days("%d.%m.%Y"))),
        "atomic --raw {} --time-format %d/%m/%Y",
        "expected a time of the format %d/%m/%Y",
        "--time-format '%d.%m.%Y'",
    ),
    "another encoding": Case(
        file("a.csv", written(",", HEADER).replace(",1,", ",é,"), "cp1252"),
        TABLE,
        "column item: not UTF-8 text",
        "--encoding cp1252",
    ),
    "another encoding of the header, with the large bytes first": Case(
        file("a.csv", written(",", HEADER), "utf-16-be"),
        TABLE,
        "there are control characters in the first line",
        "--encoding utf-16-be",
    ),
    "an encoding without the order of bytes": Case(
        file("a.csv", written(",", HEADER), "utf-16-le"),
        f"{TABLE} --encoding utf-16",
        "a.csv:1: not utf-16 text",
        "--encoding utf-16-le",
    ),
    "another encoding of the header": Case(
        file("a.csv", written(",", HEADER), "utf-16-le"),
        TABLE,
        "there are control characters in the first line",
        "--encoding utf-16-le",
    ),
    "a behaviour with words among its numbers": Case(
        file("a.csv", written(",", (*HEADER, "stars"), [*starred(10), *starred(1, "none")])),
        f"{TABLE} --behaviour stars",
        "column stars: expected a number",
        "--set 'texts=[stars]'",
    ),
    "names with capitals": Case(
        file("a.csv", written(",", ("user", "Item", "time"))),
        TABLE,
        "'item' is not a column",
        "--item Item",
    ),
    "a file as the name of a data set": Case(
        file("a.csv", written(",", HEADER)),
        "{}/a.csv",
        "is a file, and no known data set",
        f"{AS_TABLE} {{}}/a.csv",
    ),
    "another release of MovieLens": Case(
        lambda folder: movielens.write(folder, movielens.files("ml-100k", RATINGS)),
        "movielens --raw {}",
        "no ratings.dat of ml-1m in it, but the files of another release",
        "--release ml-100k",
    ),
    "another edition of Amazon": Case(
        lambda folder: amazon.write_edition(folder, "2018", reviews("2018"), products("2018")),
        "amazon --category All_Beauty --raw {}",
        "no reviews_All_Beauty_5.json.gz or reviews_All_Beauty_5.json in it, but other reviews",
        "--category Beauty --edition 2018 --reviews 5-core",
    ),
    "a release of S3-Rec": Case(
        lambda folder: (
            file("LastFM.txt", sequences())(folder),
            file("LastFM_item2attributes.json", "{}")(folder),
        ),
        "s3rec --raw {}",
        "no sequences.txt in it, but the files of a release",
        "--release LastFM",
    ),
    "a source without what it needs": Case(
        file("INTERACTIONS", written(",", HEADER)),
        "table --raw {} --set format=csv --time time",
        "the source table needs its option 'interactions'",
        "--set interactions=INTERACTIONS",
    ),
    "too large a core": Case(
        file("a.csv", written(",", HEADER)),
        f"{TABLE} --core 30",
        "the filter '30-core' leaves none of 64 interactions",
        "--core 8",
    ),
    "a bad line": Case(
        file("a.csv", written(",", HEADER) + "1\n"),
        TABLE,
        "a.csv:66: 1 cells, expected 3",
        "--skip-bad-lines 10",
    ),
}


def last_hint(err: str) -> str:
    """The hint of an error."""
    return " ".join(err.rpartition("hint:")[2].split())


@pytest.mark.parametrize("name", CASES)
def test_a_hint_works_as_it_is_printed(
    sirec: Call, prepared: Path, tmp_path: Path, name: str
) -> None:
    """The command fails. With the printed options, or with the printed command in its place, all
    interactions are prepared. The folder's name has a blank and a quote.
    """
    case = CASES[name]
    folder = tmp_path / FOLDER
    folder.mkdir()
    case.make(folder)
    (folder / "item2attributes.json").write_text("{}")

    def words(text: str) -> list[str]:
        here = os.path.relpath(folder, prepared)
        quoted = text.replace("{here}", shlex.quote(here)).replace("{}", shlex.quote(str(folder)))
        return shlex.split(quoted)

    options = ["--name", "followed", "--replace"]
    if "--core" not in case.command:
        options += ["--core", "0"]
    call = ["prepare", *words(case.command), *options]
    refusal = sirec(*call)
    assert refusal.code == 2
    assert case.message in refusal.err
    advice = words(case.advice)
    assert arguments(*advice) in refusal.err.rpartition("hint:")[2]
    call = [*advice[1:], *options] if advice[0] == "sirec" else [*call, *advice]
    outcome = sirec(*call)
    assert outcome.code == 0, outcome.err
    assert f"raw: {USERS} users, " in outcome.err
    count = 11 * USERS if "stars" in case.advice else len(ROWS)
    assert f"{count} interactions" in outcome.err
    if name == "too large a core":
        assert "8-core: " in outcome.err
        return
    data = storage.load(prepared / "data" / "followed")
    assert sorted(data.user_names[1:]) == sorted({user for user, _, _ in ROWS})


def test_a_table_in_an_archive_is_a_table(sirec: Call, prepared: Path, tmp_path: Path) -> None:
    """By its name in the archive, with folders or without; or by the archive, if it is alone."""
    table = written(",", HEADER)
    packed(tmp_path / "one.zip", **{"deep/a_csv": table})
    packed(tmp_path / "two.zip", **{"x/a_csv": table, "y/a_csv": "user,item,time\n1,2,3\n"})
    (tmp_path / "a.csv").write_text(table)
    options = ["--time", "time", "--core", "0", "--replace", "--name", "packed"]
    fingerprints: set[str] = set()
    for named in (
        ["--interactions", str(tmp_path / "a.csv")],
        ["--interactions", str(tmp_path / "one.zip")],
        ["--raw", str(tmp_path / "one.zip"), "--interactions", "a.csv"],
        ["--raw", str(tmp_path / "one.zip"), "--interactions", "deep/a.csv"],
        ["--raw", str(tmp_path / "two.zip"), "--interactions", "x/a.csv"],
        ["--raw", str(tmp_path), "--interactions", "deep/a.csv"],
    ):
        outcome = sirec("prepare", "table", *named, *options)
        assert outcome.code == 0, outcome.err
        fingerprints.add(storage.load(prepared / "data" / "packed").fingerprint())
    assert len(fingerprints) == 1
    both = ["--raw", str(tmp_path / "two.zip"), "--interactions", "a.csv"]
    assert "both" in sirec("prepare", "table", *both, *options).err  # the control


def test_a_name_that_is_not_there_gets_the_nearest(sirec: Call, tmp_path: Path) -> None:
    """In a folder and in an archive."""
    packed(tmp_path / "one.zip", orders_csv=written(",", HEADER))
    (tmp_path / "orders.csv").write_text(written(",", HEADER))
    for named in (
        ["--interactions", str(tmp_path / "order.csv")],
        ["--raw", str(tmp_path), "--interactions", "order.csv"],
        ["--raw", str(tmp_path / "one.zip"), "--interactions", "order.csv"],
    ):
        outcome = sirec("prepare", "table", *named)
        assert "order.csv: no such file" in outcome.err
        assert "did you mean 'orders.csv'?" in outcome.err


def test_columns_that_nobody_wants_may_have_no_name(sirec: Call, tmp_path: Path) -> None:
    """Empty cells behind the header of a spreadsheet change nothing."""
    lines = written(",", HEADER).splitlines()
    (tmp_path / "a.csv").write_text("".join(f"{line},,\n" for line in lines))
    outcome = sirec(
        "prepare",
        "table",
        "--interactions",
        str(tmp_path / "a.csv"),
        "--time",
        "time",
        "--core",
        "0",
        "--name",
        "empty",
    )
    assert outcome.code == 0, outcome.err
    assert f"{len(ROWS)} interactions" in outcome.err


def test_many_bad_lines_are_counted_and_a_few_are_shown(sirec: Call, tmp_path: Path) -> None:
    """A thousand bad lines take six; with --json all of them are listed."""
    bad = "1,2,soon\n" * 990 + "1,2\n" * 10
    (tmp_path / "a.csv").write_text(written(",", HEADER) + bad)
    call = [
        "prepare",
        "table",
        "--interactions",
        str(tmp_path / "a.csv"),
        "--time",
        "time",
        "--core",
        "0",
        "--name",
        "bad",
        "--skip-bad-lines",
        "1000",
    ]
    outcome = sirec(*call)
    skipped = [line for line in outcome.err.splitlines() if "skipped" in line]
    assert len(skipped) == 6
    assert "1,000 bad lines skipped: 990 × " in skipped[-1]
    assert "a.csv, column time: expected" in skipped[-1]
    assert "; 10 × " in skipped[-1]
    assert "a.csv: 2 cells, expected 3" in skipped[-1]
    listed = json.loads(sirec(*call, "--json").out)["skipped"]
    assert len(listed) == 1000
    assert listed[-1].endswith("a.csv:1065: 2 cells, expected 3: '1,2'")


def test_a_refusal_after_skipped_lines_tells_of_them(sirec: Call, tmp_path: Path) -> None:
    """Where a filter leaves nothing, lines that were not read may be the reason."""
    (tmp_path / "a.csv").write_text("user,item,time\n1,2,3\n" + "1,2,soon\n" * 9)
    call = [
        "prepare",
        "table",
        "--interactions",
        str(tmp_path / "a.csv"),
        "--time",
        "time",
        "--name",
        "few",
        "--skip-bad-lines",
        "10",
    ]
    outcome = sirec(*call)
    assert outcome.code == 2
    assert "'5-core' leaves none of 1 interactions (9 bad lines skipped: 9 × " in outcome.err


LISTS: dict[str, Any] = {
    "a list": [dict(zip(HEADER, row, strict=True)) for row in ROWS],
    "a list in an object": {"rows": [dict(zip(HEADER, row, strict=True)) for row in ROWS]},
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("form", LISTS)
def test_the_command_that_writes_json_lines_works(
    sirec: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, indent: int | None
) -> None:
    """JSON in one document is told so, and the command in the hint makes lines of it."""
    if form == "a list in an object" and indent:
        pytest.skip("an object over several lines is no JSON lines, which is said")
    path = tmp_path / "my orders.json"
    path.write_text(json.dumps(LISTS[form], indent=indent))
    call = ["prepare", "table", "--time", "time", "--core", "0", "--name", "lines", "--replace"]
    refusal = sirec(*call, "--interactions", str(path))
    assert "and not an object a line" in refusal.err
    command = refusal.err.partition("write an object a line: python ")[2].strip()
    run = f"{shlex.quote(sys.executable)} {command}"
    subprocess.run(["bash", "-c", run], check=True, cwd=tmp_path)
    outcome = sirec(*call, "--interactions", str(tmp_path / "my orders.jsonl"))
    assert outcome.code == 0, outcome.err
    assert f"{len(ROWS)} interactions" in outcome.err


@pytest.mark.parametrize(
    ("name", "hint"), [("a.xlsx", "save the sheet as CSV"), ("a.7z", "unpack it")]
)
def test_what_is_not_read_is_not_to_be_renamed(
    sirec: Call, tmp_path: Path, name: str, hint: str
) -> None:
    """A spreadsheet or an unknown archive is no table under another name."""
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    outcome = sirec("prepare", "table", "--interactions", str(tmp_path / name))
    assert hint in outcome.err
    assert "rename" not in outcome.err


def test_data_without_any_core_are_not_told_to_loosen_it(sirec: Call, tmp_path: Path) -> None:
    """No smaller core helps where no user would be long enough."""
    (tmp_path / "a.csv").write_text("user,item\n" + "".join(f"{n},{n}\n" for n in range(30)))
    call = ["prepare", "table", "--interactions", str(tmp_path / "a.csv"), "--name", "short"]
    assert "no core leaves users with 3 interactions" in sirec(*call).err
    assert "but then nothing is left" in sirec(*call, "--core", "0").err


@pytest.mark.parametrize(
    ("columns", "message"),
    [("user,item,time", "a.csv:1, column time: expected"), ("user,item", "3 cells, expected 2")],
)
def test_names_above_a_header_are_told_from_bad_lines(
    sirec: Call, tmp_path: Path, columns: str, message: str
) -> None:
    """Where --columns is one option too many, or has too few names, no line is bad."""
    (tmp_path / "a.csv").write_text(written(",", HEADER))
    call = ["prepare", "table", "--interactions", str(tmp_path / "a.csv"), "--columns", columns]
    outcome = sirec(*call, *(["--time", "time"] if "time" in columns else []), "--name", "twice")
    assert message in outcome.err
    assert last_hint(outcome.err).startswith("is the first line a header? leave out --columns")


def test_a_list_is_typed_in_brackets(sirec: Call, tmp_path: Path) -> None:
    """What `--set` takes for a list of one is printed, and works."""
    text = written(",", (*HEADER, "stars"), starred(10))
    (tmp_path / "a.csv").write_text(text)
    call = ["prepare", "table", "--interactions", str(tmp_path / "a.csv"), "--time", "time",
            "--behaviour", "stars", "--name", "listed", "--core", "0", "--replace"]  # fmt: skip
    outcome = sirec(*call, "--set", "texts=stars")
    assert last_hint(outcome.err) == "a list stands in brackets: [stars]"
    assert sirec(*call, "--set", "texts=[stars]").code == 0
