"""The benchmark of a whole table: what one row measures, and what the table makes of all rows."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest
from load_script import load

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.run.execute import folder_of
from sirec.run.store import Store
from sirec.studies.spec.library import read_experiment
from sirec.studies.spec.plan import planned_runs

own_side, whole_table = load("own_side"), load("whole_table")

EXPERIMENT = """
title: Two rows
datasets: [shop]
seeds: [0]
set: {width: 16, layers: 1, heads: 2, budget: 64, threads: 1}
rows:
  Popularity: {model: popularity}
  SASRec: {model: sasrec}
  "S3-Rec, short": {model: s3-rec, set: {stages.pretrain.epochs: 2}}
"""


def a_line(stage: str, seconds: float, epochs: int | None, ranking: float = 0.0) -> dict:
    return {
        "stage": stage,
        "ms_per_step": 10 * seconds,
        "seconds_per_epoch": seconds,
        "evaluation_seconds": ranking,
        "epochs": epochs,
    }


@pytest.fixture
def args(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """The command line, for a small shop and two rows that are trained."""
    monkeypatch.setitem(sys.modules, "own_side", own_side)
    shop = storage.write(tmp_path, prepare(DemoSource(users=120, items=60).read(), "shop"))
    (tmp_path / "rows.yaml").write_text(EXPERIMENT)
    options = ["--data", str(shop), "--results", str(tmp_path / "results")]
    return whole_table.parse([str(tmp_path / "rows.yaml"), *options, "--steps", "2"])


def test_a_row_is_timed_stage_by_stage_with_the_epochs_of_its_run(
    args: argparse.Namespace,
) -> None:
    """Rows that train nothing are no rows here; epochs come from the finished run, if it is there,
    and only the last stage ends with a ranking.
    """
    assert whole_table.row_labels(args) == ["SASRec", "S3-Rec, short"]
    data, experiment = storage.load(args.data), read_experiment(Path(args.experiment))
    [run] = [run for run in planned_runs(experiment, data) if run.label == "S3-Rec, short"]
    folder = folder_of(run.config, data, Store(args.results)).path
    args.row = "S3-Rec, short"
    assert [line["epochs"] for line in whole_table.measure_row(args)] == [None, None]
    folder.mkdir(parents=True)
    stages = ["pretrain"] * 2 + ["train"] * 3
    lines = [json.dumps({"stage": stage}) for stage in stages]
    (folder / "epochs.jsonl").write_text("\n".join(lines) + "\n")
    first, last = whole_table.measure_row(args)
    assert (first["stage"], first["epochs"], last["stage"], last["epochs"]) == (
        "pretrain",
        2,
        "train",
        3,
    )
    assert "evaluation_seconds" not in first
    assert last["evaluation_seconds"] > 0


def test_hours_are_epochs_times_training_and_ranking() -> None:
    """All stages together; a version without a run of its own takes the other's epochs."""
    before, now, known = whole_table.RowTime(), whole_table.RowTime(), {}
    whole_table.add_round(
        before, [a_line("pretrain", 30.0, 10), a_line("train", 20.0, 5, 4.0)], known
    )
    whole_table.add_round(now, [a_line("pretrain", 3.0, None), a_line("train", 2.0, None)], known)
    assert before.hours == [pytest.approx((10 * 30 + 5 * 24) / 3600)]
    assert now.hours == [pytest.approx((10 * 3 + 5 * 2) / 3600)]
    assert before.epochs == now.epochs == 15
    unknown = whole_table.RowTime()
    whole_table.add_round(unknown, [a_line("train", 2.0, None)], {})
    assert (unknown.hours, unknown.epochs) == ([0.0], None)  # control


def test_the_table_sums_medians_up() -> None:
    """A row a line, medians over rounds with their spread, and the sum of all rows at the end."""
    rows = {}
    for label, seconds in (("A", (3600.0, 7200.0, 3600.0)), ("B", (1800.0, 1800.0, 1800.0))):
        row = whole_table.RowTime()
        for length in seconds:
            whole_table.add_round(row, [a_line("train", length, 1)], {})
        rows[label] = {"now": row}
    lines = whole_table.to_markdown(rows, ["now"]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[2] == ["A", "1", "36000", "1.00 (1.00 to 2.00)"]
    assert cells[3] == ["B", "1", "18000", "0.50 (0.50 to 0.50)"]
    assert cells[4] == ["all rows", "", "", "1.50"]
