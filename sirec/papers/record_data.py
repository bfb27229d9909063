"""Which prepared data the committed results stand on, and the command that prepares them.

The same name may stand for other data: `sirec prepare beauty` reads Amazon's files, and committed
results stand on `sirec prepare beauty --source s3rec`. What tells them apart is the
fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sirec.config import load, read_yaml
from sirec.resources import experiments_root


@dataclass(frozen=True, kw_only=True)
class RecordData:
    """A data set of the committed results.

    Attributes:
        name: name of the data set.
        fingerprint: its fingerprint.
        command: the command that prepares it, with source and options.
        source: where the files come from.
        differs: how it differs from the papers' data of that name.
        terms: what its licence says of derived files, and what is committed therefore.
        withholds_ranks: whether copies of its runs lack the ranks of single users.
    """

    name: str
    fingerprint: str
    command: str
    source: str
    differs: str
    terms: str
    withholds_ranks: bool = False

    def warning(self, fingerprint: str) -> str | None:
        """What to say of a data set of this name.

        Args:
            fingerprint: fingerprint of the data set.

        Returns:
            A sentence if it is not the data of the committed results; None if it is.
        """
        if fingerprint == self.fingerprint:
            return None
        return (
            f"{self.name} is {fingerprint} here, not the {self.fingerprint} of the committed "
            f"results ({self.command}): none of their runs is used, and differences from their "
            "tables are also differences of the data"
        )


@cache
def record_data() -> Mapping[str, RecordData]:
    """The data sets of the committed results, by name.

    Raises:
        SirecError: naming file and key of the first mistake in their files.
    """
    found: dict[str, RecordData] = {}
    for path in sorted((Path(str(experiments_root())) / "data").glob("*.yaml")):
        data = load(RecordData, read_yaml(path), str(path))
        found[data.name] = data
    return found


def data_warning(name: str, fingerprint: str | None) -> str | None:
    """A sentence if a data set has a name of the committed results and is another one.

    Args:
        name: name of the data set.
        fingerprint: its fingerprint, None if that is not known.
    """
    known = record_data().get(name)
    if known is None or fingerprint is None:
        return None
    return known.warning(fingerprint)
