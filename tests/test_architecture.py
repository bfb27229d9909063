"""The architecture page shows the imports that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from load_script import ROOT, load

architecture: Any = load("draw_architecture", "scripts")
DOCS = ROOT / "docs"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Four rooms: `top` uses `left` and `base`, `left` uses `base`, `alone` uses nothing."""
    folder = tmp_path / "demo"
    for name, text in {
        "__init__.py": "",
        "top/__init__.py": "",
        "top/one.py": "from demo.left import two\nimport demo.base\n",
        "left.py": "def late():\n    from demo.base import three\n",
        "base.py": "from __future__ import annotations\n",
        "alone.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from demo.top import one\n"
        ),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_graph_has_every_import_but_those_for_types(package: Path) -> None:
    """Imports inside functions count, and so does a name imported from a package."""
    graph = architecture.room_graph("demo", package)
    assert graph == {"alone": set(), "base": set(), "left": {"base"}, "top": {"left", "base"}}


def test_an_arrow_that_follows_from_others_is_left_out(package: Path) -> None:
    """`top` reaches `base` through `left`."""
    graph = architecture.room_graph("demo", package)
    assert architecture.direct_arrows(graph) == [("left", "base"), ("top", "left")]
    assert architecture.depths(graph) == {"alone": 0, "top": 0, "left": 1, "base": 2}


def test_a_circle_is_named() -> None:
    """Rooms that import from each other have no order."""
    with pytest.raises(ValueError, match="circle: left, right"):
        architecture.depths({"left": {"right"}, "right": {"left"}, "base": set()})


def test_the_committed_pictures_are_drawn_from_the_imports() -> None:
    """If this fails after imports have changed: `python scripts/draw_architecture.py`."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for name, picture in architecture.pictures():
        assert (DOCS / name).read_text(encoding="utf-8") == picture, name
        assert f"({name})" in page


def test_every_room_is_on_the_page() -> None:
    """The table of the page names each folder and module of the package."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for room in architecture.room_graph("sirec"):
        assert f"`{room}`" in page or f"`{room}.py`" in page, room
