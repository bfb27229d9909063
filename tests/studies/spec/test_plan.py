"""Runs are planned from an experiment and a data set."""

from __future__ import annotations

from dataclasses import replace

import pytest
from studies.spec.test_attributes import CHOICES, with_attributes

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.report.results import MissingRow
from sirec.run.identity import run_id
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import read_experiment, shipped_experiments
from sirec.studies.spec.plan import PlannedRun, planned_rows, planned_runs, settled
from sirec.studies.spec.row import RowPlan

TABLE_5 = "comif_table5_side_information"


@pytest.mark.parametrize("name", shipped_experiments())
def test_every_shipped_experiment_has_runs_where_there_are_a_brand_and_a_category(
    tiny: Dataset, name: str
) -> None:
    """No row is missing, labels are as many as rows, and each run has an identity of its own."""
    plan = read_experiment(shipped_experiments()[name])
    rows = list(planned_rows(plan, tiny, name))
    assert not [row for row in rows if isinstance(row, MissingRow)]
    runs = [row for row in rows if isinstance(row, PlannedRun)]
    assert list(dict.fromkeys(run.row for run in runs)) == list(plan.rows)
    assert len({run.label for run in runs}) == len(plan.rows)
    assert not any("{" in run.label for run in runs)
    assert len({run_id(run.config, "data") for run in runs}) == len(runs)


def test_each_row_runs_with_each_seed(tiny: Dataset) -> None:
    """A training-free baseline runs once; it is passed over by settings that it lacks."""
    rows = {
        "A": RowPlan(model="comif", set={"heads": 1}, without=("upa",)),
        "B": RowPlan(model="popularity"),
    }
    plan = Experiment(title="t", rows=rows, seeds=(3, 4), set={"learning_rate": 0.5})
    runs = planned_runs(plan, tiny)
    assert [(run.label, run.config.seed) for run in runs] == [("A", 3), ("A", 4), ("B", 3)]
    config = runs[0].config
    assert (config.model.heads, config.stages[0].learning_rate) == (1, 0.5)  # type: ignore[attr-defined]
    assert [part.name for part in config.stages[0].objectives] == ["item", "iaa"]


def test_a_row_adds_objectives(tiny: Dataset) -> None:
    """They come after the model's own; one that the model has, or any without training, is
    refused.
    """
    added = (AttributePrediction(weight=5.0),)
    plan = Experiment(title="t", rows={"A": RowPlan(model="sasrecf", with_=added)})
    [run] = planned_runs(plan, tiny)
    weights = {part.name: part.weight for part in run.config.stages[0].objectives}
    assert weights == {"item": 1.0, "aap": 5.0}
    for model, message in (
        ("dif-sr", "has the objective aap already"),
        ("popularity", "takes no objective"),
    ):
        rows = {"A": RowPlan(model=model, with_=added)}
        with pytest.raises(SirecError, match=message):
            planned_runs(Experiment(title="t", rows=rows), tiny)


def test_a_searched_row_has_a_trial_for_each_setting(tiny: Dataset) -> None:
    """A row that sets the key itself, and one without training, have their runs at once."""
    rows = {
        "A": RowPlan(model="sasrec"),
        "B": RowPlan(model="sasrec", set={"dropout": 0.5}),
        "C": RowPlan(model="popularity"),
    }
    plan = Experiment(title="t", rows=rows, seeds=(3, 4), search={"dropout": (0.1, 0.2)})
    runs = planned_runs(plan, tiny)
    planned = [(run.row, run.config.seed, run.tries) for run in runs]
    trials = [("A", 3, {"dropout": 0.1}), ("A", 3, {"dropout": 0.2})]
    assert planned == [*trials, ("B", 3, None), ("B", 4, None), ("C", 3, None)]
    chosen = settled(plan, runs[1])
    assert [(run.config.seed, run.tries) for run in chosen] == [(3, None), (4, None)]
    assert {run.config.model.dropout for run in chosen} == {0.2}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("names", "one", "both"),
    [
        (("brand", "category"), "Position, brand", "Position, brand, category"),
        (("categories", "city"), "Position, city", "Position, city, categories"),
        (("genre", "year"), "Position, genre", "Position, genre, year"),
    ],
)
def test_rows_use_the_attributes_that_data_have(
    tiny: Dataset, names: tuple[str, str], one: str, both: str
) -> None:
    """The label of a row has their names."""
    plan = read_experiment(shipped_experiments()[TABLE_5])
    runs = planned_runs(plan, with_attributes(tiny, *names))
    assert [run.label for run in runs] == ["None", "Position", one, both]
    assert [len(run.config.data.attributes or ()) for run in runs] == [0, 0, 1, 2]


def test_a_row_without_its_attribute_is_missing_with_the_reason(tiny: Dataset) -> None:
    """Data with one attribute lack a second one, and a row that would repeat another is missing."""
    data = with_attributes(tiny, "brand")
    plan = read_experiment(shipped_experiments()[TABLE_5])
    *_, last = planned_rows(plan, data)
    reason = "tiny has no category or categories"
    assert last == MissingRow("Position, brand, category", "tiny", reason)
    rows = {
        "all": RowPlan(model="sasrecf"),
        "{1}": RowPlan(model="sasrecf", attributes=CHOICES[:1]),
    }
    *_, last = planned_rows(Experiment(title="t", rows=rows), data)
    assert last == MissingRow("brand", "tiny", "tiny has no other attributes, so it is 'all'")


def test_a_baseline_that_data_cannot_have_is_refused(tiny: Dataset) -> None:
    """The row that it is the baseline of is named; with its attribute (control) it is there."""
    rows = {
        "{1}": RowPlan(model="comif", attributes=("genre",)),
        "B": RowPlan(model="nova", against="{1}"),
    }
    plan = Experiment(title="t", rows=rows)
    assert len(planned_runs(plan, with_attributes(tiny, "genre"))) == 2
    with pytest.raises(SirecError, match=r"rows\.B is set against '\{1\}', which tiny cannot have"):
        planned_runs(plan, tiny)


def test_a_shared_key_that_no_row_has_is_refused(tiny: Dataset) -> None:
    """One row that has the key (control) is enough; a seed is no setting."""
    plan = Experiment(
        title="t",
        rows={"A": RowPlan(model="comif"), "B": RowPlan(model="popularity")},
        set={"learning_rate": 0.5},
    )
    assert planned_runs(plan, tiny)
    with pytest.raises(SirecError, match="experiment: set: 'learning_rat' is not a key"):
        planned_runs(replace(plan, set={"learning_rat": 0.5}), tiny)
    with pytest.raises(SirecError, match="experiment: search: 'learning_rat' is not a key"):
        planned_runs(replace(plan, search={"learning_rat": (0.5, 0.1)}), tiny)
    with pytest.raises(SirecError, match="seed cannot be set"):
        planned_runs(replace(plan, rows={"A": RowPlan(model="comif", set={"seed": 7})}), tiny)
