"""`sirec ablate side-info`: a model with more and more fields, one after the other.

The paper's table has two attributes that its data sets share. Of a person's own data, and where
fields are named, every field has a row of its own, in the order given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sirec.data.dataset import Dataset
from sirec.data.fields import POSITION
from sirec.errors import SirecError
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.fields import ATTRIBUTES, BEHAVIOURS, field_settings
from sirec.studies.spec.row import RowPlan

NAME = "side_information"


def one_by_one(
    plans: Mapping[str, Experiment], data: Dataset, fields: Sequence[str] | None
) -> dict[str, Experiment]:
    """The paper's experiment, or one with a row for each of other fields.

    Args:
        plans: the paper's experiment by its name. Fields are added to its last row that has no
            attributes.
        data: the prepared data set.
        fields: attributes and behaviours in the order in which they are added. Without any the
            paper's, or all attributes of a person's own data.

    Raises:
        SirecError: for a field that the data do not have, or that is there twice.
    """
    [paper] = plans.values()
    if fields is None:
        every = [field.name for field in data.fields if field.kind == "attribute"]
        return {NAME: _with_rows(paper, data, every)} if data.is_own else dict(plans)
    field_settings(data, fields)  # refuses what is not there
    chosen = [field for field in fields if field != POSITION]
    if not chosen:
        raise SirecError("fields: there is none to add", "for example: --fields brand,category")
    return {f"{NAME}_fields_{'-'.join(chosen)}": _with_rows(paper, data, chosen)}


def _with_rows(paper: Experiment, data: Dataset, chosen: Sequence[str]) -> Experiment:
    """The paper's rows without attributes, then one for each field."""
    rows: dict[str, RowPlan] = {}
    for label, row in paper.rows.items():
        if row.attributes is None:
            rows[label] = replace(row, printed={})
    label, bare = list(rows.items())[-1]
    for count, field in enumerate(chosen, start=1):
        label = f"{label}, {field}"
        rows[label] = _with_fields(bare, paper, data, chosen[:count])
    return replace(paper, rows=rows, published=None)


def _with_fields(bare: RowPlan, paper: Experiment, data: Dataset, fields: Sequence[str]) -> RowPlan:
    """The row with these fields: the model as the paper has it once an attribute is among them."""
    settings = field_settings(data, fields)
    behaviours = {BEHAVIOURS: settings[BEHAVIOURS]}
    if not settings[ATTRIBUTES]:
        kept: dict[str, Any] = dict(bare.set)
        return replace(bare, set=kept | behaviours)
    whole = next(row for row in paper.rows.values() if row.attributes is not None)
    return replace(
        whole,
        attributes=tuple(settings[ATTRIBUTES]),
        set=dict(whole.set) | behaviours,
        printed={},
    )
