"""How code that takes long tells how far it is, without knowing who shows it."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int], None]
"""Called with the name of a stage, the amount done and the total (0 where it is not known)."""
