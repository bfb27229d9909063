"""A refit: a run that is trained as another one was, on other interactions.

Usually it reads all interactions, to recommend with it: the targets of validation and test too, so
that nothing is left to evaluate it on. Or it is trained without some of the items, so that it can
be asked about items that it has never seen. It stores no ranks, and whatever compares runs refuses
it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch

from sirec.config import Range, check_numbers
from sirec.config.quantities import SeedNumber
from sirec.data.dataset import Dataset
from sirec.data.new_items import ItemHoldout
from sirec.data.split import NO_TARGET, PARTS, HeldOut

HiddenShare = Annotated[float, Range(0, 1, "share", maximum_excluded=True)]


@dataclass(frozen=True, kw_only=True)
class Refit:
    """What a refit repeats.

    Attributes:
        of: the id of the run that it repeats.
        hidden_items: share of the items that are hidden from it; it is then trained on the training
            part. With 0 it is trained on all interactions.
        hiding_seed: of the draw of the hidden items.
    """

    of: str
    hidden_items: HiddenShare = 0.0
    hiding_seed: SeedNumber = 0

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        check_numbers(self)

    def holdout(self, data: Dataset) -> ItemHoldout:
        """The data set of which the items are hidden.

        Args:
            data: the data set with the fields that the model reads.
        """
        return ItemHoldout.draw(data, self.hidden_items, self.hiding_seed)

    def data(self, data: Dataset) -> Dataset:
        """What the refit is trained on; no target is held out.

        Args:
            data: the data set with the fields that the model reads.
        """
        if self.hidden_items:
            return self.holdout(data).without_hidden()
        stops = data.offsets[1:]
        targets = {part: torch.full_like(stops, NO_TARGET) for part in PARTS}
        return replace(data, cut=HeldOut(data.held_out.split, stops, targets))
