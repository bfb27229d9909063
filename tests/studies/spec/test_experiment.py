"""The declaration of an experiment: mistakes are told when its file is read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from sirec.config import load
from sirec.errors import SirecError
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.row import RowPlan

A = RowPlan(model="sasrec")
B = RowPlan(model="nova")
C = RowPlan(model="comif")
C_WITHOUT = replace(C, without=("upa",))


def test_an_unknown_objective_of_a_row_is_named_with_its_path() -> None:
    """The right name (control) is an objective that the row adds."""
    rows = {"A": {"model": "sasrecf", "with": [{"name": "aap", "weight": 5.0}]}}
    [objective] = load(Experiment, {"title": "t", "rows": rows}, "x").rows["A"].with_
    assert (objective.name, objective.weight) == ("aap", 5.0)
    rows["A"]["with"] = [{"name": "app"}]
    with pytest.raises(SirecError, match=r"x\.rows\.A\.with\.app: 'app' is not an objective"):
        load(Experiment, {"title": "t", "rows": rows}, "x")


@pytest.mark.parametrize(
    ("published", "printed", "message"),
    [
        ("difsr_table4_ablatio", {"dif": 1}, "is not a published table"),
        ("comif_table1_statistics", {"dif": 1}, "is not a published table of metrics"),
        ("difsr_table4_ablation", {"dfi": 1}, "'dfi' is not a column"),
        ("difsr_table4_ablation", {"dif": 1}, "no row has dif 1"),
        (None, {"dif": 1}, "names no published table"),
    ],
)
def test_a_printed_row_that_is_nowhere_is_refused(
    published: str | None, printed: dict[str, int], message: str
) -> None:
    """A table, a column or a row that does not exist; one that does (control) is an experiment."""
    row = RowPlan(model="comif", printed={"dif": 1, "aap": 1})
    assert Experiment(title="t", rows={"A": row}, published="difsr_table4_ablation")
    with pytest.raises(SirecError, match=message):
        Experiment(title="t", rows={"A": replace(row, printed=printed)}, published=published)


@pytest.mark.parametrize(
    ("rows", "against", "message"),
    [
        ({"A": A, "B": B}, "C", "against: 'C' is not a row"),
        ({"A": A, "B": replace(B, model="sasrec")}, "sasrec", "against: 'sasrec' is ambiguous"),
        ({"A": A, "B": replace(B, against="C")}, None, "rows.B.against: 'C' is not a row"),
        ({"A": A, "B": replace(B, against="B")}, "previous", "rows.B.against: the row itself"),
        ({"A": A, "B": replace(B, against="nova")}, "previous", "rows.B.against: the row itself"),
        (
            {"A": replace(A, against="previous"), "B": B},
            None,
            "rows.A.against: previous, but it is the first row",
        ),
        ({"A": A}, "previous", "against: previous, but there is one row"),
        ({"A": A, "previous": B}, None, "a row is called previous"),
    ],
)
def test_a_baseline_that_is_no_row_is_refused(
    rows: dict[str, RowPlan], against: str | None, message: str
) -> None:
    """The message has the key; rows compared with one that is there (control) are accepted."""
    compared = {"A": A, "B": B, "C": replace(C, against="A")}
    plan = Experiment(title="t", rows=compared, against="previous")
    assert [plan.baseline(row) for row in plan.rows] == ["previous", "previous", "A"]
    assert list(plan.only(["C"]).rows) == ["C"]
    with pytest.raises(SirecError, match=re.escape(message)):
        Experiment(title="t", rows=rows, against=against)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"datasets": ("tiny", "shop", "tiny")}, "datasets: tiny is there twice"),
        ({"seeds": (0, 1, 0)}, "seeds: 0 is there twice"),
        ({"search": {"dropout": ()}}, "search.dropout has no values to try"),
        ({"search": {"dropout": (0.1, 0.1)}}, "search.dropout: 0.1 is there twice"),
        (
            {"search": {"dropout": (0.1,)}, "set": {"dropout": 0.2}},
            "dropout is under set and under search",
        ),
        ({"proposals": ("zzz",)}, "proposals: 'zzz' is not a row"),
        ({"proposals": ("previous",)}, "proposals: 'previous' is not a row"),
        ({"proposals": ("C", "comif")}, "proposals: C is there twice"),
        (
            {"proposals": ("C without",)},
            "proposals: 'C without' is not a model as its paper has it",
        ),
        (
            {"rows": {"C": C, "G": RowPlan(model="gru4recf")}},
            "proposals: no row is a baseline of comif",
        ),
        ({"rows": {"C": C, "C without": C_WITHOUT}}, "proposals: no row is a baseline of comif"),
        ({"published": "comif_table6_modules"}, "proposals: rows beside comif_table6_modules"),
        ({"along": "aap.weight"}, "along: aap.weight, but rows are at 0 of its values"),
        ({"rows": {"A": A, "C": replace(C, at=1.0)}}, "the experiment does not say of which"),
    ],
)
def test_an_experiment_that_cannot_be_drawn_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    """Without the changes (control) it is an experiment, and so is a part of it."""
    rows = {"A": A, "C": C, "C without": C_WITHOUT}
    plan = Experiment(title="t", rows=rows, proposals=("comif",))
    assert plan.only(["C"]).proposals == ()
    with pytest.raises(SirecError, match=re.escape(message)):
        replace(plan, **changes)


def test_rows_along_a_setting_have_different_values() -> None:
    """Three or more (control); where the value is, changes no plan, and a part has no curve."""
    rows = {f"λ {at:g}": replace(C, at=at) for at in (0.0, 5.0, 10.0)}
    plan = Experiment(title="t", rows=rows, along="aap.weight")
    plain = Experiment(title="t", rows={label: replace(C, at=None) for label in rows})
    assert plan.plan() == plain.plan()
    assert plan.only(["λ 5"]).along is None
    with pytest.raises(SirecError, match=r"at: 5\.0 is there twice"):
        replace(plan, rows=rows | {"λ 6": replace(C, at=5.0)})
    with pytest.raises(SirecError, match="rows are at 2 of its values"):
        replace(plan, rows={label: rows[label] for label in list(rows)[:2]})


def test_a_row_is_chosen_by_its_name_or_its_model() -> None:
    """Case does not matter; a model that two rows have is ambiguous."""
    plan = Experiment(title="t", rows={"SASRec": A, "C": C, "C without": C_WITHOUT})
    for name in ("SASRec", "sasrec", "SASREC"):
        assert list(plan.only([name, "SASRec"]).rows) == ["SASRec"]
    with pytest.raises(SirecError, match="'comif' is ambiguous"):
        plan.only(["comif"])
    with pytest.raises(SirecError, match="'SASRek' is not a row") as near:
        plan.only(["SASRek"])
    assert "did you mean 'SASRec'" in str(near.value.hint)


def test_baselines_and_titles_decide_no_run() -> None:
    """Other baselines leave the plan as it is; another setting (control) changes it."""
    plan = Experiment(title="t", rows={"A": A, "B": B, "C": C})
    compared = {"A": A, "B": B, "C": replace(C, against="A", is_variant=True)}
    assert replace(plan, title="u", rows=compared, against="previous").plan() == plan.plan()
    changed = {"A": A, "B": B, "C": replace(C, set={"heads": 1})}
    assert replace(plan, rows=changed).plan() != plan.plan()
