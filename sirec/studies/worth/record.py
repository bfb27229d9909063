"""What is kept of a question on fields: its runs, its rows, and what the screening found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sirec.evaluation.ranks import HistoryRule
from sirec.report.results import MissingRow
from sirec.run.store import RecordedRun
from sirec.studies.worth.design import FieldRows
from sirec.studies.worth.next_training import NextTraining

TOP = 20
MARGIN = 5.0  # of 1,000 customers


@dataclass(frozen=True, kw_only=True)
class WorthRecord:
    """All that the answer is drawn from, besides the ranks of the runs.

    Attributes:
        data: name of the data set.
        model: title of the model that all rows have.
        fields: the labels of each field's rows.
        runs: the runs, under the labels of their rows.
        command: the command that trains and draws them.
        decided_by: the same with all rows and several seeds.
        missing: rows that the model cannot have.
        lost: field -> customers of 1,000 whose next purchase on validation is not found any more
            when the field is shuffled for the trained model; None where weights were missing.
        is_quick: whether there are placebos alone.
        top: how many suggestions a customer sees.
        margin: customers of 1,000 that do not matter.
        history: whether items of the history take part in the ranking.
        notes: notes below the tables.
        training: what the next command says besides the fields.
    """

    data: str
    model: str
    fields: tuple[FieldRows, ...]
    runs: tuple[RecordedRun, ...]
    command: str
    decided_by: str
    missing: tuple[MissingRow, ...] = ()
    lost: Mapping[str, float | None] = field(default_factory=dict)
    is_quick: bool = False
    top: int = TOP
    margin: float = MARGIN
    history: HistoryRule = "keep"
    notes: tuple[str, ...] = ()
    training: NextTraining
