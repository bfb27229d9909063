"""Attention maps of one history: probabilities, as the model computes them, and drawn again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import evaluation_rows, gather
from sirec.evaluation.attention_maps import FUSED, attention_maps
from sirec.models.dif_sr import DIFSR
from sirec.models.sasrec import SASRec
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import Store
from sirec.studies.analyses.attention_sample import ATTENTION_MAPS, measure_maps


def one_history(data: Dataset) -> object:
    """The batch of the longest test history."""
    rows = evaluation_rows(data, "test", builders.WINDOW)
    return gather(data, rows.take(np.argsort(-rows.lengths)[:1]))


def test_maps_are_probabilities_over_the_past_of_each_source_and_fused(tiny: Dataset) -> None:
    """Rows add up to 1, nothing later is read, and sources differ from what is fused; a model with
    one source (control) has the fused map alone.
    """
    schema = tiny.schema(builders.WINDOW, with_position=True)
    model = builders.loud(DIFSR(**builders.SHAPE).build(schema)).eval()
    batch = one_history(tiny)
    found = list(attention_maps(model, batch))  # type: ignore[arg-type]
    assert {each.block for each in found} == {1, 2}
    by_source = {each.source: each.weights for each in found if each.block == 1}
    assert len(by_source) >= 3
    for each in found:
        length = len(each.weights)
        torch.testing.assert_close(
            each.weights.sum(dim=1), torch.ones(length, dtype=torch.float64), check_dtype=False
        )
        assert not each.weights.triu(1).any()
    assert not torch.allclose(by_source["item"], by_source[FUSED])
    plain = builders.loud(SASRec(**builders.SHAPE).build(schema)).eval()
    assert [each.source for each in attention_maps(plain, batch)] == [FUSED] * 2  # type: ignore[arg-type]


def test_a_fused_map_is_what_the_block_multiplies_values_with(tiny: Dataset) -> None:
    """The mean over heads of the probabilities of `SourceAttention`, taken from its own pass."""
    schema = tiny.schema(builders.WINDOW, with_position=True)
    model = builders.loud(DIFSR(**builders.SHAPE, score_fusion="sum").build(schema)).eval()
    batch = one_history(tiny)
    seen: list[torch.Tensor] = []
    attention = model.layers[0].attention
    attention.dropout.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model.encode(batch)  # type: ignore[arg-type]
    found = [each for each in attention_maps(model, batch) if each.source == FUSED]  # type: ignore[arg-type]
    length = len(found[0].weights)
    expected = seen[0][0, :, :length, :length].mean(dim=0).double()
    torch.testing.assert_close(found[0].weights, expected, rtol=1e-4, atol=1e-6)


def test_a_record_of_maps_is_drawn_again(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same history for the same seed; the table and the figure come from the record alone."""
    monkeypatch.setattr("sirec.studies.analyses.attention_sample.LENGTHS", (4, 12))
    settings = {**builders.SHAPE, "epochs": 1, "max_length": builders.WINDOW}
    config = resolve("dif-sr", tiny, assignments=settings)
    run = execute(config, tiny, Store(tmp_path))
    record = measure_maps([run], tiny, 0)
    assert measure_maps([run], tiny, 0) == record
    ATTENTION_MAPS.keep(record, tmp_path, "attentionmaps_tiny")
    again = ATTENTION_MAPS.read(tmp_path, "attentionmaps_tiny")
    drawn = ATTENTION_MAPS.draw(again, tmp_path)
    [figure] = drawn.figures.values()
    written = figure.write(tmp_path, "maps")
    assert all(path.exists() for path in written)
    rows = drawn.comparison.tables[0].rows
    assert len(rows) == len(record.runs[0].maps)
    shares = [row.cells[0].value for row in rows]
    assert all(isinstance(share, float) and 0 <= share <= 1 for share in shares)
