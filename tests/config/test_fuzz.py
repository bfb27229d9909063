"""The loader of configurations on arbitrary input."""

from __future__ import annotations

import pytest
from faults import configurations
from faults.law import Tally


def test_arbitrary_text_is_a_value_or_one_clear_error() -> None:
    """A short form; `faults.configurations` has the properties, and `faults` the long form."""
    tally = Tally("inputs")
    configurations.fuzz_loader(60, tally)
    assert tally.tried == 60 * configurations.PROPERTIES
    assert 0 < tally.refused < tally.tried


def test_the_fuzz_finds_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a parser that lets other errors through, and one that gives other values, fail."""
    monkeypatch.setattr(configurations, "parse_yaml", lambda text: {1: text})
    with pytest.raises(AssertionError):
        configurations.fuzz_loader(5, Tally("inputs"))
    monkeypatch.setattr(configurations, "parse_yaml", lambda text: int(text, 0))
    with pytest.raises(ValueError, match="invalid literal"):
        configurations.fuzz_loader(20, Tally("inputs"))
