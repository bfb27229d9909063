"""Verdicts on claims: what decides them, and what never does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from record import RESULTS, needs_record

from sirec.errors import SirecError
from sirec.evaluation.paired_means import MeanDifference
from sirec.evaluation.seed_noise import SeedNoise
from sirec.papers.claim import Asserts, Claim, PrintedFact, Quantity, read_claims
from sirec.papers.registries import claim_groups
from sirec.studies.claims.cells import ClaimCell, MeasuredCell, decide
from sirec.studies.claims.printed import recomputed
from sirec.studies.claims.trained_rows import RowPool
from sirec.studies.claims.verdicts import combined, verdict_on, verdicts


def measured(difference: float, seeds: int = 3, error: float = 0.5) -> MeasuredCell:
    """A cell with a difference in percent and a standard error of which seeds have four fifths."""
    effect = MeanDifference(
        difference, 0.8 * error**2, 0.2 * error**2, 20 if seeds > 1 else 0, 1000, seeds
    )
    cell = ClaimCell("beauty", "Recall@20", "A – B", "", "not decided", seeds=seeds)
    return MeasuredCell(cell, effect, seeds > 1, SeedNoise(0.8 * seeds * error**2, 20), 0.5)


@pytest.mark.parametrize(
    ("asserts", "difference", "verdict"),
    [
        ("better", 3.0, "holds"),
        ("better", 0.8, "not decided"),
        ("better", 0.1, "not decided"),
        ("better", -1.0, "does not hold"),
        ("equal", 0.1, "holds"),
        ("equal", 1.5, "not decided"),
        ("equal", -4.0, "does not hold"),
        ("not worse", 3.0, "holds"),
        ("not worse", -1.2, "not decided"),
        ("not worse", -4.0, "does not hold"),
    ],
)
def test_a_cell_is_decided_by_its_interval(
    asserts: Asserts, difference: float, verdict: str
) -> None:
    """With a margin of 2 (of 1 where something is to be better); one seed never decides."""
    margin = 1.0 if asserts == "better" else 2.0
    [cell] = decide([measured(difference)], asserts, margin)
    assert cell.verdict == verdict
    [single] = decide([measured(difference, seeds=1)], asserts, margin)
    assert single.verdict == "not decided"


def test_an_undecided_cell_says_how_many_seeds_would_decide() -> None:
    """More for a smaller difference; none where users alone are too few."""
    [clear], [small] = (decide([measured(size, 1)], "better", 1.0) for size in (4.0, 0.7))
    assert clear.seeds_needed is not None
    assert small.seeds_needed is not None
    assert 2 <= clear.seeds_needed < small.seeds_needed
    few = measured(0.8)
    few = replace(few, effect=replace(few.effect, user_variance=4.0))
    assert decide([few], "better", 1.0)[0].seeds_needed is None


def test_many_cells_need_more_than_one() -> None:
    """What holds alone is open among many that do not, and a chance failure refutes nothing."""
    alone = decide([measured(1.15)], "better", 1.0)[0]
    among = decide([measured(1.15), *[measured(0.3)] * 11], "better", 1.0)[0]
    assert (alone.verdict, among.verdict) == ("holds", "not decided")
    refuted = decide([measured(-0.1)], "better", 1.0)[0]
    spared = decide([measured(-0.1), *[measured(3.0)] * 11], "better", 1.0)[0]
    assert (refuted.verdict, spared.verdict) == ("does not hold", "not decided")


def test_cells_are_combined() -> None:
    """One refutes, all are needed; where one is enough, one is, and all have to fail."""
    assert combined(["holds", "holds"]) == "holds"
    assert combined(["holds", "not run"]) == "not decided"
    assert combined(["does not hold", "not run"]) == "does not hold"
    assert combined(["not run", "not available"]) == "not run"
    assert combined(["not available"]) == "not available"
    assert combined(["does not hold", "holds"], in_any=True) == "holds"
    assert combined(["does not hold", "not decided"], in_any=True) == "not decided"
    assert combined(["does not hold", "does not hold"], in_any=True) == "does not hold"


def gain(printed: float) -> PrintedFact:
    """COMIF over MSSR in Recall@10 on Beauty, as its paper prints it or not."""
    row = {"model": "COMIF", "dataset": "beauty", "metric": "Recall@10"}
    left = Quantity(table="comif_table3_overall", row=row, over={"model": "MSSR"})
    return PrintedFact(left=left, relation="equals", right=Quantity(value=printed), tolerance=0.11)


def test_printed_gains_are_recomputed() -> None:
    """The printed 9.87 does not follow from the cells; the true gain (control) does."""
    assert recomputed(gain(9.87)) == (False, "6.8777 is not 9.87 (± 0.11)")
    assert recomputed(gain(6.88))[0]
    with pytest.raises(SirecError, match="'modle' is no column"):
        recomputed(
            PrintedFact(
                left=Quantity(table="comif_table3_overall", row={"modle": "COMIF"}),
                relation="exceeds",
                right=Quantity(),
            )
        )


@pytest.mark.parametrize(("group", "least"), [("comif", 29), ("difsr", 29), ("questions", 5)])
def test_the_claims_are_read(group: str, least: int, tmp_path: Path) -> None:
    """Each can be decided without any run; none of rankings then holds or fails."""
    paper, claims = claim_groups()[group].label, claim_groups()[group].claims
    assert len(claims) >= least
    pool = RowPool(tmp_path)
    for claim in claims:
        found = verdict_on(claim, paper, pool)
        is_printed = claim.asserts == "printed"
        assert (found.verdict in ("holds", "does not hold")) == is_printed, claim.name


@pytest.mark.parametrize(
    ("changed", "to", "message"),
    [
        ("margin: 1", "margin: 0", "without a margin|margin: 0 is not above 0"),
        ("[[A, B]]", "[[A]]", "are not two rows"),
        ("datasets: [beauty]", "datasets: []", "datasets is empty"),
        ("margin: 1", "margin: 1\n  asserts: printed", "printed is empty"),
        ("margin: 1", "margin: 1\n  asserts: larger effect", "is one of two pairs"),
    ],
)
def test_a_mistake_in_a_claim_is_named(changed: str, to: str, message: str, tmp_path: Path) -> None:
    """What nothing could decide or refute is refused; as it was (control) it is read."""
    text = (
        "claims:\n- name: mine\n  text: A beats B.\n  where: Table 1\n  datasets: [beauty]\n"
        "  margin: 1\n  pairs: [[A, B]]\n"
    )
    path = tmp_path / "claims.yaml"
    path.write_text(text, encoding="utf-8")
    assert len(read_claims(path)) == 1
    path.write_text(text.replace(changed, to), encoding="utf-8")
    with pytest.raises(SirecError, match=message):
        read_claims(path)


def test_questions_that_no_paper_asks_stand_beside_the_papers_claims(tmp_path: Path) -> None:
    """They can be asked for alone; a paper's claims (control) are others, and a name that neither
    a paper nor the questions have is refused with those there are.
    """
    asked = verdicts(tmp_path, "questions")
    assert {each.paper for each in asked} == {"No paper asks"}
    of_comif = verdicts(tmp_path, "comif")
    everything = [each.claim.name for each in verdicts(tmp_path)]
    names = [each.claim.name for each in asked]
    assert everything[-len(names) :] == names
    assert not {each.claim.name for each in of_comif} & set(names)
    with pytest.raises(SirecError, match="'question' is not a paper") as caught:
        verdicts(tmp_path, "question")
    assert "questions" in str(caught.value.hint)


@needs_record
@pytest.mark.slow
def test_the_committed_runs_decide_by_seeds() -> None:
    """COMIF over SASRec on Beauty holds by three seeds; against rows of one seed nothing does."""
    pool = RowPool(RESULTS)
    claim = Claim(
        name="mine",
        text="t",
        where="w",
        datasets=("beauty",),
        pairs=(("COMIF", "SASRec"), ("COMIF", "NOVA")),
        margin=1.0,
    )
    found = verdict_on(claim, "COMIF", pool)
    assert [cell.verdict for cell in found.cells] == ["holds", "not decided"]
    assert [cell.seeds for cell in found.cells] == [3, 1]
