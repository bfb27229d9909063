"""A results folder is found identical, or what differs is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unsealed import unseal_record, unseal_run

from sirec.config import load
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.evaluation.ranks import RankTable
from sirec.run.execute import execute, metrics_of
from sirec.run.store import RecordedRun, Store
from sirec.studies.analyses.base import ANALYSES
from sirec.studies.analyses.cold_start import ColdStart
from sirec.studies.launch.study import Study
from sirec.studies.results_page.page import write_report
from sirec.studies.results_page.seal import seal
from sirec.studies.results_page.verify import verify
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.row import RowPlan

NAME = "own_question"
SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 1, "threads": 1}


def plan() -> Experiment:
    """Two rows that are trained within a second."""
    rows = {"Counting": RowPlan(model="popularity"), "SASRec": RowPlan(model="sasrec")}
    return Experiment(title="A question", rows=rows, datasets=("shop",), set=SMALL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared data set, a study of an experiment without a file, groups of users, the report."""
    root = tmp_path_factory.mktemp("whole")
    storage.write(root / "data", prepare(DemoSource(users=80, items=30).read(), "shop"))
    study = Study(plan(), NAME, root / "results", root / "data")
    study.run()
    study.write(study.tables())
    runs = tuple(RecordedRun(run.model, run.address) for run in Store(root / "results").all())
    groups = ANALYSES["coldstart"]
    groups.keep(ColdStart(runs=runs, minimum=10), root / "results", "coldstart_shop")
    drawn = groups.draw(groups.read(root / "results", "coldstart_shop"), root / "results")
    drawn.write_text(root / "results", "coldstart_shop")
    write_report(root / "results")
    return root


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(whole, tmp_path / "place"))


def one(place: Path, pattern: str) -> Path:
    """The first file of a pattern."""
    return sorted(place.glob(pattern))[0]


def test_what_was_just_made_is_identical(place: Path) -> None:
    """Everything is counted, nothing differs, nothing lacks digests; nothing is written."""
    before = sorted(path.relative_to(place) for path in place.rglob("*"))
    found = verify(place / "results", place / "data")
    assert found.differences == []
    assert found.is_identical
    counts = {kind.kind: kind.checked for kind in found.kinds}
    assert counts["runs"] == 2
    assert counts["covariates"] == counts["data sets"] == 1
    assert counts["records"] == counts["report"] == 2
    assert counts["tables"] >= 7
    assert found.unchecked == 0
    found.check()
    json.dumps(found.to_dict())
    assert sorted(path.relative_to(place) for path in place.rglob("*")) == before


def test_a_record_without_views_has_no_tables(whole: Path, tmp_path: Path) -> None:
    """It is checked, and neither drawn nor missed; the record of an ordinary study is missed."""
    results = Path(shutil.copytree(whole / "results", tmp_path / "results"))
    study = Study(plan(), "rows", results, whole / "data")
    study.run()
    missed = "rows has a record and no table yet"
    assert missed in remarks(results, whole / "data")
    replace(study, views=()).run()
    assert missed not in remarks(results, whole / "data")


def remarks(results: Path, data: Path) -> list[str]:
    """What is remarked of all kinds of files."""
    found: list[str] = []
    for kind in verify(results, data).kinds:
        found += kind.remarks
    return found


def replace_text(old: str, new: str) -> Callable[[Path], object]:
    """What changes one text in a file."""

    def change(path: Path) -> None:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return change


def swap(path: Path) -> None:
    """Give the two runs of a record each other's address."""
    values = json.loads(path.read_text())
    first, second = values["runs"]
    first["run"], second["run"] = second["run"], first["run"]
    path.write_text(json.dumps(values))


def one_covariate(path: Path) -> None:
    """Make one user's history longer."""
    table = pq.read_table(path)
    frame = table.to_pandas()
    frame.loc[3, "length"] += 1
    pq.write_table(pa.Table.from_pandas(frame, table.schema, preserve_index=False), path)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "timings": ("results/runs/*/sasrec/*/timings.json", replace_text("epochs", "epocha")),
    "a loss": ("results/runs/*/sasrec/*/epochs.jsonl", replace_text("0.", "1.")),
    "an environment": ("results/runs/*/sasrec/*/environment.json", replace_text("cpu", "gpu")),
    "a setting": ("results/runs/*/sasrec/*/config.yaml", replace_text("heads: 2", "heads: 4")),
    "ranks": (
        "results/runs/*/sasrec/*/ranks.parquet",
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
    ),
    "weights": (
        "results/runs/*/sasrec/*/model.safetensors",
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
    ),
    "metrics": ("results/runs/*/*/*/metrics.json", replace_text("Recall", "recall")),
    "covariates": ("results/runs/shop/covariates-*.parquet", one_covariate),
    "a label of a record": (f"results/studies/{NAME}.json", replace_text('"SASRec"', '"sasrec"')),
    "runs of a record": (f"results/studies/{NAME}.json", swap),
    "a minimum": (
        "results/coldstart/coldstart_shop.json",
        replace_text('"minimum": 10', '"minimum": 5'),
    ),
    "a table": (f"results/tables/{NAME}.md", replace_text("0.", "1.")),
    "a table's CSV": (f"results/tables/{NAME}.csv", replace_text("0.", "1.")),
    "a table's LaTeX": (f"results/tables/latex/{NAME}_1.tex", lambda path: path.write_text("")),
    "no CSV": (f"results/tables/{NAME}.csv", Path.unlink),
    "data of a figure": ("results/figures/coldstart_shop_*.csv", replace_text("0.", "1.")),
    "what a page shows": (f"results/tables/{NAME}.json", replace_text("0.", "1.")),
    "data of a study's figure": ("results/figures/*_differences.csv", replace_text("0.", "1.")),
    "the report": ("results/report.md", replace_text("Recall", "recall")),
    "the page": ("results/report.html", replace_text("Recall", "recall")),
    "a prepared data set": ("data/shop/dataset.yaml", replace_text("core: 5", "core: 6")),
    "names of users": (
        "data/shop/vocabulary/user.parquet",
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_what_differs_is_named(place: Path, case: str) -> None:
    """One change is at least one line, of which one names the file."""
    pattern, damage = DAMAGE[case]
    path = one(place, pattern)
    damage(path)
    found = verify(place / "results", place / "data")
    assert not found.is_identical
    assert any(str(path) in line for line in found.differences)
    assert not any("\n" in line for line in found.differences)
    with pytest.raises(SirecError, match="difference"):
        found.check()


def test_weights_that_were_not_kept_are_said(place: Path) -> None:
    """They are no difference."""
    one(place, "results/runs/*/sasrec/*/model.safetensors").unlink()
    found = verify(place / "results", place / "data")
    assert found.differences == []
    assert "the weights of 1 runs were not kept" in found.kinds[0].remarks


def test_a_run_that_was_ranked_otherwise_makes_its_record_stale(place: Path) -> None:
    """Trained again with other code it is whole, but no longer the run that the record means."""
    run = next(run for run in Store(place / "results").all() if run.model == "sasrec")
    data = storage.load(place / "data" / "shop")
    again = execute(run.config(), data, Store(place / "other"), again=True)
    for path in again.path.iterdir():
        shutil.copy(path, run.path / path.name)
    assert verify(place / "results", place / "data").is_identical  # the same numbers: no change
    before = run.ranks()
    test = {rule: column + 2 for rule, column in before.ranks["test"].items()}
    ranks = RankTable({**before.ranks, "test": test}, before.ties)
    (run.path / "DONE").unlink()
    ranks.to_parquet(run.path / "ranks.parquet")
    run.write_json("metrics.json", metrics_of(run.config(), ranks))
    run.finish()
    run.ranks()
    found = verify(place / "results", place / "data")
    assert any(f"{NAME}.json" in line and run.address in line for line in found.differences)
    study = Study(_plan(place), NAME, place / "results", place / "data")
    with pytest.raises(SirecError, match="not as it was when the record of it was written"):
        study.tables()
    study.run()  # what the hint says: nothing is trained, and the record is written anew
    study.write(study.tables())


def _plan(place: Path) -> Experiment:
    stored = json.loads((place / "results" / "studies" / f"{NAME}.json").read_text())
    return load(Experiment, stored["experiment"], "record")


def test_what_has_no_digests_is_counted_and_can_be_given_some(place: Path) -> None:
    """Runs and records of version 0.2; sealed, they have the bytes that they would have now."""
    runs = Store(place / "results").all()
    records = sorted((place / "results").glob("*/*.json"))
    before = {path: path.read_bytes() for run in runs for path in run.path.iterdir()}
    for run in runs:
        unseal_run(run.path)
    for path in records:
        unseal_record(path)
    found = verify(place / "results", place / "data")
    assert found.differences == []
    assert found.unchecked == 4
    assert seal(place / "results", place / "data") == 4
    assert {path: path.read_bytes() for run in runs for path in run.path.iterdir()} == before
    found = verify(place / "results", place / "data")
    assert (found.differences, found.unchecked) == ([], 0)


def test_a_damaged_run_is_not_sealed(place: Path) -> None:
    """Digests would say that the damage is right."""
    run = next(run for run in Store(place / "results").all() if run.model == "sasrec")
    unseal_run(run.path)
    path = run.path / "config.yaml"
    path.write_text(path.read_text().replace("heads: 2", "heads: 4"))
    with pytest.raises(SirecError, match="it gives the id"):
        seal(place / "results", place / "data")
    assert (run.path / "DONE").read_bytes() == b""


def test_no_results_folder_is_one_line(tmp_path: Path) -> None:
    """The error names the folder."""
    with pytest.raises(SirecError, match="nowhere: no such folder"):
        verify(tmp_path / "nowhere", tmp_path)
