"""Raw formats, by name. A new source is one file in this package; `SOURCES` finds it there.

`SOURCES["s3rec"]().read(folder)` gives the raw data.
"""

from sirec.config import open_kind
from sirec.data.sources.base import Source
from sirec.registry import Registry

SOURCES: Registry[type[Source]] = Registry("source", Source, "sirec.data.sources")
open_kind(Source, SOURCES)
