"""The committed record: its configurations, plans and tables are what the code makes of them now.

A source distribution has no record, so most of this is skipped there.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from record import RESULTS, needs_record
from studies.spec.test_attributes import with_attributes

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.run.identity import current_revisions, run_id
from sirec.run.store import RunFolder
from sirec.studies.compare.study_tables import render
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.launch.record import record
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import read_experiment, shipped_experiments
from sirec.studies.spec.plan import planned_runs
from sirec.studies.spec.row import RowPlan

pytestmark = pytest.mark.filterwarnings("ignore:runs with .* are read")  # of earlier revisions
RENDERED = ("md", "csv", "json")
ATTRIBUTES = {
    "beauty": ("brand", "category"),
    "ml-100k": ("genre", "year"),
    "ml-100k-temporal": ("genre", "year"),
    "sports": ("brand", "category"),
    "yelp": ("category",),
}
NUMBERED = {"notes", *map(str, range(30))}  # how names of LaTeX files end
EXPERIMENTS = shipped_experiments()


def committed_studies() -> list[Path]:
    """Records of shipped experiments whose tables are drawn; others are still being trained."""
    found: list[Path] = []
    for path in sorted((RESULTS / "studies").glob("*.json")):
        is_drawn = (RESULTS / "tables" / f"{path.stem}.md").exists()
        if is_drawn and path.stem in EXPERIMENTS and path.stem != "quickstart":
            found.append(path)
    return found


def committed_runs() -> list[Path]:
    """Folders of all runs with a configuration."""
    return [path.parent for path in sorted((RESULTS / "runs").glob("*/*/*/config.yaml"))]


def of_study(path: Path) -> str:
    """How a parametrised test calls a study."""
    return path.stem


def runs_of(study: Path) -> list[dict[str, Any]]:
    """The lines of a study's record."""
    lines: list[dict[str, Any]] = json.loads(study.read_text())["runs"]
    return lines


def revisions_of(folder: RunFolder) -> list[str]:
    """The revisions that a run was made with: this code's, but for those it has raised since."""
    earlier = {text.rpartition("@")[0]: text for text in folder.earlier_revisions()}
    here = current_revisions(folder.config())
    return sorted(earlier.get(text.rpartition("@")[0], text) for text in here)


@needs_record
def test_every_committed_run_is_called_by_its_recomputed_identity() -> None:
    """Its stored configuration loads and gives the folder's name; another seed (control) not."""
    for path in committed_runs():
        folder = RunFolder(path)
        config = folder.config()
        made_with = revisions_of(folder)
        assert run_id(config, folder.fingerprint(), made_with) == path.name, path
        other = replace(config, seed=config.seed + 1)
        assert run_id(other, folder.fingerprint(), made_with) != path.name


@pytest.mark.parametrize("study", committed_studies(), ids=of_study)
def test_a_committed_study_has_the_plan_of_its_file(study: Path) -> None:
    """The record has what decides runs, as the experiment file says it now."""
    plan = read_experiment(EXPERIMENTS[study.stem])
    assert json.loads(study.read_text())["plan"] == plan.plan()
    assert replace(plan, seeds=(99,)).plan() != plan.plan()  # control


@pytest.mark.parametrize("study", committed_studies(), ids=of_study)
def test_a_committed_study_plans_the_runs_that_it_has(study: Path, tiny: Dataset) -> None:
    """Planned anew on data of the same name, rows have the identities of the committed runs."""
    plan = read_experiment(EXPERIMENTS[study.stem])
    [dataset] = plan.datasets
    data = replace(with_attributes(tiny, *ATTRIBUTES[dataset]), name=dataset)
    lines = runs_of(study)
    fingerprint = RunFolder(RESULTS / lines[0]["run"]).fingerprint()
    made_with = {line["row"]: revisions_of(RunFolder(RESULTS / line["run"])) for line in lines}
    planned = set()
    for run in planned_runs(plan, data):
        identity = run_id(run.config, fingerprint, made_with[run.row])
        planned.add((run.row, f"runs/{dataset}/{run.config.model.name}/{identity}"))
    assert planned == {(line["row"], line["run"]) for line in lines}


@pytest.mark.parametrize("study", committed_studies(), ids=of_study)
def test_a_committed_study_is_whole(study: Path) -> None:
    """Every row of the experiment file has a finished run of its model, under a planned seed."""
    plan = read_experiment(EXPERIMENTS[study.stem])
    lines = runs_of(study)
    assert {line["row"] for line in lines} == set(plan.rows)
    for line in lines:
        folder = RunFolder(RESULTS / line["run"])
        assert folder.is_done
        config = folder.config()
        assert config.model.name == plan.rows[line["row"]].model
        assert config.seed in plan.seeds


@pytest.mark.parametrize("study", committed_studies(), ids=of_study)
def test_a_committed_table_is_what_its_ranks_say(study: Path, tmp_path: Path) -> None:
    """Rendered anew from committed ranks, tables agree byte for byte with the committed ones."""
    plan = read_experiment(EXPERIMENTS[study.stem])
    render(plan, study.stem, RESULTS).write(tmp_path, study.stem)
    for suffix in RENDERED:
        committed = RESULTS / "tables" / f"{study.stem}.{suffix}"
        assert (tmp_path / f"{study.stem}.{suffix}").read_bytes() == committed.read_bytes()
    latex = {path.name: path.read_bytes() for path in (tmp_path / "latex").iterdir()}
    for name, text in latex.items():
        assert (RESULTS / "tables" / "latex" / name).read_bytes() == text
    kept = (RESULTS / "tables" / "latex").glob(f"{study.stem}_*.tex")
    assert {path.name for path in kept if path.stem[len(study.stem) + 1 :] in NUMBERED} == {*latex}


@pytest.mark.parametrize("study", committed_studies(), ids=of_study)
def test_a_committed_table_names_rows_of_earlier_revisions(study: Path) -> None:
    """Those and no others; a table without such rows (control) has no such note."""
    earlier = {}
    for line in runs_of(study):
        found = RunFolder(RESULTS / line["run"]).earlier_revisions()
        if found:
            earlier[line["label"]] = found
    text = (RESULTS / "tables" / f"{study.stem}.md").read_text()
    assert ("Trained with an earlier revision" in text) == bool(earlier)
    for label, found in earlier.items():
        assert f"{label} ({', '.join(found)})" in text


@needs_record
@pytest.mark.parametrize("name", ["comif_table5_side_information", "comif_table6_modules"])
def test_parts_added_one_by_one_are_compared_with_the_row_above(name: str) -> None:
    """The last table has a line a step and a metric, and the first row is compared with none."""
    comparison = render(read_experiment(EXPERIMENTS[name]), name, RESULTS)
    labels = [row.label for row in comparison.tables[0].rows]
    steps = [f"{label} – {above}" for above, label in pairwise(labels)]
    assert [row.label for row in comparison.tables[-1].rows] == steps * 2  # two metrics
    assert len(comparison.sentences) == len(steps) == 3


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_data_set_without_runs_comes_with_the_commands_that_add_it(name: str) -> None:
    """The reason says how to prepare the data set and how to draw the table on it."""
    for data, reason in read_experiment(EXPERIMENTS[name]).unavailable.items():
        assert reason.startswith("no run yet")
        assert reason.endswith(f": sirec prepare {data}, then sirec study {name} --data {data}")


def test_a_table_is_only_drawn_from_its_own_plan(tmp_path: Path) -> None:
    """A changed setting refuses the old record; a new title (control) gets past the check."""
    plan = Experiment(title="t", rows={"A": RowPlan(model="comif")})
    record(plan, tmp_path, "x", StudyProgress(plan))
    with pytest.raises(SirecError, match="nothing to compare"):
        render(replace(plan, title="new"), "x", tmp_path)
    with pytest.raises(SirecError, match="made from another plan"):
        render(replace(plan, set={"heads": 2}), "x", tmp_path)
