"""BERT4Rec: masked items are predicted from both sides (Sun et al., CIKM 2019, arXiv:1904.06690).

    x_t = Drop(LN(e_t + p_t)),   e_MASK where masked
    X_l = TB(X_{l-1}),   every slot reads every other                                (eq. 1-6)
    z_v = LN(GELU(W X_N[t] + c)) · e_v + b_v   at masked slots t                     (eq. 7)
    L   = cross-entropy over the catalogue, mean over masked items                   (eq. 8)

The next item is predicted as one more masked item: a MASK is appended after the last item, and the
state at it is the readout. As in the paper, some training samples mask only the last item, which is
what evaluation does. A row that fills the window loses its oldest item, so that MASK has a position
that was trained.

Departures: the norm in eq. 7 is that of the authors' code; blocks are those of all models here (the
paper's inner width is 4 d); the ratios of masked items are ours. The paper chose 0.2 to 0.6 by data
set and does not say how often only the last item is masked.

Profile `published` is the BERT4Rec of DIF-SR's repository, an early RecBole. It masks items in the
histories of prefix examples only, never the last item alone, has no output layer, and reads the
state *before* MASK, which was never trained to predict the next item. RecBole reads MASK since
1.0.1, and masks the last item alone since 1.2.0. We infer that DIF-SR's row comes from its
repository's code: the paper says RecBole. The origin of COMIF's row is unknown: the paper cites
RecBole 2.0 (October 2022) and names no version. Its row is as weak as DIF-SR's, which agrees with a
version before 1.2.0 but does not prove it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sirec.core.transformer import Readout, TransformerConfig
from sirec.data.tasks.cloze import Cloze
from sirec.models.declaration import Declaration
from sirec.objectives.stage import Stage

# How the RecBole of DIF-SR's repository masks, reads out and scores, in BERT4Rec and in models
# that were built on it.
OLD_RECBOLE: Mapping[str, object] = {
    "stages.train.task": {"name": "cloze", "prefixes": True, "mask_ratio": 0.6, "last_ratio": 0.0},
    "padding_class": True,
    "model.question": "before_mask",
    "model.head": False,
}


@dataclass(frozen=True, kw_only=True)
class BERT4Rec(TransformerConfig, Declaration):
    """Items and positions; masked items are predicted from both sides."""

    name: ClassVar[str] = "bert4rec"
    title: ClassVar[str] = "BERT4Rec"
    source: ClassVar[str] = "Sun et al., CIKM 2019, arXiv:1904.06690"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(task=Cloze()),)
    published = OLD_RECBOLE
    checked = (
        "RecBole 1.2.1 and the DIF-SR repository: scores to 6e-6 in fp32 and 9e-15 in fp64, "
        "the same loss to 5e-7"
    )

    mask_token: bool = True
    question: Readout = "mask"
    head: bool = True
