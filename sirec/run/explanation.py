"""Explanations of recommendations: where the scores of the best items for one history come from.

What splits exactly is split; of what does not, it is told what the score is without it (see
`sirec.evaluation.score_sources`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirec.core.model import CONSTANT_PART, ITEM_PART, Recommender
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, FieldKind
from sirec.errors import SirecError
from sirec.evaluation.score_sources import (
    Standing,
    reduced_histories,
    score_parts,
    standings,
)
from sirec.evaluation.top_items import Histories, top_items
from sirec.run.build import BuiltModel
from sirec.shell import command

UNREAD = ("none", "objective")  # levels at which a field is not read when items are scored
KINDS: tuple[FieldKind, ...] = ("attribute", "behaviour")


@dataclass(frozen=True)
class ScorePart:
    """A part of a score.

    Attributes:
        source: `item`, the name of an attribute, or `constant`.
        value: the part; the parts of an item add up to its score.
        mean: the mean of this part over all items.
    """

    source: str
    value: float
    mean: float


@dataclass(frozen=True)
class LeftOut:
    """What becomes of a recommended item where something is left out.

    Attributes:
        source: raw id of the past item, or name of the field.
        title: title of the past item, where it has one.
        change: the score minus the score without it; above 0 where it speaks for the item.
        rank: the item's rank without it.
    """

    source: str
    title: str | None
    change: float
    rank: int


@dataclass(frozen=True)
class ItemExplanation:
    """Where the score of one recommended item comes from.

    Attributes:
        rank: its rank.
        item: its raw id.
        title: its title, if it has one.
        score: its score.
        values: names of its values of each attribute.
        parts: the parts of the score; none where it is no sum of parts.
        past: without each past item, the strongest first.
        fields: without each field: no item, candidates included, has a value of it.
    """

    rank: int
    item: str
    title: str | None
    score: float
    values: Mapping[str, tuple[str, ...]]
    parts: tuple[ScorePart, ...]
    past: tuple[LeftOut, ...]
    fields: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Explanation:
    """Where the scores of the best items for one history come from.

    Attributes:
        user: the user, or the name of a new history.
        items: the explained items, best first.
        notes: how the numbers are meant, and what does not split.
    """

    user: str
    items: tuple[ItemExplanation, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """One row for each part, past item and field of each item."""
        rows: list[dict[str, Any]] = []
        for item in self.items:
            about = {"rank": item.rank, "item": item.item}
            for part in item.parts:
                rows.append(about | {"kind": "part", "source": part.source, "value": part.value})
            for kind, left_out in (
                ("without past item", item.past),
                ("without field", item.fields),
            ):
                for each in left_out:
                    found = {"kind": kind, "source": each.source, "value": each.change}
                    rows.append(about | found | {"rank_without": each.rank})
        return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class _Question:
    """One history and the items that were recommended for it."""

    histories: Histories
    history: np.ndarray
    candidates: np.ndarray
    allowed: Tensor

    @property
    def user(self) -> int:
        """Code of the user for the model."""
        return int(self.histories.known_users[0])

    def ask(
        self, model: Recommender, data: Dataset, histories: Sequence[np.ndarray]
    ) -> list[Standing]:
        """The candidates after each of several histories."""
        return standings(model, data, self.user, histories, self.candidates, self.allowed)


def explain_items(
    built: BuiltModel,
    histories: Histories,
    name: str,
    count: int,
    *,
    allowed: Tensor | None = None,
    seen: bool = False,
) -> Explanation:
    """Explain the best items for one history.

    Args:
        built: the model, in evaluation mode, and its data.
        histories: the history, one only.
        name: of the user or of the history.
        count: how many items to explain, the best first.
        allowed: Bool[V], the items that may be recommended; None for all.
        seen: whether items of the history may be recommended.

    Raises:
        SirecError: for a training-free baseline, whose equation is its explanation.
    """
    if built.config.model.is_training_free:
        raise SirecError(
            f"{built.model.name} is a baseline without training: its equation explains its scores",
            f"read it with: {command('models', built.model.name)}; or explain a trained model",
        )
    question = _question(built, histories, count, allowed, seen=seen)
    reduced = [question.history[kept] for kept in reduced_histories(len(question.history))]
    whole, *without = question.ask(built.model, histories.data, reduced)
    fields = _read_fields(built)
    without_fields: list[Standing] = []
    for field in fields:
        without_fields += question.ask(*_without(built, histories.data, field), reduced[:1])
    parts = score_parts(built.model, histories.data, question.user, question.history)
    codes = histories.data.items[question.history].tolist()
    items: list[ItemExplanation] = []
    for place, code in enumerate(question.candidates.tolist()):
        past: list[LeftOut] = []
        for past_code, standing in zip(codes, without, strict=False):
            named = _name(built.data, past_code), _title(built.data, past_code)
            past.append(_left_out(*named, whole, standing, place))
        of_fields: list[LeftOut] = []
        for field, standing in zip(fields, without_fields, strict=True):
            of_fields.append(_left_out(field.name, None, whole, standing, place))
        items.append(
            ItemExplanation(
                rank=int(whole.ranks[place]),
                item=_name(built.data, code),
                title=_title(built.data, code),
                score=float(whole.scores[place]),
                values=_values(built.data, code),
                parts=_parts_of(parts, code),
                past=tuple(sorted(past, key=lambda each: -abs(each.change))),
                fields=tuple(of_fields),
            )
        )
    return Explanation(name, tuple(items), _notes(built, parts, len(question.history)))


def _name(data: Dataset, code: int) -> str:
    return data.item_names[code]


def _title(data: Dataset, code: int) -> str | None:
    return None if data.titles is None else data.titles[code]


def _question(
    built: BuiltModel, histories: Histories, count: int, allowed: Tensor | None, *, seen: bool
) -> _Question:
    """The history that the model reads, and the best items for it."""
    data, longest = histories.data, built.schema.max_length
    blocks = top_items(built.model, histories, longest, count, allowed=allowed, seen=seen)
    [block] = list(blocks)
    candidates = block.items[0][block.items[0] > 0]
    [user] = histories.users
    start, stop = data.offsets[user - 1 : user + 1].tolist()
    may_be = torch.ones(data.item_codes, dtype=torch.bool, device=data.items.device)
    if allowed is not None:
        may_be &= allowed
    if not seen:
        may_be[data.items[start:stop]] = False
    may_be[0] = False
    return _Question(histories, np.arange(max(start, stop - longest), stop), candidates, may_be)


def _read_fields(built: BuiltModel) -> list[Field]:
    """The fields that the model reads when it scores, but for the position."""
    read: list[Field] = []
    for kind in KINDS:
        levels = set(built.config.model.level(kind).replace(" ", "").split(","))
        if not levels <= set(UNREAD):
            read += [field for field in built.data.fields if field.kind == kind]
    return read


def _without(built: BuiltModel, data: Dataset, field: Field) -> tuple[Recommender, Dataset]:
    """The model and the histories where no item and no interaction has a value of a field."""
    if field.table is None:
        values = torch.zeros_like(data.behaviours[field.name])
        return built.model, replace(data, behaviours={**data.behaviours, field.name: values})
    empty = replace(field, table=torch.zeros_like(field.table))
    fields = tuple(empty if each.name == field.name else each for each in built.data.fields)
    return built.on(replace(built.data, fields=fields)).model, data


def _left_out(
    source: str, title: str | None, whole: Standing, without: Standing, place: int
) -> LeftOut:
    change = float(whole.scores[place] - without.scores[place])
    return LeftOut(source, title, change, int(without.ranks[place]))


def _values(data: Dataset, code: int) -> dict[str, tuple[str, ...]]:
    """Names of an item's values of each attribute that has names."""
    values: dict[str, tuple[str, ...]] = {}
    for field in data.fields:
        names = data.vocabularies.get(field.name)
        if field.table is not None and names:
            codes = [value for value in field.table[code].tolist() if value]
            values[field.name] = tuple(names[value] for value in codes)
    return values


def _parts_of(parts: Mapping[str, np.ndarray] | None, code: int) -> tuple[ScorePart, ...]:
    found: list[ScorePart] = []
    for source, values in (parts or {}).items():
        found.append(ScorePart(source, float(values[code]), float(values[1:].mean())))
    return tuple(found)


def _notes(
    built: BuiltModel, parts: Mapping[str, np.ndarray] | None, length: int
) -> tuple[str, ...]:
    """How the numbers are meant, and what does not split."""
    model = built.model.name
    by_gates = built.config.model.fusion("attribute") == "gate"
    if parts is None:
        split = f"parts: the score of {model} is no sum over the item and its attributes"
    elif set(parts) <= {ITEM_PART, CONSTANT_PART}:
        split = f"parts: {model} scores the item's own vector alone, so nothing splits by attribute"
    elif by_gates:
        split = "parts: add up to the score; gates, read from all of them, decide their weights"
    else:
        split = "parts: add up to the score exactly; (mean over all items)"
    past = "without: leave-one-out, what the score loses and the rank without it; not a sum"
    if length == 1:
        past = "without: the one past item cannot be left out; fields are, by leave-one-out"
    return (split, past)
