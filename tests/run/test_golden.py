"""Golden losses: whoever changes what a configuration computes must raise a revision, or old runs
pass for new ones.

They are written by `python scripts/renew_golden.py MODEL…`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from load_script import load

from sirec.models import MODELS

renew: Any = load("renew_golden", "scripts")
GOLDEN = renew.read_golden()
TRAINED = [
    name
    for name, model in MODELS.items()
    if not model.is_training_free and MODELS.provider(name).is_sirec
]


def test_every_trained_model_has_a_golden_loss() -> None:
    """A new model: `python scripts/renew_golden.py NAME`."""
    assert set(GOLDEN) == set(TRAINED)


@pytest.mark.parametrize("model", TRAINED)
def test_a_loss_changes_only_with_a_revision(model: str, tmp_path: Path) -> None:
    """A tiny run gives the golden loss. If it should not any more, raise the component's
    `revision`, and renew the value.
    """
    measured = renew.measure(model, tmp_path)
    assert measured.revisions == GOLDEN[model].revisions
    assert measured.loss == pytest.approx(GOLDEN[model].loss, rel=renew.LOSS_TOLERANCE)
    assert measured.ndcg == pytest.approx(GOLDEN[model].ndcg, abs=renew.NDCG_TOLERANCE)


def test_another_loss_under_the_same_revisions_is_refused() -> None:
    """A new model, a new revision and a value within rounding may be written; nothing else."""
    old = GOLDEN["sasrec"]
    other = replace(old, loss=old.loss + 0.1)
    assert "raise the revision" in renew.refusal("sasrec", other, GOLDEN)
    assert renew.refusal("sasrec", replace(other, revisions="sasrec@2"), GOLDEN) is None
    assert renew.refusal("sasrec", replace(old, loss=old.loss * (1 + 5e-5)), GOLDEN) is None
    assert renew.refusal("new", other, GOLDEN) is None
