"""Where a score comes from: exact parts of a sum, and scores without a part of what was read.

Parts. A score that is a product of a state h with an item's vector splits where that vector is a
sum of parts: h · Σ_p e_vp = Σ_p h · e_vp. For a fusion by sum these are the item's own vector and
those of its attributes. The parts add up to the score.

Leave-one-out. The states of most models are no sums over past items, so the influence of an item is
defined by what happens without it: the score and the rank of a candidate where the history lacks
that one interaction and is otherwise as it was. These differences do not add up to the score.

Letters: R rows, one for each altered history, V item codes, K candidates, L interactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sirec.core.model import Recommender, SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import SequenceRows, gather
from sirec.evaluation.full_ranking import BLOCK_SCORES

TOLERANCE = 1e-4  # of a sum of parts in 32 bits, relative to the largest score


@dataclass(frozen=True, eq=False)
class Standing:
    """How candidates do in the eyes of a model that has read one history.

    Attributes:
        scores: float[K], the scores of the candidates.
        ranks: int[K], their ranks, from 1, among the items that may be recommended.
    """

    scores: np.ndarray
    ranks: np.ndarray


def reduced_histories(length: int) -> list[np.ndarray]:
    """The whole history, then the history without each of its interactions; none is left empty.

    >>> [kept.tolist() for kept in reduced_histories(3)]
    [[0, 1, 2], [1, 2], [0, 2], [0, 1]]

    Args:
        length: L.
    """
    whole = np.arange(length)
    if length == 1:
        return [whole]
    return [whole, *(np.delete(whole, place) for place in whole)]


@torch.inference_mode()
def standings(
    model: Recommender,
    data: Dataset,
    user: int,
    histories: Sequence[np.ndarray],
    candidates: np.ndarray,
    allowed: Tensor,
) -> list[Standing]:
    """The candidates after each of several histories.

    Args:
        model: the model, in evaluation mode.
        data: the data in use.
        user: code of the user for the model, 0 for a new one.
        histories: int[L] each: indices of interactions of `data`, at least one.
        candidates: int[K], item codes.
        allowed: Bool[V], the items that may be recommended, among which ranks are counted.
    """
    codes = torch.from_numpy(candidates).to(data.items.device)
    prepared = model.prepared()
    found: list[Standing] = []
    most = max(1, BLOCK_SCORES // data.item_codes)
    for first in range(0, len(histories), most):
        rows = _rows(user, histories[first : first + most])
        scores = model.scores(gather(_gathered(data, histories, first, most), rows), prepared)
        for of_row in scores.double():
            found.append(_standing(of_row, codes, allowed))
    return found


@torch.inference_mode()
def score_parts(
    model: Recommender, data: Dataset, user: int, history: np.ndarray
) -> dict[str, np.ndarray] | None:
    """The parts of the score of every item after a history, by what they come from.

    Args:
        model: the model, in evaluation mode.
        data: the data in use.
        user: code of the user for the model, 0 for a new one.
        history: int[L], indices of interactions of `data`.

    Returns:
        float[V] by part, which add up to the scores; None where the score is no such sum.
    """
    if not isinstance(model, SequentialModel):
        return None
    batch = gather(_gathered(data, [history], 0, 1), _rows(user, [history]))
    [scores] = model.scores(batch).double()
    [state] = model.read_states(batch).double()
    parts: dict[str, Tensor] = {}
    for name, vectors in model.item_parts().items():
        if vectors.shape[-1] != len(state):
            return None
        parts[name] = vectors.double() @ state
    error = (torch.stack(list(parts.values())).sum(dim=0) - scores)[1:].abs().max()
    if float(error) > TOLERANCE * max(1.0, float(scores[1:].abs().max())):
        return None
    return {name: part.cpu().numpy() for name, part in parts.items()}


def _rows(user: int, histories: Sequence[np.ndarray]) -> SequenceRows:
    """A row for each history, in data that hold these histories one after the other."""
    stop = np.cumsum([len(history) for history in histories])
    start = np.concatenate([[0], stop[:-1]])
    return SequenceRows(np.full(len(stop), user), start, stop, stop)


def _gathered(data: Dataset, histories: Sequence[np.ndarray], first: int, most: int) -> Dataset:
    """A data set of some of the histories, one after the other.

    A slot after the last one is added, as the last interaction has no next one to predict.
    """
    kept = np.concatenate([*histories[first : first + most], [0]])
    index = torch.from_numpy(kept).to(data.items.device)
    behaviours = {name: values[index] for name, values in data.behaviours.items()}
    return replace(data, items=data.items[index], behaviours=behaviours)


def _standing(scores: Tensor, candidates: Tensor, allowed: Tensor) -> Standing:
    """Ranks as recommendations have them: of equal scores the smaller code comes first."""
    mine = scores[candidates]
    better = scores > mine[:, None]  # [K, V]
    codes = torch.arange(len(scores), device=scores.device)
    earlier = (scores == mine[:, None]) & (codes < candidates[:, None])
    ranks = 1 + ((better | earlier) & allowed).sum(dim=1)
    return Standing(mine.cpu().numpy(), ranks.cpu().numpy())
