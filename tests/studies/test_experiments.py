"""Experiment files: each loads, each committed table is what its ranks say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sirec.config import dump, load, to_yaml
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.report.results import MissingRow
from sirec.resources import experiments_root
from sirec.run.identity import run_id
from sirec.run.store import RunFolder
from sirec.studies.compare.study_tables import record, render
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.spec.attributes import are_as_named
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import read_experiment, shipped_experiments
from sirec.studies.spec.plan import PlannedRun, planned_rows, planned_runs
from sirec.studies.spec.row import RowPlan

ROOT = Path(__file__).parents[2]
RENDERED = ("md", "csv", "tex")


def test_every_experiment_loads() -> None:
    """All files of the folder are read, and there are some."""
    files = sorted(Path(str(experiments_root())).glob("*.yaml"))
    assert files
    assert {path.stem for path in files} == set(shipped_experiments())
    for path in files:
        plan = read_experiment(path)
        assert {row.model for row in plan.rows.values()} <= set(MODELS)


@pytest.mark.parametrize("name", shipped_experiments())
def test_every_experiment_resolves_where_there_are_a_brand_and_a_category(
    tiny: Dataset, name: str
) -> None:
    """Each row has a run for each seed and none is missing; labels and runs are as many as rows."""
    plan = read_experiment(shipped_experiments()[name])
    rows = list(planned_rows(plan, tiny, name))
    assert not [row for row in rows if isinstance(row, MissingRow)]
    runs = [row for row in rows if isinstance(row, PlannedRun)]
    assert list(dict.fromkeys(run.row for run in runs)) == list(plan.rows)
    assert len({run.label for run in runs}) == len(plan.rows)
    assert not any("{" in run.label for run in runs)
    assert len({run_id(run.config, "data") for run in runs}) == len(runs)


@pytest.mark.parametrize("name", shipped_experiments())
def test_every_experiment_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    """Written as YAML and read again, it is the same, objectives that rows add included; another
    seed (control) is not.
    """
    plan = read_experiment(shipped_experiments()[name])
    (tmp_path / "again.yaml").write_text(to_yaml(dump(plan)))
    again = read_experiment(tmp_path / "again.yaml")
    assert again == plan
    assert replace(again, seeds=(99,)) != plan


RUNS_OF_BEAUTY = {
    "comif_table4_fusion": [
        "comif/cc95447cc00a",
        "comif/2ca27ba9c4a2",
        "sasrec/ffc73862baa4",
        "comif/c5002b3925bd",
    ],
    "comif_table5_side_information": [
        "comif/596300e820ca",
        "comif/9614dcf6696d",
        "comif/d6e45029cd2d",
        "comif/d39575e4928d",
    ],
    "comif_table6_modules": [
        "comif/0fb3c6f6520b",
        "comif/804cfb2c4752",
        "comif/989eb992cb09",
        "comif/d6e45029cd2d",
    ],
    "difsr_table4_ablation": [
        "sasrecf/4d6bdda4c574",
        "sasrecf/db857d9cb82d",
        "dif-sr/13ddbd4f106f",
        "dif-sr/71658c29e9f3",
    ],
    "difsr_table5_side_information": [
        "dif-sr/eb516580ff03",
        "dif-sr/e6df9c05833d",
        "dif-sr/71658c29e9f3",
        "dif-sr/790a96c2aed6",
    ],
}


@pytest.mark.parametrize("name", RUNS_OF_BEAUTY)
def test_the_papers_tables_keep_their_runs(tiny: Dataset, name: str) -> None:
    """The rows' identities on Beauty are pinned: what is trained stays good. Another fingerprint
    (control) gives other ones.
    """
    runs = planned_runs(read_experiment(shipped_experiments()[name]), replace(tiny, name="beauty"))
    found = [
        [f"{run.config.model.name}/{run_id(run.config, data)}" for run in runs]
        for data in ("fa0ccd6460511e81", "other")
    ]
    assert found[0] == RUNS_OF_BEAUTY[name]
    assert not set(found[0]) & set(found[1])


def test_a_row_adds_objectives(tiny: Dataset) -> None:
    """`with` adds to every stage; what is there already, an unknown one, and any to a floor are
    mistakes.
    """
    plan = load(
        Experiment,
        {
            "title": "t",
            "rows": {"A": {"model": "sasrecf", "with": [{"name": "aap", "weight": 5.0}]}},
        },
        "x",
    )
    [run] = planned_runs(plan, tiny)
    assert [(part.name, part.weight) for part in run.config.stages[0].objectives] == [
        ("item", 1.0),
        ("aap", 5.0),
    ]
    with pytest.raises(SirecError, match=r"rows\.A\.with\.app: 'app' is not an objective"):
        load(
            Experiment,
            {"title": "t", "rows": {"A": {"model": "sasrecf", "with": [{"name": "app"}]}}},
            "x",
        )
    for model, message in (
        ("dif-sr", "has the objective aap already"),
        ("popularity", "takes no objective"),
    ):
        with pytest.raises(SirecError, match=message):
            planned_runs(
                Experiment(
                    title="t", rows={"A": RowPlan(model=model, with_=(AttributePrediction(),))}
                ),
                tiny,
            )


def _with_attributes(data: Dataset, *names: str) -> Dataset:
    """The same data under other field names, as many attributes as names."""
    attributes = [field for field in data.fields if field.kind == "attribute"]
    renamed = [replace(field, name=name) for field, name in zip(attributes, names, strict=False)]
    return replace(data, fields=tuple(renamed))


CHOICES = ("brand|city|*", "category|categories|*")


@pytest.mark.parametrize(
    ("names", "one", "both"),
    [
        (("brand", "category"), "Position, brand", "Position, brand, category"),
        (("categories", "city"), "Position, city", "Position, city, categories"),
        (("genre", "year"), "Position, genre", "Position, genre, year"),
        (("category", "year"), "Position, category", "Position, year, category"),
    ],
)
def test_rows_use_the_attributes_that_data_have(
    tiny: Dataset, names: tuple[str, str], one: str, both: str
) -> None:
    """Named ones first, in the order of preference, then any other; the label says which."""
    plan = read_experiment(shipped_experiments()["comif_table5_side_information"])
    runs = planned_runs(plan, _with_attributes(tiny, *names))
    assert [run.label for run in runs] == ["None", "Position", one, both]
    assert [len(run.config.data.attributes or ()) for run in runs] == [0, 0, 1, 2]


def test_a_row_without_its_attribute_is_missing_with_the_reason(tiny: Dataset) -> None:
    """With one attribute there is no second one: the row is there, empty, and says why; so does one
    that would repeat a row.
    """
    only = _with_attributes(tiny, "brand")
    plan = read_experiment(shipped_experiments()["comif_table5_side_information"])
    *_, last = planned_rows(plan, only)
    assert last == MissingRow(
        "Position, brand, category", "tiny", "tiny has no category or categories"
    )
    rows = {
        "all": RowPlan(model="sasrecf"),
        "{1}": RowPlan(model="sasrecf", attributes=CHOICES[:1]),
    }
    *_, last = planned_rows(Experiment(title="t", rows=rows), only)
    assert last == MissingRow("brand", "tiny", "tiny has no other attributes, so it is 'all'")


def test_printed_values_stand_beside_the_attributes_they_are_about() -> None:
    """A choice's names are what a paper had; another attribute in its place is not."""
    assert are_as_named(CHOICES, ("brand", "category"))
    assert are_as_named(CHOICES, ("city", "categories"))
    assert are_as_named(None, ())
    assert not are_as_named(CHOICES, ("brand", "year"))


def test_printed_rows_are_checked(tiny: Dataset) -> None:
    """A table, a column or a row that does not exist is told when the file is read, as is a value
    from nowhere.
    """
    row = RowPlan(model="comif", printed={"dif": 1, "aap": 1})
    assert Experiment(title="t", rows={"A": row}, published="difsr_table4_ablation")  # control
    for published, printed, message in (
        ("difsr_table4_ablatio", {"dif": 1}, "is not a published table"),
        ("comif_table1_statistics", {"dif": 1}, "is not a published table of metrics"),
        ("difsr_table4_ablation", {"dfi": 1}, "'dfi' is not a column"),
        ("difsr_table4_ablation", {"dif": 1}, "no row has dif 1"),
        (None, {"dif": 1}, "names no published table"),
    ):
        with pytest.raises(SirecError, match=message):
            Experiment(title="t", rows={"A": replace(row, printed=printed)}, published=published)


def test_what_a_table_lacks_comes_with_the_commands_that_add_it() -> None:
    """Every data set that is not in a shipped table is named with how to prepare it and how to draw
    the table on it.
    """
    lacking = [(name, data, why) for name, path in shipped_experiments().items()
               for data, why in read_experiment(path).unavailable.items()]  # fmt: skip
    assert {data for _, data, _ in lacking} == {"sports", "toys", "yelp"}
    for name, data, why in lacking:
        assert why.startswith("no run yet")
        assert why.endswith(f": sirec prepare {data}, then sirec study {name} --data {data}")


A, B, C = (RowPlan(model=name) for name in ("sasrec", "nova", "comif"))


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
def test_a_baseline_that_is_none_is_told_when_the_file_is_read(
    rows: dict[str, RowPlan], against: str | None, message: str
) -> None:
    """One line with the key; the same rows set against one that is there (control) are an
    experiment, with any of them left.
    """
    plan = Experiment(
        title="t", rows={"A": A, "B": B, "C": replace(C, against="A")}, against="previous"
    )
    assert [plan.baseline(row) for row in plan.rows] == ["previous", "previous", "A"]
    assert list(plan.only(["C"]).rows) == ["C"]
    with pytest.raises(SirecError, match=re.escape(message)):
        Experiment(title="t", rows=rows, against=against)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"datasets": ("tiny", "shop", "tiny")}, "datasets: tiny is there twice"),
        ({"seeds": (0, 1, 0)}, "seeds: 0 is there twice"),
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
        (
            {"rows": {"C": C, "C without": replace(C, without=("upa",))}},
            "proposals: no row is a baseline of comif",
        ),
        ({"published": "comif_table6_modules"}, "proposals: rows beside comif_table6_modules"),
    ],
)
def test_what_cannot_be_drawn_is_told_when_the_file_is_read(
    changes: dict[str, Any], message: str
) -> None:
    """Repeats, and proposals that no table could be about; without them (control) it is an
    experiment, any part of it too.
    """
    plan = Experiment(
        title="t",
        rows={"A": A, "C": C, "C without": replace(C, without=("upa",))},
        proposals=("comif",),
    )
    assert plan.only(["C"]).proposals == ()
    with pytest.raises(SirecError, match=re.escape(message)):
        replace(plan, **changes)


def test_a_row_is_chosen_by_its_name_or_its_model() -> None:
    """As a baseline is: in any case, and by a model that one row has; a model that two have
    (control) is refused.
    """
    plan = Experiment(
        title="t", rows={"SASRec": A, "C": C, "C without": replace(C, without=("upa",))}
    )
    for name in ("SASRec", "sasrec", "SASREC"):
        assert list(plan.only([name, "SASRec"]).rows) == ["SASRec"]
    with pytest.raises(SirecError, match="'comif' is ambiguous"):
        plan.only(["comif"])
    with pytest.raises(SirecError, match="'SASRek' is not a row") as near:
        plan.only(["SASRek"])
    assert "did you mean 'SASRec'" in str(near.value.hint)


def test_what_a_row_is_set_against_decides_no_run() -> None:
    """Another baseline draws other tables from the same runs; another setting (control) makes other
    runs.
    """
    plan = Experiment(title="t", rows={"A": A, "B": B, "C": C})
    assert (
        replace(
            plan, rows={"A": A, "B": B, "C": replace(C, against="A")}, against="previous"
        ).plan()
        == plan.plan()
    )
    assert (
        replace(plan, rows={"A": A, "B": B, "C": replace(C, set={"heads": 1})}).plan()
        != plan.plan()
    )


def test_a_baseline_that_data_cannot_have_is_told_before_training(tiny: Dataset) -> None:
    """A row is not set against one that is missing; where the data have its attribute (control) it
    is.
    """
    rows = {"{1}": RowPlan(model="comif", attributes=("genre",)), "B": replace(B, against="{1}")}
    plan = Experiment(title="t", rows=rows)
    assert len(planned_runs(plan, _with_attributes(tiny, "genre"))) == 2
    with pytest.raises(SirecError, match=r"rows\.B is set against '\{1\}', which tiny cannot have"):
        planned_runs(plan, tiny)


@pytest.mark.parametrize("name", ["comif_table5_side_information", "comif_table6_modules"])
def test_a_ladder_is_read_step_by_step(name: str) -> None:
    """In the committed tables of what is added one by one, each row stands against the row above,
    the first against none.
    """
    comparison = render(read_experiment(shipped_experiments()[name]), name, ROOT / "results")
    labels = [row.label for row in comparison.tables[0].rows]
    steps = [f"{label} – {above}" for above, label in pairwise(labels)]
    assert [row.label for row in comparison.tables[-1].rows] == steps * 2  # two metrics
    assert len(comparison.sentences) == len(steps) == 3


def test_rows_times_seeds(tiny: Dataset) -> None:
    """Each row runs with each seed, a floor once; shared settings pass over a floor, a row's own
    reach its model.
    """
    rows = {
        "A": RowPlan(model="comif", set={"heads": 1}, without=("upa",)),
        "B": RowPlan(model="popularity"),
    }
    plan = Experiment(title="t", rows=rows, seeds=(3, 4), set={"learning_rate": 0.5})
    runs = list(planned_runs(plan, tiny))
    assert [(run.label, run.config.seed) for run in runs] == [("A", 3), ("A", 4), ("B", 3)]
    config = runs[0].config
    assert (config.model.heads, config.stages[0].learning_rate) == (1, 0.5)  # type: ignore[union-attr]
    assert [part.name for part in config.stages[0].objectives] == ["item", "iaa"]


def _committed() -> list[Path]:
    listed = (ROOT / "results" / "studies").glob("*.json")
    drawn = [
        path
        for path in sorted(listed)
        if (ROOT / "results" / "tables" / f"{path.stem}.md").exists()
    ]  # others still train
    return [
        path for path in drawn if path.stem in shipped_experiments() and path.stem != "quickstart"
    ]


@pytest.mark.parametrize("study", _committed(), ids=lambda path: path.stem)
def test_a_committed_table_is_what_its_ranks_say(study: Path, tmp_path: Path) -> None:
    """Rendered anew from committed ranks, tables agree byte for byte with the committed ones."""
    plan = read_experiment(shipped_experiments()[study.stem])
    render(plan, study.stem, ROOT / "results").write(tmp_path, study.stem)
    for suffix in RENDERED:
        committed = ROOT / "results" / "tables" / f"{study.stem}.{suffix}"
        assert (tmp_path / f"{study.stem}.{suffix}").read_bytes() == committed.read_bytes()


@pytest.mark.parametrize("study", _committed(), ids=lambda path: path.stem)
def test_a_committed_study_is_whole(study: Path) -> None:
    """Every row of the experiment file is there, finished, with the model and the shared settings
    the file says.
    """
    plan = read_experiment(shipped_experiments()[study.stem])
    lines = json.loads(study.read_text())["runs"]
    assert {line["row"] for line in lines} == set(plan.rows)
    for line in lines:
        folder = RunFolder(ROOT / "results" / line["run"])
        assert folder.is_done
        config = folder.config()
        assert config.model.name == plan.rows[line["row"]].model
        assert config.seed in plan.seeds
        own = plan.rows[line["row"]].set
        for stage in config.stages:
            wanted = own.get(
                f"stages.{stage.title}.learning_rate",
                own.get("learning_rate", plan.set["learning_rate"]),
            )
            assert stage.learning_rate == wanted


def test_a_shared_key_that_no_row_has_is_refused(tiny: Dataset) -> None:
    """What is shared may pass over a floor, but a key that no row knows is a mistake; so is a seed
    among the settings.
    """
    rows = {"A": RowPlan(model="comif"), "B": RowPlan(model="popularity")}
    assert list(
        planned_runs(Experiment(title="t", rows=rows, set={"learning_rate": 0.5}), tiny)
    )  # control
    with pytest.raises(SirecError, match="'learning_rat' is not a key"):
        list(planned_runs(Experiment(title="t", rows=rows, set={"learning_rat": 0.5}), tiny))
    with pytest.raises(SirecError, match="seed cannot be set"):
        list(
            planned_runs(
                Experiment(title="t", rows={"A": RowPlan(model="comif", set={"seed": 7})}), tiny
            )
        )


def test_a_table_is_only_drawn_from_its_own_plan(tmp_path: Path) -> None:
    """After the experiment file changes in what decides runs, the old record is refused; a new
    title is not such a change.
    """
    plan = Experiment(title="t", rows={"A": RowPlan(model="comif")})
    record(plan, tmp_path, "x", StudyProgress(plan))
    with pytest.raises(SirecError, match="nothing to compare"):  # control: it got past the check
        render(replace(plan, title="new"), "x", tmp_path)
    with pytest.raises(SirecError, match="made from another plan"):
        render(replace(plan, set={"heads": 2}), "x", tmp_path)
