"""An explanation of recommendations on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sirec.plain_text import visible

if TYPE_CHECKING:
    from sirec.run.explanation import Explanation, ItemExplanation, LeftOut, ScorePart

WIDTH = 80  # characters of a line
INDENT = "   "
PAST_ITEMS = 3  # that are shown; --json has all
LONGEST_NAME = 30  # characters of an item's id and title
LONGEST_VALUES = 28  # characters of an attribute's values


def explanation_lines(explanation: Explanation) -> list[str]:
    """The lines of an explanation: a few for each item, then how they are meant.

    Args:
        explanation: what is explained.
    """
    lines = [visible(explanation.user)]
    for item in explanation.items:
        lines += _of_item(item)
    return [*lines, *explanation.notes]


def _of_item(item: ItemExplanation) -> list[str]:
    name = _named(item.item, item.title, WIDTH - 20)
    lines = [f"{item.rank:>2} {name}  score {item.score:.4f}"]
    if len(item.parts) > 1:
        parts: list[str] = []
        for part in item.parts:
            parts.append(_part(part, item.values.get(part.source, ())))
        lines += _wrapped("parts", parts, " +")
    if item.past:
        lines += _wrapped("without", list(map(_without, item.past[:PAST_ITEMS])), ",")
    if item.fields:
        lines += _wrapped("without", list(map(_without, item.fields)), ",")
    return lines


def _part(part: ScorePart, values: Sequence[str]) -> str:
    of_values = f" ({_cut(visible(', '.join(values)), LONGEST_VALUES)})" if values else ""
    return f"{visible(part.source)}{of_values} {part.value:.3f} ({part.mean:.3f})"


def _without(left_out: LeftOut) -> str:
    name = _named(left_out.source, left_out.title, LONGEST_NAME)
    return f"{name} {round(-left_out.change, 3) + 0.0:+.3f} (rank {left_out.rank:,})"


def _named(source: str, title: str | None, room: int) -> str:
    """An id with its title, shortened to the room there is."""
    return _cut(visible(f"{source} {title}" if title else source), room)


def _wrapped(heading: str, texts: Sequence[str], separator: str) -> list[str]:
    """Texts behind a heading, as many a line as there is room for."""
    lines = [f"{INDENT}{heading:<8}"]
    for number, text in enumerate(texts):
        piece = text + (separator if number < len(texts) - 1 else "")
        if len(lines[-1]) + len(piece) + 1 > WIDTH and lines[-1].strip() != heading:
            lines.append(INDENT + " " * 8)
        lines[-1] += f"{piece} "
    return [line.rstrip() for line in lines]


def _cut(text: str, room: int) -> str:
    """The beginning of a text that is longer than there is room for."""
    return text if len(text) <= room else f"{text[: room - 1]}…"
