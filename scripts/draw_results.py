"""The picture of the README, drawn from the committed table: `python scripts/draw_results.py`.

Bars are our Recall@20 on Amazon Beauty, in `results/tables/overall.csv`; a line across a bar is the
value that COMIF's paper printed for that model.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "results" / "tables" / "overall.csv"
PICTURE = ROOT / "docs" / "beauty.svg"
METRIC = "Recall@20"
# Rows of the picture: training-free, items alone, with side information.
ROWS = {
    "Popularity": "training-free",
    "Item transitions": "training-free",
    "GRU4Rec": "items and positions",
    "SASRec": "items and positions",
    "BSARec": "items and positions",
    "SASRecF": "with brand",
    "FDSA": "with brand",
    "NOVA": "with brand",
    "DIF-SR": "with brand",
    "MSSR": "with brand",
    "COMIF": "with brand",
    "COMIF, brand and category": "with brand and category",
}
COLOURS = {
    "training-free": "#9aa5b1",
    "items and positions": "#6c9bd1",
    "with brand": "#2b5797",
    "with brand and category": "#173a66",
}
LABEL_WIDTH, BAR_WIDTH, BAR_HEIGHT, STEP, TOP = 190, 430, 16, 24, 44


@dataclass(frozen=True)
class Bar:
    """One model: our value, and the one that was printed for it."""

    model: str
    value: float
    published: float | None


def read_bars(table: Path) -> list[Bar]:
    """The rows of the picture, from the first table of a committed CSV file."""
    with table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    first = lines[0]["table"]
    found = {}
    for line in lines:
        if line["table"] == first and line["column"] == METRIC:
            published = float(line["published"]) if line["published"] else None
            found[line["row"]] = Bar(line["row"], float(line["value"]), published)
    return [found[name] for name in ROWS]


def draw(bars: list[Bar]) -> str:
    """The picture as SVG."""
    largest = max(max(bar.value, bar.published or 0.0) for bar in bars)
    width = LABEL_WIDTH + BAR_WIDTH + 70
    height = TOP + STEP * len(bars) + 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f"<title>{METRIC} on Amazon Beauty, ours and printed</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{LABEL_WIDTH}" y="22" font-weight="bold">{METRIC}, Amazon Beauty, '
        "all items ranked, one seed</text>",
    ]
    for number, bar in enumerate(bars):
        lines += bar_lines(bar, TOP + number * STEP, BAR_WIDTH / largest)
    lines += legend(TOP + STEP * len(bars) + 18)
    return "\n".join([*lines, "</svg>", ""])


def bar_lines(bar: Bar, y: int, scale: float) -> list[str]:
    """The elements of one bar.

    Args:
        bar: the model and its values.
        y: the upper edge, in pixels.
        scale: pixels per unit of the metric.
    """
    length = bar.value * scale
    colour = COLOURS[ROWS[bar.model]]
    lines = [
        f'<text x="{LABEL_WIDTH - 8}" y="{y + 13}" text-anchor="end">{escape(bar.model)}</text>',
        f'<rect x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}" '
        f'fill="{colour}"/>',
        f'<text x="{LABEL_WIDTH + BAR_WIDTH + 10}" y="{y + 13}">{bar.value:.4f}</text>',
    ]
    if bar.published is not None:
        x = LABEL_WIDTH + bar.published * scale
        lines.append(
            f'<line x1="{x:.1f}" y1="{y - 2}" x2="{x:.1f}" y2="{y + BAR_HEIGHT + 2}" '
            'stroke="#c0392b" stroke-width="2.5"/>'
        )
    return lines


def legend(y: int) -> list[str]:
    """What the colours and the lines mean, with the text's base line at `y`."""
    lines = []
    x = 20
    for meaning, colour in COLOURS.items():
        lines.append(f'<rect x="{x}" y="{y - 10}" width="11" height="11" fill="{colour}"/>')
        lines.append(f'<text x="{x + 16}" y="{y}">{meaning}</text>')
        x += 36 + 7 * len(meaning)
    lines.append(
        f'<line x1="{x + 4}" y1="{y - 12}" x2="{x + 4}" y2="{y + 2}" '
        'stroke="#c0392b" stroke-width="2.5"/>'
    )
    lines.append(f'<text x="{x + 12}" y="{y}">printed</text>')
    return lines


def main() -> None:
    """Draw the picture, into `docs/beauty.svg` unless told otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE, help="where the picture goes")
    chosen = parser.parse_args()
    chosen.out.write_text(draw(read_bars(TABLE)), encoding="utf-8")
    print(chosen.out)


if __name__ == "__main__":
    main()
