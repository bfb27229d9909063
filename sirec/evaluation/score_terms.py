"""Scores as sums of terms by origin: item, attributes, behaviours, biases (COMIF eq. 3, 4, 15, 16).

COMIF expands the score of fused embeddings, ((e_j + s_j) Wq)((e_k + s_k) Wk)ᵀ, into the terms
item-item, item-side, side-item and side-side, and the relevance (e + s)·h likewise. A pass through
the encoder is not linear, but it is linear for given gates, attention weights, standard deviations
of layer norms and slopes of GELU. With these held, every vector is a sum of *parts*, one for each
origin, and every score is a sum of *terms*, exactly: what eq. 4 writes as W_X and W_B.

The paper has no biases. Here they are an origin of their own: biases of linear maps, and shifts of
layer norms. The share of a term in the variance of scores counts what a softmax depends on: terms
are centred over the keys of a query (over the catalogue, for relevance), because a constant changes
no probability. The share is Σ term · score / Σ score²; shares add up to 1 and may be negative.

Letters: T tokens, b rows, h heads, l length of a batch, B rows, V item codes, d width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from sirec.core.layers.attention import ITEM, SourceAttention, visibility
from sirec.core.layers.blocks import Block
from sirec.core.layers.fusion import VectorFusion
from sirec.core.transformer import FusedTransformer
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.layout import TokenLayout
from sirec.data.tasks.rectangular import whole
from sirec.errors import SirecError

Origin = Literal["item", "attribute", "behaviour", "bias"]
ORIGINS: tuple[Origin, ...] = ("item", "attribute", "behaviour", "bias")
SIDES: Mapping[Origin, str] = {"item": "item", "attribute": "side", "behaviour": "side"}
TERMS = ("item-item", "item-side", "side-item", "side-side", "bias")  # of the query and of the key
OriginVectors = dict[Origin, Tensor]
"""Vectors Float[T, w] by origin, whose sum is one vector."""
Terms = dict[tuple[Origin, Origin], Tensor]
"""Scores Float[b, h, l, l] by the origin of the query and of the key, whose sum is one score."""


@dataclass(frozen=True, eq=False)
class Attended:
    """Scores of a block's attention.

    Attributes:
        terms: the terms of fused scores, before scaling.
        visible: Bool, broadcastable to [b, h, l, l]: which key a query may read.
    """

    terms: Terms
    visible: Tensor


def total(parts: Mapping[Origin, Tensor]) -> Tensor:
    """The sum of the parts of a vector."""
    return torch.stack(torch.broadcast_tensors(*parts.values())).sum(dim=0)


def score_of(terms: Terms) -> Tensor:
    """Float[b, h, l, l]: the sum of the terms of a score."""
    return torch.stack(torch.broadcast_tensors(*terms.values())).sum(dim=0)


@torch.no_grad()
def attended(model: FusedTransformer, batch: Batch) -> tuple[list[Attended], OriginVectors]:
    """The terms of scores in each block, and the parts of the states after the last block.

    Args:
        model: a model with post-norm blocks, in 64 bits and in evaluation mode.
        batch: B histories; for the reference form of fusion they are padded to the window.

    Returns:
        The scores of each block, and the parts Float[B · l, d] of the final states of all slots.

    Raises:
        SirecError: if blocks are not post-norm.
    """
    if any(type(block) is not Block for block in model.layers):
        raise SirecError(
            "scores are split by origin through post-norm blocks only",
            "use a model with block: post_norm",
        )
    rows = batch.padded(model.max_length) if model.whole_window else batch
    layout = whole(rows.items)
    items, side = model.vectors(rows, layout)
    fields: dict[str, OriginVectors] = {}
    for name in model.side.attributes:
        fields[name] = {"attribute": side[name]}
    for name in model.side.behaviours:
        fields[name] = {"behaviour": side[name]}
    x = _input(model, items, fields)
    seen = []
    for block in model.layers:
        found = _attended(block, x, fields, layout, rows)
        seen.append(found)
        x = _after(block, x, found, layout)
    return seen, x


@torch.no_grad()
def candidates(model: FusedTransformer) -> OriginVectors:
    """The parts Float[V, d] of item vectors: items alone, or fused with their attributes."""
    table: OriginVectors = {"item": model.items.weight}
    joining = model.at_embedding["attribute"]
    if model.candidates == "id" or not joining:
        return table
    side = model.side.of_items(
        torch.arange(len(model.items.weight), device=model.items.weight.device)
    )
    attributes: list[OriginVectors] = [{"attribute": side[name]} for name in joining]
    return _fused(model.fuse_attributes, [table, *attributes])


def _input(
    model: FusedTransformer, items: Tensor, fields: Mapping[str, OriginVectors]
) -> OriginVectors:
    attributes = [fields[name] for name in model.at_embedding["attribute"]]
    behaviours = [fields[name] for name in model.at_embedding["behaviour"]]
    item: OriginVectors = {"item": items}
    fused = _fused(model.fuse_attributes, [item, *attributes])
    fused = _fused(model.fuse_behaviours, [fused, *behaviours])
    return _normed(fused, cast(nn.LayerNorm, model.norm))


def _attended(
    block: Block,
    x: OriginVectors,
    fields: Mapping[str, OriginVectors],
    layout: TokenLayout,
    rows: Batch,
) -> Attended:
    """The terms of a block's fused scores: those of each source, through the maps of the fusion."""
    attention, bucket = block.attention, layout.buckets[0]
    sources = {**fields, ITEM: _query_key(block, x, fields)}
    visible = visibility(bucket, rows.visible)
    alone: list[Terms] = []
    for name, query in attention.queries.items():
        queries = _heads(_mapped(sources[name], query), attention, layout)
        keys = _heads(_mapped(sources[name], attention.keys[name]), attention, layout)
        of_source: Terms = {}
        for of_query, query_part in queries.items():
            for of_key, key_part in keys.items():
                of_source[of_query, of_key] = query_part @ key_part.transpose(-1, -2)
        alone.append(of_source)
    maps, constant = attention.fusion.linearised(list(map(score_of, alone)), visible)
    terms: Terms = {("bias", "bias"): constant}
    for through, mine in zip(maps, alone, strict=True):
        for pair, scores in mine.items():
            terms[pair] = terms.get(pair, 0) + through(scores)
    broadcast = torch.broadcast_tensors(*terms.values())
    return Attended(dict(zip(terms, broadcast, strict=True)), visible)


def _query_key(
    block: Block, x: OriginVectors, fields: Mapping[str, OriginVectors]
) -> OriginVectors:
    joined = block.query_key
    if joined is None:
        return x
    before = [fields[name] for name in joined.attributes]
    after = [fields[name] for name in joined.behaviours]
    return _fused(joined.fusion, [*before, x, *after])


def _after(block: Block, x: OriginVectors, found: Attended, layout: TokenLayout) -> OriginVectors:
    """The parts after a block, for its attention weights, deviations and slopes."""
    attention = block.attention
    scores = (score_of(found.terms) * attention.scale).masked_fill(~found.visible, -torch.inf)
    weights = scores.softmax(dim=-1)
    values = _heads(_mapped(x, attention.value), attention, layout)
    mixed: OriginVectors = {}
    for origin, value in values.items():
        mixed[origin] = (weights @ value).transpose(1, 2).flatten(2).flatten(0, 1)
    y = _normed(_added(x, _mapped(mixed, attention.out)), block.attention_norm)
    hidden = _mapped(y, block.expand)
    slope = torch.special.ndtr(total(hidden))  # GELU(u) = u Φ(u)
    active: OriginVectors = {origin: part * slope for origin, part in hidden.items()}
    return _normed(_added(y, _mapped(active, block.contract)), block.forward_norm)


def _fused(fusion: VectorFusion, parts: Sequence[OriginVectors]) -> OriginVectors:
    """A fusion of vectors that are sums of parts, for its gates."""
    maps, constant = fusion.linearised(list(map(total, parts)))
    result: OriginVectors = {"bias": constant.expand_as(maps[0](total(parts[0])))}
    for through, part in zip(maps, parts, strict=True):
        result = _added(result, {origin: through(vector) for origin, vector in part.items()})
    return result


def _mapped(parts: OriginVectors, layer: nn.Linear) -> OriginVectors:
    """A linear map of each part; its bias is a part of its own."""
    mapped: OriginVectors = {}
    for origin, part in parts.items():
        mapped[origin] = nn.functional.linear(part, layer.weight)
    return _added(mapped, {"bias": layer.bias.expand_as(next(iter(mapped.values())))})


def _normed(parts: OriginVectors, norm: nn.LayerNorm) -> OriginVectors:
    """Parts centred and scaled as their sum is; the shift of the norm is a part of its own."""
    deviation = (total(parts).var(dim=-1, keepdim=True, unbiased=False) + norm.eps).sqrt()
    scaled: OriginVectors = {}
    for origin, part in parts.items():
        centred = part - part.mean(dim=-1, keepdim=True)
        scaled[origin] = centred / deviation * norm.weight
    return _added(scaled, {"bias": norm.bias.expand_as(deviation * norm.bias)})


def _added(parts: OriginVectors, others: OriginVectors) -> OriginVectors:
    both = dict(parts)
    for origin, part in others.items():
        both[origin] = both[origin] + part if origin in both else part
    return both


def _heads(parts: OriginVectors, attention: SourceAttention, layout: TokenLayout) -> OriginVectors:
    """[T, h·w] -> [b, h, l, w] of each part."""
    bucket = layout.buckets[0]
    heads: OriginVectors = {}
    for origin, part in parts.items():
        heads[origin] = bucket.spread(attention.split(part)).transpose(1, 2)
    return heads


def grouped(pairs: Mapping[tuple[Origin, Origin], Tensor]) -> dict[str, Tensor]:
    """Values by origins, summed to COMIF's four terms and biases; side information is both
    kinds.
    """
    groups = {name: torch.zeros_like(next(iter(pairs.values()))) for name in TERMS}
    for (query, key), value in pairs.items():
        name = "bias" if "bias" in (query, key) else f"{SIDES[query]}-{SIDES[key]}"
        groups[name] = groups[name] + value
    return groups


def covariances(terms: Terms, pairs: Tensor) -> dict[tuple[Origin, Origin], Tensor]:
    """Σ term · score over pairs of query and key, both centred over the keys of a query.

    Args:
        terms: the terms of a score.
        pairs: Bool[b, 1, l, l], which pairs count.

    Returns:
        Float[h] for each term.
    """
    score = _centred(score_of(terms), pairs)
    found: dict[tuple[Origin, Origin], Tensor] = {}
    for origins, term in terms.items():
        found[origins] = (_centred(term, pairs) * score).sum(dim=(0, 2, 3))
    return found


def magnitudes(terms: Mapping[str, Tensor], pairs: Tensor) -> dict[str, Tensor]:
    """Σ |term| over pairs of query and key, not centred.

    Args:
        terms: the terms of a score, by name.
        pairs: Bool[b, 1, l, l], which pairs count.

    Returns:
        Float[h] for each term.
    """
    return {name: (term.abs() * pairs).sum(dim=(0, 2, 3)) for name, term in terms.items()}


def relevance_covariances(
    table: OriginVectors, states: OriginVectors
) -> dict[tuple[Origin, Origin], Tensor]:
    """Σ term · score over users and items, centred over items, without the padding.

    With Σ_v (ẽ_v·x)(ẽ'_v·y) = xᵀ(Ẽᵀ Ẽ')y no score has to be computed.

    Args:
        table: the parts Float[V, d] of item vectors.
        states: the parts Float[B, d] of states.

    Returns:
        A scalar by the origin of the item vector and of the state.
    """
    centred: OriginVectors = {}
    for origin, part in table.items():
        centred[origin] = part[1:] - part[1:].mean(dim=0)
    whole_table, state = total(centred), total(states)
    found: dict[tuple[Origin, Origin], Tensor] = {}
    for of_item, part in centred.items():
        against = state @ (part.T @ whole_table).T  # [B, d]
        for of_state, state_part in states.items():
            found[of_item, of_state] = (state_part * against).sum()
    return found


def _centred(scores: Tensor, pairs: Tensor) -> Tensor:
    """Scores minus their mean over the keys of each query, and 0 outside of the pairs."""
    mean = (scores * pairs).sum(dim=-1, keepdim=True) / pairs.sum(dim=-1, keepdim=True).clamp(min=1)
    return (scores - mean) * pairs
