"""The checks of a device: what is covered by spans, and a CPU, which agrees with itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from load_script import load

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage

own_side, training = load("own_side"), load("training")
for name, script in {"own_side": own_side, "training": training}.items():
    sys.modules.setdefault(name, script)  # as beside a script that is run
accelerator = load("accelerator")


@pytest.mark.parametrize(
    ("spans", "share"),
    [
        ([], 0.0),
        ([(3.0, 5.0)], 1.0),
        ([(0.0, 1.0), (3.0, 4.0)], 0.5),
        ([(3.0, 4.0), (0.0, 1.0), (0.5, 1.0)], 0.5),  # in no order, and one inside another
        ([(0.0, 3.0), (1.0, 2.0), (2.5, 4.0), (7.0, 8.0)], 0.625),
        ([(2.0, 2.0)], 0.0),
    ],
)
def test_what_spans_cover_is_counted_once(spans: list[tuple[float, float]], share: float) -> None:
    """Overlaps count once, gaps not."""
    assert accelerator.covered(spans) == pytest.approx(share)


def test_a_cpu_agrees_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All ranks are its own, and a seed repeats; it has no share of time as an accelerator has."""
    shop = storage.write(tmp_path, prepare(DemoSource(users=120, items=60).read(), "shop"))
    out = tmp_path / "checks.md"
    options = ["--data", str(shop), "--device", "cpu", "--steps", "2", "--out", str(out)]
    small = "width=16 layers=1 budget=64"
    models = [f"sasrec heads=2 {small}", f"gru4rec {small}"]
    accelerator.main([*options, *[word for model in models for word in ("--own", model)]])
    for line in map(json.loads, capsys.readouterr().err.splitlines()):
        assert line["same ranks"] == 1.0
        assert line["difference of Recall@20"] == 0.0
        assert line["seed repeats"] is True
        assert line["busy"] is None
    assert out.read_text().count("| 100.00%") == len(models)


def test_other_weights_are_not_equal(tmp_path: Path) -> None:
    """Control: another seed gives another model, whose targets have other ranks."""
    data = prepare(DemoSource(users=120, items=60).read(), "shop").dataset
    config = own_side.configure("sasrec width=16 heads=2 layers=1", data, 1, "fp32", ["brand"])
    other = own_side.configure(
        "sasrec width=16 heads=2 layers=1 seed=1", data, 1, "fp32", ["brand"]
    )
    one, _, _ = accelerator.trained(config, data, "cpu", 2)
    two, _, _ = accelerator.trained(other, data, "cpu", 2)
    assert not accelerator.is_equal(one, two)
    assert accelerator.is_equal(one, one)
    two.model.to(torch.float64)
    assert accelerator.ranks_beside_cpu(two, config.data.max_length)[0] == 1.0
