"""Which attributes are read where nobody names any, and side information one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sirec
from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources import SOURCES, is_own_data
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.data.store.export import export
from sirec.errors import SirecError
from sirec.run.config import resolve
from sirec.studies.spec.ablation import requested_experiments
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.fields import default_fields_remark, field_settings, vectors_remark
from sirec.studies.spec.plan import planned_runs
from sirec.studies.spec.row import RowPlan


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small prepared `demo`."""
    root = tmp_path_factory.mktemp("data")
    storage.write(root, prepare(DemoSource(users=200, items=60).read(), "demo"))
    return root


def own_data(names: Sequence[str]) -> Dataset:
    """A data set from DataFrames with attributes of these names."""
    users = [f"u{number // 6}" for number in range(60)]
    items = [f"i{(number * 7) % 10}" for number in range(60)]
    rows = pd.DataFrame({"user": users, "item": items, "price": range(60)})
    described = pd.DataFrame({"item": [f"i{number}" for number in range(10)]})
    for name in names:
        described[name] = [f"{name}{number % 3}" for number in range(10)]
    made = sirec.prepare(
        rows,
        described,
        name="shop",
        attributes=list(names),
        behaviours=["price"],
        options={"bins": {"price": "20,40"}, "core": 0},
    )
    return made.dataset


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Own data whose columns are called as the papers' are, and a third one."""
    monkeypatch.chdir(tmp_path)
    return own_data(["brand", "category", "colour"])


def test_all_attributes_of_own_data_are_read_whatever_they_are_called(shop: Dataset) -> None:
    """Control: the same fields of the papers' data give what the protocol prefers."""
    assert resolve("comif", shop).data.attributes == ("brand", "category", "colour")
    papers = replace(shop, is_own=False)
    assert resolve("comif", papers).data.attributes == ("brand",)
    assert resolve("comif", papers, protocol="difsr").data.attributes == ("category",)


def test_stored_data_know_whose_they_are(demo: Path, shop: Dataset, tmp_path: Path) -> None:
    """What was prepared from DataFrames, tables or atomic files is own; the demo is not."""
    assert storage.load(Path("data") / "shop").is_own
    assert not storage.load(demo / "demo").is_own
    for source in ("table", "atomic", "frames", "a-source-that-is-not-here"):
        assert is_own_data({"name": source})
    own = {name for name, source in SOURCES.items() if source.is_own}
    assert own == {"table", "atomic"}
    assert not is_own_data(None)


def test_an_exported_demo_is_own_data_when_it_comes_back(demo: Path, tmp_path: Path) -> None:
    """Columns called brand and category: none is lost."""
    folder = demo / "demo"
    export(storage.load(folder), storage.load_timestamps(folder), tmp_path / "out", "atomic")
    made = sirec.prepare("atomic", name="mine", raw=tmp_path / "out", data_root=tmp_path / "data")
    assert resolve("comif", made.dataset).data.attributes == ("brand", "category")


def test_what_is_read_by_default_is_said(shop: Dataset) -> None:
    """Own data: all, and how to have fewer. The papers': which not, and how to have all."""
    own = default_fields_remark(shop, "comif", "comif", {})
    assert own is not None
    assert "brand, category, colour, which are all of shop" in own
    papers = default_fields_remark(replace(shop, is_own=False), "comif", "comif", {})
    assert papers is not None
    assert "without category, colour" in papers
    assert "--set 'data.attributes=[brand, category, colour]'" in papers
    assert default_fields_remark(shop, "comif", "comif", {"data.attributes": []}) is None
    assert default_fields_remark(shop, "comif", "sasrec", {}) is None


def test_fields_are_attributes_and_behaviours_in_the_order_given(shop: Dataset) -> None:
    """The position is always among the behaviours."""
    settings = field_settings(shop, ["price", "colour", "brand"])
    assert settings == {
        "data.attributes": ["colour", "brand"],
        "data.behaviours": ["position", "price"],
    }
    assert field_settings(shop, ["position"])["data.attributes"] == []


@pytest.mark.parametrize(
    ("fields", "settings", "message"),
    [
        (["brnd"], {}, "'brnd' is not a field"),
        (["brand", "brand"], {}, "brand is there twice"),
        (["brand"], {"data.attributes": ["brand"]}, "say the same"),
        (["brand"], {"behaviours": ["position"]}, "say the same"),
    ],
)
def test_fields_that_make_no_sense_are_refused(
    shop: Dataset, fields: list[str], settings: dict[str, object], message: str
) -> None:
    """One line."""
    with pytest.raises(SirecError, match=message):
        field_settings(shop, fields, settings)


def side_information(data: Dataset, fields: list[str] | None = None) -> Experiment:
    """The experiment of `sirec ablate side-info`."""
    [plan] = requested_experiments("side-info", None, (), "comif", data, fields).values()
    return plan


def test_side_information_takes_any_number_of_fields_in_the_order_given(shop: Dataset) -> None:
    """Each row reads one more than the row above it; a behaviour may come first."""
    plan = side_information(shop, ["price", "colour", "brand"])
    assert list(plan.rows)[2:] == [
        "Position, price",
        "Position, price, colour",
        "Position, price, colour, brand",
    ]
    read = []
    for run in planned_runs(plan, shop):
        read.append((run.config.data.attributes, run.config.data.behaviours))
    assert read[1:] == [
        ((), ("position",)),
        ((), ("position", "price")),
        (("colour",), ("position", "price")),
        (("colour", "brand"), ("position", "price")),
    ]
    losses = [len(run.config.stages[0].objectives) for run in planned_runs(plan, shop)]
    assert losses == [1, 2, 2, 3, 3]  # without attributes there is no IAA


def test_side_information_of_own_data_has_all_attributes(shop: Dataset) -> None:
    """Control: the papers' data keep the paper's table, with its printed values."""
    assert len(side_information(shop).rows) == 2 + 3
    paper = side_information(replace(shop, is_own=False))
    assert list(paper.rows)[2:] == ["Position, {1}", "Position, {1}, {2}"]
    assert paper.published is not None


def test_two_attributes_in_the_papers_order_are_the_papers_runs(shop: Dataset) -> None:
    """The same configurations, whichever way they were asked for."""
    papers = replace(shop, is_own=False)
    named = side_information(papers, ["brand", "category"])
    configs = [run.config for run in planned_runs(side_information(papers), papers)]
    assert [run.config for run in planned_runs(named, papers)] == configs


def test_fields_go_with_side_information_alone(shop: Dataset) -> None:
    """Any other table refuses them."""
    with pytest.raises(SirecError, match="side-info alone"):
        requested_experiments("modules", None, (), "comif", shop, ["brand"])
    with pytest.raises(SirecError, match="none to add"):
        side_information(shop, [])


def test_a_study_says_what_its_rows_read(shop: Dataset) -> None:
    """Once for all rows that leave the choice open; a row that names its attributes is silent."""
    from sirec.studies.spec.plan import default_remarks

    open_rows = {"COMIF": RowPlan(model="comif"), "DIF-SR": RowPlan(model="dif-sr")}
    assert len(default_remarks(Experiment(title="open", rows=open_rows), shop)) == 1
    named = {"COMIF": RowPlan(model="comif", attributes=("brand",))}
    assert default_remarks(Experiment(title="named", rows=named), shop) == []


def test_losses_over_values_that_leave_vectors_out_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the model reads vectors beside values. Control: without vectors, without such a loss,
    and where the loss names its attributes, nothing is told.
    """
    monkeypatch.chdir(tmp_path)
    rows = pd.DataFrame(
        {"user": [f"u{n // 6}" for n in range(60)], "item": [f"i{n % 10}" for n in range(60)]}
    )
    ids = [f"i{number}" for number in range(10)]
    described = pd.DataFrame({"item": ids, "brand": [f"b{number % 3}" for number in range(10)]})
    vectors = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    made = sirec.prepare(
        rows,
        described,
        name="shop",
        attributes=["brand"],
        vectors={"text": (ids, vectors)},
        options={"core": 0},
    )

    def told(model: str, **settings: object) -> str | None:
        named = {key.replace("_", "."): value for key, value in settings.items()}
        return vectors_remark(resolve(model, made.dataset, assignments=named), made.dataset)

    both = ["brand", "text"]
    assert told("comif") == "the model reads vectors (text); iaa leaves them out"
    assert told("comif", data_attributes=both) == told("comif")
    assert told("comif", data_attributes=["brand"]) is None
    assert told("comif", iaa_attributes=["brand"]) is None
    assert told("sasrecf") is None
