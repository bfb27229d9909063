"""A model looks the same in every figure, and rows can be told apart in colour and in grey."""

from __future__ import annotations

from sirec.models import MODELS
from sirec.report.figures.style import INK, REFERENCE, Look, literal, look_of_model, looks_of_rows
from sirec.report.table import Cell, TableRow


def row(label: str, model: str = "", *, is_free: bool = False) -> TableRow:
    """A row of a figure."""
    return TableRow(label, (Cell(0.1),), is_training_free=is_free, model=model)


def sign(look: Look) -> tuple[str, str, str]:
    """What is left of a look besides its dashes."""
    return look.colour, look.marker, look.fill


def test_no_two_models_look_alike() -> None:
    """Colour and marker together are each model's own; the reference is black."""
    looks = [sign(look_of_model(name)) for name in MODELS]
    assert len(set(looks)) == len(MODELS)
    assert look_of_model(REFERENCE).colour == INK


def test_a_look_does_not_depend_on_the_figure() -> None:
    """Alone, or after others, a model has its look; another model (control) has another."""
    alone = looks_of_rows([row("COMIF", "comif")])["COMIF"]
    among = looks_of_rows([row("SASRec", "sasrec"), row("x", "fdsa"), row("ours", "comif")])["ours"]
    assert alone == among == look_of_model("comif") != look_of_model("fdsa")


def test_rows_of_one_model_have_its_colour_and_other_fills() -> None:
    """Variants are filled one after another in other ways, and stay of one colour and marker."""
    rows = [row(f"COMIF {number}", "comif") for number in range(6)]
    looks = list(looks_of_rows(rows).values())
    assert len({(look.colour, look.marker) for look in looks}) == 1
    assert len({look.fill for look in looks}) == len(looks)


def test_a_model_that_is_not_here_has_a_look_of_its_own() -> None:
    """It changes nobody else's."""
    before = {name: look_of_model(name) for name in MODELS}
    stranger = sign(look_of_model("of a plugin"))
    assert stranger not in map(sign, before.values())
    assert {name: look_of_model(name) for name in MODELS} == before


def test_dollars_of_names_are_no_mathematics() -> None:
    """Matplotlib would read two of them as a formula."""
    assert literal("$a$ & b") == r"\$a\$ & b"
