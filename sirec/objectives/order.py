"""UPA, user preference alignment (COMIF, Choi et al. 2025, equation 10): the true order of a user's
behaviours must explain the next item better than an altered one.

    L_UPA = mean over prefixes of −log( exp(ê·h) / (exp(ê·h) + Σ_{j=1..k} exp(ê·h_j)) )

ê is the target's row of the item table, h the state after the prefix, and h_j the state after the
same items with altered behaviours. The paper leaves open what k is and how behaviours are altered.
Here k is 1, and by default the slots of the prefix are permuted: a uniformly drawn permutation
other than the identity, the same for every behaviour, so that only their assignment to items
changes (`alterations.py` has the other modes). A prefix of one interaction, or one whose altered
behaviours equal the true ones, carries no information and has weight 0.

A permutation of a whole sequence does not permute its prefixes. Therefore states of altered
*prefixes* are encoded: in each step one uniformly drawn prefix of each row (`prefixes="one"`) or
every prefix (`"all"`, much slower). Where a model's state depends on what comes after the prefix
(positions counted from the last item, attention to both sides), the unaltered prefixes are encoded
as well.

Letters: P prefixes, L slots of a row, k altered versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from sirec.config.quantities import LossWeight, VersionCount
from sirec.core.model import SequentialModel
from sirec.data.fields import PADDING, Field, Schema
from sirec.data.tasks.batch import Batch, tell_predicting
from sirec.data.tasks.layout import draw_uniform, to_device
from sirec.errors import SirecError
from sirec.objectives.alterations import ALTERATIONS, FieldCodes, Mode
from sirec.objectives.base import (
    EncoderPass,
    LossTerm,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
)


@dataclass(frozen=True, kw_only=True)
class UserPreferenceAlignment(ObjectiveConfig):
    """UPA with its switches.

    Attributes:
        k: altered versions of each prefix.
        mode: how behaviours are altered, see `alterations.py`.
        prefixes: whether one prefix of each row is used in a step, drawn at random, or all.
    """

    name: ClassVar[str] = "upa"
    signal: ClassVar[SupervisionSignal | None] = "behaviour"
    weight: LossWeight = 0.4
    k: VersionCount = 1
    mode: Mode = "permutation"
    prefixes: Literal["one", "all"] = "one"

    def indivisible(self) -> str | None:
        """The row of another user may be in another part of the step."""
        if self.mode == "other_user":
            return "behaviours are taken from any other row of the step"
        return None

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use; their behaviours are altered.
            width: D, the width of a state; not used.

        Raises:
            SirecError: no behaviour is in use.
        """
        if not schema.behaviours:
            raise SirecError(
                "objective upa needs a behaviour, and none is in use",
                "add position, or leave upa out",
            )
        return OrderLoss(self, {field.name: field for field in schema.behaviours})


class OrderLoss(Objective):
    """The loss of the module's equation.

    Args:
        config: the switches.
        fields: the behaviours that are altered, by name.
    """

    def __init__(self, config: UserPreferenceAlignment, fields: Mapping[str, Field]) -> None:
        super().__init__()
        self.config, self.fields = config, fields

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The loss of a step; 0 if no prefix is eligible.

        Args:
            model: the model, which encodes the altered prefixes.
            encoded: its pass over the rows of the step.
        """
        return self.loss_term(model, encoded).loss

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term for each prefix of which an altered version differs from the true one.

        Args:
            model: the model, which encodes the altered prefixes.
            encoded: its pass over some rows of a step.
        """
        k, batch = self.config.k, encoded.batch
        rows, slots = choose_prefixes(batch.predicting, every=self.config.prefixes == "all")
        if not len(rows):
            return LossTerm(encoded.predicting.new_zeros(()), 0)
        prefixes = prefix_batch(batch, np.tile(rows, k), np.tile(slots, k), self.fields)
        altered = ALTERATIONS[self.config.mode](prefixes, self.fields)
        states = model.encode(prefixes.with_same_targets(behaviours=altered))
        last = states.at(_last_slots(prefixes))  # [k · P, D]
        weights = differs(prefixes, altered).view(k, -1).float()  # [k, P]
        ends = to_device(rows * batch.items.shape[1] + slots, batch.items.device)
        target = encoded.table.index_select(0, batch.targets.flatten()[ends])  # [P, D]
        true = (target * self._true_states(model, encoded, rows, slots)).sum(dim=-1)  # [P]
        false = (target * last.view(k, len(rows), -1)).sum(dim=-1)  # [k, P]
        return LossTerm(preference_loss(true, false, weights), (weights > 0).any(dim=0).sum())

    def _true_states(
        self, model: SequentialModel, encoded: EncoderPass, rows: np.ndarray, slots: np.ndarray
    ) -> Tensor:
        """[P, D]: the state after each prefix with its true behaviours.

        The state of the whole row is the same where nothing after the prefix matters; otherwise the
        prefixes are encoded.
        """
        batch = encoded.batch
        is_whole_row = np.array_equal(slots + 1, batch.lengths[rows])
        if is_whole_row or (model.single_pass and batch.visible == "past"):
            flat = rows * batch.items.shape[1] + slots
            return encoded.states.at(to_device(flat, batch.items.device))
        prefixes = prefix_batch(batch, rows, slots, self.fields)
        return model.encode(prefixes).at(_last_slots(prefixes))


def preference_loss(true: Tensor, false: Tensor, weights: Tensor) -> Tensor:
    """Mean of −log softmax of the true score, over prefixes that keep an altered version.

    Args:
        true: [P], scores of the targets with the true behaviours.
        false: [k, P], their scores with altered behaviours.
        weights: [k, P]; 0 leaves an altered version out.

    Returns:
        A scalar; 0 if no prefix keeps an altered version.
    """
    kept = torch.where(weights > 0, false, torch.full_like(false, -torch.inf))
    loss = torch.cat([true[None], kept]).float().logsumexp(dim=0) - true.float()  # [P]
    eligible = (weights > 0).any(dim=0).float()
    return (loss * eligible).sum() / eligible.sum().clamp(min=1)


def choose_prefixes(predicting: np.ndarray, *, every: bool) -> tuple[np.ndarray, np.ndarray]:
    """Prefixes of at least two interactions whose next item is a target.

    They decide how many states are computed. Therefore the host draws them, from torch's generator.

    Args:
        predicting: bool[B, L], the slots that predict an item.
        every: all such prefixes; otherwise one of each row, drawn uniformly.

    Returns:
        (rows, slots), each int[P]: the row of a prefix and its last slot.
    """
    eligible = predicting.copy()
    eligible[:, 0] = False
    if every:
        rows, slots = eligible.nonzero()
        return rows, slots
    keys = np.where(eligible, draw_uniform(eligible.shape), -1.0)
    rows = np.flatnonzero(eligible.any(axis=1))
    return rows, keys[rows].argmax(axis=1)


def prefix_batch(
    batch: Batch, rows: np.ndarray, slots: np.ndarray, behaviours: Iterable[str]
) -> Batch:
    """A batch of prefixes, of which only the last state is read.

    Args:
        batch: the batch that the prefixes are taken from.
        rows: int[P], the row of each prefix.
        slots: int[P], the last slot of each prefix.
        behaviours: names of the behaviours to keep. A batch may carry others, which no model reads
            and which must not be altered.
    """
    device = batch.items.device
    length = int(slots.max()) + 1
    real = np.arange(length) <= slots[:, None]  # [P, L]
    taken = to_device(rows, device)
    items = batch.items[taken, :length] * to_device(real, device)
    codes = {name: batch.behaviours[name][taken, :length] for name in behaviours}
    prefixes = Batch(
        users=batch.users[taken],
        items=items,
        lengths=slots + 1,
        behaviours=codes,
        targets=torch.zeros_like(items),
        read=to_device(slots, device),
        visible=batch.visible,
        only_last=True,
    )
    return tell_predicting(prefixes, np.zeros(real.shape, dtype=np.bool_))


def differs(prefixes: Batch, altered: FieldCodes) -> Tensor:
    """Whether any behaviour of a real slot was changed.

    Args:
        prefixes: P prefixes with their true behaviours.
        altered: the altered codes [P, L] of each behaviour.

    Returns:
        Bool[P].
    """
    real = prefixes.items != PADDING
    changed = []
    for name, codes in prefixes.behaviours.items():
        changed.append(((altered[name] != codes) & real).any(dim=1))
    return torch.stack(changed).any(dim=0)


def _last_slots(prefixes: Batch) -> Tensor:
    """Long[P]: the flat index of each prefix's last slot."""
    rows = torch.arange(len(prefixes.read), device=prefixes.read.device)
    return rows * prefixes.items.shape[1] + prefixes.read
