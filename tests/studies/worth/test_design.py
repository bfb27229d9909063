"""The rows that tell what fields are worth: which there are, and what they leave out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.plan import planned_runs
from sirec.studies.worth.design import ALL, NONE, WorthDesign, WorthQuestion, design
from sirec.testing.forms import with_every_form

READING = [name for name in MODELS if MODELS[name]().reads("attribute")]


def designed(data: Dataset, *fields: str, **asked: object) -> WorthDesign:
    """The rows for some fields."""
    return design(WorthQuestion(fields=fields or None, **asked), data)  # type: ignore[arg-type]


def read_by(plan: Experiment, data: Dataset) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """Label -> fields that are read besides the position, and those that are shuffled."""
    found: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
    for run in planned_runs(plan, data):
        config = run.config.data
        fields = (*(config.attributes or ()), *config.behaviours)
        assert "position" in fields
        named = [name for name in fields if name != "position"]
        found[run.label] = (named, list(config.placebo))
    return found


def test_every_field_is_alone_left_out_and_shuffled(tiny: Dataset) -> None:
    """Three fields: eleven rows, each with the position."""
    rows = read_by(designed(tiny).experiment, tiny)
    every = ["brand", "category", "rating"]
    assert rows[NONE] == ([], [])
    assert rows[ALL] == (every, [])
    assert rows["category alone"] == (["category"], [])
    assert rows["all without category"] == (["brand", "rating"], [])
    assert rows["all, rating shuffled"] == (every, ["rating"])
    assert len(rows) == 1 + 1 + 3 + 3 + 3


def test_equal_rows_are_one(tiny: Dataset) -> None:
    """Of two fields, one left out is the other alone; a single one alone is all."""
    two = designed(tiny, "brand", "category")
    assert len(two.experiment.rows) == 6
    assert two.fields[0].without == "category alone" or two.fields[1].alone == two.fields[0].without
    one = designed(tiny, "brand")
    assert list(one.experiment.rows) == [ALL, NONE, "all, brand shuffled"]
    assert (one.fields[0].alone, one.fields[0].without) == (ALL, NONE)


def test_rows_share_everything_but_their_fields(tiny: Dataset) -> None:
    """The same budget, sizes and seeds; no run is there twice."""
    runs = planned_runs(designed(tiny).experiment, tiny)
    budgets = set()
    for run in runs:
        stage, model = run.config.stages[-1], run.config.model
        budgets.add((stage.epochs, stage.budget, stage.learning_rate, str(model)))
    assert len(budgets) == 1
    assert {run.config.seed for run in runs} == {0, 1, 2}
    assert len({str(run.config) for run in runs}) == len(runs) == 33


def test_a_placebo_has_the_losses_of_the_whole_row(tiny: Dataset) -> None:
    """Only rows without attributes lose the loss that needs one, and this is said."""
    made = designed(tiny)
    losses = {}
    for run in planned_runs(made.experiment, tiny):
        losses[run.label] = [objective.name for objective in run.config.stages[0].objectives]
    assert losses["all, brand shuffled"] == losses[ALL] == ["item", "iaa", "upa"]
    assert losses[NONE] == losses["rating alone"] == ["item", "upa"]
    assert made.notes == (
        "Without the loss iaa, which needs an attribute of values: position alone, rating alone.",
    )


def test_quick_has_the_placebos_alone(tiny: Dataset) -> None:
    """One seed, and a row for each field besides all and none."""
    made = designed(tiny, quick=True)
    assert len(made.experiment.rows) == 2 + 3
    assert made.experiment.seeds == (0,)


@pytest.mark.parametrize("model", READING)
def test_every_model_that_reads_attributes_can_be_asked(tiny: Dataset, model: str) -> None:
    """All its rows can be planned; those that it cannot have are named with the reason."""
    made = designed(tiny, model=model)
    assert planned_runs(made.experiment, tiny)
    for missing in made.missing:
        assert "needs an attribute" in missing.reason


def test_a_fusion_is_set_where_the_model_fuses(tiny: Dataset) -> None:
    """COMIF fuses attributes with items, and behaviours at the attention."""
    settings = designed(tiny, fusion="gate").experiment.set
    assert (settings["attribute_fusion"], settings["score_fusion"]) == ("gate", "gate")
    assert "query_key_fusion" not in settings


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model": "popularity"}, "is not trained"),
        ({"model": "gru4rec"}, "reads no attribute"),
        ({"model": "sasrec", "fields": ("brand",)}, "SASRec reads no attribute"),
        ({"fields": ("brnd",)}, "'brnd' is not a field"),
        ({"fields": ("brand", "brand")}, "there twice"),
        ({"fields": ("position",)}, "no field to ask about"),
        ({"fields": ()}, "no field to ask about"),
        ({"fusion": "gated"}, "gated"),
        ({"fusion": "sum", "model": "icai-sr"}, "no choice of fusion"),
        ({"set": {"widht": 8}}, "'widht' is not a key"),
        ({"set": {"data.attributes": ["brand"]}}, "say the same"),
        ({"model": "comiff"}, "'comiff' is not a model"),
        ({"protocol": "dif"}, "'dif' is not a protocol"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    tiny: Dataset, asked: dict[str, object], message: str
) -> None:
    """One line, before anything is trained."""
    with pytest.raises(SirecError, match=message):
        design(WorthQuestion(**asked), tiny)  # type: ignore[arg-type]


def test_vectors_and_attributes_of_users_are_fields_like_others(tiny: Dataset) -> None:
    """Each has its rows. Where vectors are the only attribute, no row has the loss over values, and
    this is said; beside a brand (control) rows with the brand have it.
    """
    data = with_every_form(tiny)
    made = designed(data, "brand", "text", "group")
    assert [rows.field for rows in made.fields] == ["brand", "text", "group"]
    assert made.notes == (
        "Without the loss iaa, which needs an attribute of values: position alone, "
        "all without brand, text alone, group alone.",
    )
    alone = designed(data, "text", quick=True)
    assert alone.notes == ("Without the loss iaa, which needs an attribute of values: all rows.",)
    for run in planned_runs(alone.experiment, data):
        assert [each.name for each in run.config.stages[0].objectives] == ["item", "upa"]
