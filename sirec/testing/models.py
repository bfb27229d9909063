"""Checks of a model.

`check_model` builds the model on a small random data set and runs every check below. Each check
raises `AssertionError` with a sentence that says which promise is broken. The data set has 30 users
and 40 items, attributes `brand` (one value) and `category` (up to three), and behaviours `rating`
and `position`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from sirec.config import dump, load_named, parse_yaml, to_yaml
from sirec.core.model import Recommender, SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Field
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, gather
from sirec.models.declaration import Declaration

USERS, ITEMS = 30, 40
WINDOW = 12  # slots; four users have more to train on than the window holds
SMALL_SIZES = {
    "width": 8,
    "layers": 2,
    "heads": 2,
    "inner": 8,
    "hidden": 8,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}


def check_model(declaration: type[Declaration], **settings: Any) -> None:
    """Run all checks that apply to a model.

    Args:
        declaration: the class of the declaration.
        settings: values of its fields. Fields that are named as in `SMALL_SIZES` have the small
            sizes, if they are not given; all others have their defaults.
    """
    config = small(declaration, **settings)
    data = small_dataset()
    check_declaration(declaration)
    check_configuration(config)
    check_scores(config, data)
    check_rows_are_independent(config, data)
    check_saved_weights(config, data)
    # Imported here: it builds on this module.
    from sirec.testing.forms import check_forms

    check_forms(config, data)
    if isinstance(built(config, data), SequentialModel):
        check_causality(config, data)
        check_prefixes(config, data)
        check_last_states(config, data)


def check_declaration(declaration: type[Declaration]) -> None:
    """A declaration is a frozen dataclass with a name, a title, a source, and stages if trained."""
    where = declaration.__name__
    assert is_dataclass(declaration), f"{where} is not a dataclass"
    frozen = declaration.__dataclass_params__.frozen
    assert frozen, f"{where} is not frozen: @dataclass(frozen=True, kw_only=True)"
    for attribute in ("name", "title", "source"):
        assert getattr(declaration, attribute, ""), f"{where} has no {attribute}"
    has_stages = bool(declaration.stages)
    assert has_stages != declaration.is_training_free, (
        f"{where} must have stages of training, or else is_training_free = True"
    )


def check_configuration(config: Declaration) -> None:
    """A configuration is the same after it was written as YAML and read again."""
    for defaults in (True, False):
        tree = parse_yaml(to_yaml(dump(config, defaults=defaults)))
        again = load_named([type(config)], tree, "test")
        assert again == config, f"{config.name}: {config} was read back as {again}"


def check_scores(config: Declaration, data: Dataset) -> None:
    """Scores are Float[B, V], finite, and equal in every call in evaluation mode.

    Args:
        config: the declaration of the model.
        data: a data set that it can be built for.
    """
    model, batch = built(config, data), small_batch(data)
    with torch.no_grad():
        scores = model.scores(batch)
        assert scores.shape == (len(batch.items), data.item_codes), (
            f"{config.name}: scores have the shape {tuple(scores.shape)}, not one number for each "
            f"of {len(batch.items)} rows and {data.item_codes} item codes"
        )
        assert scores.isfinite().all(), f"{config.name}: some scores are not finite"
        assert torch.equal(model.scores(batch), scores), (
            f"{config.name}: two calls in evaluation mode give different scores"
        )


def check_rows_are_independent(config: Declaration, data: Dataset) -> None:
    """The scores of a row do not depend on padding, on targets or on other rows of the batch.

    Args:
        config: the declaration of the model.
        data: a data set that it can be built for.
    """
    model, batch = built(config, data), small_batch(data)
    with torch.no_grad():
        scores = model.scores(batch)
        assert _close(model.scores(batch.padded(WINDOW)), scores), (
            f"{config.name}: scores change with the number of empty slots"
        )
        other_targets = replace(batch, targets=batch.targets.flip(0))
        assert torch.equal(model.scores(other_targets), scores), (
            f"{config.name}: scores depend on the targets"
        )
        alone = small_batch(data, batch.lengths[:1].tolist())
        assert _close(model.scores(alone), scores[:1]), (
            f"{config.name}: the scores of a row depend on the other rows of its batch"
        )


def check_saved_weights(config: Declaration, data: Dataset) -> None:
    """A model with the saved weights of another gives its scores, without `fit_statistics`.

    Args:
        config: the declaration of the model.
        data: a data set that it can be built for.
    """
    model, batch = built(config, data), small_batch(data)
    fresh = config.build(data.schema(WINDOW, with_position=True))
    with_loud_weights(fresh, seed=7)
    fresh.load_state_dict(load(save(dict(model.state_dict()))))
    with torch.no_grad():
        assert torch.equal(fresh.scores(batch), model.scores(batch)), (
            f"{config.name}: the state dict does not hold everything that scores depend on"
        )


def check_causality(config: Declaration, data: Dataset) -> None:
    """A change of later slots reaches earlier states exactly if `causal` is False.

    Args:
        config: the declaration of a `SequentialModel`.
        data: a data set that it can be built for.
    """
    model, batch, first = _encoder(config, data), small_batch(data), 4
    with torch.no_grad():
        before = model.encode(batch).final
        after = model.encode(with_other_items(batch, first)).final
    is_causal = torch.equal(after[:, :first], before[:, :first])
    assert is_causal == model.causal, (
        f"{config.name}: causal is {model.causal}, but states "
        f"{'do not depend' if is_causal else 'depend'} on later slots"
    )
    assert model.causal or not model.single_pass, f"{config.name}: single_pass includes causal"
    long = batch.lengths > first
    assert not torch.isclose(after[long, first:], before[long, first:]).all(), (
        f"{config.name}: states do not depend on the items of their own slots"
    )


def check_prefixes(config: Declaration, data: Dataset) -> None:
    """The state at t is the last state of the prefix of length t exactly if `single_pass` is True.

    The last state of a sequence never depends on whether its prefixes are in the same batch.

    Args:
        config: the declaration of a `SequentialModel`.
        data: a data set that it can be built for.
    """
    model, user, length = _encoder(config, data), data.user_count, 10
    prefixes = spans(data, [(user, 0, last) for last in range(length)])
    with torch.no_grad():
        in_one_pass = model.encode(spans(data, [(user, 0, length - 1)])).final[0, :length]
        apart = model.encode(prefixes).final[torch.arange(length), prefixes.read]
    assert _close(apart[-1], in_one_pass[-1]), (
        f"{config.name}: the last state of a row depends on the other rows of its batch"
    )
    is_same = torch.allclose(apart, in_one_pass, rtol=1e-4, atol=1e-5)
    assert is_same == model.single_pass, (
        f"{config.name}: single_pass is {model.single_pass}, but the states of a sequence "
        f"{'equal' if is_same else 'differ from'} the last states of its prefixes"
    )


def check_last_states(config: Declaration, data: Dataset) -> None:
    """The last states of rows, and their gradients, are the same if only they are computed.

    Args:
        config: the declaration of a `SequentialModel`.
        data: a data set that it can be built for.
    """
    model, batch = _encoder(config, data).double(), small_batch(data)
    model.eval()
    starts = torch.arange(len(batch.items)) * batch.items.shape[1]
    last = starts + torch.from_numpy(batch.lengths - 1)
    states, slopes = _last_states(model, batch, last)
    only_states, only_slopes = _last_states(model, replace(batch, only_last=True), last)
    pairs = zip([*states, *slopes], [*only_states, *only_slopes], strict=True)
    for among_all, alone in pairs:
        assert torch.allclose(alone, among_all, rtol=1e-9, atol=1e-11), (
            f"{config.name}: Batch.only_last changes the last states or their gradients"
        )
    assert not torch.allclose(states[0], only_states[0].roll(1, dims=0)), (
        f"{config.name}: all rows have the same last state"
    )


def _last_states(
    model: SequentialModel, batch: Batch, last: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """The final state and the streams at the last slots, and gradients of a sum of them."""
    states = model.encode(batch)
    parts = [states.at(last)]
    for stream in states.streams:
        parts.append(states.stream_at(stream, last))
    flat = torch.cat([part.flatten() for part in parts])
    weight = torch.linspace(-1, 1, len(flat), dtype=flat.dtype)
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    slopes = []
    for slope in torch.autograd.grad(weight @ flat, weights, allow_unused=True):
        slopes.append(torch.zeros(()) if slope is None else slope)
    return parts, slopes


def small(declaration: type[Declaration], **settings: Any) -> Declaration:
    """A declaration in small sizes.

    Args:
        declaration: its class.
        settings: values of fields that it has; other names are ignored.
    """
    known = {field.name for field in fields(declaration)}  # type: ignore[arg-type]
    chosen = {**SMALL_SIZES, **settings}
    return declaration(**{name: value for name, value in chosen.items() if name in known})


def built(config: Declaration, data: Dataset, seed: int = 0) -> Recommender:
    """The model of a declaration, in evaluation mode, with large weights and fitted statistics.

    Args:
        config: the declaration.
        data: the data set that it is built for.
        seed: seed of the weights.
    """
    model = config.build(data.schema(WINDOW, with_position=True))
    model.fit_statistics(data)
    with_loud_weights(model, seed)
    return model


def _encoder(config: Declaration, data: Dataset) -> SequentialModel:
    model = built(config, data)
    assert isinstance(model, SequentialModel)
    return model


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-5, atol=1e-5)


def small_dataset(
    lengths: Sequence[int] | None = None, *, items: int = ITEMS, seed: int = 0
) -> Dataset:
    """Random histories with brand (some missing), category (up to three) and a rating of 1 to 5.

    Args:
        lengths: interactions of each user; by default those of 30 users.
        items: number of items.
        seed: seed of all values.
    """
    rng = np.random.default_rng(seed)
    lengths = lengths or [3, 4, 5, *rng.integers(3, WINDOW + 3, USERS - 7).tolist(), 16, 22, 25, 31]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    brand = rng.integers(0, 6, (items + 1, 1))
    category = np.zeros((items + 1, 3), dtype=np.int64)
    for codes in category:
        values = rng.choice(np.arange(1, 8), rng.integers(0, 4), replace=False)
        codes[: len(values)] = np.sort(values)
    brand[0] = category[0] = 0
    return Dataset(
        name="tiny",
        offsets=torch.from_numpy(offsets),
        items=torch.from_numpy(rng.integers(1, items + 1, offsets[-1])),
        fields=(
            Field("brand", "attribute", 6, torch.from_numpy(brand)),
            Field("category", "attribute", 8, torch.from_numpy(category)),
            Field("rating", "behaviour", 6),
        ),
        behaviours={"rating": torch.from_numpy(rng.integers(1, 6, offsets[-1]))},
    )


def spans(data: Dataset, pieces: Sequence[tuple[int, int, int]]) -> Batch:
    """A batch of parts of histories, with one prediction each.

    Args:
        data: the data set.
        pieces: (user, first, last): a user's code, and the first and the last interaction of the
            part, counted from 0.
    """
    user, first, last = map(np.array, zip(*pieces, strict=True))
    start = data.offsets.numpy()[user - 1]
    return gather(data, SequenceRows(user, start + first, start + last + 1, start + last))


def small_batch(data: Dataset, lengths: Sequence[int] = (9, 1, 4, 2, 10, 9)) -> Batch:
    """The beginnings of the longest histories.

    Args:
        data: the data set.
        lengths: the length of each row.
    """
    users = np.argsort(-data.lengths.numpy(), kind="stable")[: len(lengths)] + 1
    return spans(data, [(int(user), 0, n - 1) for user, n in zip(users, lengths, strict=True)])


def with_other_items(batch: Batch, first: int, items: int = ITEMS) -> Batch:
    """A batch with other items and ratings from a slot on.

    Args:
        batch: the batch.
        first: the first slot that changes.
        items: number of items.
    """
    late = (torch.arange(batch.items.shape[1]) >= first) & (batch.items > 0)
    rating = batch.behaviours["rating"]
    return replace(
        batch,
        items=torch.where(late, batch.items % items + 1, batch.items),
        behaviours={**batch.behaviours, "rating": torch.where(late, rating % 5 + 1, rating)},
    )


def with_loud_weights(module: nn.Module, seed: int = 1, std: float = 0.4) -> nn.Module:
    """Draw weights so large that every part of a formula changes the result.

    Args:
        module: the module, which is changed in place and put in evaluation mode.
        seed: seed of the draws.
        std: their standard deviation.

    Returns:
        The same module.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)
        for part in module.modules():
            if isinstance(part, nn.LayerNorm):
                part.weight.add_(1.0)
            if isinstance(part, nn.Embedding) and part.padding_idx is not None:
                part.weight[part.padding_idx].zero_()
    return module.eval()
