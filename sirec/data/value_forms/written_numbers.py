"""Numbers as people write them: `$957.77`, `66,56`, `2,349`, `1 234`, `12 %`, `1.5e3`.

A comma or a point may separate decimals or thousands. With the decimal sign `.` the text `2,349` is
2349, and with `,` it is 2.349. A column is read in one way throughout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sirec.errors import SirecError
from sirec.shell import arguments

Decimal = Literal[".", ","]
SAMPLE = 1_000  # distinct values that tell whether it is worth to look at all
SYMBOLS = "$¢£¤¥֏؋৲৳฿៛₠-₿﷼"
CURRENCY = (
    r"(?:USD|EUR|GBP|JPY|CNY|RMB|INR|BRL|RUB|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|TRY|KRW|MXN"
    r"|ZAR|SGD|HKD|THB|IDR|MYR|PHP|VND|ILS|AED|SAR|Rs\.?|kr\.?|zł|Kč|Ft|лв|руб\.?"
    rf"|р\.|元|円|원|(?:US|AU|HK|C|A|R)(?=\$))?\s*[{SYMBOLS}]?"
)
AFFIXED = re.compile(
    rf"([-+]?)\s*(?:{CURRENCY})\s*([-+]?)(?P<digits>[\d.,][\d., '’]*(?:[eE][-+]?\d+)?)"
    rf"\s*(?:%|{CURRENCY})"
)
PLAIN = re.compile(r"[-+]?\d+")


def _digits(decimal: str, other: str) -> re.Pattern[str]:
    """Digits with this decimal sign, and with the other one or a blank between thousands."""
    grouped = rf"[1-9]\d{{0,2}}(?P<group>[{other} '’])(?:\d{{2,3}}(?P=group))*\d{{3}}"
    return re.compile(rf"(?:{grouped}|\d+)?(?:{decimal}\d*)?(?:[eE][-+]?\d+)?")


DIGITS: dict[Decimal, re.Pattern[str]] = {".": _digits(r"\.", ","), ",": _digits(",", r"\.")}


def read_number(text: str, decimal: Decimal) -> float | None:
    """Read a number.

    Args:
        text: the number as it is written; currency, per cent and blanks do not count.
        decimal: what stands before its decimals; the other sign separates thousands.

    Returns:
        The number, or None if the text is none, or none that is written so.
    """
    match = AFFIXED.fullmatch(_ascii(text))
    if match is None:
        return None
    digits = match["digits"].strip()
    if not DIGITS[decimal].fullmatch(digits) or not digits[:2].strip(".,"):
        return None
    thousands = re.sub("[ '’,]" if decimal == "." else r"[ '’.]", "", digits)
    number = float(thousands.replace(",", "."))
    is_negative = "-" in (match[1], match[2])
    return -number if is_negative else number


def is_plain(text: str) -> bool:
    """Whether a text is a whole number without any sign in it: often a name, such as a year."""
    return PLAIN.fullmatch(text.strip()) is not None


@dataclass(frozen=True)
class NumberColumn:
    """A column of texts that are numbers.

    Attributes:
        decimal: the decimal sign with which most values can be read.
        is_certain: whether some value can be read with this sign only.
        ambiguous: a value that either sign can read, as another number; None if there is none.
        numbers: the numbers, by text.
        others: texts that are no numbers.
    """

    decimal: Decimal
    is_certain: bool
    ambiguous: str | None
    numbers: dict[str, float]
    others: tuple[str, ...]

    @property
    def is_mostly_numbers(self) -> bool:
        """Whether more than half of the distinct values are numbers."""
        return len(self.numbers) > len(self.others)

    @property
    def is_written(self) -> bool:
        """Whether most of the numbers are more than digits, so that they are no names."""
        plain = sum(map(is_plain, self.numbers))
        return 2 * plain < len(self.numbers)

    @property
    def option(self) -> str:
        """The option that declares the decimal sign, where it matters: ` --decimal ,`, or none."""
        if not any("," in text or self.ambiguous is not None for text in self.numbers):
            return ""
        return f" {arguments('--decimal', self.decimal)}"

    @property
    def how(self) -> str:
        """How a number is read, for a hint: `'2,349' is then 2349, with --decimal , 2.349`."""
        text = self.ambiguous or next(iter(self.numbers))
        other: Decimal = "," if self.decimal == "." else "."
        another = read_number(text, other)
        otherwise = ""
        if another is not None and another != self.numbers[text]:
            otherwise = f", with {arguments('--decimal', other)} {another:.12g}"
        return f"'{text}' is then {self.numbers[text]:.12g}{otherwise}"


def number_column(texts: Sequence[str], decimal: Decimal | None = None) -> NumberColumn | None:
    """Read the distinct values of a column as numbers.

    Args:
        texts: the distinct values.
        decimal: the decimal sign; None to take the one that reads more values.

    Returns:
        The numbers; None if most of the values are none.
    """
    if len(texts) > SAMPLE:
        step = len(texts) // SAMPLE
        part = number_column(texts[::step][:SAMPLE], decimal)
        if part is None:
            return None
    read: dict[Decimal, dict[str, float]] = {}
    for sign in get_args(Decimal):
        read[sign] = {}
        for text in texts:
            number = read_number(text, sign)
            if number is not None:
                read[sign][text] = number
    only = {".": len(read["."].keys() - read[","]), ",": len(read[","].keys() - read["."])}
    chosen: Decimal = decimal or ("," if only[","] > only["."] else ".")
    numbers = read[chosen]
    other = read["," if chosen == "." else "."]
    ambiguous = next(
        (text for text in numbers if other.get(text, numbers[text]) != numbers[text]), None
    )
    others = tuple(text for text in texts if text not in numbers)
    is_certain = decimal is not None or only[chosen] > 0 or not _has_comma(ambiguous)
    column = NumberColumn(chosen, is_certain, ambiguous, numbers, others)
    return column if column.is_mostly_numbers else None


def check_sign(field: str, column: NumberColumn) -> None:
    """Check that a column of declared numbers can be read in one way only.

    Args:
        field: the field.
        column: its distinct values.

    Raises:
        SirecError: if a value may be two numbers, and no other value or option says which.
    """
    text = column.ambiguous
    if text is None or column.is_certain:
        return
    one, two = read_number(text, "."), read_number(text, ",")
    raise SirecError(
        f"{field}: '{text}' may be {one:.12g} or {two:.12g}",
        f"say which sign stands before decimals: --decimal . reads {one:.12g}, "
        f"--decimal , reads {two:.12g}",
    )


def _has_comma(text: str | None) -> bool:
    return text is not None and "," in text


def _ascii(text: str) -> str:
    """The text with plain digits, blanks and minus signs, trimmed."""
    return unicodedata.normalize("NFKC", text).replace("−", "-").strip()
