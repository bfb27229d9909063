"""The table of costs: what runs took, beside what the paper prints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from sirec.data.dataset import Dataset
from sirec.papers.tables import printed_values
from sirec.report.published import PrintedRow
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import Store
from sirec.studies.compare.cost_table import COLUMNS, cost_table, costs_of, has_costs
from sirec.studies.compare.run_results import run_result
from sirec.studies.compare.study_tables import render
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.launch.record import record
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import read_experiment, shipped_experiments
from sirec.studies.spec.plan import planned_runs
from sirec.studies.spec.row import RowPlan

SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 2, "threads": 1}


def test_costs_are_those_of_the_run_beside_the_printed_ones(tiny: Dataset, tmp_path: Path) -> None:
    """Seconds are the run's own; a data set that the paper lacks (control) has no printed value."""
    run = execute(resolve("sasrec", tiny, assignments=SMALL), tiny, Store(tmp_path))
    printed = PrintedRow("comif_table7_efficiency", {"model": "NOVA"})
    result = run_result(run, "NOVA", printed=printed)
    table = cost_table([result], "Costs", tmp_path)
    [row] = table.rows
    timings = run.timings()
    assert row.cells[0].value == pytest.approx(median(timings["train_seconds"]))
    assert row.cells[1].value == pytest.approx(timings["evaluation_seconds"])
    assert [cell.published for cell in row.cells] == [None] * 3  # the data set is not Beauty
    values = {metric: printed.value("beauty", metric) for metric in COLUMNS}
    assert [value.value for value in values.values() if value] == [7.66, 0.72, 1.44]
    assert costs_of(run)["memory_gb"] > 0.01


def test_a_table_of_costs_is_known_as_one() -> None:
    """It has five models and three columns; a table of metrics (control) holds none."""
    assert has_costs("comif_table7_efficiency")
    assert not has_costs("comif_table3_overall")
    assert not has_costs(None)
    assert len(printed_values("comif_table7_efficiency")) == 15


def test_a_study_beside_printed_costs_has_a_table_of_them(tiny: Dataset, tmp_path: Path) -> None:
    """The experiment of COMIF's Table 7 names its rows; a study of two small rows is drawn with
    the table behind the others, and without a published table (control) has none.
    """
    assert read_experiment(shipped_experiments()["comif_table7_efficiency"]).published
    rows = {name: RowPlan(model="sasrec", printed={"model": name}) for name in ("NOVA",)}
    plan = Experiment(
        title="Costs", rows=rows, set=SMALL, published="comif_table7_efficiency", datasets=("tiny",)
    )
    progress = StudyProgress(plan)
    for run in planned_runs(plan, tiny):
        progress.planned.append(run)
        progress.finish(run, execute(run.config, tiny, Store(tmp_path)))
    record(plan, tmp_path, "costs", progress)
    titles = [table.title for table in render(plan, "costs", tmp_path).tables]
    assert titles[-1] == "Costs: costs"
    bare = replace(plan, published=None, rows={"NOVA": RowPlan(model="sasrec")})
    record(bare, tmp_path, "bare", progress)
    assert "Costs: costs" not in [table.title for table in render(bare, "bare", tmp_path).tables]
