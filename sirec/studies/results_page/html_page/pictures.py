"""Pictures of a results folder inside a page: SVG that takes the colours of the page."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from sirec.report.figures.style import FAINT, INK, PAPER
from sirec.report.render.html_table import escape

HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
DESCRIPTION = re.compile(r"<dc:description>(.*?)</dc:description>", re.DOTALL)
SIZE = re.compile(r"<svg ([^>]*?)>", re.DOTALL)
WIDTH = re.compile(r'width="([\d.]+)pt"')
VIEW = re.compile(r'viewBox="[^"]*"')
ID = re.compile(r'\bid="')
REFERENCE = re.compile(r'(url\(|href=")#')
USED = re.compile(r'(?:url\(|href=")#([^")]+)')
COORDINATES = re.compile(r' (?:d|x|y|transform)="[^"]*"', re.DOTALL)
DIGITS = re.compile(r"(\.\d)\d+")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
NAMED = re.compile(r' id="([^"]*)"')
BLANKS = re.compile(r"\n\s*")
WIDE = 300.0  # points: pictures of two columns are not squeezed onto a phone
ENLARGED = 1.62  # pixels a point, so that text of 8 points is as large as that of the page's tables


def caption(path: Path) -> str:
    """What the marks of a picture mean, as the file says; empty if it does not."""
    found = DESCRIPTION.search(path.read_text(encoding="utf-8"))
    return unescape(found[1]) if found else ""


def inline_svg(path: Path) -> str:
    """A `figure` element with the picture and its caption.

    Text and ground take the page's colours, ids are unlike those of other pictures, and coordinates
    have one decimal.

    Args:
        path: the SVG file.
    """
    text, said = path.read_text(encoding="utf-8"), caption(path)
    text = COMMENT.sub("", METADATA.sub("", HEAD.sub("", text, count=1)))
    used = set(USED.findall(text))
    text = NAMED.sub(lambda match: match[0] if match[1] in used else "", text)
    text = ID.sub(f'id="{path.stem}-', text)
    text = REFERENCE.sub(rf"\1#{path.stem}-", text)
    text = COORDINATES.sub(lambda match: DIGITS.sub(r"\1", match[0]), text)
    text = (
        text.replace(INK, "currentColor")
        .replace(PAPER, "var(--page)")
        .replace(FAINT, "var(--line)")
    )
    opening = SIZE.search(text)
    if opening is not None:
        text = _svg_tag(opening[1], said or path.stem) + text[opening.end() :]
    picture = BLANKS.sub("\n", text).strip()
    below = f"<figcaption>{escape(said)}</figcaption>" if said else ""
    return f"<figure>\n{picture}\n{below}\n</figure>"


def _svg_tag(attributes: str, label: str) -> str:
    """The opening tag, as wide as the page allows up to a readable size."""
    width, view = WIDTH.search(attributes), VIEW.search(attributes)
    points = float(width[1]) if width else WIDE
    kind = "wide" if points > WIDE else "narrow"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{view[0] if view else ""} role="img" aria-label="{escape(label)}" class="{kind}" '
        f'style="max-width:{points * ENLARGED:.0f}px">'
    )
