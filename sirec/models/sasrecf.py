"""SASRecF: SASRec on items concatenated with their attributes (RecBole; baseline of DIF-SR and
COMIF).

    x_t = Drop(LN(W [e_t; AE_1(v_t); …; AE_F(v_t)] + b + p_t)),   z_v = X_N[t] · e_v

Attributes change the input but not the candidates, which are the item vectors alone. DIF-SR's
theory section writes addition here; its experiments, like COMIF's, concatenate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sirec.core.layers.fusion import FusionName
from sirec.core.transformer import FusionLevel, TransformerConfig
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class SASRecF(TransformerConfig, Declaration):
    """Attributes are concatenated with the item; the position is added afterwards."""

    name: ClassVar[str] = "sasrecf"
    title: ClassVar[str] = "SASRecF"
    source: ClassVar[str] = "RecBole; baseline of both papers"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
    published = {**PREFIX_EXAMPLES, **FROZEN_ATTRIBUTES}
    checked = (
        "RecBole 1.2.1 and the DIF-SR repository: the same scores to 3e-6, the same loss to 1e-6"
    )

    attribute: FusionLevel = "embedding"
    attribute_fusion: FusionName = "concat"
