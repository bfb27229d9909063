"""NOVA: side information enters queries and keys, never values (Liu et al., AAAI 2021, on SASRec as
in DIF-SR's comparison).

    M = F(AE_1(v), …, AE_F(v), R, p),   one F for each block                     (NOVA eq. 6-9)
    Q = M Wq,   K = M Wk,   U = R Wv
    R_0 = Drop(LN(e)),   R_l = TB with these Q, K, U
    z_v = R_N[t] · e_v

The original has a BERT backbone. Neither DIF-SR's nor COMIF's paper says which F its row of NOVA
has; both took the best of sum, concat and gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sirec.core.transformer import FusionLevel, TransformerConfig
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class NOVA(TransformerConfig, Declaration):
    """Every field enters queries and keys only; `query_key_fusion` is F."""

    name: ClassVar[str] = "nova"
    title: ClassVar[str] = "NOVA"
    source: ClassVar[str] = "Liu et al., AAAI 2021, arXiv:2103.03578; on SASRec"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(),)
    published = {**PREFIX_EXAMPLES, **FROZEN_ATTRIBUTES}
    checked = "no public code; the encoder equals the paper's equations in plain loops"

    attribute: FusionLevel = "query_key"
    behaviour: FusionLevel = "query_key"
