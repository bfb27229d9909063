"""DIF-SR: decoupled side-information fusion (Xie et al., SIGIR 2022, arXiv:2204.11046).

Side information never enters the item representation; each field has a score matrix of its own.

    S_s = (X_s Wq_s)(X_s Wk_s)ᵀ                 s = attributes, item, position         (eq. 8-9)
    P   = softmax(F(S_1, …, S_S) / √d_h + M)                                           (eq. 10)
    R'  = TB with P and values from R alone,   R_0 = Drop(LN(e))
    z_v = R_N[t] · e_v                                                                 (eq. 2-3, 13)
    L   = cross-entropy + λ Σ_j AAP_j                                                  (eq. 14-17)

Departures: the printed √d is √d_h, as in the code; scores are masked before F, because in the
released concat and gate a row reads later keys (`fusion_form: reference` restores that, with task
`last_item` only); AAP is the mean over values, as in the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sirec.config.quantities import LayerCount
from sirec.core.layers.fusion import FusionName
from sirec.core.transformer import FusionLevel, TransformerConfig
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.models.search_space import AAP_WEIGHTS, with_usual
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class DIFSR(TransformerConfig, Declaration):
    """Every field has its own scores; the next item's attributes are predicted as well."""

    name: ClassVar[str] = "dif-sr"
    title: ClassVar[str] = "DIF-SR"
    source: ClassVar[str] = "Xie et al., SIGIR 2022, arXiv:2204.11046"
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(objectives=(ItemCrossEntropy(), AttributePrediction(weight=10.0))),
    )
    published = {**PREFIX_EXAMPLES, **FROZEN_ATTRIBUTES, "model.fusion_form": "reference"}
    search_space = with_usual(
        {"aap.weight": AAP_WEIGHTS, "model.score_fusion": ("sum", "concat", "gate")}
    )
    checked = (
        "the authors' code (b600052), every fusion, one attribute and two: scores to 4e-6 in fp32 "
        "and 7e-15 in fp64"
    )

    attribute: FusionLevel = "attention"
    behaviour: FusionLevel = "attention"
    # The released configurations have gate; the authors' logs have gate or concat.
    score_fusion: FusionName = "gate"
    layers: LayerCount = 3
