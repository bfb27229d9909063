"""Folders of older versions are opened by this one, and give the numbers that they gave."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from unsealed import reads_unsealed

from sirec.data.split import PARTS
from sirec.data.store import storage
from sirec.errors import Remark
from sirec.evaluation.ranks import HISTORY_RULES
from sirec.run.execute import execute, rank_again
from sirec.run.store import Store
from sirec.run.watcher import Silent
from sirec.studies.analyses.base import ANALYSES
from sirec.studies.compare.study_tables import render
from sirec.studies.results_page.seal import seal
from sirec.studies.results_page.verify import verify
from sirec.studies.spec.library import read_experiment
from sirec.training.progress import EpochReport

FROZEN = Path(__file__).parent / "frozen"
VERSIONS = sorted(path.name for path in FROZEN.iterdir() if path.is_dir())
WITHOUT_DIGESTS = ["0.2.0"]
FINGERPRINT = "207186dd94c6cd30"


@reads_unsealed
@pytest.mark.parametrize("version", VERSIONS)
def test_a_data_set_of_an_older_version_is_read(version: str) -> None:
    """It has the fingerprint that it had."""
    data = storage.load(FROZEN / version / "data" / "shop")
    assert data.fingerprint() == FINGERPRINT


@pytest.mark.parametrize("version", WITHOUT_DIGESTS)
def test_a_data_set_without_digests_is_remarked_on(version: str) -> None:
    """What is read unchecked is said."""
    with pytest.warns(Remark, match="a data set without digests"):
        storage.load(FROZEN / version / "data" / "shop")


@pytest.fixture(params=VERSIONS)
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a version's folder."""
    return Path(shutil.copytree(FROZEN / request.param, tmp_path / "copy"))


@reads_unsealed
def test_runs_of_an_older_version_have_the_numbers_that_they_had(copy: Path) -> None:
    """Ranks, metrics and weights are read; ranked anew with the weights, nothing changes."""
    data = storage.load(copy / "data" / "shop")
    runs = [run for run in Store(copy / "results").all() if run.is_done]
    assert sorted(run.model for run in runs) == ["comif", "popularity"]
    for run in runs:
        before = run.ranks()
        rank_again(run, data)
        for part in PARTS:
            for rule in HISTORY_RULES:
                assert np.array_equal(run.ranks().ranks[part][rule], before.ranks[part][rule])


@reads_unsealed
def test_tables_of_an_older_version_have_the_same_numbers(copy: Path) -> None:
    """A study by its file, and groups of users by their record; another label (control) differs.

    Intervals, tests and words about them may be those of a later version.
    """
    results = copy / "results"
    plan = read_experiment(copy / "small.yaml")
    render(plan, "small", results).write(copy / "anew", "small")
    groups = ANALYSES["coldstart"]
    groups.draw(groups.read(results, "coldstart_shop"), results).write_text(copy, "coldstart_shop")
    small = numbers_of(results / "tables/small.csv")
    assert len(small) > 20
    assert numbers_of(copy / "anew/small.csv") == small
    cold = numbers_of(results / "tables/coldstart_shop.csv")
    assert numbers_of(copy / "tables/coldstart_shop.csv") == cold
    render(replace(plan, title="Other"), "small", results).write(copy / "other", "small")
    assert numbers_of(copy / "other/small.csv") != small


def numbers_of(path: Path) -> list[tuple[str, ...]]:
    """Table, group, row, column and value of each cell, p-values aside; no intervals and marks."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = ("table", "group", "row", "column", "value")
    found: list[tuple[str, ...]] = []
    for row in rows:
        is_p = row["column"].startswith("p") or row["table"].endswith("corrected p")
        if row["value"] and not is_p:
            found.append(tuple(row[key] for key in keys))
    return found


@reads_unsealed
def test_a_run_that_an_older_version_began_is_finished(copy: Path, tmp_path: Path) -> None:
    """From its snapshot on it ends with the numbers of a run that was never stopped."""
    data = storage.load(copy / "data" / "shop")
    [begun] = [run for run in Store(copy / "results").all() if not run.is_done]
    config = begun.config()
    epochs: list[int] = []

    class Listening(Silent):
        def epoch(self, report: EpochReport) -> None:
            epochs.append(report.epoch)

    ended = execute(config, data, Store(copy / "results"), watcher=Listening())
    whole = execute(config, data, Store(tmp_path / "whole"))
    assert ended.path == begun.path
    assert epochs == [3]
    for part in PARTS:
        ranks = whole.ranks().ranks[part]["keep"]
        assert np.array_equal(ended.ranks().ranks[part]["keep"], ranks)


def test_an_older_version_can_be_sealed(copy: Path) -> None:
    """Sealed, it is read without a remark, and runs, records and data are found identical.

    Tables and figures may have the intervals of a later version.
    """
    seal(copy / "results", copy / "data")
    assert seal(copy / "results", copy / "data") == 0
    found = verify(copy / "results", copy / "data")
    for kind in found.kinds:
        assert kind.kind == "tables" or not kind.differences
    assert found.unchecked == 0
    for run in Store(copy / "results").all():
        run.config()
    render(read_experiment(copy / "small.yaml"), "small", copy / "results")
    assert storage.load(copy / "data" / "shop").fingerprint() == FINGERPRINT
