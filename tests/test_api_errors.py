"""Errors in Python: the hint below the message, and keywords for the options of commands."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path

import pandas as pd
import pytest

import sirec
from sirec import api
from sirec.api_errors import with_notes
from sirec.errors import SirecError


def raise_error(
    message: str, hint: str | None = None, *, out: str = "", seeds: tuple[int, ...] = ()
) -> None:
    """Stands for a function of the API."""
    raise SirecError(message, hint)


def notes_of(message: str, hint: str | None = None) -> list[str]:
    """What Python prints below the message."""
    with pytest.raises(SirecError) as caught:
        with_notes(raise_error)(message, hint)
    return list(getattr(caught.value, "__notes__", []))


def test_the_hint_and_other_keywords_are_said_below_the_message() -> None:
    """An option whose keyword has its name needs no word (control), nor one without a keyword."""
    assert notes_of("no run", "name a folder: --out FOLDER") == [
        "hint: name a folder: --out FOLDER"
    ]
    assert notes_of("no seed", "say --seed 1, --json, --seed 2") == [
        "hint: say --seed 1, --json, --seed 2",
        "in Python: --seed is seeds=…",
    ]
    assert notes_of("a--b, -- and --") == []


def test_an_error_of_prepare_names_its_keywords(tmp_path: Path) -> None:
    """Filters are among `options`; a traceback shows it. Control: the command adds nothing."""
    frame = pd.DataFrame([(user, item) for user in "abcd" for item in "wxyz"])
    frame.columns = pd.Index(["user", "item"])
    keywords = {"name": "small", "data_root": tmp_path, "results": tmp_path}
    with pytest.raises(SirecError) as caught:
        sirec.prepare(frame, **keywords)  # type: ignore[arg-type]
    printed = "".join(traceback.format_exception(caught.value))
    assert "--core" in str(caught.value.hint)
    assert "in Python: " in printed
    assert "--core is options={'core': …}" in printed
    with pytest.raises(SirecError) as bare:
        api.prepare(frame, **keywords)  # type: ignore[arg-type]
    assert not hasattr(bare.value, "__notes__")


def test_public_functions_keep_their_signature_and_documentation() -> None:
    """As a notebook shows them. Control: another function has others."""
    assert inspect.signature(sirec.train) == inspect.signature(api.train)
    assert sirec.train.__doc__ == api.train.__doc__
    assert inspect.signature(sirec.train) != inspect.signature(sirec.compare)
