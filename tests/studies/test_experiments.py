"""Experiment files: each loads, each committed table is what its ranks say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.resources import experiments_root
from sirec.run.store import RunFolder
from sirec.studies.experiment import Experiment, RowPlan, planned_runs, read_experiment, shipped_experiments
from sirec.studies.rendering import record, render

ROOT = Path(__file__).parents[2]
RENDERED = ("md", "csv", "tex")


def test_every_experiment_loads() -> None:
    """All files in the folder are read, and there are some."""
    files = sorted(Path(str(experiments_root())).rglob("*.yaml"))
    assert len(files) >= 2
    assert {path.stem for path in files} == set(shipped_experiments())
    for path in files:
        plan = read_experiment(path)
        assert {row.model for row in plan.rows.values()} <= set(MODELS)


def test_rows_times_seeds(tiny: Dataset) -> None:
    """Each row runs with each seed, a floor once; shared settings pass over a floor, a row's own reach its model."""
    rows = {"A": RowPlan(model="comif", set={"heads": 1}, without=("upa",)), "B": RowPlan(model="popularity")}
    plan = Experiment(title="t", rows=rows, seeds=(3, 4), set={"learning_rate": 0.5})
    runs = list(planned_runs(plan, tiny))
    assert [(run.label, run.config.seed) for run in runs] == [("A", 3), ("A", 4), ("B", 3)]
    config = runs[0].config
    assert (config.model.heads, config.stages[0].learning_rate) == (1, 0.5)  # type: ignore[union-attr]
    assert [part.name for part in config.stages[0].objectives] == ["item", "iaa"]


def _committed() -> list[Path]:
    listed = (ROOT / "results" / "studies").glob("*.json")
    return [path for path in sorted(listed) if path.stem in shipped_experiments() and path.stem != "quickstart"]


@pytest.mark.parametrize("study", _committed(), ids=lambda path: path.stem)
def test_a_committed_table_is_what_its_ranks_say(study: Path, tmp_path: Path) -> None:
    """Rendered anew from committed ranks, tables agree byte for byte with the committed ones."""
    plan = read_experiment(shipped_experiments()[study.stem])
    render(plan, study.stem, ROOT / "results").write(tmp_path, study.stem)
    for suffix in RENDERED:
        committed = ROOT / "results" / "tables" / f"{study.stem}.{suffix}"
        assert (tmp_path / f"{study.stem}.{suffix}").read_bytes() == committed.read_bytes()


@pytest.mark.parametrize("study", _committed(), ids=lambda path: path.stem)
def test_a_committed_study_is_whole(study: Path) -> None:
    """Every row of the experiment file is there, finished, with the model and the shared settings the file says."""
    plan = read_experiment(shipped_experiments()[study.stem])
    lines = json.loads(study.read_text())["runs"]
    assert {line["row"] for line in lines} == set(plan.rows)
    for line in lines:
        folder = RunFolder(ROOT / "results" / line["run"])
        assert folder.is_done
        config = folder.config()
        assert config.model.name == plan.rows[line["row"]].model
        assert config.seed in plan.seeds
        assert all(stage.learning_rate == plan.set["learning_rate"] for stage in config.stages)


def test_a_shared_key_that_no_row_has_is_refused(tiny: Dataset) -> None:
    """What is shared may pass over a floor, but a key that no row knows is a mistake; so is a seed among the settings."""
    rows = {"A": RowPlan(model="comif"), "B": RowPlan(model="popularity")}
    assert list(planned_runs(Experiment(title="t", rows=rows, set={"learning_rate": 0.5}), tiny))  # control
    with pytest.raises(SirecError, match="'learning_rat' is not a key"):
        list(planned_runs(Experiment(title="t", rows=rows, set={"learning_rat": 0.5}), tiny))
    with pytest.raises(SirecError, match="seed cannot be set"):
        list(planned_runs(Experiment(title="t", rows={"A": RowPlan(model="comif", set={"seed": 7})}), tiny))


def test_a_table_is_only_drawn_from_its_own_plan(tmp_path: Path) -> None:
    """After the experiment file changes in what decides runs, the old record is refused; a new title is not such a change."""
    plan = Experiment(title="t", rows={"A": RowPlan(model="comif")})
    record(plan, tmp_path, "x", [])
    with pytest.raises(SirecError, match="nothing to compare"):  # control: it got past the check
        render(replace(plan, title="new"), "x", tmp_path)
    with pytest.raises(SirecError, match="made from another plan"):
        render(replace(plan, set={"heads": 2}), "x", tmp_path)
