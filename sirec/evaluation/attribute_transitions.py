"""A baseline that knows attributes alone: which values follow which, counted in training.

    p_f(a | b) = (C_f[b, a] + k p_f(a)) / (C_f[b, ·] + k)          values a of the next item
    q_f(a)     = Σ_j w_j Σ_b m_f[h_{-1-j}, b] p_f(a | b)           w_j ∝ 2^-j, j = 0, 1, 2
    z_v        = Σ_f log Σ_a m_f[v, a] q_f(a) / n_f(a)

C_f counts pairs of an item and the next one in training by their values, m_f[v, ·] divides an item
evenly among its values, p_f(a) is the share of value a, and n_f(a) the number of items with it. An
item without values, and a history without any, are as likely as the average. It needs nothing of an
item but its attributes, so that it scores new ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.fields import Field
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import training_items

REACH = 3  # last items that are looked up
DECAY = 0.5  # weight of an item of the history relative to the one after it
SMOOTHING = 10.0  # k, pairs that count as seen before any is
LEAST = 1e-12  # of a probability


@dataclass(frozen=True, eq=False)
class _FieldCounts:
    """m_f Float[V, A], p_f(· | ·) Float[A, A], p_f Float[A] and n_f Float[A] of one attribute."""

    shares: scipy.sparse.csr_array
    following: np.ndarray
    usual: np.ndarray
    items: np.ndarray


class AttributeTransitions:
    """The module's equations.

    Args:
        training: what is counted; its items have the first codes of `data`.
        data: the data set with all items that are scored.
    """

    def __init__(self, training: Dataset, data: Dataset) -> None:
        self.codes = data.item_codes
        self.counts: list[_FieldCounts] = []
        users, items = (values.cpu().numpy() for values in training_items(training))
        same = users[1:] == users[:-1]
        before, after = items[:-1][same], items[1:][same]
        for field in data.fields:
            if field.table is not None and not field.table.is_floating_point():
                self.counts.append(_counted(field, items, before, after))

    def scores(self, batch: Batch) -> Tensor:
        """The scores of all items.

        Args:
            batch: B histories.

        Returns:
            Float[B, V].
        """
        items, read = batch.items.cpu().numpy(), batch.read.cpu().numpy()
        total = np.zeros((len(items), self.codes))
        for counts in self.counts:
            wanted = np.zeros((len(items), len(counts.usual)))
            weights = np.zeros(len(items))
            for back in range(REACH):
                some = np.flatnonzero(read >= back)
                shares = counts.shares[items[some, read[some] - back]]
                wanted[some] += DECAY**back * (shares @ counts.following)
                weights[some] += DECAY**back * np.asarray(shares.sum(axis=1)).ravel()
            unknown = weights == 0
            wanted[unknown], weights[unknown] = counts.usual, 1.0
            density = wanted / weights[:, None] / np.maximum(counts.items, 1)
            likely = (counts.shares @ density.T).T
            is_known = np.asarray(counts.shares.sum(axis=1)).ravel() > 0
            likely[:, ~is_known] = 1 / self.codes
            total += np.log(np.maximum(likely, LEAST))
        return torch.from_numpy(total).to(batch.items.device)


def _counted(
    field: Field, items: np.ndarray, before: np.ndarray, after: np.ndarray
) -> _FieldCounts:
    """The counts of one attribute, from all training items and the pairs of neighbours."""
    table = field.values.cpu().numpy()
    rows, places = np.nonzero(table)
    ones = np.ones(len(rows))
    present = scipy.sparse.csr_array((ones, (rows, table[rows, places])), (len(table), field.size))
    sums: np.ndarray = np.asarray(present.sum(axis=1)).ravel()
    shares = scipy.sparse.csr_array(present / np.maximum(sums, 1)[:, None])
    usual = np.asarray(shares[items].sum(axis=0)).ravel()
    usual = usual / max(usual.sum(), 1)
    pairs = (shares[before].T @ shares[after]).toarray()
    following = (pairs + SMOOTHING * usual) / (pairs.sum(axis=1, keepdims=True) + SMOOTHING)
    return _FieldCounts(shares, following, usual, np.asarray(present.sum(axis=0)).ravel())
