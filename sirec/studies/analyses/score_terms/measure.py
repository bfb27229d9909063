"""COMIF's equations 3 and 4 on our runs: how much of a score joins items with side information, by
where a model fuses it.

The paper argues from the equations alone: fused at the embedding, items and side information are
multiplied with each other; fused at attention they are not. Here the terms are measured, on real
pairs of trained models and beside untrained weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, evaluation_rows
from sirec.evaluation.score_terms import (
    ORIGINS,
    Attended,
    Origin,
    OriginVectors,
    attended,
    candidates,
    covariances,
    grouped,
    magnitudes,
    relevance_covariances,
)
from sirec.run.store import RunFolder
from sirec.studies.analyses.attention_runs import (
    TRAINED,
    UNTRAINED,
    OnMeasured,
    attention_states,
    batches,
    in_64_bits,
    sample,
)

OriginPair = tuple[Origin, Origin]
BIAS = "bias"
KINDS = tuple(
    map("-".join, combinations_with_replacement(ORIGINS[:-1], 2))
)  # either order, without biases


@dataclass(frozen=True, kw_only=True)
class TermShares:
    """What a score is made of: `block` counts from 1, None is the relevance of candidates.

    `variance`: shares of COMIF's four terms and of biases, which add up to 1; `kinds` splits them
    by pairs of origins. `magnitude`: Σ |term| as a share of all five, the terms as they come; None
    for relevance.
    """

    block: int | None
    variance: Mapping[str, float]
    kinds: Mapping[str, float]
    magnitude: Mapping[str, float] | None


@dataclass(frozen=True, kw_only=True)
class RunShares:
    """One run: the name of its row, where it lies, where it fuses what, and its shares trained and
    freshly initialised.
    """

    label: str
    link: str
    attribute: str
    behaviour: str
    candidates: str
    trained: tuple[TermShares, ...]
    untrained: tuple[TermShares, ...]


@dataclass(frozen=True, kw_only=True)
class CorrelationRecord:
    """All that the tables are drawn from."""

    data: str
    fingerprint: str
    users: int
    test_users: int
    seed: int
    runs: tuple[RunShares, ...]


def measure_correlation(
    runs: Sequence[RunFolder], data: Dataset, users: int, seed: int, progress: OnMeasured
) -> CorrelationRecord:
    """The terms of these runs on the test histories of a sample of users."""
    rows = evaluation_rows(data, "test", runs[0].config().data.max_length)
    chosen = sample(rows, users, seed)
    return CorrelationRecord(
        data=data.name,
        fingerprint=data.fingerprint(),
        users=len(chosen),
        test_users=len(rows),
        seed=seed,
        runs=tuple(_run_shares(run, data, chosen, progress) for run in runs),
    )


def _run_shares(
    run: RunFolder, data: Dataset, rows: SequenceRows, progress: OnMeasured
) -> RunShares:
    found: dict[str, tuple[TermShares, ...]] = {}
    for state, model, selected in attention_states(run, data):
        progress(f"{run.label}, {state}")
        found[state] = model_shares(in_64_bits(model), batches(selected, rows))
    config = run.config().model
    assert isinstance(config, TransformerConfig), "checked by name before"
    return RunShares(
        label=run.label,
        link=run.link,
        attribute=_level(config, "attribute"),
        behaviour=_level(config, "behaviour"),
        candidates=config.candidates,
        trained=found[TRAINED],
        untrained=found[UNTRAINED],
    )


def _level(config: TransformerConfig, kind: str) -> str:
    """Where a kind of field is fused, and how."""
    level = getattr(config, kind)
    fusion = {
        "embedding": f"{kind}_fusion",
        "query_key": "query_key_fusion",
        "attention": "score_fusion",
    }.get(level)
    return f"{level.replace('_', ' and ')} ({getattr(config, fusion)})" if fusion else level


@dataclass
class Sums:
    """Σ term · score and Σ |term| over batches, [h] each."""

    covariance: dict[OriginPair, Tensor] = field(default_factory=dict)
    magnitude: dict[str, Tensor] = field(default_factory=dict)

    def add(self, covariance: Mapping[OriginPair, Tensor], magnitude: Mapping[str, Tensor]) -> None:
        """Add a batch's sums."""
        for pair, value in covariance.items():
            self.covariance[pair] = (
                self.covariance[pair] + value if pair in self.covariance else value
            )
        for name, value in magnitude.items():
            self.magnitude[name] = self.magnitude[name] + value if name in self.magnitude else value

    def shares(self, block: int | None) -> TermShares:
        """Shares of each head, averaged over heads."""
        return TermShares(
            block=block,
            variance=_parts_of_one(grouped(self.covariance)),
            kinds=_parts_of_one(_by_kind(self.covariance)),
            magnitude=_parts_of_one(self.magnitude) if self.magnitude else None,
        )


@torch.no_grad()
def model_shares(model: FusedTransformer, rows: Iterable[Batch]) -> tuple[TermShares, ...]:
    """The shares of a model in 64 bits: each block's attention, then the relevance of all items to
    the last state.

    Attention counts queries that have at least two keys: with one there is nothing to attend
    between.
    """
    blocks, relevance = [Sums() for _ in model.layers], Sums()
    table = candidates(model)
    for batch in rows:
        seen, states = attended(model, batch)
        for sums, found in zip(blocks, seen, strict=True):
            pairs = _pairs(found, batch)
            sums.add(covariances(found.terms, pairs), magnitudes(grouped(found.terms), pairs))
        relevance.add(relevance_covariances(table, _read(states, batch)), {})
    return (
        *(sums.shares(block) for block, sums in enumerate(blocks, start=1)),
        relevance.shares(None),
    )


def _pairs(found: Attended, batch: Batch) -> Tensor:
    """Bool[b, 1, l, l]: a real query that sees several keys, and a key it sees."""
    slots = torch.arange(found.visible.shape[-1])
    real = slots < torch.from_numpy(batch.lengths)[:, None]
    return found.visible & real[:, None, :, None] & (found.visible.sum(dim=-1, keepdim=True) > 1)


def _read(states: OriginVectors, batch: Batch) -> OriginVectors:
    """[B, d]: the parts of the states that predict."""
    rows = len(batch.read)
    return {
        origin: part.view(rows, -1, part.shape[-1])[torch.arange(rows), batch.read]
        for origin, part in states.items()
    }


def _by_kind(pairs: Mapping[OriginPair, Tensor]) -> dict[str, Tensor]:
    sums = {name: torch.zeros_like(next(iter(pairs.values()))) for name in (*KINDS, BIAS)}
    for (query, key), value in pairs.items():
        first, second = sorted((query, key), key=ORIGINS.index)
        name = BIAS if BIAS in (query, key) else f"{first}-{second}"
        sums[name] = sums[name] + value
    return sums


def _parts_of_one(values: Mapping[str, Tensor]) -> dict[str, float]:
    whole = torch.stack(list(values.values())).sum(dim=0)
    return {name: float((value / whole).mean()) for name, value in values.items()}
