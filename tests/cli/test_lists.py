"""`sirec evaluate --lists`: stored lists, and the metrics that are read from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Call

RUNS = ("shop/popularity", "shop/transitions")


@pytest.fixture
def runs(sirec: Call, prepared: Path) -> tuple[str, str]:
    """Two finished baselines."""
    for run in RUNS:
        assert sirec("train", run.partition("/")[2], "--data", "shop").code == 0
    return RUNS


def cells(outcome: str) -> dict[str, dict[str, float]]:
    """Values of the table of lists, by row and column."""
    table = json.loads(outcome)["tables"][-1]
    found: dict[str, dict[str, float]] = {}
    for row in table["rows"]:
        found[row["label"]] = {name: cell["value"] for name, cell in row["cells"].items()}
    return found


def test_lists_are_stored_once_and_read_by_other_commands(
    sirec: Call, runs: tuple[str, str]
) -> None:
    """Popularity shows everybody the same; transitions do not. `compare` reads the same lists."""
    missing = sirec("evaluate", *runs, "--metric", "Coverage@5")
    assert missing.code == 2
    assert "no lists of 5 items are stored" in missing.err
    assert "--lists 10" in missing.err
    stored = sirec("evaluate", *runs, "--lists", "5", "--json")
    assert stored.code == 0, stored.err
    assert stored.err.count("lists of 5 items stored") == 2
    found = cells(stored.out)
    popular, near = found["Popularity"], found["Item transitions"]
    assert popular["Coverage@5"] == pytest.approx(5 / 100, rel=0.1)
    assert near["Coverage@5"] > 0.5
    assert near["Novelty@5"] > popular["Novelty@5"]
    assert near["Popularity@5"] < popular["Popularity@5"]
    assert 0 < near["Diversity(brand)@5"] < 1
    again = sirec("evaluate", *runs, "--lists", "3", "--json")
    assert again.err.count("lists were stored before") == 2
    both = sirec("compare", *runs, "--metric", "Gini@5", "--metric", "Recall@10", "--json")
    assert both.code == 0, both.err
    assert cells(both.out)["Popularity"]["Gini@5"] == popular["Gini@5"]
    screen = sirec("evaluate", *runs, "--metric", "Coverage@5", "--metric", "diversity(brand)@5")
    assert "Coverage@5" in screen.out
    assert "Diversity(brand)@5" in screen.out
    assert sirec("verify").code == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("--lists 0", "expected 1 to 1,000"),
        ("--lists -3", "expected 1 to 1,000"),
        ("--lists 5000", "expected 1 to 1,000"),
        ("--metric Coverage@50", "no lists of 50 items are stored"),
        ("--metric Diversity(colour)@5", "'colour' is not an attribute"),
        ("--metric Coverage@5 --split valid", "are those of test users"),
    ],
)
def test_wrong_lists_are_one_line(sirec: Call, runs: tuple[str, str], more: str, said: str) -> None:
    """What is wrong, and what would be right."""
    assert sirec("evaluate", runs[0], "--lists", "5").code == 0
    outcome = sirec("evaluate", runs[0], *more.split())
    assert outcome.code == 2
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_a_changed_list_is_told(sirec: Call, runs: tuple[str, str], prepared: Path) -> None:
    """The digest in DONE differs, and the line says how to store them again."""
    assert sirec("evaluate", runs[1], "--lists", "5").code == 0
    [file] = (prepared / "results/runs/shop/transitions").glob("*/lists.parquet")
    before = file.read_bytes()
    file.write_bytes(before[:20] + bytes([before[20] ^ 1]) + before[21:])
    try:
        outcome = sirec("evaluate", runs[1], "--metric", "Coverage@5")
        assert outcome.code == 2
        assert "its digest is another one" in outcome.err
    finally:
        file.write_bytes(before)


def test_everybody_is_recommended_what_is_popular(
    sirec: Call, runs: tuple[str, str], tmp_path: Path
) -> None:
    """The scores of the baseline are one row for all users, which nothing may write into."""
    path = str(tmp_path / "all.parquet")
    outcome = sirec("recommend", runs[0], "--all", "--to", path)
    assert outcome.code == 0, outcome.err
