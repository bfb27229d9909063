"""`sirec models`: what is drawn, in terminals wide and narrow."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from sirec.cli import console
from sirec.cli.commands import models as command
from sirec.models import MODELS

from .conftest import Call

LONGEST = "stages.pretrain.objectives.associated_attribute.attributes"


def on_a_screen(monkeypatch: pytest.MonkeyPatch, width: int) -> io.StringIO:
    """Where tables go that are meant for a screen of this width."""
    screen = io.StringIO()
    monkeypatch.setattr(command, "stdout", Console(file=screen, width=width, color_system=None))
    return screen


def test_the_list_says_without_data_whether_one_pass_trains_all(sirec: Call) -> None:
    """The column is always there; numbers of parameters need a data set."""
    rows = json.loads(sirec("models", "--json").out)
    assert {row["name"]: row["one_pass"] for row in rows}["bert4rec"] == "masked items"
    assert not any("parameters" in row for row in rows)
    assert "one pass" in sirec("models").out


def test_parameters_are_counted_on_a_terminal_too(
    sirec: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With bars, which only a terminal has; numbers are whole on the narrowest screen, and those of
    the protocol.
    """
    bars = io.StringIO()
    monkeypatch.setattr(
        console, "stderr", Console(file=bars, force_terminal=True, width=80, _environ={})
    )
    screen = on_a_screen(monkeypatch, 80)
    assert sirec("models", "--data", "shop").code == 0
    assert "building" in bars.getvalue()
    counts = {
        row["name"]: row["parameters"]
        for row in json.loads(sirec("models", "--data", "shop", "--json").out)
    }
    assert all(f"{count:,}" in screen.getvalue() for count in counts.values())
    wider = json.loads(
        sirec("models", "sasrec", "--data", "shop", "--protocol", "difsr", "--json").out
    )
    assert wider["parameters"] > counts["sasrec"]
    assert wider["settings"]["model.width"]["intended"] == 256


@pytest.mark.parametrize("data", [(), ("--data", "shop")], ids=["", "with data"])
@pytest.mark.parametrize(
    ("width", "missing"), [(24, 6), (40, 4), (80, 4), (100, 4), (120, 2), (200, 0)]
)
def test_no_screen_cuts_a_word_of_the_list(
    sirec: Call, monkeypatch: pytest.MonkeyPatch, width: int, missing: int, data: tuple[str, ...]
) -> None:
    """Every drawn word is a whole one, no line is wider than the screen, and what has no room is
    named below.
    """
    screen = on_a_screen(monkeypatch, width)
    columns: dict[str, list[str]] = {}
    draw = command._taxonomy
    monkeypatch.setattr(
        command,
        "_taxonomy",
        lambda cells, *rest: draw(columns.setdefault("all", cells) and cells, *rest),
    )
    sirec("models", *data)
    cells = columns["all"]
    lines = screen.getvalue().splitlines()
    below = next(
        number
        for number, line in enumerate(lines)
        if line.startswith(("no room", "attributes and"))
    )
    drawn = {word for line in lines[:below] for word in line.split() if "─" not in word}
    whole = {
        word
        for heading, column in cells.items()
        for cell in (heading, *column)
        for word in cell.split()
    }
    assert drawn <= whole
    assert set(MODELS) <= drawn
    assert max(map(len, lines)) <= width
    named, _, _ = " ".join(" ".join(lines[below:]).split()).partition(" (a wider")
    left_out = (
        named.removeprefix("no room for: ").split(", ") if named.startswith("no room") else []
    )
    assert all((heading in left_out) != (set(heading.split()) <= drawn) for heading in cells)
    assert missing <= len(left_out) <= missing + len(data) // 2
    assert "associated_attrib" not in whole  # control: half a word is none


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", ["s3-rec", "dif-bert4rec", "caser"])
def test_no_screen_cuts_a_name_or_a_value(
    sirec: Call, monkeypatch: pytest.MonkeyPatch, name: str, width: int
) -> None:
    """A name or a value too long for its column goes on in the next line; nothing is left out."""
    screen = on_a_screen(monkeypatch, width)
    sirec("models", name, "--full")
    lines = [
        line
        for line in screen.getvalue().partition("Settings under protocol comif")[2].splitlines()
        if line.strip()
    ]
    first = "".join(line[1:].split("   ")[0].strip() for line in lines)
    assert all(
        path in first for path in json.loads(sirec("models", name, "--json").out)["settings"]
    )
    assert "…" not in "".join(lines)
    assert (LONGEST in screen.getvalue()) == (name == "s3-rec")


def test_a_page_has_what_a_run_gets(sirec: Call) -> None:
    """Values are the protocol's, with the model's own beside them; a switch stands with what it
    switches.
    """
    lines = {
        line.split()[0]: " ".join(line.split()[1:])
        for line in sirec("models", "caser", "--full").out.splitlines()
        if line.split()
    }
    assert lines["model.width"] == "128 (declared 64)"
    assert lines["stages.train.learning_rate"] == "0.0001 (declared 0.001)"
    assert lines["model.align"] == "right left"
    assert lines["model.vertical"] == "8"
    assert "COMIF 3 beauty mask 0.0669" in " ".join(sirec("models", "stosa").out.split())


@pytest.mark.parametrize("name", ["dlfs-rec", "stosa", "esasrec", "popularity"])
def test_a_page_says_where_profiles_are_the_same(sirec: Call, name: str) -> None:
    """Where `published` changes nothing a line says so; where it changes something, or nothing is
    to set, none does.
    """
    settings = json.loads(sirec("models", name, "--json").out)["settings"].values()
    same = bool(settings) and all(values["intended"] == values["published"] for values in settings)
    assert same == (name == "dlfs-rec")
    assert ("Profile published is profile intended here" in sirec("models", name).out) == same


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.is_training_free])
def test_a_floor_has_nothing_to_set(sirec: Call, name: str) -> None:
    """Its page has no table of settings."""
    assert "Settings" not in sirec("models", name, "--full").out
    assert "Settings" in sirec("models", "sasrec", "--full").out


@pytest.mark.parametrize("name", [(), ("sasrec",), ("popularity",)])
def test_an_unknown_protocol_is_said_before_anything_else(
    sirec: Call, name: tuple[str, ...]
) -> None:
    """One line, and no half of a page; the list, where nothing depends on it without data, takes no
    wrong one either.
    """
    outcome = sirec("models", *name, "--protocol", "comfi")
    assert (outcome.code, outcome.out) == (2, "")
    assert "'comfi' is not a protocol" in outcome.err


@pytest.mark.parametrize("name", MODELS)
def test_a_page_says_which_values_every_number_may_have(sirec: Call, name: str) -> None:
    """With its unit, in the words of the error for another value; texts (control) have no range."""
    page = json.loads(sirec("models", name, "--json").out)
    for path, values in page["settings"].items():
        value = values.get("intended", values.get("published"))
        if isinstance(value, int | float):
            assert page["takes"][path], path
    if page["settings"]:
        assert page["takes"]["stages.train.epochs"] == "from 1 to 1000000 epochs"
        assert "stages.train.metric" not in page["takes"]
        told = sirec("train", name, "--set", "stages.train.epochs=0")
        assert told.code == 2
        assert "from 1 to 1000000 epochs" in told.err


def test_the_values_of_settings_fit_on_a_screen(
    sirec: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the whole page alone (control), and uncut."""
    screen = on_a_screen(monkeypatch, 80)
    sirec("models", "comif")
    assert "from 1 to 256 layers" not in screen.getvalue()
    screen = on_a_screen(monkeypatch, 80)
    sirec("models", "comif", "--full")
    page = screen.getvalue().partition("Values that settings may have")[2]
    table = page.partition("Settings under protocol")[0]
    assert "from 1 to 256 layers" in table
    assert "at least 0 and below 1" in table
    assert max(map(len, table.splitlines())) <= 80
    assert "…" not in table


@pytest.mark.parametrize("name", MODELS)
def test_a_page_says_what_a_search_tries(sirec: Call, name: str) -> None:
    """Every key of the declared space that a run has, and none of a training-free baseline."""
    space = json.loads(sirec("models", name, "--json").out)["search"]
    said = sirec("models", name, "--full").out
    assert (f"sirec sweep {name} tries" in said) == bool(space)
    if MODELS[name].is_training_free:
        assert space == {}
        return
    assert "0.0001 to 0.003, by logarithms" in space["stages.train.learning_rate"]
    for key, values in space.items():
        words = f"{key.removeprefix('model.').removeprefix('stages.train.')} {values}"
        assert words in " ".join(said.split())
