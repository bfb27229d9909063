"""How the cells of a text table are told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sirec.data.reading.lines import LineBlock
from sirec.errors import SirecError

STAND_IN = b"\x1f"  # stands for a separator of several characters; no text contains it


@dataclass(frozen=True)
class Dialect:
    """How the cells of a text table are told apart.

    Attributes:
        separator: what stands between the cells of a row, one character or several.
        quoted: whether a cell may stand between double quotes.
        header: names of the columns, if the first line does not name them.
        encoding: encoding of the file.
        settable: options of `sirec prepare` by which a person can declare another dialect, for the
            hints of messages: `delimiter`, `encoding`, `columns`, `format`.
    """

    separator: str = ","
    quoted: bool = True
    header: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    settable: frozenset[str] = frozenset()

    @property
    def has_long_separator(self) -> bool:
        """Whether the separator has several bytes, which neither Arrow nor `csv` can read."""
        return len(self.separator.encode()) > 1

    @property
    def one_byte(self) -> str:
        """The separator, or the character that stands for one of several bytes."""
        return STAND_IN.decode() if self.has_long_separator else self.separator

    @property
    def remedy_for_encoding(self) -> str:
        """What a person does whose file is in another encoding."""
        if "encoding" not in self.settable:
            return "save it as UTF-8"
        return "say its encoding, for example --encoding cp1252, or save it as UTF-8"


def check_encoding(name: str | None) -> None:
    """Check the name of an encoding; None is none.

    Args:
        name: the name.

    Raises:
        SirecError: if Python knows no encoding of texts with this name.
    """
    try:
        " ".encode(name or "utf-8")
    except LookupError:
        raise SirecError(
            f"'{name}' is not an encoding", "for example: utf-8, utf-16, cp1252, latin-1"
        ) from None


CSV, TSV = Dialect(), Dialect(separator="\t", quoted=False)


def one_byte_separator(block: LineBlock, dialect: Dialect) -> LineBlock:
    """Replace a separator of several bytes by the character that stands for it.

    Args:
        block: lines as they are in the file.
        dialect: their dialect.
    """
    if not dialect.has_long_separator:
        return block
    return replace(block, data=block.data.replace(dialect.separator.encode(), STAND_IN))
