"""The loader of configurations on arbitrary input."""

from __future__ import annotations

import fuzz_config
import pytest


def test_arbitrary_text_is_a_value_or_one_clear_error() -> None:
    """A short form; `fuzz_config` has the properties."""
    fuzz_config.fuzz_loader(examples=60)


@pytest.mark.slow
def test_much_arbitrary_text_is_a_value_or_one_clear_error() -> None:
    """The long form."""
    fuzz_config.fuzz_loader(examples=5_000)


def test_the_fuzz_finds_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a parser that lets other errors through, and one that gives other values, fail."""
    monkeypatch.setattr(fuzz_config, "parse_yaml", lambda text: {1: text})
    with pytest.raises(AssertionError):
        fuzz_config.fuzz_loader(examples=5)
    monkeypatch.setattr(fuzz_config, "parse_yaml", lambda text: int(text, 0))
    with pytest.raises(ValueError, match="invalid literal"):
        fuzz_config.fuzz_loader(examples=20)
