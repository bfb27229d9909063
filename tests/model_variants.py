"""Settings of models that lead them through other operations than their defaults do."""

from __future__ import annotations

from typing import Any

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("comif", {"score_fusion": "gate"}),
    ("comif", {"score_fusion": "concat", "fusion_form": "source_axis"}),
    ("comif", {"score_fusion": "concat", "fusion_form": "reference"}),
    ("dif-sr", {"score_fusion": "concat"}),
    ("sasrecf", {"candidates": "fused", "attribute_pooling": "mean"}),
    ("sasrec", {"positions": "right"}),
    ("bert4rec", {"question": "before_mask"}),
    ("bsarec", {"window": "tokens"}),
    ("caser", {"align": "left"}),
    ("diff", {"window": "tokens"}),
    ("tasif", {"window": "tokens", "query_key_fusion": "gate"}),
    ("diff", {"window": "tokens", "fusion_form": "reference", "score_fusion": "gate"}),
    ("mssr", {"fusion_form": "reference"}),
    ("icai-sr", {"missing": "left_out"}),
    ("esasrec", {"initial": "xavier"}),
]
