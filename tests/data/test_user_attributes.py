"""Attributes of users: behaviours that are the same in every row of a user."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sirec
from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import PrepareOptions, prepare
from sirec.data.sources.base import RawData
from sirec.data.store import export, storage
from sirec.errors import SirecError

ROWS = [(f"u{user}", f"i{(user + step) % 4}") for user in range(4) for step in range(4)]
AGES = {"u0": "31", "u1": "18", "u3": "64", "stranger": "20"}


def raw(values: list[tuple[str, str]] | None = None) -> RawData:
    """Four users, of whom one has no age, and one more who has no interaction."""
    table = pd.DataFrame(values or list(AGES.items()), columns=["user", "value"], dtype=object)
    return RawData(pd.DataFrame(ROWS, columns=["user", "item"]), of_users={"age": table})


def ages(data: Dataset) -> list[list[str]]:
    """The ages in the rows of each user."""
    names, codes = data.vocabularies["age"], data.behaviours["age"]
    ends = data.offsets.tolist()
    found = []
    for start, stop in pairwise(ends):
        found.append([names[code] for code in codes[start:stop].tolist()])
    return found


def test_every_row_of_a_user_has_the_user_s_value() -> None:
    """Nobody's is code 0, whose vector is 0; values without a user have no code."""
    made = prepare(raw(), "tiny", PrepareOptions(core=0))
    assert ages(made.dataset) == [["31"] * 4, ["18"] * 4, [""] * 4, ["64"] * 4]
    field = made.dataset.fields[0]
    assert (field.kind, field.form, field.size) == ("behaviour", "user", 4)
    assert made.dataset.vocabularies["age"] == ["", "18", "31", "64"]


def test_bins_words_and_options_of_values_hold_for_users_too() -> None:
    """Bins in place of numbers; a word for nothing is no value; left out with --without."""
    binned = prepare(raw(), "tiny", PrepareOptions(core=0, bins={"age": "30"})).dataset
    assert [row[0] for row in ages(binned)] == ["30 and more", "below 30", "", "30 and more"]
    words = [("u0", "?"), ("u1", "F"), ("u2", "f"), ("u3", "F")]
    options = PrepareOptions(core=0, missing=("?",), merge=("age",))
    assert [row[0] for row in ages(prepare(raw(words), "tiny", options).dataset)] == [
        "",
        "F",
        "F",
        "F",
    ]
    assert not prepare(raw(), "tiny", PrepareOptions(core=0, without=("age",))).dataset.fields


def test_a_user_with_two_values_is_refused() -> None:
    """One line that names the user and both values; the same value twice (control) is one."""
    with pytest.raises(SirecError, match="user 'u1' has several values of age: '18', '19'"):
        prepare(raw([("u1", "18"), ("u1", "19")]), "tiny", PrepareOptions(core=0))
    same = raw([("u1", "18"), ("u1", "18")])
    assert prepare(same, "tiny", PrepareOptions(core=0)).dataset.fields[0].size == 2


def test_a_table_of_other_users_is_refused_and_one_without_a_value_is_left_out() -> None:
    """The message shows an id of either side; where values are missing there is a note."""
    with pytest.raises(SirecError, match="none of its 1 users is a user of the data") as caught:
        prepare(raw([("stranger", "18")]), "tiny", PrepareOptions(core=0))
    assert "'stranger', a user is called 'u0'" in (caught.value.hint or "")
    made = prepare(raw([("u1", "?")]), "tiny", PrepareOptions(core=0, missing=("?",)))
    assert not made.dataset.fields
    assert any("no remaining user has a value of age" in note for note in made.notes)


def test_a_stored_data_set_comes_back_and_its_export_says_what_it_lacks(tmp_path: Path) -> None:
    """Form, codes and fingerprint; files of interactions have no place for users."""
    made = prepare(raw(), "tiny", PrepareOptions(core=0))
    data = storage.load(storage.write(tmp_path, made))
    assert data.fields[0].form == "user"
    assert ages(data) == ages(made.dataset)
    assert data.fingerprint() == made.dataset.fingerprint()
    written = export.export(data, None, tmp_path / "out", "csv")
    assert any("attributes of users: age" in note for note in written.notes)


FILES = {
    "users.csv": "customer,age,city\nu0,31,Rome\nu1,18,\nu3,64,Bonn\nstranger,20,Oslo\n",
    "shop.user": "user_id:token\tage:float\tcity:token\nu0\t31\tRome\nu1\t18\t\nu3\t64\tBonn\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_table_of_users_is_read_from_files_and_frames(name: str, tmp_path: Path) -> None:
    """All columns but that of users, from CSV, RecBole's files and DataFrames; some if named."""
    orders = pd.DataFrame(ROWS, columns=["user", "item"])
    orders.to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / name).write_text(FILES[name])
    options: dict[str, Any] = {
        "source_options": {"interactions": str(tmp_path / "orders.csv")},
        "options": {"core": 0},
        "data_root": tmp_path,
    }
    read = sirec.prepare("table", name="all", users=tmp_path / name, **options)
    data = read.prepared.dataset
    assert [field.name for field in data.fields] == ["age", "city"]
    assert ages(data) == ages(prepare(raw(), "tiny", PrepareOptions(core=0)).dataset)
    some = sirec.prepare(
        "table", name="some", users=tmp_path / name, user_attributes={"home": "city"}, **options
    )
    assert [field.name for field in some.prepared.dataset.fields] == ["home"]
    del options["source_options"]
    users = pd.DataFrame({"user": ["u0", "u1", "u3"], "age": [31, 18, 64]})
    users["city"] = ["Rome", None, "Bonn"]
    frames = sirec.prepare(orders, name="frames", users=users, **options)
    assert frames.prepared.dataset.fingerprint() == data.fingerprint()
