"""`sirec worth` as a person uses it, on a small shop."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import sirec
from sirec.config import load, parse_assignments
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.run.measuring_runs import without_measuring
from sirec.run.references import find_run, refit_of, run_paths
from sirec.run.store import Store
from sirec.studies.compare.select_runs import select_by_model
from sirec.studies.launch.watcher import SilentStudy
from sirec.studies.worth.next_training import NextTraining

SMALL = {
    "width": 8,
    "layers": 1,
    "heads": 2,
    "inner": 8,
    "epochs": 1,
    "budget": 2048,
}
PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from sirec.core.model import BareItems, States, initialise
from sirec.models.declaration import Declaration
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class BagOfValues(Declaration):
    """The mean of all items and attribute values so far."""

    name: ClassVar[str] = "bag-of-values"
    title: ClassVar[str] = "Bag of values"
    source: ClassVar[str] = "a test"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
    attribute: str = "embedding"
    width: int = 8

    def build(self, schema):
        return BagOfValuesModel(self, schema)


class BagOfValuesModel(BareItems):
    causal = single_pass = True

    def __init__(self, config, schema):
        super().__init__()
        self.state_width = config.width
        self.items = nn.Embedding(schema.items, config.width, padding_idx=0)
        self.values = nn.ModuleDict()
        for field in schema.attributes:
            self.values[field.name] = nn.Embedding(field.size, config.width, padding_idx=0)
            self.register_buffer(f"table_{field.name}", field.values, persistent=False)
        initialise(self)

    def encode(self, batch):
        vectors = self.items(batch.items)
        for name, embedding in self.values.items():
            table = getattr(self, f"table_{name}")
            vectors = vectors + embedding(table[batch.items]).sum(dim=2)
        count = torch.arange(1, batch.items.shape[1] + 1)[:, None]
        return States(vectors.cumsum(dim=1) / count)
'''


class Remarks(SilentStudy):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.trained: list[str] = []

    def remark(self, text: str) -> None:
        """Keep a remark."""
        self.said.append(text)

    def run_ends(self, label: str, folder: object, *, was_trained_before: bool) -> None:
        """Keep what was trained now."""
        if not was_trained_before:
            self.trained.append(label)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small shop that has decoys."""
    root = tmp_path_factory.mktemp("worth")
    made = prepare(DemoSource(users=200, items=60, decoys=True).read(), "shop")
    storage.write(root / "data", made)
    return root


def folders(place: Path) -> dict[str, Path]:
    """The folders as functions of the API take them."""
    return {"results": place / "results", "data_root": place / "data"}


def test_a_question_is_answered_and_its_answer_drawn_again(place: Path) -> None:
    """Trainings are told beforehand, done once, and the drawing needs none of them."""
    told = Remarks()
    asked = {"fields": ["brand", "weather"], "set": SMALL, "seeds": [0, 1], **folders(place)}
    drawn = sirec.worth("shop", watcher=told, **asked)
    assert any("12 trainings: about" in text for text in told.said)
    assert any(text.startswith("screening, lost of 1,000 on validation") for text in told.said)
    assert len(told.trained) == len(set(told.trained)) == 12
    table = drawn.comparison.tables[0]
    assert [row.label for row in table.rows] == ["brand", "weather", "together"]
    assert [column.name for column in table.columns][:3] == ["worth", "alone", "added"]
    assert drawn.comparison.sentences[-1].startswith("Next: sirec train ")
    again = Remarks()
    assert sirec.worth("shop", watcher=again, **asked).comparison == drawn.comparison
    assert again.trained == []
    assert any("12 trainings, all of which are done" in text for text in again.said)
    rendered = sirec.worth("shop", render_only=True, **asked)
    assert rendered.comparison == drawn.comparison
    files = sorted(path.name for path in (place / "results" / "figures").iterdir())
    assert [Path(name).suffix for name in files] == [".csv", ".pdf", ".svg"]


def test_an_interrupted_question_goes_on(place: Path) -> None:
    """What was trained stays; only the rest is trained."""

    class Interrupted(Remarks):
        def run_ends(self, label: str, folder: object, *, was_trained_before: bool) -> None:
            super().run_ends(label, folder, was_trained_before=was_trained_before)
            if len(self.trained) == 2:
                raise KeyboardInterrupt

    asked = {"fields": ["colour"], "set": SMALL | {"width": 4}, "quick": True, **folders(place)}
    first, second = Interrupted(), Remarks()
    with pytest.raises(KeyboardInterrupt):
        sirec.worth("shop", watcher=first, **asked)
    sirec.worth("shop", watcher=second, **asked)
    assert len(first.trained) + len(second.trained) == 3
    assert not set(first.trained) & set(second.trained)


def test_the_runs_differ_in_their_fields_alone(place: Path) -> None:
    """Their configurations say which field was shuffled; the run of all fields has none."""
    asked = {"fields": ["brand"], "set": SMALL, "quick": True, **folders(place)}
    sirec.worth("shop", **asked)
    record = json.loads(
        next((place / "results" / "worth").glob("worth_shop_brand_quick_*.json")).read_text()
    )
    shuffled = {}
    for run in record["runs"]:
        folder = Store(place / "results").find(run["run"].split("/")[-1])
        shuffled[run["label"]] = folder.config().data.placebo
    assert shuffled == {
        "all fields": (),
        "position alone": (),
        "all, brand shuffled": ("brand",),
    }


def test_rows_are_not_the_runs_that_a_person_means(place: Path) -> None:
    """After a study on fields a model's name, and what `runs` offers to compare, are the runs that
    were trained. Control: a row that is asked for by `train` is one of them.
    """
    out = place / "apart"
    shared = {"results": out, "data_root": place / "data"}
    [mine] = sirec.train("comif", "shop", set={**SMALL, "threads": 1}, **shared)
    asked = {"fields": ["weather"], "set": SMALL, "quick": True, **shared}
    sirec.worth("shop", **asked)
    assert find_run(out, "comif").path.name == mine.id
    paths = [path for path in run_paths(out) if refit_of(path) is None]
    assert len(paths) == 4
    assert [path.name for path in without_measuring(paths, out)] == [mine.id]
    assert [run.id for run in select_by_model(["comif"], "shop", out)] == [mine.id]
    record = json.loads(next((out / "worth").glob("*.json")).read_text())
    training = load(NextTraining, record["training"], "training")
    words = shlex.split(training.command("shop", []))[2:]
    settings = parse_assignments(words[6::2])
    [row] = sirec.train("comif", "shop", fields=[], set=settings, **shared)
    assert row.id in {Path(run["run"]).name for run in record["runs"]}
    assert find_run(out, "comif").path.name == row.id


@pytest.mark.slow
def test_a_model_of_a_plugin_is_asked_like_any_other(place: Path) -> None:
    """Its placebo is that of the data, so that it need not know of it; 80 columns are enough."""
    (place / "bag.py").write_text(PLUGIN)
    words = ["worth", "shop", "--plugin", "bag.py", "--model", "bag-of-values", "--quick"]
    words += ["--set", "epochs=1", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "sirec", *words],
        cwd=place,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Bag of values does not read: rating, weather." in done.stderr
    for field in ("brand", "category", "colour"):
        assert f"all, {field} shuffled: done" in done.stderr
        assert f"- {field}" in done.stdout
    assert "A hint only" in done.stdout
    table = done.stdout.split("worth: all fields minus")[0]
    assert max(map(len, table.splitlines())) <= 120  # no terminal is asked for its width


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"top": 0}, "--top 0"),
        ({"margin": 0.0}, "--margin 0"),
        ({"margin": 1000.0}, "--margin 1000"),
        ({"history": "hide"}, "'hide' is not a history rule"),
        ({"model": "commif"}, "'commif' is not a model"),
        ({"fields": ["brnd"]}, "'brnd' is not a field"),
        ({"seeds": [0, 0]}, "seeds: 0 is there twice"),
        ({"set": {"seed": 1}}, "seed cannot be set"),
        ({"render_only": True, "fields": ["rating"]}, "worth_shop_rating.json: no such file"),
        ({"set": {"data.placebo": ["brand"]}}, "data.placebo cannot be set"),
        ({"jobs": 0}, "jobs must be"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    place: Path, asked: dict[str, object], message: str
) -> None:
    """One line, and nothing is trained."""
    with pytest.raises(SirecError, match=message):
        sirec.worth("shop", **asked, **folders(place))
