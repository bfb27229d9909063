"""A verdict on each claim of the papers, and on each question that no paper asks.

holds            every cell holds (or one, or one a data set, where that is enough)
does not hold    a cell is shown not to (or all, where one would be enough)
not run          no study has the rows, on any of its data sets
not available    the data cannot be had
not decided      all else: too few seeds or users, or some data sets are not run
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sirec.errors import unknown
from sirec.papers.claim import Claim
from sirec.papers.registries import claim_groups
from sirec.studies.claims.cells import ClaimAnswer, ClaimCell, MeasuredCell, decide
from sirec.studies.claims.measure import measured_cells
from sirec.studies.claims.printed import recomputed
from sirec.studies.claims.trained_rows import RowPool

ONE_SEED = "one seed does not decide"


@dataclass(frozen=True)
class ClaimVerdict:
    """A claim and what the results say of it.

    Attributes:
        claim: the claim.
        paper: the label of the paper, or of the questions that no paper asks.
        verdict: the verdict.
        reason: why, in a few words.
        by_dataset: the verdict on each data set.
        cells: what was compared; empty for claims about printed numbers.
        seeds_needed: how many seeds would decide what is undecided; None where that is unknown, or
            where no number would.
    """

    claim: Claim
    paper: str
    verdict: ClaimAnswer
    reason: str
    by_dataset: Mapping[str, ClaimAnswer]
    cells: tuple[ClaimCell, ...] = ()
    seeds_needed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "claim": self.claim.name,
            "paper": self.paper,
            "text": self.claim.text,
            "where": self.claim.where,
            "asserts": self.claim.asserts,
            "margin": self.claim.margin,
            "is_core": self.claim.is_core,
            "verdict": self.verdict,
            "reason": self.reason,
            "note": self.claim.note,
            "by_dataset": dict(self.by_dataset),
            "seeds_needed": self.seeds_needed,
            "cells": [asdict(cell) for cell in self.cells],
        }


def verdicts(results: Path, paper: str | None = None) -> tuple[ClaimVerdict, ...]:
    """The verdict on every claim, computed from the ranks of a results folder.

    Args:
        results: the results folder.
        paper: name of the only paper whose claims are decided, or `questions` for those that no
            paper asks.

    Raises:
        SirecError: for an unknown paper, or a damaged record or run.
    """
    groups = claim_groups()
    if paper is not None and paper not in groups:
        raise unknown("paper", paper, groups)
    pool = RowPool(results)
    found: list[ClaimVerdict] = []
    for name, group in groups.items():
        if paper in (None, name):
            for claim in group.claims:
                found.append(verdict_on(claim, group.label, pool))
    return tuple(found)


def verdict_on(claim: Claim, paper: str, pool: RowPool) -> ClaimVerdict:
    """The verdict on one claim.

    Args:
        claim: the claim.
        paper: the paper's label.
        pool: the rows of a results folder.
    """
    if claim.asserts == "printed":
        return _of_printed(claim, paper)
    if claim.asserts == "measured":
        return ClaimVerdict(claim, paper, "not run", "no ranking decides it", {})
    cells = _decided(claim, pool)
    by_dataset: dict[str, ClaimAnswer] = {}
    for dataset in claim.datasets:
        of_data = [cell.verdict for cell in cells if cell.dataset == dataset]
        by_dataset[dataset] = combined(of_data, in_any=claim.needs != "every cell")
    each = [cell.verdict for cell in cells]
    if claim.needs == "one cell a data set":
        each = list(by_dataset.values())
    verdict = combined(each, in_any=claim.needs == "one cell")
    needed = _seeds_needed(cells)
    reason = _reason(verdict, cells, needed)
    held = [name for name, of_data in by_dataset.items() if of_data == "holds"]
    if held and verdict == "not decided":
        reason = f"holds on {', '.join(held)}; {reason}"
    return ClaimVerdict(claim, paper, verdict, reason, by_dataset, tuple(cells), needed)


def combined(verdicts_of_cells: Sequence[ClaimAnswer], *, in_any: bool = False) -> ClaimAnswer:
    """One verdict for several cells.

    Args:
        verdicts_of_cells: theirs, at least one.
        in_any: whether one that holds is enough.

    >>> combined(["holds", "does not hold", "not run"])
    'does not hold'
    >>> combined(["holds", "does not hold", "not run"], in_any=True)
    'holds'
    """
    enough: ClaimAnswer = "holds" if in_any else "does not hold"
    if enough in verdicts_of_cells:
        return enough
    distinct = set(verdicts_of_cells)
    if len(distinct) == 1:
        return distinct.pop()
    if distinct == {"not run", "not available"}:
        return "not run"
    return "not decided"


def _decided(claim: Claim, pool: RowPool) -> list[ClaimCell]:
    """All cells, in the order of the claim's data sets."""
    measured: list[MeasuredCell] = []
    places: list[ClaimCell | None] = []  # None where a measured cell stands
    for each in measured_cells(claim, pool):
        if isinstance(each, MeasuredCell):
            measured.append(each)
            places.append(None)
        else:
            places.append(each)
    decided = iter(decide(measured, claim.asserts, claim.margin))
    return [next(decided) if place is None else place for place in places]


def _seeds_needed(cells: Iterable[ClaimCell]) -> int | None:
    """What the most demanding undecided cell needs; None if one of them is out of reach."""
    most: int | None = None
    for cell in cells:
        if cell.verdict == "not decided":
            if cell.seeds_needed is None:
                return None
            most = max(most or 0, cell.seeds_needed)
    return most


def _reason(verdict: ClaimAnswer, cells: Sequence[ClaimCell], needed: int | None) -> str:
    """Why a verdict is what it is."""
    missing = [cell for cell in cells if cell.verdict in ("not run", "not available")]
    if verdict in ("not run", "not available"):
        return "; ".join(dict.fromkeys(cell.reason for cell in missing))
    if verdict != "not decided":
        shown = [cell for cell in cells if cell.verdict == verdict]
        return f"{len(shown)} of {len(cells)} cells, {_seeds(shown)}"
    undecided = [cell for cell in cells if cell.verdict == "not decided"]
    texts: list[str] = []
    if undecided:
        single = all(cell.seeds == 1 for cell in undecided)
        texts.append(ONE_SEED if single else f"{len(undecided)} cells open, {_seeds(undecided)}")
        texts.append(f"about {needed} seeds would" if needed else "no number of seeds surely would")
    if missing:
        datasets = dict.fromkeys(cell.dataset for cell in missing)
        texts.append(f"not run: {', '.join(datasets)}")
    return "; ".join(texts)


def _seeds(cells: Sequence[ClaimCell]) -> str:
    fewest = min(cells, key=lambda cell: cell.seeds).seeds
    most = max(cells, key=lambda cell: cell.seeds).seeds
    text = str(most) if fewest == most else f"{fewest} to {most}"
    return f"{text} seed{'s' * (most > 1)}"


def _of_printed(claim: Claim, paper: str) -> ClaimVerdict:
    """Recomputed from the published tables."""
    facts = list(map(recomputed, claim.printed))
    failing = [text for holds, text in facts if not holds]
    verdict: ClaimAnswer = "does not hold" if failing else "holds"
    shown = failing or [text for _, text in facts]
    return ClaimVerdict(claim, paper, verdict, f"recomputed: {'; '.join(shown)}", {})
