"""eSASRec: SASRec with LiGR's blocks and a sampled softmax (Tikhonovich et al., RecSys 2025,
arXiv:2508.06450).

SASRec's task stays: the next item is predicted at every position. Its blocks and its loss are
replaced, the combination that the paper found to be strong; no side information but the position:

    x_t = Drop(e_t + p_t),   X_l = LiGR(X_{l-1}) causal,   z_v = X_N[t] · e_v
    L   = −log softmax of the target among itself and 256 items drawn uniformly for each target

LiGR's block is in `core/layers/blocks.py`, the loss in `objectives/sampled.py`. The authors'
implementation is RecTools. There positions are counted from the end of the window, a drawn target
stays among the negatives (profile `published`), weights are drawn by Xavier's rule
(`initial: xavier`), and Adam has β = (0.9, 0.98) (`beta2: 0.98`). The authors' settings for Beauty,
Sports and Toys: one layer, one head, dropout 0.2 throughout, learning rate 1e-3, at most 200
epochs, patience 50; widths and inner widths were searched. Here the sizes are those of every other
model, so that a difference is due to the architecture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sirec.core.layers.blocks import BlockName
from sirec.core.transformer import TransformerConfig
from sirec.models.declaration import Declaration
from sirec.objectives.sampled import SampledSoftmax
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class ESASRec(TransformerConfig, Declaration):
    """Items and positions as in SASRec, with other blocks and another loss."""

    name: ClassVar[str] = "esasrec"
    title: ClassVar[str] = "eSASRec"
    source: ClassVar[str] = "Tikhonovich et al., RecSys 2025, arXiv:2508.06450"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(objectives=(SampledSoftmax(),)),)
    published = {"model.positions": "backward", "sampled_softmax.hits": "kept"}
    checked = (
        "RecTools (41a5a63): states to 4e-6 in fp32 and 6e-15 in fp64, the same sampled softmax"
    )

    block: BlockName = "ligr"
