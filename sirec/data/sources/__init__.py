"""Raw formats, by name. A new source is one file in this package; `SOURCES` finds it there.

`SOURCES["s3rec"]().read(folder)` gives the raw data.
"""

from collections.abc import Mapping

from sirec.config import open_kind
from sirec.data.sources.base import Source
from sirec.registry import Registry

SOURCES: Registry[type[Source]] = Registry("source", Source, "sirec.data.sources")
open_kind(Source, SOURCES)


def is_own_data(source: Mapping[str, str] | None) -> bool:
    """Whether data are a person's own, by the options of their source that are kept with them.

    Data of a source that is not known here, such as DataFrames, are a person's own; data that do
    not say where they come from are not.
    """
    if not source:
        return False
    known = SOURCES.get(source.get("name", ""))
    return known is None or bool(known.is_own)
