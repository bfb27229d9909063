"""Run a study that is written in Python: two rows, two seeds, one table."""

import sirec

SETTINGS = {"width": 16, "heads": 2, "layers": 1, "inner": 16, "epochs": 2, "threads": 1}

sirec.prepare("demo", name="little", source_options={"users": 300, "items": 100})
study = sirec.Experiment(
    title="What attributes add",
    datasets=("little",),
    seeds=(0, 1),
    set=SETTINGS,
    against="Without",
    rows={
        "Without": sirec.RowPlan(model="sasrec"),
        "With": sirec.RowPlan(model="sasrecf"),
    },
)
tables = sirec.run_study(study, name="what_attributes_add")
print(tables.to_frame())
print(tables.sentences[0])
