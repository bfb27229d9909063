"""A refit: a run that is trained as another one was, on all interactions, to recommend with it.

It reads the targets of validation and test in training, so that nothing is left to evaluate it on.
It stores no ranks, and whatever compares runs refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sirec.data.dataset import Dataset
from sirec.data.split import NO_TARGET, PARTS, HeldOut


@dataclass(frozen=True, kw_only=True)
class Refit:
    """What a refit repeats.

    Attributes:
        of: the id of the run that it repeats.
    """

    of: str

    def data(self, data: Dataset) -> Dataset:
        """The same data set with all interactions in the training part, and no target held out.

        Args:
            data: the data set with the fields that the model reads.
        """
        stops = data.offsets[1:]
        targets = {part: torch.full_like(stops, NO_TARGET) for part in PARTS}
        return replace(data, cut=HeldOut(data.held_out.split, stops, targets))
