"""Exported models give the scores of the models that were trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from load_script import load
from model_variants import VARIANTS

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.models.declaration import Declaration
from sirec.run.build import BuiltModel
from sirec.run.config import DataConfig, RunConfig
from sirec.run.export.equality import compare_scores, feed_of
from sirec.run.export.graph import ScoringGraph, trace
from sirec.run.export.onnx_model import save_graph
from sirec.testing import models as testing

EXPORTED = [name for name in MODELS if not MODELS[name].no_graph]
IN_THE_GATE = "sasrec"
CASES: list[Any] = [pytest.param(IN_THE_GATE, {"layers": 1}, id=IN_THE_GATE)]
for model_name, switches in [*((name, {}) for name in EXPORTED), *VARIANTS]:
    CASES.append(pytest.param(model_name, switches, marks=pytest.mark.slow))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return testing.small_dataset()


def built(data: Dataset, name: str, settings: dict[str, Any]) -> BuiltModel:
    return built_as(data, testing.small(MODELS[name], **settings))


def built_as(data: Dataset, declaration: Declaration) -> BuiltModel:
    model = testing.built(declaration, data)
    config = RunConfig(data=DataConfig(name="tiny"), model=declaration, stages=declaration.stages)
    return BuiltModel(data, data.schema(testing.WINDOW, with_position=True), model, config)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_onnxruntime_gives_the_models_scores(
    data: Dataset, tmp_path: Path, name: str, settings: dict[str, Any]
) -> None:
    """For histories of any length, one or many at once; another model's scores are refused."""
    mine = built(data, name, settings)
    graph = ScoringGraph(mine.model, mine.schema).eval()
    save_graph(graph, tmp_path / "model.onnx")
    found = compare_scores(mine, graph, tmp_path / "model.onnx")
    assert found.is_equal
    assert found.histories > 20
    assert found.equal_lists >= found.histories - 1  # items of equal scores may change places
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    inputs = {value.name for value in session.get_inputs()}
    for lengths in [(1,), (testing.WINDOW,), (2, testing.WINDOW, 1), (5,) * 9]:
        batch = testing.small_batch(data, lengths)
        [theirs] = session.run(None, feed_of(batch, graph, inputs))
        with torch.no_grad():
            ours = mine.model.scores(batch).numpy()
        np.testing.assert_allclose(theirs[:, 1:], ours[:, 1:], rtol=1e-4, atol=1e-4)
        assert bool((theirs[:, 0] == -np.inf).all())
    with torch.no_grad():
        for weight in mine.model.parameters():
            weight.mul_(1.5)
        for counts in mine.model.buffers():
            if counts.is_floating_point():
                counts.mul_(1.5)
    with pytest.raises(SirecError, match="other scores than the model"):
        compare_scores(mine, graph, tmp_path / "model.onnx")


def test_a_model_of_another_package_is_exported_like_ours(data: Dataset, tmp_path: Path) -> None:
    """The example's model knows nothing of graphs, and its scores are its own."""
    module = load("__init__", "examples/own_model/own_model")
    mine = built_as(data, module.DecayedHistory(width=8))
    graph = ScoringGraph(mine.model, mine.schema).eval()
    assert save_graph(graph, tmp_path / "model.onnx") == ["items"]
    found = compare_scores(mine, graph, tmp_path / "model.onnx")
    assert found.is_equal
    assert found.histories > 20


def test_a_model_without_a_graph_says_which_operation_keeps_it_from_one() -> None:
    """Every trained model is exported; of the others the page names the operation."""
    without = {name: MODELS[name].no_graph for name in MODELS if MODELS[name].no_graph}
    assert without == {"transitions": "it multiplies sparse matrices of SciPy"}
    assert all(MODELS[name].is_training_free for name in without)


def test_an_operation_on_values_is_refused_in_one_line(data: Dataset) -> None:
    """A model that reads lengths on the host is named, with what it should read."""
    mine = built(data, "transitions", {})
    with pytest.raises(SirecError, match="cannot be exported to ONNX") as caught:
        trace(ScoringGraph(mine.model, mine.schema).eval())
    assert "\n" not in caught.value.message
    assert "batch.items" in str(caught.value.hint)


def test_a_shape_that_an_operation_fixes_is_named(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that cuts its rows into a list holds for the traced number of histories alone."""
    mine = built(data, IN_THE_GATE, {"layers": 1})
    scores = type(mine.model).scores

    def by_row(self: Recommender, batch: Batch, prepared: torch.Tensor | None = None) -> Any:
        found = scores(self, batch, prepared)
        return torch.stack(list(found))

    monkeypatch.setattr(type(mine.model), "scores", by_row)
    with pytest.raises(SirecError, match="an operation fixes the number of histories"):
        trace(ScoringGraph(mine.model, mine.schema).eval())
