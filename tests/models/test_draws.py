"""What weights are before anything is learned, parameter by parameter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch

import pytest
import tiny as builders
import torch
from torch import Tensor, nn

from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING, Schema, position
from sirec.models import MODELS

STD = 0.02
Law = tuple[float, float]  # mean and deviation of a normal law; deviation 0: the number itself
WEIGHT: Law = (0.0, STD)
ZERO: Law = (0.0, 0.0)
ONE: Law = (1.0, 0.0)

# Parameters that belong to no map, table or norm.
OWN: Mapping[str, Mapping[str, Law]] = {
    "mssr": {"item_pairs": ONE, "attribute_pairs": ONE},  # θ
    "dlfs-rec": {
        "blocks.*.mean.weight": WEIGHT,
        "blocks.*.covariance.weight": WEIGHT,
        "*.bias": ZERO,
    },  # K, both its parts
    "bsarec": {"blocks.*.filter.beta": (0.0, 1.0)},
    "tasif": {"*.share": (0.5, 0.0), "*.filter.rows.weight": WEIGHT},
    "diff": {"blocks.*.filter.beta": (0.0, 1.0)},
    **{name: {"head.bias": ZERO} for name in ("bert4rec", "dif-bert4rec")},
}
MEANS = {"stosa": 0.01}
OTHERWISE = {"gru4rec", "gru4recf", "caser"}  # drawn by laws of their own, which stand with them
ALIKE = [name for name, cls in MODELS.items() if not cls.is_training_free and name not in OTHERWISE]


def laws(name: str, model: nn.Module) -> Iterator[tuple[str, Law]]:
    """Every parameter with what it is drawn by: weights N(0, .02²), biases 0, norms 1 and 0, and
    what is a model's own.
    """
    known = set()
    for path, part in model.named_modules():
        for own, _ in part.named_parameters(recurse=False):
            if isinstance(part, nn.Linear | nn.Embedding | nn.LayerNorm):
                weight = ONE if isinstance(part, nn.LayerNorm) else (MEANS.get(name, 0.0), STD)
                known.add(f"{path}.{own}")
                yield f"{path}.{own}", weight if own == "weight" else ZERO
    for path in {path for path, _ in model.named_parameters()} - known:
        [law] = [law for pattern, law in OWN[name].items() if fnmatch(path, pattern)]
        yield path, law


def follows(values: Tensor, law: Law) -> bool:
    """Whether mean and deviation are those of the law within five standard errors."""
    mean, std = law
    if not std:
        return bool((values == mean).all())
    count = values.numel()
    close = abs(values.mean().item() - mean) < 5 * std / math.sqrt(count)
    if count == 1:
        return close
    return close and abs(values.std().item() / std - 1) < 5 / math.sqrt(2 * count)


def fresh(name: str) -> nn.Module:
    """A model of middling size for the tiny data's fields and a window of fifty."""
    data: Dataset = builders.dataset(items=400)
    torch.manual_seed(0)
    config = builders.sized(MODELS[name](), width=32, layers=2, heads=4, inner=48)
    model: nn.Module = config.build(Schema(data.item_codes, 50, (*data.fields, position(50))))
    return model


@pytest.mark.parametrize("name", ALIKE)
def test_weights_are_drawn_as_declared(name: str) -> None:
    """Each parameter by its own law, padding 0, and as normal numbers are: one in twenty-two is
    beyond two deviations.
    """
    model, beyond = fresh(name), []
    padded = {
        f"{path}.weight"
        for path, part in model.named_modules()
        if isinstance(part, nn.Embedding) and part.padding_idx == PADDING
    }
    with torch.no_grad():
        for path, law in laws(name, model):
            values: Tensor = model.get_parameter(path)
            if path in padded:
                assert not values[PADDING].any()
                values = values[1:]
            assert follows(values, law), path
            if law[1]:
                beyond.append(((values - law[0]).abs() > 2 * law[1]).flatten())
                if values.numel() > 1:  # one number may be anything within five deviations
                    assert not follows(values * 3, law)  # control
    share = torch.cat(beyond).double().mean().item()
    assert share == pytest.approx(math.erfc(math.sqrt(2)), rel=0.1)


def test_the_laws_tell_draws_apart() -> None:
    """The control: torch's own draw of a map, a uniform law of the same deviation, and twos for
    ones.
    """
    assert not follows(nn.Linear(32, 32).weight, WEIGHT)
    assert not (
        torch.empty(5_000).uniform_(-STD * math.sqrt(3), STD * math.sqrt(3)).abs() > 2 * STD
    ).any()
    assert not follows(torch.full((9,), 2.0), ONE)
