"""`sirec datasets`: what is there is listed, whatever else is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .conftest import Call


def test_one_stale_data_set_hides_no_other(sirec: Call, prepared: Path, tmp_path: Path) -> None:
    """A folder of another format, or with a broken manifest, is a line of its own beside the table
    of the good ones.
    """
    for name in ("shop", "stale", "broken"):
        shutil.copytree(prepared / "data" / "shop", tmp_path / name)
    manifest = (tmp_path / "stale" / "dataset.yaml").read_text()
    (tmp_path / "stale" / "dataset.yaml").write_text(manifest.replace("format: 1", "format: 0"))
    (tmp_path / "broken" / "dataset.yaml").write_text("format: [")
    outcome = sirec("datasets", "--data-root", str(tmp_path))
    assert outcome.code == 0
    assert "shop" in outcome.out
    assert "stale" not in outcome.out
    broken, stale, following = outcome.err.splitlines()
    assert following == f"next: sirec audit shop --data-root {tmp_path}"
    assert broken.startswith(
        f"not listed: {tmp_path / 'broken' / 'dataset.yaml'}:1:10: not valid YAML"
    )
    assert stale == (
        f"not listed: {tmp_path / 'stale' / 'dataset.yaml'}: format 0, this version reads "
        "format 1; prepare it again with --replace"
    )
    assert [
        each["name"]
        for each in json.loads(sirec("datasets", "--json", "--data-root", str(tmp_path)).out)
    ] == ["shop"]


def test_nothing_good_is_not_nothing(sirec: Call, tmp_path: Path) -> None:
    """Only an empty folder is said to have no data set."""
    assert "no data set is prepared" in sirec("datasets", "--data-root", str(tmp_path)).err
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "dataset.yaml").write_text("format: 0\n")
    outcome = sirec("datasets", "--data-root", str(tmp_path))
    assert "not listed" in outcome.err
    assert "no data set is prepared" not in outcome.err
