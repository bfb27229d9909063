"""What `sirec runs` lists: order, filters, values, and what is wrong with a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from unsealed import reads_unsealed

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.listing import ListedRun, RunFilter, list_runs
from sirec.run.store import RunFolder, Store

RECALL = parse_metric("Recall@20")
pytestmark = reads_unsealed  # runs that consist of what is listed


@pytest.fixture(scope="module")
def made(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a real run of each training-free model, and the record of a study."""
    root = tmp_path_factory.mktemp("results")
    for model in ("popularity", "transitions"):
        run = execute(resolve(model, tiny), tiny, Store(root))
        line = {"label": model.title(), "row": model, "run": run.address}
        (root / "studies").mkdir(exist_ok=True)
        (root / f"studies/of_{model}.json").write_text(json.dumps({"runs": [line]}))
    return root


def add(root: Path, name: str, recall: float | None, day: int = 1, seed: int = 0) -> Path:
    """A run as the listing sees it; without a value it has not finished."""
    run = root / "runs" / name
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(f"seed: {seed}\n")
    if recall is not None:
        values = {"keep": {"Recall@20": recall}}
        (run / "metrics.json").write_text(json.dumps({"valid": values, "test": values}))
        (run / "evaluations.jsonl").write_text(f'{{"time": "2026-01-{day:02}T00:00:00+00:00"}}\n')
        (run / "DONE").touch()
    return run


def ids(runs: list[ListedRun]) -> list[str]:
    """The runs, in order."""
    return [run.path.name for run in runs]


def test_values_are_those_of_the_run(made: Path) -> None:
    """From metrics.json, or from the ranks where it lacks the metric; seed, time and row as well.

    Control: validation and test differ, and test is there only where it was asked for.
    """
    for metric in (RECALL, parse_metric("MRR@3")):
        for listed in list_runs(made, metric, test=True):
            ranks = RunFolder(listed.path).ranks().ranks
            for split, value in listed.values.items():
                assert value == pytest.approx(metric.mean(dict(ranks)[split]["keep"]))
            assert listed.values["valid"] != listed.values["test"]
            assert listed.seed == RunFolder(listed.path).config().seed
            assert [row.label for row in listed.rows] == [listed.model.title()]
            assert listed.finish_date.startswith("20")
    assert all(set(run.values) == {"valid"} for run in list_runs(made, RECALL))


def test_the_newest_is_first_or_the_best(tmp_path: Path) -> None:
    """What has not finished comes last in both orders; ids are as long as they must be."""
    add(tmp_path, "demo/comif/aaaaaaaa1", 0.2, day=2)
    add(tmp_path, "demo/comif/aaaaaaaa2", 0.1, day=3, seed=7)
    add(tmp_path, "demo/comif/0000000", None)
    add(tmp_path, "demo/nova/ccccccccc", 0.3, day=1)
    newest = list_runs(tmp_path, RECALL)
    assert ids(newest) == ["aaaaaaaa2", "aaaaaaaa1", "ccccccccc", "0000000"]
    best = list_runs(tmp_path, RECALL, by_metric=True)
    assert ids(best) == ["ccccccccc", "aaaaaaaa1", "aaaaaaaa2", "0000000"]
    assert [run.short_id for run in newest] == ["aaaaaaaa2", "aaaaaaaa1", "cccccc", "000000"]
    assert [run.seed for run in newest] == [7, 0, 0, 0]
    assert newest[-1].finished is None


def test_filters_join(made: Path) -> None:
    """By data, model and study; what no run has is refused with the names that there are."""
    name = list_runs(made, RECALL)[0].dataset
    wanted = RunFilter(name, "popularity", "of_popularity")
    assert [run.model for run in list_runs(made, RECALL, wanted=wanted)] == ["popularity"]
    assert not list_runs(made, RECALL, wanted=RunFilter(name, "popularity", "of_transitions"))
    for wrong in (RunFilter(data="demi"), RunFilter(model="popularty"), RunFilter(study="of_")):
        with pytest.raises(SirecError) as caught:
            list_runs(made, RECALL, wanted=wrong)
        assert name in str(caught.value.hint) or "popularity" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("file", "text", "damage"),
    [
        ("metrics.json", None, "metrics.json: no such file"),
        ("metrics.json", "{", "not valid JSON"),
        ("metrics.json", "{}", "metrics.json: no metrics of valid"),
        ("metrics.json", '{"valid": 3}', "metrics.json: no metrics of valid"),
        ("metrics.json", '{"valid": {"keep": {"Recall@20": "x"}}}', "is no number"),
        ("metrics.json", '{"valid": {"keep": {"Recall@20": NaN}}}', "is no number"),
        ("metrics.json", '{"valid": {"keep": {}}}', "ranks.parquet: no such file"),
        ("config.yaml", "", "config.yaml: expected a mapping"),
        ("config.yaml", "seed: [", "not valid YAML"),
        ("config.yaml", "data: {}", "config.yaml: seed: expected a whole number"),
        ("config.yaml", "seed: 1\nseed: 2", "'seed' is there twice"),
    ],
)
def test_a_damaged_run_is_one_line(
    tmp_path: Path, file: str, text: str | None, damage: str
) -> None:
    """It hides no other run, and stands last."""
    run = add(tmp_path, "demo/comif/aa", 0.5)
    add(tmp_path, "demo/comif/bb", 0.1)
    (run / file).unlink()
    if text is not None:
        (run / file).write_text(text)
    whole, damaged = list_runs(tmp_path, RECALL)
    assert (whole.path.name, whole.damage) == ("bb", "")
    assert damage in damaged.damage
    assert "\n" not in damaged.damage


@pytest.mark.parametrize("text", ["[]", '{"runs": 3}', '{"runs": [{}]}', "{"])
def test_a_damaged_record_names_no_rows_and_is_told(made: Path, text: str) -> None:
    """Where it is the study that was asked for, it is refused."""
    record = made / "studies/broken.json"
    record.write_text(text)
    told: list[str] = []
    try:
        assert len(list_runs(made, RECALL, told=told.append)) == 2
        assert len(told) == 1
        assert "broken.json" in told[0]
        with pytest.raises(SirecError, match=r"broken\.json"):
            list_runs(made, RECALL, wanted=RunFilter(study="broken"))
    finally:
        record.unlink()


def test_metrics_that_were_changed_are_not_listed(made: Path, tmp_path: Path) -> None:
    """A finished run's metrics have a digest: another number is a damage, in one line."""
    shutil.copytree(made, tmp_path / "results")
    changed = next((tmp_path / "results").glob("runs/*/popularity/*"))
    path = changed / "metrics.json"
    path.write_text(path.read_text().replace("0.", "0.9", 1))
    damage = {run.model: run.damage for run in list_runs(tmp_path / "results", RECALL)}
    assert damage["popularity"].startswith("metrics.json: not what the run wrote")
    assert damage["transitions"] == ""
