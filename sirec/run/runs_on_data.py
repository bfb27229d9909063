"""How many runs stand on a prepared data set."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sirec.errors import SirecError
from sirec.run.store import RunFolder


def runs_on_data(results: Path, data: str, fingerprint: str) -> str:
    """What there is to say of the runs that stand on a data set, as part of a sentence.

    Args:
        results: the results folder.
        data: name of the data set.
        fingerprint: fingerprint of the data set.
    """
    count = 0
    for path in results.glob(f"runs/{data}/*/*/config.yaml"):
        with suppress(SirecError, KeyError):  # a damaged run stands on nothing
            count += RunFolder(path.parent).fingerprint() == fingerprint
    if count == 1:
        return f"1 run in {results} stands on the old one"
    return f"{count or 'no'} runs in {results} stand on the old one"
