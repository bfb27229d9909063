"""COMIF: each kind of side information at its own level (Choi et al., IEEE Access 13, 2025, doi
10.1109/ACCESS.2025.3525812).

Attributes describe an item, so they enter its vector, both where it is read and where it is scored.
Behaviours describe an interaction, so they only enter the attention.

    ê_v = F_emb(e_v, AE_1(v), …, AE_F(v))                      addition               (eq. 5, 7)
    P   = softmax(F_attn(S_item, S_position, …) / √d_h + M)    concatenation          (eq. 6)
    L   = cross-entropy of X_N[t] · ê_v + λ1 IAA + λ2 UPA                             (eq. 8-11)

The paper does not state k and the sampling of UPA, dropout, the pooling of attributes and the
chosen λ; see `objectives/`. No code was published. Departure: scores are masked before they are
concatenated, so that every position can be trained in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from sirec.config.quantities import LayerCount
from sirec.core.layers.fusion import FusionName
from sirec.core.transformer import FusionLevel, TransformerConfig
from sirec.models.declaration import PREFIX_EXAMPLES, Declaration
from sirec.models.search_space import BALANCE, with_usual
from sirec.objectives.alignment import ItemAttributeAlignment
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.order import UserPreferenceAlignment
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class COMIF(TransformerConfig, Declaration):
    """Attributes are added to items and candidates; behaviours enter by concatenated scores."""

    name: ClassVar[str] = "comif"
    title: ClassVar[str] = "COMIF"
    source: ClassVar[str] = "Choi et al., IEEE Access 2025"
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(objectives=(ItemCrossEntropy(), ItemAttributeAlignment(), UserPreferenceAlignment())),
    )
    published = {**PREFIX_EXAMPLES, "model.fusion_form": "reference"}
    checked = "no public code; the encoder, IAA and UPA equal the paper's equations in plain loops"
    search_space = with_usual({"iaa.weight": BALANCE, "upa.weight": BALANCE})

    attribute: FusionLevel = "embedding"
    behaviour: FusionLevel = "attention"
    score_fusion: FusionName = "concat"
    candidates: Literal["id", "fused"] = "fused"
    layers: LayerCount = 3
