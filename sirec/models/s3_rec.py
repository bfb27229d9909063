"""S3-Rec: SASRec that was taught about items, attributes and segments first (Zhou et al., CIKM
2020, arXiv:2008.07873).

    stage pretrain   every slot reads every other, items are hidden;
                     L = 0.2 AAP + 1.0 MIP + 1.0 MAP + 0.5 SP       `associated_attribute`, `masked_item`,
                                                                    `masked_attribute`, `segment`
    stage train      SASRec from these weights: causal, cross-entropy of the next item

The encoder never reads attributes (level `objective`): they teach the first stage, and no later one
needs them. The first stage is not validated, since its states do not predict a next item; the
weights of its last epoch go on.

Departures. The authors' data hold one attribute with the values of all; several add up here, which
is the same. They fine-tune with one negative; both papers that ran S3-Rec used RecBole, which has
cross-entropy. They align sequences to the right in both stages (`positions: right`, and task
last_item in the second); here both are aligned to the left, and RecBole (profile `published`) mixes
the two: positions learned in one stage lie elsewhere in the other. RecBole up to 1.2.0 also swapped
the weights of AAP and MIP, and its MASK is a class of fine-tuning's softmax, which no profile here
has. The authors train 300 epochs; fine-tuning was best from those after 100 to 150.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sirec.core.transformer import FusionLevel, TransformerConfig
from sirec.data.tasks.segments import Segments
from sirec.models.declaration import PREFIX_EXAMPLES, Declaration
from sirec.objectives.masked_attribute import AssociatedAttribute, MaskedAttribute
from sirec.objectives.masked_item import MaskedItem
from sirec.objectives.segment import Segment
from sirec.objectives.stage import Stage

PRETRAINING = Stage(
    title="pretrain",
    task=Segments(),
    objectives=(AssociatedAttribute(), MaskedItem(), MaskedAttribute(), Segment()),
    epochs=100,
    keeps="last",
)


@dataclass(frozen=True, kw_only=True)
class S3Rec(TransformerConfig, Declaration):
    """Items and positions are read; attributes are what the first stage asks for."""

    name: ClassVar[str] = "s3-rec"
    title: ClassVar[str] = "S3-Rec"
    source: ClassVar[str] = "Zhou et al., CIKM 2020, arXiv:2008.07873"
    stages: ClassVar[tuple[Stage, ...]] = (PRETRAINING, Stage())
    published = {
        **PREFIX_EXAMPLES,
        "stages.pretrain.task": {
            "name": "segments",
            "reads": "examples",
            "hide_last": False,
            "negatives": "batch",
            "counted": "right",
        },
        "associated_attribute.weight": 1.0,
        "masked_item.weight": 0.2,
    }
    checked = "the authors' code (2a81540), RecBole 1.2.1, DIF-SR's: states and scores to 3e-6, losses to 2e-6 of their size"

    attribute: FusionLevel = "objective"
    mask_token: bool = True
