"""Folders of older versions are opened by this one, and give the numbers that they gave."""

from __future__ import annotations

from pathlib import Path

import pytest
from unsealed import reads_unsealed

from sirec.data.store import storage
from sirec.errors import Remark

FROZEN = Path(__file__).parent / "frozen"
VERSIONS = sorted(path.name for path in FROZEN.iterdir() if path.is_dir())
WITHOUT_DIGESTS = ["0.2.0"]
FINGERPRINT = "207186dd94c6cd30"


@reads_unsealed
@pytest.mark.parametrize("version", VERSIONS)
def test_a_data_set_of_an_older_version_is_read(version: str) -> None:
    """It has the fingerprint that it had."""
    data = storage.load(FROZEN / version / "data" / "shop")
    assert data.fingerprint() == FINGERPRINT


@pytest.mark.parametrize("version", WITHOUT_DIGESTS)
def test_a_data_set_without_digests_is_remarked_on(version: str) -> None:
    """What is read unchecked is said."""
    with pytest.warns(Remark, match="a data set without digests"):
        storage.load(FROZEN / version / "data" / "shop")
