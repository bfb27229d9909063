"""Pinned losses: whoever changes what a configuration computes must raise a revision, or old runs
pass for new ones.

Other draws from the same distribution, as from another seed, are no other computation: they are
only pinned anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.models import MODELS
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.files import read_json
from sirec.run.identity import revisions
from sirec.run.store import Store

# model -> revisions of its parts, loss and validation NDCG@20 after two epochs
GOLDEN: dict[str, tuple[str, float, float]] = {
    "sasrec": ("item@1 next_item@1 sasrec@1", 4.526996, 0.11549),
    "sasrecf": ("item@1 next_item@1 sasrecf@1", 4.512815, 0.10935),
    "nova": ("item@1 next_item@1 nova@1", 4.526529, 0.12747),
    "dif-sr": ("aap@1 dif-sr@1 item@1 next_item@1", 9.553715, 0.11406),
    "comif": ("comif@1 iaa@1 item@1 next_item@1 upa@1", 5.417052, 0.14982),
    "gru4rec": ("gru4rec@1 item@1 next_item@1", 4.560931, 0.10641),
    "gru4recf": ("gru4recf@1 item@1 next_item@1", 4.569092, 0.08561),
    "fdsa": ("fdsa@1 item@1 next_item@1", 4.535138, 0.13315),
    "icai-sr": ("icai-sr@1 item@1 next_item@1 stream_item@1", 9.088850, 0.13284),
    "caser": ("caser@1 item@1 last_item@1 norms@1", 4.538628, 0.10291),
    "stosa": ("next_item@1 pairwise@1 stosa@1", 0.696670, 0.11535),
    "dlfs-rec": ("dlfs-rec@1 last_item@1 pairwise@1", 0.720936, 0.13013),
    "bsarec": ("bsarec@1 item@1 last_item@1", 4.520933, 0.10738),
    "mssr": ("item@1 last_item@1 mssr@1 stream_aap@1 stream_contrast@1", 7.712153, 0.11222),
    "esasrec": ("esasrec@1 next_item@1 sampled_softmax@1", 5.518412, 0.11792),
    "bert4rec": ("bert4rec@1 cloze@1 item@1", 4.542805, 0.10720),
    "dif-bert4rec": ("aap@1 cloze@1 dif-bert4rec@2 item@1", 9.408005, 0.10947),
    "s3-rec": (
        "associated_attribute@1 item@1 masked_attribute@1 masked_item@1 next_item@1 s3-rec@1 segment@1 segments@1",
        4.507726,
        0.10500,
    ),
}
SIZES = {
    "width": 16,
    "layers": 1,
    "heads": 2,
    "inner": 16,
    "hidden": 16,
}  # as far as a model has them
SETTINGS = {**SIZES, "epochs": 2, "learning_rate": 0.005, "budget": 128, "threads": 1}


def test_every_trained_model_is_pinned() -> None:
    """All but the floors, which train nothing."""
    assert set(GOLDEN) == {name for name, model in MODELS.items() if not model.is_training_free}


@pytest.mark.parametrize("model", GOLDEN)
def test_numbers_do_not_change_unnoticed(model: str, tmp_path: Path) -> None:
    """A tiny run gives the pinned loss; if it should not any more, raise the part's `revision` and
    pin the new number.
    """
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
