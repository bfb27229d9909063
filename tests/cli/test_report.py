"""`sirec report`: the commands that it names make the tables that they stand beside."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from .conftest import Call
from .test_commands import TINY

SMALLER = ["--data", "shop", *TINY, "--set", "epochs=1"]
MADE = (
    [
        "ablate",
        "--no-upa",
        "--profile",
        "published",
        *SMALLER,
        "--set",
        "data.behaviours=[position]",
    ],
    [
        "ablate",
        "--no-attention-fusion",
        "--model=dif-sr",
        "--seeds=1",
        "--history=mask",
        "--protocol=difsr",
        *SMALLER,
    ],
    ["study", "difsr_figure1_rank", *SMALLER],
)


@pytest.fixture
def made(sirec: Call, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tables that were trained or measured for, and their report."""
    (tmp_path / "data").symlink_to(prepared / "data")
    monkeypatch.chdir(tmp_path)
    for arguments in MADE:
        outcome = sirec(*arguments)
        assert outcome.code == 0, outcome.err
    [study] = (tmp_path / "results" / "studies").glob("difsr_figure1_rank_*.json")
    sampled = ["--data", "shop", "--users", "20", "--seed", "3"]
    assert (
        sirec("correlation", "--study", study.stem, "--models", "dif-sr,nova", *sampled).code == 0
    )
    assert sirec("report").code == 0
    return tmp_path / "results"


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*.*")}


def test_the_commands_of_a_report_make_its_tables(sirec: Call, made: Path) -> None:
    """Typed as they stand there, each draws its table to the same bytes, trains nothing anew and
    makes no other table.
    """
    parts = re.findall(
        r'<a id="([^"]+)"></a>(.*?)(?=<a id|\Z)', (made / "report.md").read_text(), flags=re.DOTALL
    )
    commands = {
        name: re.findall(r"^- (?:Command|Drawn anew): `sirec (.*)`$", part, flags=re.MULTILINE)
        for name, part in parts
    }
    tables = contents(made / "tables")
    records = {path: path.read_bytes() for path in made.glob("[!t]*/*.json")}
    done = set(made.rglob("DONE"))
    assert set(commands) == {path.stem for path in tables if path.suffix == ".md"}
    assert len(commands) == len(MADE) + 1
    for name, lines in commands.items():
        assert len(lines) == 1 + name.startswith("correlation"), name
        for line in lines:
            for ending in ("md", "csv", "json"):
                (made / "tables" / f"{name}.{ending}").unlink()
            (made / "tables" / "latex" / f"{name}_1.tex").unlink()
            outcome = sirec(*shlex.split(line))
            assert outcome.code == 0, (line, outcome.err)
            assert contents(made / "tables") == tables, line
    assert {path: path.read_bytes() for path in made.glob("[!t]*/*.json")} == records
    assert set(made.rglob("DONE")) == done
