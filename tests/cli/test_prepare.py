"""`sirec prepare`: what is typed is what is prepared."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pandas as pd
import pytest

from sirec import api
from sirec.data.reading.headers import SEPARATORS
from sirec.data.split import Temporal
from sirec.data.store import storage

from .conftest import Call

ORDERS = "customer,product,day,price,maker\n" + "".join(
    f"c{c},p{(c * n) % 7},2024-01-{n + 1:02} 10:00,{n}.5,m{(c * n) % 7 % 3}\n"
    for c in range(1, 7)
    for n in range(9)
)
DAYS = [f"2024-01-{day:02}" for day in range(1, 10)]
TABLE = ["--interactions", "orders.csv", "--user", "customer", "--item", "product", "--time", "day"]


@pytest.fixture
def orders(prepared: Path) -> Path:
    """An order export in the working directory."""
    (prepared / "orders.csv").write_text(ORDERS)
    return prepared / "orders.csv"


def test_a_table_with_flags(sirec: Call, orders: Path, prepared: Path) -> None:
    """Columns by name, behaviours with bins, attributes under other names; the table of the set is
    shown.
    """
    outcome = sirec(
        "prepare",
        "table",
        "--name",
        "orders",
        *TABLE,
        "--behaviour",
        "price",
        "--bins",
        "price=2,5",
        "--bins",
        "gap=1d,2d",
        "--attribute",
        "brand=maker",
        "--core",
        "3",
    )
    assert outcome.code == 0, outcome.err
    data = storage.load(prepared / "data" / "orders")
    assert data.vocabularies["price"] == ["", "below 2", "2 to 5", "5 and more"]
    assert data.vocabularies["gap"] == ["", "first", "below 1d", "1d to 2d", "2d and more"]
    assert data.vocabularies["brand"] == ["", "m0", "m1", "m2"]
    assert "orders" in outcome.out
    assert "from 2024-01-01T10:00 to 2024-01-09T10:00 (UTC)" in outcome.err
    assert "3-core: 6 users" in outcome.err


def test_a_recipe_in_a_file_and_flags_over_it(sirec: Call, orders: Path, prepared: Path) -> None:
    """Five lines of YAML say the same as flags, and flags change what they say."""
    yaml = (
        "name: fromfile\nsource: "
        "{name: table, interactions: orders.csv, user: customer, item: product, time: day}\n"
        "options: {core: 3}\n"
    )
    (prepared / "shop.yaml").write_text(yaml)
    assert sirec("prepare", "shop.yaml").code == 0
    assert sirec("prepare", "table", "--name", "fromflags", *TABLE, "--core", "3").code == 0
    file, flags = (storage.load(prepared / "data" / name) for name in ("fromfile", "fromflags"))
    assert file.fingerprint() == flags.fingerprint()
    outcome = sirec("prepare", "shop.yaml", "--since", "2024-01-03", "--name", "late", "--json")
    assert json.loads(outcome.out)["statistics"]["interactions"] == 6 * 7


def test_a_temporal_split_with_days(sirec: Call, orders: Path, prepared: Path) -> None:
    """Naming a day asks for the temporal split; both are recorded."""
    days = ["--valid-from", "2024-01-07", "--test-from", "2024-01-09", "--target", "first"]
    assert sirec("prepare", "table", "--name", "temporal", *TABLE, "--core", "0", *days).code == 0
    split = storage.read_manifest(prepared / "data" / "temporal").options.split
    assert split == Temporal(valid_from="2024-01-07", test_from="2024-01-09", target="first")


def test_flags_go_over_a_split_in_a_file(sirec: Call, orders: Path, prepared: Path) -> None:
    """A flag for one setting of the split, or for one bin, leaves the file's others as they are."""
    (prepared / "days.yaml").write_text(
        "name: days\nsource: "
        "{name: table, interactions: orders.csv, user: customer, item: product, time: day,\n"
        "         behaviours: {price: price}}\n"
        "options: "
        "{core: 0, split: {name: temporal, valid_from: '2024-01-07', test_from: '2024-01-09'},\n"
        "          bins: {price: '2,5', gap: '1d'}}\n"
    )
    assert (
        sirec(
            "prepare",
            "days.yaml",
            "--target",
            "first",
            "--valid-from",
            "2024-01-06",
            "--bins",
            "gap=2d",
        ).code
        == 0
    )
    options = storage.read_manifest(prepared / "data" / "days").options
    assert options.split == Temporal(
        valid_from="2024-01-06", test_from="2024-01-09", target="first"
    )
    assert options.bins == {"price": "2,5", "gap": "2d"}


def test_bad_lines_are_shown_as_they_are_skipped(sirec: Call, orders: Path) -> None:
    """Each with its address; one more than allowed ends it with exit code 2 and no data set."""
    orders.write_text(ORDERS + "c1,p1\nc1,p1,soon,1.5,m1\n")
    outcome = sirec(
        "prepare", "table", "--name", "skipping", *TABLE, "--core", "0", "--skip-bad-lines", "2"
    )
    assert outcome.code == 0
    assert "skipped orders.csv:56: 2 cells, expected 5: 'c1,p1'" in outcome.err
    assert "skipped orders.csv:57, column day: expected seconds since 1970" in outcome.err
    outcome = sirec(
        "prepare", "table", "--name", "strict", *TABLE, "--core", "0", "--skip-bad-lines", "1"
    )
    assert outcome.code == 2
    assert "orders.csv:57, column day" in outcome.err
    assert not (orders.parent / "data" / "strict").exists()


@pytest.mark.parametrize("sign", SEPARATORS)
def test_the_hint_about_cells_works_as_it_is_printed(sirec: Call, orders: Path, sign: str) -> None:
    """Whatever stands between the cells, the option that the error names, typed as it stands there,
    reads the file.
    """
    usual = {",": "\t"}.get(sign, ",")
    name = {",": "other.tsv"}.get(sign, "other.csv")
    (orders.parent / name).write_text(ORDERS.replace(" ", "T").replace(",", sign))
    call = [
        "prepare",
        "table",
        "--name",
        "other",
        "--interactions",
        name,
        *TABLE[2:],
        "--core",
        "0",
    ]
    outcome = sirec(*call)
    assert outcome.code == 2
    assert "a single column" in outcome.err
    option = shlex.split(outcome.err.rpartition("for example: ")[2])
    assert sirec(*call, "--delimiter", usual).code == 2  # the control
    outcome = sirec(*call, *option)
    assert outcome.code == 0, outcome.err
    assert "raw: 6 users" in outcome.err


def test_an_encoding_is_declared(sirec: Call, orders: Path, prepared: Path) -> None:
    """What an older Excel saved is read with its letters once its encoding is said; without, it is
    refused.
    """
    header, _, rows = ORDERS.partition("\n")
    orders.write_text(f"{header}\n{rows.replace(',m', ',Möbel ')}", encoding="cp1252")
    call = ["prepare", "table", "--name", "excel", *TABLE, "--attribute", "maker", "--core", "0"]
    assert sirec(*call).code == 2  # the control
    outcome = sirec(*call, "--encoding", "cp1252")
    assert outcome.code == 0, outcome.err
    assert storage.load(prepared / "data" / "excel").vocabularies["maker"] == [
        "",
        "Möbel 0",
        "Möbel 1",
        "Möbel 2",
    ]


MISTAKES = {
    "unknown data set": (["bauty"], "'bauty' is not a known data set", "did you mean 'beauty'"),
    "unknown source": (
        ["shop2", "--source", "tabel"],
        "'tabel' is not a source",
        "did you mean 'table'",
    ),
    "an option of another source": (
        ["demo", "--category", "Beauty"],
        "'category' is not a key",
        "users",
    ),
    "a rule for ties that is none": (["demo", "--ties", "id"], "'id' is not a choice", "random"),
    "a seed without chance": (
        ["demo", "--ties-seed", "3"],
        "ties_seed 3 draws nothing",
        "--ties random",
    ),
    "no file": (["table", "--interactions", "order.csv"], "order.csv: no such file", ""),
    "no column": (
        ["table", *TABLE[:2], "--user", "custmer"],
        "'custmer' is not a column",
        "did you mean 'customer'",
    ),
    "no edges": (
        ["table", *TABLE, "--bins", "price"],
        "expected NAME=EDGES",
        "--bins price=10,20,50",
    ),
    "edges that are words": (
        ["demo", "--bins", "rating=low,high"],
        "'low' is not an edge",
        "10,20,50",
    ),
    "bins of nothing": (["demo", "--bins", "price=1,2"], "'price' is not a behaviour", "rating"),
    "a split that is none": (["demo", "--split", "random"], "'random' is not a name", "temporal"),
    "half a temporal split": (["demo", "--test-from", "2022-06-01"], "valid_from is missing", ""),
    "shares of everything": (
        ["demo", "--split", "temporal", "--test-share", "0.95"],
        "leave a part empty",
        "0.1",
    ),
    "a share of nothing": (["demo", "--valid-share", "0"], "valid must be above 0 and below 1", ""),
    "an edge of many digits": (["demo", "--bins", "rating=" + "9" * 5000], "is not an edge", ""),
    "a core of more than there is": (["demo", "--core", "1" + "0" * 30], "core must be from 0", ""),
    "a rating that is no number": (["demo", "--min-rating", "nan"], "min_rating must be from", ""),
    "not a day": (["demo", "--since", "last year"], "'last year' is not a date", "2019-12-31"),
    "backwards": (["demo", "--since", "2023-01-01", "--until", "2022-01-01"], "is after until", ""),
    "nothing left": (["demo", "--since", "2099-01-01"], "leaves none of", "loosen it"),
    "a licence": (["yelp"], "there are no raw files in raw/yelp", "https://www.yelp.com/dataset"),
    "a release that is none": (
        ["movielens", "--release", "ml-2m"],
        "'ml-2m' is not a choice",
        "ml-20m",
    ),
    "a name that cannot be a folder": (
        ["demo", "--name", "../demo"],
        "'../demo' cannot be the name of a data set",
        "letters",
    ),
}


def test_the_order_is_said_and_its_options_are_the_same_everywhere(
    sirec: Call, prepared: Path
) -> None:
    """Flags, a recipe and the library order ties alike and drop the same rows; what decided the
    order is printed, stored and audited.
    """
    rows = [f"{u},{(7 * n + u) % 10},{DAYS[n // 3]}" for u in range(12) for n in range(9)]
    rows = sorted(rows) + rows[:5]
    (prepared / "tied.csv").write_text("user,item,date\n" + "\n".join(rows) + "\n")
    plain = sirec("prepare", "table", "--interactions", "tied.csv", "--name", "plain")
    assert "order: time (column date), then file" in plain.err
    assert "5 rows repeat user, item and time; --drop-repeated-rows" in plain.err
    assert "tied neighbours ascend by item" in plain.err
    options = ["--ties", "random", "--ties-seed", "3", "--drop-repeated-rows"]
    call = ["prepare", "table", "--interactions", "tied.csv", *options]
    assert "no repeated rows: 12 users" in sirec(*call, "--name", "flags").err
    settings = {"ties": "random", "ties_seed": 3, "drop_repeated_rows": True}
    (prepared / "tied.yaml").write_text(
        f"name: file\nsource: {{name: table, interactions: tied.csv}}\noptions: {settings}\n"
    )
    assert sirec("prepare", "tied.yaml").code == 0
    frame = pd.read_csv(prepared / "tied.csv")
    api.prepare(frame, name="frame", options=settings, data_root=prepared / "data")
    manifests = {}
    for name in ("plain", "flags", "file", "frame"):
        manifests[name] = storage.read_manifest(prepared / "data" / name)
    prints = [manifests[name].fingerprint for name in ("flags", "file", "frame")]
    assert len(set(prints)) == 1
    assert manifests["plain"].fingerprint not in prints  # the control
    assert manifests["flags"].order == "time (column date), then chance (seed 3)"
    assert manifests["plain"].repeated_rows == 5
    audited = " ".join(sirec("audit", "plain").out.split())
    assert "ordered by time (column date), then file" in audited
    assert "sorted by item, which is no order; prepare with --ties random" in audited
    assert "duplicates 5 interactions repeat user, item and time" in audited


def test_a_time_that_is_not_used_is_asked_about_everywhere(sirec: Call, prepared: Path) -> None:
    """Preparing, the list of data sets and the audit; following the question uses the column."""
    rows = [f"{u},{n},{DAYS[8 - n]}" for u in range(6) for n in range(9)]
    (prepared / "when.csv").write_text("user,item,bought\n" + "\n".join(rows) + "\n")
    call = ["prepare", "table", "--interactions", "when.csv", "--name", "when"]
    outcome = sirec(*call)
    assert "order: file (no times)" in outcome.err
    question = next(line for line in outcome.err.splitlines() if line.startswith("no times chosen"))
    said = " ".join(sirec("audit", "when").out.split())
    assert "'bought' may be the time" in said
    listed = json.loads(sirec("datasets", "--json").out)
    assert {row["name"]: row["order"] for row in listed}["when"] == "file (no times)"
    option = shlex.split(question.rpartition("? ")[2])
    assert sirec(*call, *option).code == 2  # other contents under the same name
    assert sirec(*call, *option, "--replace").code == 0
    order = storage.read_manifest(prepared / "data" / "when").order
    assert order == "time (column bought), then file"


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(
    sirec: Call, orders: Path, prepared: Path, case: str
) -> None:
    """Exit code 2, what was wrong, what would be right, and no new data set."""
    arguments, message, hint = MISTAKES[case]
    before = storage.list_datasets(prepared / "data")
    outcome = sirec("prepare", *arguments)
    assert outcome.code == 2, outcome.err
    error = next(line for line in outcome.err.splitlines() if line.startswith("error:"))
    assert message in error
    assert hint in outcome.err
    assert "Traceback" not in outcome.err
    assert storage.list_datasets(prepared / "data") == before


def test_another_data_set_of_the_name_is_not_lost(
    sirec: Call, orders: Path, prepared: Path
) -> None:
    """Another filter under the same name is refused, with the runs that would lose their data."""
    recipe = ["prepare", "table", "--name", "kept", *TABLE, "--core", "3"]
    assert sirec(*recipe).code == 0
    fingerprint = storage.load(prepared / "data" / "kept").fingerprint()
    for model in ("sasrec", "comif"):
        run = prepared / "kept_results" / "runs" / "kept" / model / "0123456789ab"
        run.mkdir(parents=True)
        (run / "config.yaml").write_text(f"fingerprint: {fingerprint}\n")
    (run.parent / "other").mkdir()  # a control: a run on other data of the name
    (run.parent / "other" / "config.yaml").write_text("fingerprint: 0011223344556677\n")
    where = ("--out", "kept_results")
    assert sirec(*recipe, *where).code == 0  # the same recipe from the same files
    other = [*recipe[:-1], "4", "--since", "2024-01-03"]
    outcome = sirec(*other, *where)
    assert outcome.code == 2
    assert "another data set of this name is there, 6 users and 54 interactions" in outcome.err
    assert "2 runs in kept_results stand on the old one" in outcome.err
    assert "--replace" in outcome.err
    assert storage.load(prepared / "data" / "kept").fingerprint() == fingerprint
    assert sirec(*other, *where, "--replace").code == 0
    assert storage.load(prepared / "data" / "kept").fingerprint() != fingerprint


def test_what_comes_next_names_the_folder_of_the_data_sets(sirec: Call, tmp_path: Path) -> None:
    """The printed commands find a data set in another folder; in the usual one (control) they do
    not name it.
    """
    rows = [f"u{user},i{step % 4},{step}" for user in range(4) for step in range(6)]
    table = tmp_path / "log.csv"
    table.write_text("\n".join(["user,item,time", *rows]) + "\n")
    call = ["prepare", "table", "--interactions", str(table), "--time", "time", "--core", "0"]
    elsewhere = sirec(*call, "--name", "apart", "--data-root", str(tmp_path / "my data"))
    assert elsewhere.code == 0, elsewhere.err
    following = elsewhere.err.splitlines()[-1].removeprefix("next: ").split("; ")[0]
    assert sirec(*shlex.split(following)[1:]).code == 0
    assert sirec("audit", "apart").code == 2
    usual = sirec(*call, "--name", "usual")
    assert "next: sirec audit usual; sirec train comif --data usual" in usual.err
