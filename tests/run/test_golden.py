"""Pinned losses: whoever changes what a configuration computes must raise a revision, or old runs pass for new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.data.prepare import prepare
from sirec.data.sources.demo import DemoSource
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.files import read_json
from sirec.run.identity import revisions
from sirec.run.store import Store

# model -> revisions of its parts, loss and validation NDCG@20 after two epochs
GOLDEN: dict[str, tuple[str, float, float]] = {
    "sasrec": ("item@1 next_item@1 sasrec@1", 4.528365, 0.11238),
    "sasrecf": ("item@1 next_item@1 sasrecf@1", 4.519801, 0.11596),
    "nova": ("item@1 next_item@1 nova@1", 4.530793, 0.11786),
    "dif-sr": ("aap@1 dif-sr@1 item@1 next_item@1", 9.541429, 0.10917),
    "comif": ("comif@1 iaa@1 item@1 next_item@1 upa@1", 5.412537, 0.13183),
    "gru4rec": ("gru4rec@1 item@1 next_item@1", 4.561417, 0.10507),
    "gru4recf": ("gru4recf@1 item@1 next_item@1", 4.569275, 0.08200),
    "fdsa": ("fdsa@1 item@1 next_item@1", 4.533590, 0.11322),
    "icai-sr": ("icai-sr@1 item@1 next_item@1 stream_item@1", 9.080931, 0.12967),
    "caser": ("caser@1 item@1 last_item@1 norms@1", 4.542263, 0.10718),
    "stosa": ("next_item@1 pairwise@1 stosa@1", 0.712081, 0.11269),
    "dlfs-rec": ("dlfs-rec@1 last_item@1 pairwise@1", 0.706055, 0.12690),
    "bsarec": ("bsarec@1 item@1 last_item@1", 4.521056, 0.10882),
    "mssr": ("item@1 last_item@1 mssr@1 stream_aap@1 stream_contrast@1", 7.714084, 0.11188),
    "esasrec": ("esasrec@1 next_item@1 sampled_softmax@1", 5.520797, 0.12004),
    "bert4rec": ("bert4rec@1 cloze@1 item@1", 4.535408, 0.10456),
    "dif-bert4rec": ("aap@1 cloze@1 dif-bert4rec@1 item@1", 9.343335, 0.11007),
    "s3-rec": (
        "associated_attribute@1 item@1 masked_attribute@1 masked_item@1 next_item@1 s3-rec@1 segment@1 segments@1",
        4.513344,
        0.10587,
    ),
}
SIZES = {"width": 16, "layers": 1, "heads": 2, "inner": 16, "hidden": 16}  # as far as a model has them
SETTINGS = {**SIZES, "epochs": 2, "learning_rate": 0.005, "budget": 128, "threads": 1}


@pytest.mark.parametrize("model", GOLDEN)
def test_numbers_do_not_change_unnoticed(model: str, tmp_path: Path) -> None:
    """A tiny run gives the pinned loss; if it should not any more, raise the part's `revision` and pin the new number."""
    data = prepare(DemoSource(users=300, items=100).read(), "golden").dataset
    config = resolve(model, data, shared=SETTINGS)
    folder = execute(config, data, Store(tmp_path))
    last = (folder.path / "epochs.jsonl").read_text().splitlines()[-1]
    (folder.path / "last.json").write_text(last)
    report = read_json(folder.path / "last.json")
    parts, loss, ndcg = GOLDEN[model]
    assert " ".join(sorted(set(revisions(config)))) == parts
    assert report["loss"] == pytest.approx(loss, rel=1e-4)
    assert report["valid"]["NDCG@20"] == pytest.approx(ndcg, abs=2e-3)
