"""S3-Rec: SASRec pretrained with four self-supervised losses (Zhou et al., CIKM 2020,
arXiv:2008.07873).

    stage pretrain   L = 0.2 AAP + 1.0 MIP + 1.0 MAP + 0.5 SP
                     every slot reads every other; some items are masked
    stage train      L = cross-entropy of the next item, SASRec from these weights, causal

The losses are `associated_attribute`, `masked_item`, `masked_attribute` and `segment`. The encoder
never reads attributes (level `objective`): they are labels of the first stage, and evaluation does
not need them. The first stage is not validated, since its states do not predict the next item; the
weights after its last epoch are the start of the second stage.

Departures. The authors' data hold one attribute with the values of all; here several attributes are
summed, which is the same. The authors fine-tune with one negative; both papers that ran S3-Rec used
RecBole, which has cross-entropy. The authors align sequences to the right in both stages
(`positions: right`, and task `last_item` in the second); here both are aligned to the left. RecBole
(profile `published`) mixes the two, so that positions learned in one stage lie elsewhere in the
other. RecBole up to 1.2.0 also exchanged the weights of AAP and MIP, and its MASK is a class of the
softmax in fine-tuning, which no profile here has. The authors train 300 epochs; fine-tuning was
best from the weights after 100 to 150.
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
    """Items and positions are read; attributes are labels of the first stage."""

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
    checked = (
        "the authors' code (2a81540), RecBole 1.2.1, DIF-SR's: states and scores to 3e-6, losses "
        "to 2e-6 of their size"
    )

    attribute: FusionLevel = "objective"
    mask_token: bool = True
