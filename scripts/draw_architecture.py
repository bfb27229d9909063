"""The pictures of `docs/architecture.md`, drawn from the imports.

    python scripts/draw_architecture.py

A box is a room: a folder of the package, or a module that stands alone. A room lies below every
room that imports from it, and as high as that allows. An arrow that follows from others is left
out of the picture: where A imports from B and B from C, an import of A from C has no arrow of its
own. The source files are parsed and never imported; the same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Picture -> the package whose rooms it shows.
PICTURES = {
    "architecture.svg": "sirec",
    "architecture_data.svg": "sirec.data",
    "architecture_studies.svg": "sirec.studies",
}
BOX_WIDTH, BOX_HEIGHT = 132, 34
COLUMN_GAP, ROW_GAP, MARGIN = 28, 54, 16

Graph = dict[str, set[str]]


@dataclass(frozen=True)
class Box:
    """Where a room lies in the picture: its upper left corner, in pixels."""

    name: str
    x: float
    y: float

    @property
    def centre(self) -> float:
        """Horizontal middle."""
        return self.x + BOX_WIDTH / 2


def room_graph(package: str, root: Path = ROOT) -> Graph:
    """Which rooms of a package import from which of its other rooms.

    Args:
        package: dotted name, such as `sirec.data`.
        root: the folder that holds the top package.

    Returns:
        Room -> the rooms it imports from. Modules with a leading underscore belong to no room.
    """
    folder = root.joinpath(*package.split("."))
    graph: Graph = {}
    for path in sorted(folder.rglob("*.py")):
        room = path.relative_to(folder).parts[0].removesuffix(".py")
        if room.startswith("_"):
            continue
        used = graph.setdefault(room, set())
        for module in imported_modules(path, root):
            target = room_of(module, package)
            if target and target != room and exists(folder, target):
                used.add(target)
    return graph


def imported_modules(path: Path, root: Path) -> Iterator[str]:
    """Dotted names of what a file imports, inside functions too, but not for types alone.

    Args:
        path: the file.
        root: the folder that holds the top package.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in without_type_checking(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                inside = root.joinpath(*name.split("."))
                is_module = inside.is_dir() or inside.with_suffix(".py").exists()
                yield name if is_module else node.module


def without_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree, except those under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from without_type_checking(child)


def room_of(module: str, package: str) -> str | None:
    """The room of `package` that a dotted `module` lies in; None outside the package."""
    if not module.startswith(f"{package}."):
        return None
    return module.removeprefix(f"{package}.").split(".")[0]


def exists(folder: Path, room: str) -> bool:
    """Whether `folder` has a `room` of that name: a folder or a module."""
    return (folder / room).is_dir() or (folder / f"{room}.py").exists()


def depths(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """Depth of each room: 0 for one that no other imports from, else one more than the deepest of
    the rooms that import from it.

    Raises:
        ValueError: rooms import from each other in a circle.
    """
    users: Graph = {room: set() for room in graph}
    for room, imported in graph.items():
        for used in imported:
            users[used].add(room)
    known: dict[str, int] = {}
    while len(known) < len(graph):
        ready = [room for room in graph if room not in known and users[room] <= known.keys()]
        if not ready:
            circle = sorted(graph.keys() - known.keys())
            raise ValueError(f"rooms import from each other in a circle: {', '.join(circle)}")
        for room in ready:
            known[room] = 1 + max((known[user] for user in users[room]), default=-1)
    return known


def direct_arrows(graph: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that do not follow from others, sorted: the transitive reduction."""
    arrows = []
    for room in sorted(graph):
        for used in sorted(graph[room]):
            others = graph[room] - {used}
            if not any(used in reachable(graph, other) for other in others):
                arrows.append((room, used))
    return arrows


def reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """All rooms that `start` imports from in `graph`, over any number of steps."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def boxes(graph: Mapping[str, set[str]]) -> dict[str, Box]:
    """A place for each room: a row for each depth, each row centred.

    Within a row, rooms are ordered by the middle of the rooms above that import from them.
    """
    rows = rooms_by_depth(depths(graph))
    widest = max(len(row) for row in rows)
    width = widest * (BOX_WIDTH + COLUMN_GAP) - COLUMN_GAP
    placed: dict[str, Box] = {}
    for number, row in enumerate(rows):
        left = MARGIN + (width - len(row) * (BOX_WIDTH + COLUMN_GAP) + COLUMN_GAP) / 2
        y = MARGIN + number * (BOX_HEIGHT + ROW_GAP)
        ordered = sorted(row, key=lambda room: (middle_of_users(room, graph, placed), room))
        for column, room in enumerate(ordered):
            placed[room] = Box(room, left + column * (BOX_WIDTH + COLUMN_GAP), y)
    return placed


def rooms_by_depth(depth: Mapping[str, int]) -> list[list[str]]:
    """Rooms of depth 0, of depth 1 and so on, each in alphabetical order."""
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for room in sorted(depth):
        rows[depth[room]].append(room)
    return rows


def middle_of_users(room: str, graph: Mapping[str, set[str]], placed: Mapping[str, Box]) -> float:
    """Mean of the horizontal middles of the rooms that have a direct arrow to a room.

    Args:
        room: the room.
        graph: which rooms import from which.
        placed: the rooms above it.
    """
    centres = []
    for user, used in direct_arrows(graph):
        if used == room and user in placed:
            centres.append(placed[user].centre)
    return sum(centres) / max(len(centres), 1)


def draw(package: str, graph: Mapping[str, set[str]]) -> str:
    """The picture of the rooms of `package` with the imports of `graph`, as SVG."""
    placed = boxes(graph)
    width = max(box.x for box in placed.values()) + BOX_WIDTH + MARGIN
    height = max(box.y for box in placed.values()) + BOX_HEIGHT + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="13">',
        f"<title>Imports between the rooms of {escape(package)}</title>",
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3.5" '
        'orient="auto"><path d="M0,0 L8,3.5 L0,7 z" fill="#555"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
    ]
    lines += [arrow(placed[user], placed[used]) for user, used in direct_arrows(graph)]
    lines += [rectangle(placed[room]) for room in sorted(placed)]
    return "\n".join([*lines, "</svg>", ""])


def arrow(user: Box, used: Box) -> str:
    """A curve from the lower edge of the box of `user` to the upper edge of that of `used`."""
    start, end = user.y + BOX_HEIGHT, used.y
    middle = (end - start) / 2
    return (
        f'<path d="M{user.centre:.1f},{start:.1f} C{user.centre:.1f},{start + middle:.1f} '
        f'{used.centre:.1f},{end - middle:.1f} {used.centre:.1f},{end:.1f}" '
        'fill="none" stroke="#555" stroke-width="1.2" marker-end="url(#tip)"/>'
    )


def rectangle(box: Box) -> str:
    """A box with its room's name."""
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5" '
        'fill="#eaf1fb" stroke="#2b5797"/>'
        f'<text x="{box.centre:.1f}" y="{box.y + 22:.1f}" text-anchor="middle">'
        f"{escape(box.name)}</text>"
    )


def pictures() -> Iterable[tuple[str, str]]:
    """(file name, SVG) of every picture."""
    for name, package in PICTURES.items():
        yield name, draw(package, room_graph(package))


def main() -> None:
    """Draw every picture into a folder (`docs`)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="where the pictures go")
    folder = parser.parse_args().out
    for name, picture in pictures():
        (folder / name).write_text(picture, encoding="utf-8")
        print(folder / name)


if __name__ == "__main__":
    main()
