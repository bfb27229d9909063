"""Findings: what the pass over the values has seen, as `dataset.yaml` and a person read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NARROW = 80  # columns of a line
MOST_LINES = 11
LONGEST_SAMPLE = 24
SHOWN = 2  # samples that a line with a remedy shows at least; else the remedy has its own


@dataclass(frozen=True)
class ValueFinding:
    """Something in the values of a field that may not be meant.

    Attributes:
        kind: name of the check, for example `missing-words`.
        field: the field: `user`, `item`, `title`, or an attribute or behaviour.
        count: how many things have it; `what` says which things.
        what: the finding as a phrase, with the count.
        samples: a few of the values.
        remedy: options of `sirec prepare` that do away with it; empty if only other files do.
        reason: why it is so, where that is known; with two samples side by side.
    """

    kind: str
    field: str
    count: int
    what: str
    samples: tuple[str, ...] = ()
    remedy: str = ""
    reason: str = ""

    def lines(self, width: int = NARROW) -> list[str]:
        """The finding as one line, or as two where its remedy needs the second.

        Args:
            width: columns of a line; samples are left out to fit, remedies never.
        """
        head = f"{self.field}: {self.what}"
        changed_by = "; ".join(part for part in (self.reason, self.remedy) if part)
        if not changed_by:
            return [head + _samples(self.samples, width - len(head))[0]]
        if not self.reason:
            shown, count = _samples(self.samples, width - len(head) - len(changed_by) - 2)
            line = f"{head}{shown}; {changed_by}"
            if len(line) <= width and count >= min(SHOWN, len(self.samples)):
                return [line]
        shown, _ = _samples(() if self.reason else self.samples, width - len(head))
        return [head + shown, f"    {changed_by}"]


def listed(
    findings: Sequence[ValueFinding], width: int = NARROW, most: int | None = MOST_LINES
) -> Iterator[str]:
    """Findings as lines.

    Args:
        findings: the findings.
        width: columns of a line.
        most: lines at most; the last one then counts what is left out. None for all.
    """
    written = 0
    for index, finding in enumerate(findings):
        lines = finding.lines(width)
        if most is not None and written + len(lines) > most:
            yield f"and {len(findings) - index} more"
            return
        yield from lines
        written += len(lines)


def _samples(samples: Sequence[str], room: int) -> tuple[str, int]:
    """As many samples as fit, after a colon, and how many they are."""
    shown = ""
    for count, sample in enumerate(samples):
        text = shortened(sample)
        begin = ", " if shown else ": "
        if len(shown) + len(begin) + len(text) > room:
            return shown, count
        shown += begin + text
    return shown, len(samples)


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun: `1 item`, `1,595 items`.

    Args:
        count: how many.
        one: the noun for one.
        many: the noun for any other number; by default with an s.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shortened(sample: str) -> str:
    """A sample between quotes, with escapes for what cannot be seen, and cut if it is long."""
    signs: list[str] = []
    for sign in sample[:LONGEST_SAMPLE]:
        visible = sign.isprintable() and (sign == " " or not sign.isspace())
        signs.append(sign if visible else sign.encode("unicode_escape").decode())
    more = "…" if len(sample) > LONGEST_SAMPLE else ""
    return f"'{''.join(signs)}{more}'"
