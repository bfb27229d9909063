"""BERT4Rec: hidden items of a sequence are told from both sides (Sun et al., CIKM 2019,
arXiv:1904.06690).

The next item is asked as one more gap: a MASK after the last item, the state at which predicts.
    x_t = Drop(LN(e_t + p_t)), e_MASK where hidden,   X_l = TB(X_{l-1}), every slot reads every other      (eq. 1-6)
    z_v = LN(GELU(W X_N[t] + c)) · e_v + b_v          at gaps t                                            (eq. 7)
    L   = cross-entropy over the catalogue, mean over gaps                                                  (eq. 8)

As in the paper some samples hide the last item alone, which is the question asked later. A row that
fills the window forgets its oldest item, so that MASK stands on a position that was trained.
Departures: the norm in eq. 7, which is the authors' code's; blocks as everywhere here (the paper's
inner width is 4 d); shares of what is hidden are ours, the paper chose 0.2 to
0.6 by data set and does not say how often it hides the last item alone.

Profile `published` is the BERT4Rec of DIF-SR's repository, an early RecBole: it hides in the
histories of prefix examples only, never the last item alone, has no output layer, and reads the
state *before* MASK, which was never trained to say what comes next. RecBole reads MASK since 1.0.1
and hides the last item alone, too, since 1.2.0. That DIF-SR's row comes from its repository's code
is inferred: the paper says RecBole. What COMIF's row comes from is unknown: it cites RecBole 2.0
(October 2022) and names no version; that its row is as weak as DIF-SR's agrees with one before
1.2.0, and proves none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sirec.core.transformer import Readout, TransformerConfig
from sirec.data.tasks.cloze import Cloze
from sirec.models.declaration import Declaration
from sirec.objectives.stage import Stage

# How the DIF-SR repository's RecBole corrupts, asks and scores, in both BERT4Rec and what was built
# on it.
OLD_RECBOLE: Mapping[str, object] = {
    "stages.train.task": {"name": "cloze", "prefixes": True, "mask_ratio": 0.6, "last_ratio": 0.0},
    "padding_class": True,
    "model.question": "before_mask",
    "model.head": False,
}


@dataclass(frozen=True, kw_only=True)
class BERT4Rec(TransformerConfig, Declaration):
    """Items and positions; gaps are filled from both sides."""

    name: ClassVar[str] = "bert4rec"
    title: ClassVar[str] = "BERT4Rec"
    source: ClassVar[str] = "Sun et al., CIKM 2019, arXiv:1904.06690"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(task=Cloze()),)
    published = OLD_RECBOLE
    checked = "RecBole 1.2.1 and the DIF-SR repository: scores to 6e-6 in fp32 and 9e-15 in fp64, the same loss to 5e-7"

    mask_token: bool = True
    question: Readout = "mask"
    head: bool = True
