"""What objectives need that compare the vectors of items with those of their attributes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sirec.core.model import SequentialModel
from sirec.data.fields import PADDING
from sirec.errors import SirecError


def check_as_wide_as_items(model: SequentialModel, attributes: Sequence[str], loss: str) -> None:
    """Refuse a model whose attributes cannot be compared with its items.

    Args:
        model: the model that will be trained.
        attributes: names of the attributes.
        loss: name of the objective, for the message.

    Raises:
        SirecError: the model has no vectors of an attribute, or vectors of another width.
    """
    vectors = model.attribute_vectors(torch.full((1,), PADDING))
    width = model.item_vectors().shape[1]
    for name in attributes:
        if name not in vectors:
            raise SirecError(
                f"{model.name} has no vectors of {name}, which objective {loss} compares with "
                "items",
                "use a model that embeds attributes, or leave that objective out",
            )
        if vectors[name].shape[1] != width:
            raise SirecError(
                f"objective {loss} compares items of width {width} with {name} of width "
                f"{vectors[name].shape[1]}",
                f"leave attribute_width out, or leave {loss} out",
            )
