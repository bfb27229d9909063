"""A record is read with the names that rows have today; a name decides no run."""

from __future__ import annotations

from dataclasses import replace

from sirec.studies.compare.renamed_rows import renamed_rows, with_names_of_today
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.row import RowPlan

WIDE = RowPlan(model="esasrec", set={"width": 256})
BOTH = RowPlan(model="comif", attributes=("brand", "category"))
OLD = Experiment(title="t", rows={"authors": WIDE, "SASRec": RowPlan(model="sasrec"), "{1}": BOTH})
NEW = replace(OLD, rows={"d 256": WIDE, "SASRec": RowPlan(model="sasrec"), "C, {1}": BOTH})


def test_rows_with_equal_settings_are_paired_whatever_their_names() -> None:
    """Control: with another setting, another row more, or another shared setting there is none."""
    names = {"authors": "d 256", "SASRec": "SASRec", "{1}": "C, {1}"}
    assert renamed_rows(OLD.plan(), NEW.plan()) == names
    other = replace(NEW, rows=NEW.rows | {"d 256": replace(WIDE, set={"width": 64})})
    more = replace(NEW, rows=NEW.rows | {"NOVA": RowPlan(model="nova")})
    for changed in (other, more, replace(NEW, set={"heads": 2})):
        assert renamed_rows(OLD.plan(), changed.plan()) is None


def test_a_record_gets_the_labels_of_today() -> None:
    """Names of attributes stay in labels; a row that is called as before (control) stays."""
    record = {
        "runs": [
            {"row": "authors", "label": "authors", "run": "x"},
            {"row": "{1}", "label": "brand", "run": "y"},
            {"row": "SASRec", "label": "SASRec", "run": "z"},
        ],
        "trials": [{"label": "authors", "value": 0.1}],
    }
    names = renamed_rows(OLD.plan(), NEW.plan())
    assert names is not None
    told = with_names_of_today(record, names, {"{1}": ("brand", "category")})
    labels = [(line["row"], line["label"]) for line in told["runs"]]
    assert labels == [("d 256", "d 256"), ("C, {1}", "C, brand"), ("SASRec", "SASRec")]
    assert told["trials"] == [{"label": "d 256", "value": 0.1}]
    assert told.keys() == record.keys()
