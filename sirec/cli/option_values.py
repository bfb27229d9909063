"""Values of repeatable options: columns by name, words between commas, pairs."""

from __future__ import annotations

from sirec.errors import SirecError


def columns_of(texts: list[str] | None) -> dict[str, str] | None:
    """NAME or NAME=COLUMN as name -> column."""
    if not texts:
        return None
    columns: dict[str, str] = {}
    for text in texts:
        name, _, column = text.partition("=")
        columns[name] = column or name
    return columns


def words_of(texts: list[str] | None) -> list[str] | None:
    """The words of a repeatable option, between commas."""
    words: dict[str, None] = {}
    for text in texts or ():
        words |= dict.fromkeys(word.strip() for word in text.split(","))
    words.pop("", None)
    return list(words) or None


def pairs_of(
    texts: list[str] | None, where: str, form: str = "EDGES", example: str = "price=10,20,50"
) -> dict[str, str] | None:
    """The pairs NAME=VALUE of a repeatable option.

    Args:
        texts: what was given.
        where: the option, for messages.
        form: what a value is.
        example: a pair that is right.

    Raises:
        SirecError: for what is no pair, and a name that is there twice.
    """
    pairs: dict[str, str] = {}
    for each in texts or ():
        name, value = _pair(each, where, form, example)
        if name in pairs:
            raise SirecError(f"{where}: {name} is there twice", "give each another name")
        pairs[name] = value
    return pairs or None


def _pair(
    text: str, where: str, form: str = "EDGES", example: str = "price=10,20,50"
) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SirecError(f"{where} {text}: expected NAME={form}", f"for example: {where} {example}")
    return name.strip(), value
