"""The floors on real data, against figures computed elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources import SOURCES
from sirec.evaluation.full_ranking import evaluate
from sirec.models import MODELS

PLACE = os.environ.get("SIREC_TEST_DATA")
# Test Recall@10, Recall@20 with the history kept, then masked. Two independent implementations
# agree on them; they count a rank of K + 1/2 (one tie with the target across the border) as a hit,
# which our metrics do not.
EXPECTED = {
    ("beauty", "transitions"): (0.0767, 0.1042, 0.0810, 0.1076),
    ("sports", "transitions"): (0.0487, 0.0654, 0.0498, 0.0664),
    ("yelp", "transitions"): (0.0427, 0.0627, 0.0305, 0.0478),
    ("beauty", "popularity"): (0.0120, None, None, None),
}

LARGER = ("sports", "yelp")  # they take as long again as all others together


@pytest.mark.skipif(PLACE is None, reason="SIREC_TEST_DATA names no folder of real data sets")
@pytest.mark.parametrize(
    ("name", "model"),
    [pytest.param(*key, marks=[pytest.mark.slow] if key[0] in LARGER else []) for key in EXPECTED],
)
def test_floors_equal_known_figures(name: str, model: str) -> None:
    """To four decimals, under the tie rule of the source; the strict rule is never more
    generous.
    """
    assert PLACE is not None
    data = prepare(SOURCES["s3rec"]().read(Path(PLACE) / name), name).dataset
    floor = MODELS[model]().build(data.schema(50, with_position=True))
    floor.fit_statistics(data)
    ranks = evaluate(floor, data, 50).ranks["test"]
    shares = [
        (ranks[rule] <= 2 * cutoff + 1).mean() for rule in ("keep", "mask") for cutoff in (10, 20)
    ]
    for share, expected in zip(shares, EXPECTED[name, model], strict=True):
        assert expected is None or abs(share - expected) < 1e-4, (shares, EXPECTED[name, model])
    assert (ranks["keep"] <= 20).mean() <= shares[0]
