"""Values that follow from the code alone: kept, and never those of other code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from sirec import registry
from sirec.studies import code_facts
from sirec.studies.analyses import model_facts
from sirec.studies.code_facts import kept

OTHER_CODE = "f" * code_facts.DIGEST_DIGITS


class Counter:
    """Gives a value, and counts how often it was asked for."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, object]:
        self.calls += 1
        return {"pair": (1, 2.5), "text": "π", "nothing": None}


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with nothing in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "sirec"


def files_below(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_value_is_computed_once_and_is_the_same_computed_or_kept() -> None:
    """Under another name it is another value."""
    compute = Counter()
    first, second = kept("value", compute), kept("value", compute)
    assert first == second == {"pair": [1, 2.5], "text": "π", "nothing": None}
    assert compute.calls == 1
    kept("another value", compute)
    assert compute.calls == 2


def test_other_code_has_other_values_and_what_it_kept_goes(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of somebody else stays (control)."""
    compute = Counter()
    kept("value", compute)
    (empty_cache / "kept by somebody else").mkdir()
    monkeypatch.setattr(code_facts, "digest_of_code", lambda: OTHER_CODE)
    kept("value", compute)
    assert compute.calls == 2
    names = sorted(path.name for path in empty_cache.iterdir())
    assert names == [OTHER_CODE, "kept by somebody else"]


@pytest.mark.parametrize("name", ["a.py", "papers/a.yaml", "published/a.csv"])
def test_every_source_and_experiment_file_is_part_of_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Its content and its name; a compiled file (control) is no source."""
    digest = code_facts.digest_of_code.__wrapped__
    root = tmp_path / "experiments"
    monkeypatch.setattr(code_facts, "experiments_root", lambda: root)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    digests: list[str] = []
    for content in ("one", "two", "two"):
        path.write_text(content)
        digests.append(digest())
    path.with_name(f"b{path.suffix}").write_text("")
    digests.append(digest())
    assert digests[1] == digests[2]
    assert len(set(digests)) == 3
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "a.py").write_text("")
    assert digest() == digests[-1]


def test_with_a_plugin_nothing_is_kept_and_nothing_kept_is_read(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its components may hang on files that nobody knows of."""
    compute = Counter()
    kept("value", compute)
    before = files_below(empty_cache)
    plugin = tmp_path / "plugin.py"
    plugin.write_text("")
    monkeypatch.setattr(registry, "_plugin_files", {})
    registry.load_plugin_file(plugin)
    kept("value", compute)
    kept("another value", compute)
    assert compute.calls == 3
    assert files_below(empty_cache) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_a_damaged_file_is_as_good_as_none(empty_cache: Path, content: bytes) -> None:
    """The value is computed, and written anew."""
    compute = Counter()
    value = kept("value", compute)
    (path,) = files_below(empty_cache)
    path.write_bytes(content)
    assert kept("value", compute) == value
    assert kept("value", compute) == value
    assert compute.calls == 2


def test_a_place_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values are computed each time."""
    compute = Counter()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert kept("value", compute) == kept("value", compute)
    assert compute.calls == 2


def test_what_is_kept_of_the_models_is_what_their_declarations_say() -> None:
    """A page is that of its protocol: under another one (control) it differs."""
    computed = model_facts.model_listings(), model_facts.model_page("s3-rec", "difsr")
    read = model_facts.model_listings(), model_facts.model_page("s3-rec", "difsr")
    assert list(map(asdict, read[0])) == list(map(asdict, computed[0]))
    assert asdict(read[1]) == asdict(computed[1])
    assert asdict(model_facts.model_page("s3-rec", "comif")) != asdict(computed[1])


def test_kept_models_are_listed_without_torch() -> None:
    """The first call loads it (control), the second one does not."""
    code = (
        "import sys; from sirec.studies.analyses.model_facts import model_listings, model_page;"
        "model_listings(); model_page('comif', 'comif'); print('torch' in sys.modules)"
    )
    for is_loaded in ("True", "False"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == is_loaded
