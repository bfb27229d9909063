"""DIF-BERT4Rec: decoupled side-information fusion for masked items (Xie et al., SIGIR 2022, Table
3; code not released).

BERT4Rec's task with DIF-SR's blocks: position and attributes do not enter the item stream, they
have score matrices of their own.

    R_0 = Drop(LN(e)),   e_MASK where masked
    P   = softmax(F(S_1, …, S_S) / √d_h + M)             M hides padding alone
    L   = cross-entropy at masked items + λ Σ_j AAP_j    labels of AAP: the masked item's attributes

AAP reads R_N itself, not the output layer of BERT4Rec. The attributes of a masked item are masked
too (their vectors are 0), because the category of the answer would otherwise be known; its position
remains known. The paper gives neither equations nor settings for this row. What it does not say is
as in DIF-SR and BERT4Rec here, and `published` joins the published settings of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sirec.config.quantities import LayerCount
from sirec.core.layers.fusion import FusionName
from sirec.core.transformer import FusionLevel, Readout, TransformerConfig
from sirec.data.tasks.cloze import Cloze
from sirec.models.bert4rec import OLD_RECBOLE
from sirec.models.declaration import FROZEN_ATTRIBUTES, Declaration
from sirec.models.search_space import AAP_WEIGHTS, with_usual
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class DIFBERT4Rec(TransformerConfig, Declaration):
    """Every field has its own scores; masked items and their attributes are predicted."""

    name: ClassVar[str] = "dif-bert4rec"
    title: ClassVar[str] = "DIF-BERT4Rec"
    source: ClassVar[str] = "Xie et al., SIGIR 2022, arXiv:2204.11046; not released"
    revision: ClassVar[int] = 2  # 1: AAP read the output layer
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(task=Cloze(), objectives=(ItemCrossEntropy(), AttributePrediction(weight=10.0))),
    )
    published = {**OLD_RECBOLE, **FROZEN_ATTRIBUTES, "model.fusion_form": "reference"}
    search_space = with_usual(
        {"aap.weight": AAP_WEIGHTS, "model.score_fusion": ("sum", "concat", "gate")}
    )
    checked = (
        "no public code; blocks and task are DIF-SR's and BERT4Rec's, and attributes of masked "
        "items reach no state"
    )

    attribute: FusionLevel = "attention"
    behaviour: FusionLevel = "attention"
    score_fusion: FusionName = "gate"
    mask_token: bool = True
    question: Readout = "mask"
    head: bool = True
    layers: LayerCount = 3
