"""Every model, by name. A new model is one file and one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from sirec.errors import unknown
from sirec.models.bert4rec import BERT4Rec
from sirec.models.bsarec import BSARec
from sirec.models.caser import Caser
from sirec.models.comif import COMIF
from sirec.models.declaration import Declaration
from sirec.models.dif_bert4rec import DIFBERT4Rec
from sirec.models.dif_sr import DIFSR
from sirec.models.dlfs_rec import DLFSRec
from sirec.models.esasrec import ESASRec
from sirec.models.fdsa import FDSA
from sirec.models.gru4rec import GRU4Rec
from sirec.models.gru4recf import GRU4RecF
from sirec.models.icai_sr import ICAISR
from sirec.models.mssr import MSSR
from sirec.models.nova import NOVA
from sirec.models.popularity import Popularity
from sirec.models.s3_rec import S3Rec
from sirec.models.sasrec import SASRec
from sirec.models.sasrecf import SASRecF
from sirec.models.stosa import STOSA
from sirec.models.transitions import Transitions

AnyModel = (
    Popularity
    | Transitions
    | SASRec
    | SASRecF
    | NOVA
    | DIFSR
    | MSSR
    | COMIF
    | GRU4Rec
    | GRU4RecF
    | FDSA
    | ICAISR
    | Caser
    | BERT4Rec
    | S3Rec
    | DIFBERT4Rec
    | STOSA
    | DLFSRec
    | BSARec
    | ESASRec
)
MODELS: Mapping[str, type[Declaration]] = {model.name: model for model in get_args(AnyModel)}


def model_class(name: str) -> type[Declaration]:
    """The declaration of that name. Raises `SirecError` for an unknown one."""
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    return MODELS[name]
