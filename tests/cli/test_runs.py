"""`sirec runs`, and runs that are named by their model."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import pytest
from rich.console import Console

import sirec as library
from sirec.cli.commands.runs import draw_runs
from sirec.evaluation.metrics import parse_metric
from sirec.run.listing import ListedRun, StudyRow

from .conftest import Call

SCREEN = 16 + 12  # rows and lines


@pytest.fixture(scope="module")
def results(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two training-free runs on `shop`."""
    root = tmp_path_factory.mktemp("listed") / "results"
    for model in ("popularity", "transitions"):
        library.train(model, "shop", results=root, data_root=prepared / "data")
    return root


@pytest.fixture
def call(sirec: Call, results: Path) -> Call:
    """`sirec` with that folder."""
    return lambda *arguments: sirec(*arguments, "--out", str(results))


def test_runs_are_listed_and_named_by_their_model(call: Call, results: Path) -> None:
    """The id that is listed, the model, and data/model mean the same run wherever one is meant; a
    model is said aloud on stderr, an id (control) is not.
    """
    listed = json.loads(call("runs", "--json", "--sort", "recall@10", "--test").out)
    assert {run["model"] for run in listed} == {"popularity", "transitions"}
    assert all(set(run["metrics"]) == {"valid", "test"} for run in listed)
    ids = {run["model"]: run["id"] for run in listed}
    assert ids["popularity"][:6] in call("runs").out
    for command in ("evaluate", "compare"):
        named = call(command, "popularity", "shop/transitions")
        by_id = call(command, ids["popularity"], ids["transitions"][:8])
        assert named.code == by_id.code == 0, named.err
        assert named.out == by_id.out
        said = f"popularity: {results}/runs/shop/popularity/{ids['popularity']}, the only one"
        assert said in named.err
        assert "the only one" not in by_id.err
    assert "transitions: " in call("recommend", "transitions", "--history", "D00016").err


def test_the_run_that_is_named_first_is_the_baseline(call: Call) -> None:
    """Also where it is the worse one, and it is said; `--against` (control) names another."""
    titles = {"popularity": "Popularity", "transitions": "Item transitions"}
    for first, second in (("popularity", "transitions"), ("transitions", "popularity")):
        screen = call("evaluate", first, second).out
        assert f"The baseline is {titles[first]}, named first; --against" in screen
        full = call("evaluate", first, second, "--full").out
        assert f"the baseline (named first; {titles[first]})" in " ".join(full.split())
        other = call("evaluate", first, second, "--against", second).out
        assert f"against {titles[second]}" in other
        assert "named first" not in other
    alone = call("evaluate", "popularity")
    assert (alone.code, "named first" in alone.out) == (0, False)


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_a_metric_by_another_name_is_shown_by_that_name(call: Call, command: str) -> None:
    """With its values, and with what it equals; the usual name (control) needs no such words."""
    runs = ["popularity", "transitions"]
    usual = call(command, *runs, "--metric", "Recall@5", "--full").out
    other = call(command, *runs, "--metric", "hr@5", "--full").out
    assert "HR@K is Recall@K here: each user has one target." in other
    assert "HR@K" not in usual
    digits = re.compile(r"0?\.\d{4}")
    assert digits.findall(other) == digits.findall(usual) != []
    assert "HR@K is Recall@K here" in call(command, *runs, "--metric", "HR@5").out


def test_bins_take_names_of_runs_and_of_metrics(call: Call) -> None:
    """The run that is named first is the baseline, which is not the best on validation."""
    made = call("coldstart", "popularity", "transitions", "--minimum", "20", "--metric", "HR@5")
    assert made.code == 0, made.err
    assert "differs from Popularity" in " ".join(made.out.split())
    assert "HR@K is Recall@K here: each user has one target." in made.out
    assert "popularity: " in made.err


def test_many_runs_are_one_screen(call: Call, results: Path) -> None:
    """How many are left out is said, and `--full` lists them; damaged ones are a line each."""
    [original] = (results / "runs/shop/popularity").iterdir()
    copies = [original.with_name(f"copy{number:03}") for number in range(60)]
    try:
        for number, copy in enumerate(copies):
            shutil.copytree(original, copy)
            if number % 10 == 0:
                (copy / "metrics.json").write_text("{")
            elif number == 1:
                (copy / "DONE").unlink()
        screen = call("runs", "--data", "shop")
        lines = screen.out.splitlines()
        assert len(lines) <= SCREEN
        said = " ".join(screen.out.split())
        assert "55 finished, 1 unfinished, 6 damaged" in said
        assert "42 left out: --full" in said
        assert sum(line.startswith("damaged: ") for line in lines) == 4
        full = call("runs", "--full").out
        assert sum(" popularity " in line for line in full.splitlines()) == 55
        assert sum(line.startswith("damaged: ") for line in full.splitlines()) == 6
        assert "left out" not in full
        assert "unfinished" in full
    finally:
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)


def test_wrong_filters_and_an_empty_folder_are_answered(call: Call, sirec: Call) -> None:
    """One line, a hint and code 2; no runs at all are no mistake, and what comes next is said."""
    for wrong, message in (
        (["--model", "popularty"], "did you mean 'popularity'"),
        (["--data", "shp"], "did you mean 'shop'"),
        (["--study", "overall"], "'overall' is not a study"),
        (["--sort", "Recal@20"], "did you mean 'Recall@20'"),
    ):
        outcome = call("runs", *wrong)
        assert outcome.code == 2
        assert message in outcome.err
    empty = sirec("runs", "--out", "nowhere")
    assert (empty.code, empty.out.strip()) == (0, "no runs in nowhere")
    assert "next: sirec quickstart --out nowhere" in empty.err


@pytest.mark.parametrize("test", [False, True])
def test_eighty_columns_shorten_the_last_one_alone(test: bool) -> None:
    """Ids, days and values are whole; a screen that is wide enough (control) shortens nothing."""
    rows = tuple(StudyRow(f"a_study_of_several_models_{number}", "x") for number in range(5))
    path = Path("results/runs/ml-100k/dif-bert4rec/3f2a91aaaaaa")
    listed = ListedRun(path, "3f2a91", 0, 1.8e9, {"valid": 0.1234, "test": 0.5678}, rows)
    for width, is_whole in ((80, False), (240, True)):
        console = Console(width=width, file=io.StringIO())
        drawn = draw_runs([listed], parse_metric("Recall@20"), None, test=test, width=width)
        with console.capture() as captured:
            console.print(drawn)
        lines = captured.get().splitlines()
        assert max(map(len, lines)) <= width
        for text in ("ml-100k", "dif-bert4rec", "3f2a91", "2027-01-15", "0.1234"):
            assert text in lines[-1]
        assert ("0.5678" in lines[-1]) == test
        assert ("several_models_4" in lines[-1]) == is_whole
