"""What a search tries of a model's settings where nobody says: the papers' grids, and the rate.

A key of a configuration stands before its values, or before an interval `{low, high, log}`. A key
that a row lacks, or that is set, is not searched (see `sirec.studies.spec.tuning`).
"""

from __future__ import annotations

from collections.abc import Mapping

SearchKeys = Mapping[str, object]

# COMIF §V-C and DIF-SR §4.1.4 search layers and heads; neither searches rate and dropout, which
# decide more than these (docs/beauty.md).
USUAL_SPACE: SearchKeys = {
    "stages.train.learning_rate": {"low": 0.0001, "high": 0.003, "log": True},
    "model.dropout": (0.1, 0.2, 0.3, 0.4, 0.5),
    "model.layers": (2, 3, 4),
    "model.heads": (2, 4, 8),
}
BALANCE = (0.4, 0.8, 1.2, 1.6)  # COMIF's grid of λ1 and λ2
AAP_WEIGHTS = (5.0, 10.0, 15.0, 20.0, 25.0)  # DIF-SR's grid of λ


def with_usual(keys: SearchKeys) -> SearchKeys:
    """The usual space with a model's own keys behind it."""
    return {**USUAL_SPACE, **keys}
