"""Checks of a model on fields of every form: vectors beside the items, and attributes of users."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.fields import Field
from sirec.errors import SirecError
from sirec.models.declaration import Declaration
from sirec.testing.models import built, small_batch

VECTOR, OF_USERS = "text", "group"
SMALL_WIDTH = 5


def with_every_form(data: Dataset, seed: int = 0) -> Dataset:
    """A data set with one more attribute, of vectors that some items lack, and an attribute of
    users that some users lack.

    Args:
        data: the data set.
        seed: seed of the values.
    """
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(data.item_codes, SMALL_WIDTH)).astype(np.float32)
    vectors[rng.random(len(vectors)) < 0.2] = 0
    vectors[0] = 0
    groups = torch.from_numpy(rng.integers(0, 4, data.user_count))
    added = (
        Field(VECTOR, "attribute", SMALL_WIDTH, torch.from_numpy(vectors), form="vector"),
        Field(OF_USERS, "behaviour", 4, form="user"),
    )
    of_interactions = torch.repeat_interleave(groups, data.lengths)
    return replace(
        data,
        fields=(*data.fields, *added),
        behaviours={**data.behaviours, OF_USERS: of_interactions},
    )


def with_vectors(data: Dataset, vectors: torch.Tensor) -> Dataset:
    """The data set of `with_every_form` with other vectors.

    Args:
        data: the data set.
        vectors: Float[V, W].
    """
    fields = [replace(each, table=vectors) if each.name == VECTOR else each for each in data.fields]
    return replace(data, fields=tuple(fields))


def check_forms(config: Declaration, data: Dataset) -> None:
    """A model reads attributes of vectors, or refuses them with a `SirecError`.

    Its scores are finite, depend on the vectors exactly if the model reads attributes, and not on
    the unit in which they are given.

    Args:
        config: the declaration of the model.
        data: a data set that it can be built for.
    """
    data = with_every_form(data)
    field = next(each for each in data.fields if each.name == VECTOR)
    try:
        scores = _scores(built(config, data), data)
    except SirecError:
        return
    assert scores.isfinite().all(), f"{config.name}: with vectors, some scores are not finite"
    moved = torch.cat([field.vectors[:1], field.vectors[1:].roll(1, dims=0)])
    other = _scores(built(config, with_vectors(data, moved)), data)
    reads = config.reads("attribute")
    assert torch.allclose(scores, other) != reads, (
        f"{config.name}: {'reads' if reads else 'does not read'} attributes, but other vectors "
        f"give {'equal' if reads else 'other'} scores"
    )
    scaled = _scores(built(config, with_vectors(data, field.vectors * 30)), data)
    assert torch.allclose(scores, scaled, rtol=1e-4, atol=1e-4), (
        f"{config.name}: scores depend on the unit of the vectors"
    )


def _scores(model: Recommender, data: Dataset) -> torch.Tensor:
    """Float[B, V]: the scores of a small batch, without the padding item's."""
    with torch.no_grad():
        return model.scores(small_batch(data))[:, 1:]
