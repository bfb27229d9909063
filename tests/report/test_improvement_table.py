"""A proposal against its best baseline, and what its paper's printed table says of the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric, parse_metric
from sirec.evaluation.ranks import Ranks, RankTable
from sirec.report.improvement_table import improvement_table
from sirec.report.results import RunResult

USERS = 400
RECALL, NDCG = parse_metric("Recall@20"), parse_metric("NDCG@10")


@pytest.fixture(autouse=True)
def papers_of_this_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The papers' data sets have as many users as the runs here."""
    monkeypatch.setattr("sirec.report.results.published_users", lambda dataset: {USERS})


def entry(label: str, model: str, valid: float, test: float, dataset: str = "beauty") -> RunResult:
    """A run whose targets are within the first ten for these shares of users, else far away."""

    def ranks(share: float) -> Ranks:
        found = np.arange(USERS) < share * USERS
        return np.where(found, 2, 2000).astype(np.int32)

    columns = {"valid": ranks(valid), "test": ranks(test)}
    table = RankTable(
        {split: {"keep": column, "mask": column} for split, column in columns.items()}
    )  # type: ignore[misc]
    return RunResult(label, model, 0, {}, table, dataset)


RUNS = [
    entry("COMIF", "comif", 0.5, 0.5),
    entry("SASRec", "sasrec", 0.4, 0.2),
    entry("SASRecF", "sasrecf", 0.3, 0.4),
    entry("DIF-SR", "dif-sr", 0.2, 0.25),
]


def gains(
    runs: list[RunResult], proposal: str, metric: Metric = RECALL
) -> list[tuple[object, ...]]:
    """Group, metric and values of each line, p aside."""
    table = improvement_table(runs, [metric], proposal)
    return [
        (
            row.group,
            row.label,
            *(
                cell.value if isinstance(cell.value, str | None) else round(cell.value, 2)
                for cell in row.cells
            ),
        )
        for row in table.rows
    ]


def test_the_baseline_is_the_best_on_validation() -> None:
    """SASRec is, though SASRecF does better on test; the gain is on test. The paper's is over its
    best printed row.
    """
    [line] = gains(RUNS, "comif")
    assert line[:6] == ("beauty", "Recall@20", 0.5, "SASRec", 0.2, 150.0)
    assert line[7:] == ("DLFS-Rec", 11.89)


@pytest.mark.parametrize(
    ("proposal", "metric", "dataset", "best", "gain"),
    [
        ("comif", "Recall@10", "beauty", "MSSR", 6.88),
        ("comif", "NDCG@10", "beauty", "SASRecF", -1.25),
        ("comif", "Recall@20", "sports", "MSSR", 7.90),
        ("dif-sr", "Recall@20", "beauty", "NOVA", 3.80),
    ],
)
def test_claims_are_recomputed_from_all_printed_rows(
    proposal: str, metric: str, dataset: str, best: str, gain: float
) -> None:
    """COMIF's printed gains leave out columns in several cells; these take all other rows."""
    runs = [replace(run, dataset=dataset) for run in RUNS]
    [line] = gains(runs, proposal, parse_metric(metric))
    assert line[-2:] == (best, gain)


def test_baselines_are_training_free_or_compared_in_the_paper() -> None:
    """DIF-SR's paper knows no COMIF; a training-free one always counts, a variant never."""
    assert gains(RUNS, "dif-sr")[0][3] == "SASRec"
    counted = replace(entry("Popularity", "popularity", 0.9, 0.9), is_training_free=True)
    assert gains([*RUNS, counted], "dif-sr")[0][3] == "Popularity"
    assert (
        gains([*RUNS, replace(counted, is_training_free=False, is_variant=True)], "dif-sr")[0][3]
        == "SASRec"
    )
    assert (
        gains([*RUNS, entry("mine", "mine", 0.1, 0.1)], "mine")[0][3] == "COMIF"
    )  # no paper: all others


def test_rows_that_are_no_baselines_are_named() -> None:
    """The title says whose baselines, a note who is left out and why; without a paper (control) all
    other models are in.
    """
    variant = replace(entry("COMIF, both", "comif", 0.9, 0.9), is_variant=True)
    table = improvement_table([*RUNS, variant], [RECALL], "dif-sr", "Tiny")
    assert table.title == "Tiny: DIF-SR against the best baseline of its paper"
    [said] = [note for note in table.notes if note.startswith("No baselines here")]
    assert "not in the paper's table (COMIF)" in said
    assert "main tables have it ('COMIF, both')" in said
    alone = improvement_table([*RUNS, entry("mine", "mine", 0.1, 0.1)], [RECALL], "mine", "Tiny")
    assert alone.title == "Tiny: mine against the best of all others"
    assert not any("No baselines" in note for note in alone.notes)


def test_a_table_without_intervals_has_no_note_on_them() -> None:
    """Gains have no interval here, so nothing is said of any; the tests are named."""
    notes = improvement_table(RUNS, [RECALL], "comif").notes
    assert not any("Intervals" in note for note in notes)
    assert any(note.startswith("Tests: t over users") for note in notes)


def test_other_data_have_no_printed_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another number of users under the same name, or a data set that nobody printed; the paper's
    own (control) has.
    """
    elsewhere = [replace(run, dataset="ml-100k") for run in RUNS]
    assert [line[7] for line in gains([*RUNS, *elsewhere], "comif")] == ["DLFS-Rec", None]
    assert len(gains(elsewhere, "comif")[0]) == 7  # no such columns where nothing is printed
    monkeypatch.setattr("sirec.report.results.published_users", lambda dataset: {USERS + 1})
    assert len(gains(RUNS, "comif")[0]) == 7


def test_a_proposal_that_is_not_there_is_a_mistake() -> None:
    """A row that no run has is told; a lone proposal has nothing to be better than."""
    with pytest.raises(SirecError, match="'mssr' is not a row"):
        improvement_table(RUNS, [RECALL], "mssr")
    with pytest.raises(SirecError, match="no baseline"):
        improvement_table(RUNS[:1], [RECALL], "comif")
