"""Two runs beside each other: what is unlike comes first, and different data are never paired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.split import LeaveOneOut, Temporal
from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric, parse_metric
from sirec.report.results import View
from sirec.report.table import NOT_RUN
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.two_runs import (
    METRICS,
    Sides,
    compare_runs,
    other_settings,
    shared_settings,
    warning,
)
from sirec.studies.spec.plan import without_objective

pytestmark = pytest.mark.usefixtures("runs_of_any_name")


def configured(tiny: Dataset, folder: Path, model: str = "comif", **settings: Any) -> RunFolder:
    """A run that has a configuration and nothing else."""
    folder.mkdir()
    run = RunFolder(folder)
    config = resolve(
        model, tiny, assignments={key.replace("__", "."): value for key, value in settings.items()}
    )
    run.write_config(config, "00ff")
    return run


UNLIKE: dict[str, dict[str, Any]] = {
    "fields": {"data__attributes": ["brand", "category"]},
    "length": {"max_length": 7},
    "width": {"width": 64},
    "layers": {"layers": 1},
    "heads": {"heads": 2},
    "dropout": {"dropout": 0.1},
    "inner width": {"inner": 64},
    "attention dropout": {"attention_dropout": 0.1},
    "learning rate": {"learning_rate": 0.5},
    "weight decay": {"weight_decay": 0.5},
    "precision": {"precision": "bf16"},
    "loss": {"upa__weight": 0.1},
    "task": {"task": {"name": "last_item"}},
    "selected by": {"metric": "NDCG@10"},
    "targets a step": {"budget": 99},
    "epochs at most": {"epochs": 3},
    "epochs an evaluation": {"evaluate_every": 2},
    "patience": {"patience": 1},
}


@pytest.mark.parametrize("name", UNLIKE)
def test_what_makes_a_comparison_unfair_is_said_first(
    name: str, tiny: Dataset, tmp_path: Path
) -> None:
    """Each thing that a fair comparison shares, if unlike, heads the first table, in its title too,
    and nothing else does.
    """
    sides = configured(tiny, tmp_path / "a"), configured(tiny, tmp_path / "b", **UNLIKE[name])
    comparison = compare_runs(sides, configuration_only=True)
    first, others = comparison.tables
    assert first.title == f"NOT LIKE WITH LIKE: the runs differ in {name}"
    assert [(row.group, row.label) for row in first.rows if row.group == "unlike"] == [
        ("unlike", name)
    ]
    assert first.rows[0].label == name
    assert others.rows == ()  # what stands in the first table is not repeated


def test_a_part_of_the_loss_and_of_the_task_counts(tiny: Dataset, tmp_path: Path) -> None:
    """An objective that is missing, and a switch within a task, are seen; weights are spelt."""
    whole = configured(tiny, tmp_path / "whole")
    less = configured(tiny, tmp_path / "less")
    less.write_config(without_objective(less.config(), "upa"), "00ff")
    pools = configured(tiny, tmp_path / "pools", task__composition="pools")
    loss = next(pair for pair in shared_settings((whole, less)) if pair.name == "loss")
    assert (loss.first, loss.second) == ("1 item + 0.4 iaa + 0.4 upa", "1 item + 0.4 iaa")
    task = next(pair for pair in shared_settings((whole, pools)) if pair.name == "task")
    assert (task.first, task.second) == ("next_item", "next_item (composition=pools)")


def test_every_key_of_a_configuration_is_compared(tiny: Dataset, tmp_path: Path) -> None:
    """What is not part of the protocol stands in the second table, also what one side lacks; like
    runs have an empty one.
    """
    one = configured(tiny, tmp_path / "one")
    same = configured(tiny, tmp_path / "same")
    assert warning(shared_settings((one, same))).startswith("Like with like")
    assert other_settings((one, same)) == []
    for path, value in (
        ("attribute_fusion", "gate"),
        ("behaviour", "embedding"),
        ("seed", 3),
        ("threads", 1),
    ):
        changed = configured(tiny, tmp_path / path, **{path.replace(".", "__"): value})
        [pair] = other_settings((one, changed))
        assert pair.name.endswith(path)
        assert warning(shared_settings((one, changed))).startswith("Like with like")
    counted = configured(tiny, tmp_path / "counted", "popularity")
    assert {
        pair.first for pair in other_settings((counted, one)) if pair.name == "model.attribute"
    } == {NOT_RUN}
    assert (
        warning(shared_settings((counted, one)))
        == "NOT LIKE WITH LIKE: the runs differ in training"
    )


SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 1, "threads": 1}


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return prepare(DemoSource(users=300, items=100).read(), "shop").dataset


@pytest.fixture(scope="module")
def sides(shop: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Sides:
    """A trained model, and a training-free baseline."""
    store = Store(tmp_path_factory.mktemp("results"))
    trained = execute(resolve("sasrec", shop, assignments=SMALL), shop, store)
    return trained, execute(resolve("transitions", shop), shop, store)


def test_results_and_overlaps_are_those_of_a_loop(sides: Sides) -> None:
    """Means, differences and the four groups of users, beside counting user by user; all users are
    in one group.
    """
    comparison = compare_runs(sides, view=View("test", "mask"))
    results, overlap = comparison.tables[2:]
    ranks = [folder.ranks().ranks["test"]["mask"] for folder in sides]
    assert [row.label for row in results.rows] == [metric.name for metric in METRICS]
    for metric, row in zip(METRICS, results.rows, strict=True):
        first, second = (metric.mean(side) for side in ranks)
        assert (row.cells[0].value, row.cells[1].value) == (first, second)
        assert row.cells[2].value == pytest.approx(first - second)
    for cutoff, row in zip((5, 10, 20), overlap.rows, strict=True):
        hits = [(a <= 2 * cutoff, b <= 2 * cutoff) for a, b in zip(*ranks, strict=True)]
        counts = [
            hits.count(pair)
            for pair in ((True, True), (True, False), (False, True), (False, False))
        ]
        assert [cell.value for cell in row.cells[:4]] == counts
        assert row.cells[4].value == pytest.approx(1 - counts[3] / sum(counts))
    assert "NOT LIKE WITH LIKE" in comparison.tables[0].title
    assert any("NOT LIKE WITH LIKE" in note for note in results.notes)
    assert "NOT LIKE WITH LIKE" in comparison.sentences[0]
    assert "Recall@20" in comparison.sentences[1]


def test_other_data_and_the_same_run_are_refused(
    sides: Sides, tiny: Dataset, tmp_path: Path
) -> None:
    """Different fingerprints are never paired, the message has both and the splits; their
    configurations may be compared.
    """
    other = configured(tiny, tmp_path / "other")
    other.write_config(other.config(), "00ff", Temporal())
    with pytest.raises(
        SirecError, match=r"made on different data.*leave-one-out.*tiny 00ff \(temporal"
    ) as error:
        compare_runs((sides[0], other))
    assert "--configuration" in (error.value.hint or "")
    title = compare_runs((sides[0], other), configuration_only=True).tables[0].title
    assert "data, split" in title
    with pytest.raises(SirecError, match="cannot be compared with itself"):
        compare_runs((sides[0], RunFolder(sides[0].path)))


def test_two_settings_of_a_model_have_two_names(tiny: Dataset, tmp_path: Path) -> None:
    """Models by title; one model twice by the runs' ids; one id in two places by the places."""
    places = [tmp_path / "x", tmp_path / "y"]
    for place in places:
        place.mkdir()
    a, b = configured(tiny, places[0] / "1"), configured(tiny, places[0] / "2")
    again, other = configured(tiny, places[1] / "1"), configured(tiny, places[1] / "3", "sasrec")
    titles = [
        compare_runs(pair, configuration_only=True).title
        for pair in ((a, b), (a, again), (a, other))
    ]
    assert titles == [
        "COMIF 1 against COMIF 2",
        f"{a.path} against {again.path}",
        "COMIF against SASRec",
    ]


def test_one_metric_is_enough(sides: Sides) -> None:
    """Chosen metrics are the rows, their cutoffs the overlaps, and the sentence is about the first
    of them.
    """
    comparison = compare_runs(sides, metrics=[parse_metric("MRR@3")])
    assert [row.label for row in comparison.tables[2].rows] == ["MRR@3"]
    assert [row.label for row in comparison.tables[3].rows] == ["first 3"]
    assert "MRR@3" in comparison.sentences[1]
    assert np.isfinite(Metric("MRR", 3).mean(sides[0].ranks().ranks["test"]["keep"]))
    assert sides[0].split() == LeaveOneOut()
