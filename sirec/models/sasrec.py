"""SASRec: self-attention over the history (Kang & McAuley, ICDM 2018; in RecBole's form, which both
papers ran).

    x_t = Drop(LN(e_t + p_t)),   X_l = TB(X_{l-1}) causal,   z_v = X_N[t] · e_v
    L   = cross-entropy over the catalogue

TB is the post-norm block of `core/layers/blocks.py`. The original has pre-norm, ReLU, items scaled
by √d and a binary loss with one negative; no published number of either paper comes from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sirec.core.transformer import TransformerConfig
from sirec.models.declaration import PREFIX_EXAMPLES, Declaration
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class SASRec(TransformerConfig, Declaration):
    """Items and positions alone: `attribute: none`, `behaviour: embedding`."""

    name: ClassVar[str] = "sasrec"
    title: ClassVar[str] = "SASRec"
    source: ClassVar[str] = "Kang & McAuley, ICDM 2018; RecBole's form"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
    published = PREFIX_EXAMPLES
    checked = "RecBole 1.2.1 and the DIF-SR repository: the same scores to 2e-6, the same loss"
