"""Studies whose runs were copied without the ranks of single users."""

from __future__ import annotations

from pathlib import Path

import pytest
from record import RESULTS, needs_record

import sirec
from sirec.errors import SirecError
from sirec.studies.claims.measure import WITHHELD

STUDY = "ml-100k_overall"


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with the record of MovieLens-100K, metrics only."""
    root = tmp_path_factory.mktemp("withheld")
    sirec.copy_runs(to=root, study=STUDY, without_ranks=True, results=RESULTS)
    return root


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with ranks, as a control."""
    root = tmp_path_factory.mktemp("complete")
    sirec.copy_runs(to=root, study=STUDY, results=RESULTS)
    return root


@needs_record
def test_claims_about_withheld_runs_are_not_available(copied: Path, complete: Path) -> None:
    """With ranks (control) the same cells are measured."""
    for results, is_withheld in ((copied, True), (complete, False)):
        verdicts = {each.claim.name: each for each in sirec.claims("questions", results=results)}
        cells = [c for c in verdicts["question-04"].cells if c.dataset == "ml-100k"]
        assert cells
        for cell in cells:
            assert (cell.verdict == "not available") == is_withheld
            assert (cell.reason == WITHHELD) == is_withheld
            assert (cell.low is None) == is_withheld


@needs_record
def test_values_of_withheld_runs_are_those_of_the_ranks(copied: Path, complete: Path) -> None:
    """Every value and deviation of the first table; no paired difference."""
    whole = sirec.run_study(STUDY, results=complete, render_only=True)
    metrics = sirec.run_study(STUDY, results=copied, render_only=True)
    assert whole.pairs
    assert not metrics.pairs
    for row, other in zip(whole.tables[0].rows, metrics.tables[0].rows, strict=True):
        for cell, without in zip(row.cells, other.cells, strict=True):
            assert without.value == pytest.approx(cell.value, abs=1e-12)
            assert without.deviation == pytest.approx(cell.deviation, abs=1e-12)


@needs_record
def test_groups_of_users_need_ranks(copied: Path) -> None:
    """The error names the run and says why."""
    with pytest.raises(SirecError, match="withheld when this run was copied"):
        sirec.compare("ml-100k/sasrec", "ml-100k/comif", results=copied)
