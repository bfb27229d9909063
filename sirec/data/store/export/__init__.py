"""A prepared data set as files that other programs read.

    atomic      NAME.inter, NAME.item               RecBole's atomic files
    csv         interactions.csv, items.csv         tables for any program
    sequences   sequences.txt and three others      the format of the S3-Rec release

Preparing the files again gives the same fingerprint. Users and items are coded in the order in
which they first appear, so that rows are written in an order that introduces them as before.
Values are never altered: between several values stands a character that none of them contains.
Only names of codes of a behaviour get numbers in front where they would sort otherwise than the
codes (bins).
"""

from sirec.data.store.export.base import (
    EXPORT_FORMATS,
    DataFormat,
    Exported,
    ExportFormat,
    data_formats,
    export,
)
from sirec.data.store.export.order import file_order

__all__ = [
    "EXPORT_FORMATS",
    "DataFormat",
    "ExportFormat",
    "Exported",
    "data_formats",
    "export",
    "file_order",
]
