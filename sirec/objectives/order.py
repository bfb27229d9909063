"""UPA: the true order of a user's behaviours must explain the next item better than an altered one
(COMIF eq. 10).

    L_UPA = mean over prefixes of −log( exp(ê·h) / (exp(ê·h) + Σ_{j=1..k} exp(ê·h_j)) )

ê is the target's row of the item table, h the state after the prefix, h_j the state with altered
behaviours and the same items. The paper leaves open k and how behaviours are drawn. Here: k = 1,
and by default a uniformly drawn permutation of the prefix's slots other than the identity, the same
for every behaviour, so that only the assignment to items changes. A prefix of one interaction, or
one whose altered behaviours equal the true ones, carries no information and has weight 0.

Permuting a whole sequence does not permute its prefixes, so states of altered *prefixes* are
encoded: per step one uniformly drawn prefix a row (`prefixes="one"`) or every one (`"all"`, much
dearer). Where a model's state depends on what comes after the prefix (positions counted from the
last item, both sides visible), the prefixes are encoded as they are, too.

Letters: P prefixes, L length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from sirec.core.model import SequentialModel
from sirec.data.fields import PADDING, Field, Schema
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.objectives.base import (
    EncoderPass,
    LossTerm,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
)

Mode = Literal["permutation", "derangement", "reversal", "uniform", "sorted", "other_user"]
FieldCodes = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class UserPreferenceAlignment(ObjectiveConfig):
    """UPA with its switches: `k` altered versions, drawn by `mode`, of one or of all prefixes a
    row.
    """

    name: ClassVar[str] = "upa"
    signal: ClassVar[SupervisionSignal | None] = "behaviour"
    weight: float = 0.4
    k: int = 1
    mode: Mode = "permutation"
    prefixes: Literal["one", "all"] = "one"

    def __post_init__(self) -> None:
        """Refuse k below 1."""
        super().__post_init__()
        if self.k < 1:
            raise SirecError(f"k {self.k} must be at least 1")

    def indivisible(self) -> str | None:
        """What another user did may be in another part of the step."""
        return (
            "behaviours are taken from any other row of the step"
            if self.mode == "other_user"
            else None
        )

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss; it has no parameters. Raises `SirecError` where there is no behaviour to
        alter.
        """
        if not schema.behaviours:
            raise SirecError(
                "objective upa needs a behaviour, and none is in use",
                "add position, or leave upa out",
            )
        return OrderLoss(self, {field.name: field for field in schema.behaviours})


class OrderLoss(Objective):
    """See the module's equation."""

    def __init__(self, config: UserPreferenceAlignment, fields: Mapping[str, Field]) -> None:
        super().__init__()
        self.config, self.fields = config, fields

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The loss of a step; 0 if no prefix is eligible."""
        return self.loss_term(model, encoded).loss

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """A term for each prefix of which an altered version differs from the true one."""
        rows, slots = choose_prefixes(encoded.batch.targets, every=self.config.prefixes == "all")
        if not len(rows):
            return LossTerm(encoded.predicting.new_zeros(()), 0)
        prefixes = cut(
            encoded.batch, rows.repeat(self.config.k), slots.repeat(self.config.k), self.fields
        )
        altered = ALTERATIONS[self.config.mode](prefixes, self.fields)
        states = model.encode(replace(prefixes, behaviours=altered)).at(_flat(prefixes))  # [k·P, D]
        weights = differs(prefixes, altered).view(self.config.k, -1).float()  # [k, P]
        target = encoded.table.index_select(0, encoded.batch.targets[rows, slots])  # [P, D]
        true = (target * self._as_they_are(model, encoded, rows, slots)).sum(dim=-1)  # [P]
        false = (target * states.view(self.config.k, len(rows), -1)).sum(dim=-1)  # [k, P]
        return LossTerm(preference_loss(true, false, weights), (weights > 0).any(dim=0).sum())

    def _as_they_are(
        self, model: SequentialModel, encoded: EncoderPass, rows: Tensor, slots: Tensor
    ) -> Tensor:
        """[P, D]: the state after each prefix. That of the whole row is the same where nothing
        after the prefix matters.
        """
        ends_row = np.array_equal(
            slots.cpu().numpy() + 1, encoded.batch.lengths[rows.cpu().numpy()]
        )
        if ends_row or (model.single_pass and encoded.batch.visible == "past"):
            return encoded.states.final[rows, slots]
        prefixes = cut(encoded.batch, rows, slots, self.fields)
        return model.encode(prefixes).at(_flat(prefixes))


def preference_loss(true: Tensor, false: Tensor, weights: Tensor) -> Tensor:
    """`true` [P], `false` [k, P], `weights` [k, P] (0 leaves a version out) -> mean over prefixes
    with a version left.
    """
    kept = torch.where(weights > 0, false, torch.full_like(false, -torch.inf))
    loss = torch.cat([true[None], kept]).float().logsumexp(dim=0) - true.float()  # [P]
    eligible = (weights > 0).any(dim=0).float()
    return (loss * eligible).sum() / eligible.sum().clamp(min=1)


def choose_prefixes(targets: Tensor, *, every: bool) -> tuple[Tensor, Tensor]:
    """(rows, slots) Long[P] of prefixes of at least two interactions that have a target: all, or
    one a row at random.
    """
    eligible = targets != PADDING
    eligible[:, 0] = False
    if every:
        rows, slots = eligible.nonzero(as_tuple=True)
        return rows, slots
    keys = torch.rand(targets.shape, device=targets.device).masked_fill(~eligible, -1.0)
    rows = eligible.any(dim=1).nonzero().squeeze(1)
    return rows, keys[rows].argmax(dim=1)


def cut(batch: Batch, rows: Tensor, slots: Tensor, behaviours: Iterable[str]) -> Batch:
    """The batch whose row p is `batch`'s row `rows[p]` up to slot `slots[p]`, whose state alone is
    asked for.

    It keeps only the named behaviours: a batch may carry others, which no model reads and which
    must not be altered.
    """
    length = int(slots.max()) + 1
    real = torch.arange(length, device=slots.device) <= slots[:, None]  # [P, L]
    items = batch.items[rows, :length] * real
    codes = {name: batch.behaviours[name][rows, :length] for name in behaviours}
    lengths = (slots + 1).cpu().numpy()
    return Batch(
        batch.users[rows],
        items,
        lengths,
        codes,
        torch.zeros_like(items),
        slots,
        batch.visible,
        only_ends=True,
    )


def differs(prefixes: Batch, altered: FieldCodes) -> Tensor:
    """Bool[P]: whether any behaviour of a real slot was changed."""
    real = prefixes.items != PADDING
    changed = [
        ((altered[name] != codes) & real).any(dim=1) for name, codes in prefixes.behaviours.items()
    ]
    return torch.stack(changed).any(dim=0)


def permuted(lengths: Tensor, length: int, *, fixed_points: bool) -> Tensor:
    """Long[P, L]: for each row a uniformly drawn permutation of its first `lengths` slots; later
    slots stay.

    Never the identity; without `fixed_points` a derangement. Rejected draws are drawn anew, so the
    law stays uniform. Rows of one slot keep the identity, the only permutation there is.
    """
    slots = torch.arange(length, device=lengths.device).expand(len(lengths), length)
    real = slots < lengths[:, None]
    order = slots.clone()
    open_rows = (lengths > 1).nonzero().squeeze(1)
    while len(open_rows):
        keys = torch.rand(len(open_rows), length, device=lengths.device).masked_fill(
            ~real[open_rows], 2.0
        )
        order[open_rows] = torch.where(real[open_rows], keys.argsort(dim=1), slots[open_rows])
        same = (order[open_rows] == slots[open_rows]) & real[open_rows]
        again = (same == real[open_rows]).all(dim=1) if fixed_points else same.any(dim=1)
        open_rows = open_rows[again]
    return order


def _flat(prefixes: Batch) -> Tensor:
    rows = torch.arange(len(prefixes.read), device=prefixes.read.device)
    return rows * prefixes.items.shape[1] + prefixes.read


def _reorder(prefixes: Batch, order: Tensor) -> FieldCodes:
    return {name: codes.gather(1, order) for name, codes in prefixes.behaviours.items()}


def _permutation(prefixes: Batch, fields: Mapping[str, Field]) -> FieldCodes:
    return _reorder(
        prefixes, permuted(prefixes.read + 1, prefixes.items.shape[1], fixed_points=True)
    )


def _derangement(prefixes: Batch, fields: Mapping[str, Field]) -> FieldCodes:
    return _reorder(
        prefixes, permuted(prefixes.read + 1, prefixes.items.shape[1], fixed_points=False)
    )


def _reversal(prefixes: Batch, fields: Mapping[str, Field]) -> FieldCodes:
    slots = torch.arange(prefixes.items.shape[1], device=prefixes.read.device)
    return _reorder(
        prefixes,
        torch.where(slots <= prefixes.read[:, None], prefixes.read[:, None] - slots, slots),
    )


def _uniform(prefixes: Batch, fields: Mapping[str, Field]) -> FieldCodes:
    """Every real slot gets any real code of the field, independently."""
    real = prefixes.items != PADDING
    return {
        name: torch.randint_like(codes, 1 if fields[name].padded else 0, fields[name].size).where(
            real, codes
        )
        for name, codes in prefixes.behaviours.items()
    }


def _sorted(prefixes: Batch, fields: Mapping[str, Field]) -> FieldCodes:
    """Codes become a sorted sample of the field's codes without replacement: order stays, gaps
    change.
    """
    real = prefixes.items != PADDING
    altered = {}
    for name, codes in prefixes.behaviours.items():
        first, size = (1 if fields[name].padded else 0), fields[name].size
        if size - first < codes.shape[1]:
            raise SirecError(
                f"objective upa: mode sorted needs at least {codes.shape[1]} codes, {name} has {size - first}"
            )
        keys = torch.rand(len(codes), size - first, device=codes.device)
        draws = keys.argsort(dim=1)[:, : codes.shape[1]] + first
        altered[name] = draws.masked_fill(~real, size).sort(dim=1).values.where(real, codes)
    return altered


def _other_user(prefixes: Batch, fields: Mapping[str, Field]) -> FieldCodes:
    """The codes of a row drawn at random, where both have that slot; positions are the same
    everywhere and do not change.
    """
    real = prefixes.items != PADDING
    other = torch.randperm(len(real), device=real.device)
    return {
        name: torch.where(real & real[other], codes[other], codes)
        for name, codes in prefixes.behaviours.items()
    }


ALTERATIONS: Mapping[Mode, Callable[[Batch, Mapping[str, Field]], FieldCodes]] = {
    "permutation": _permutation,
    "derangement": _derangement,
    "reversal": _reversal,
    "uniform": _uniform,
    "sorted": _sorted,
    "other_user": _other_user,
}
