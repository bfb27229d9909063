"""The next command trains what the study has of the same fields."""

from __future__ import annotations

import shlex

import pytest

from sirec.config import parse_assignments
from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.run.config import RunConfig
from sirec.studies.launch.single import Training
from sirec.studies.spec.overrides import Variation
from sirec.studies.spec.plan import planned_runs
from sirec.studies.worth.design import WorthQuestion, design
from sirec.studies.worth.next_training import NextTraining, next_training

QUESTIONS = {
    "usual": WorthQuestion(fields=("brand", "weather")),
    "all options": WorthQuestion(
        fields=("brand", "weather"),
        fusion="gate",
        protocol="difsr",
        set={"width": 8, "learning_rate": 0.002, "upa.weight": 0.3, "data.max_length": 20},
    ),
    "another model": WorthQuestion(fields=("brand", "category"), model="s3-rec", set={"width": 8}),
    "one level": WorthQuestion(fields=("brand",), model="dif-sr"),
}
SEEDS = (3, 1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return prepare(DemoSource(users=200, items=60, decoys=True).read(), "shop").dataset


def configuration(text: str, data: Dataset) -> RunConfig:
    """What the printed command trains."""
    words = shlex.split(text)
    assert words[:2] == ["sirec", "train"]
    options: dict[str, list[str]] = {}
    for option, value in zip(words[3::2], words[4::2], strict=True):
        options.setdefault(option, []).append(value)
    training = Training(
        words[2],
        (int(options["--seed"][0]),),
        {"threads": 2} | parse_assignments(options.get("--set", [])),
        options.get("--protocol", ["comif"])[0],
        "intended",
        "cpu",
        again=False,
        fields=tuple(name for name in options["--fields"][0].split(",") if name != "position"),
    )
    [run] = training.runs(data)
    return run.config


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_the_command_trains_the_row_of_these_fields(data: Dataset, question: WorthQuestion) -> None:
    """Settings, fusion, protocol, seed and the losses that are left are those of the row."""
    made = design(question, data)
    variation = Variation(seeds=SEEDS, set=dict(question.set))
    made = type(made)(**{**vars(made), "experiment": variation.apply(made.experiment)})
    training = next_training(question, made, data)
    asked = question.fields or ()
    rows: dict[str, tuple[str, ...]] = {"position alone": (), "all fields": asked}
    for field in made.fields:
        if field.alone is not None:
            rows[field.alone] = (field.field,)
    compared = 0
    for run in planned_runs(made.experiment, data):
        if run.row in rows and run.config.seed == SEEDS[0]:
            assert configuration(training.command("shop", rows[run.row]), data) == run.config
            compared += 1
    assert compared == len({*rows})


def test_a_model_that_needs_a_field_is_not_trained_without_one() -> None:
    """Where none helps, another model is named; with one (control) the model itself."""
    training = NextTraining(model="needy", needs_field=True)
    assert training.command("shop", []) == "sirec train sasrec --data shop"
    assert training.command("my shop", ["a b"]) == (
        "sirec train needy --data 'my shop' --fields 'a b'"
    )
