"""The files that ship with the package: in a wheel, or at the top of a checkout."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sirec.errors import SirecError


def experiments_root() -> Traversable:
    """The folder of experiment files, papers and published numbers.

    A wheel has it inside the package. A checkout has it next to the package, where people edit it.

    Raises:
        SirecError: if the installation has neither.
    """
    packaged = files("sirec") / "experiments"
    if packaged.is_dir():
        return packaged
    checkout = Path(__file__).resolve().parent.parent / "experiments"
    if checkout.is_dir():
        return checkout
    raise SirecError(
        "this installation of sirec lacks its experiment files",
        "install it again, from a wheel or a checkout",
    )
