"""Scores taken apart by where they come from: item, attributes, behaviours, biases (COMIF eq. 3, 4,
15 and 16).

COMIF expands the score of fused embeddings, ((e_j + s_j) Wq)((e_k + s_k) Wk)ᵀ, into item-item,
item-side, side-item and side-side, and the relevance (e + s)·h likewise. A pass through our encoder
is not linear, but it becomes so once all that it has decided is held: gates, attention weights, the
deviations of norms, the slopes of GELU. Then every vector is a sum of
*parts*, one for each origin, and every score is a sum of *terms*, exactly: what eq. 4 writes as W_X
and W_B.

The paper has no biases. Here they are an origin of their own: biases of maps, shifts of norms. A
share of variance counts what softmax can see: a term is centred over the keys of its query (over
the catalogue, for relevance), because what is the same for all of them changes no probability; then
Σ term · score / Σ score², which adds up to 1 over the terms and may be negative.

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
from sirec.data.tasks.layout import TokenLayout, whole
from sirec.errors import SirecError

Origin = Literal["item", "attribute", "behaviour", "bias"]
ORIGINS: tuple[Origin, ...] = ("item", "attribute", "behaviour", "bias")
SIDES: Mapping[Origin, str] = {"item": "item", "attribute": "side", "behaviour": "side"}
TERMS = ("item-item", "item-side", "side-item", "side-side", "bias")  # of the query and of the key
OriginVectors = dict[Origin, Tensor]  # vectors [T, w] that add up to one
Terms = dict[
    tuple[Origin, Origin], Tensor
]  # scores [b, h, l, l] that add up to one; (the query's origin, the key's)


@dataclass(frozen=True, eq=False)
class Attended:
    """What one block's attention read: `terms` of the fused scores before scaling, and which pairs
    are `visible`.
    """

    terms: Terms
    visible: Tensor


def total(parts: Mapping[Origin, Tensor]) -> Tensor:
    """The vector that the parts add up to."""
    return torch.stack(torch.broadcast_tensors(*parts.values())).sum(dim=0)


def score_of(terms: Terms) -> Tensor:
    """[b, h, l, l]: the fused score that the terms add up to."""
    return torch.stack(torch.broadcast_tensors(*terms.values())).sum(dim=0)


@torch.no_grad()
def attended(model: FusedTransformer, batch: Batch) -> tuple[list[Attended], OriginVectors]:
    """Each block's terms, and the parts of the states after the last block (`batch.layout`'s slots
    all there), [B * l, d].

    The model should be in 64 bits and in evaluation mode; rows in a reference form of fusion are
    padded to its window. Raises `SirecError` for blocks that are not post-norm: their gates are not
    followed.
    """
    if any(type(block) is not Block for block in model.layers):
        raise SirecError(
            "attention is told apart by origin through post-norm blocks only",
            "use a model with block: post_norm",
        )
    rows = batch.padded(model.max_length) if model.whole_window else batch
    layout = whole(rows.items)
    items, side = model.vectors(rows, layout)
    fields: dict[str, OriginVectors] = {
        name: {"attribute": side[name]} for name in model.side.attributes
    }
    fields |= {name: {"behaviour": side[name]} for name in model.side.behaviours}
    x = _input(model, items, fields)
    seen = []
    for block in model.layers:
        found = _attended(block, x, fields, layout, rows)
        seen.append(found)
        x = _after(block, x, found, layout)
    return seen, x


@torch.no_grad()
def candidates(model: FusedTransformer) -> OriginVectors:
    """The parts [V, d] of what states are compared with: items alone, or fused with their
    attributes.
    """
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
    fused = _fused(
        model.fuse_attributes,
        [{"item": items}, *(fields[n] for n in model.at_embedding["attribute"])],
    )
    fused = _fused(
        model.fuse_behaviours, [fused, *(fields[n] for n in model.at_embedding["behaviour"])]
    )
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
    alone = []
    for name, query in attention.queries.items():
        queries = _heads(_mapped(sources[name], query), attention, layout)
        keys = _heads(_mapped(sources[name], attention.keys[name]), attention, layout)
        alone.append(
            {(a, b): queries[a] @ keys[b].transpose(-1, -2) for a in queries for b in keys}
        )
    maps, constant = attention.fusion.linearised([score_of(terms) for terms in alone], visible)
    terms: Terms = {("bias", "bias"): constant}
    for through, mine in zip(maps, alone, strict=True):
        for pair, scores in mine.items():
            terms[pair] = terms.get(pair, 0) + through(scores)
    return Attended(
        dict(zip(terms, torch.broadcast_tensors(*terms.values()), strict=True)), visible
    )


def _query_key(
    block: Block, x: OriginVectors, fields: Mapping[str, OriginVectors]
) -> OriginVectors:
    joined = block.query_key
    if joined is None:
        return x
    before, after = (
        [fields[name] for name in joined.attributes],
        [fields[name] for name in joined.behaviours],
    )
    return _fused(joined.fusion, [*before, x, *after])


def _after(block: Block, x: OriginVectors, found: Attended, layout: TokenLayout) -> OriginVectors:
    """The parts after a block, with its attention weights, deviations and slopes as they are."""
    attention = block.attention
    scores = (score_of(found.terms) * attention.scale).masked_fill(~found.visible, -torch.inf)
    weights = scores.softmax(dim=-1)
    values = _heads(_mapped(x, attention.value), attention, layout)
    mixed: OriginVectors = {
        origin: (weights @ value).transpose(1, 2).flatten(2).flatten(0, 1)
        for origin, value in values.items()
    }
    y = _normed(_added(x, _mapped(mixed, attention.out)), block.attention_norm)
    hidden = _mapped(y, block.expand)
    slope = torch.special.ndtr(total(hidden))  # GELU(u) = u Φ(u)
    active: OriginVectors = {origin: part * slope for origin, part in hidden.items()}
    return _normed(_added(y, _mapped(active, block.contract)), block.forward_norm)


def _fused(fusion: VectorFusion, parts: Sequence[OriginVectors]) -> OriginVectors:
    """A fusion of vectors that are sums of parts, gates as they are."""
    maps, constant = fusion.linearised([total(part) for part in parts])
    result: OriginVectors = {"bias": constant.expand_as(maps[0](total(parts[0])))}
    for through, part in zip(maps, parts, strict=True):
        result = _added(result, {origin: through(vector) for origin, vector in part.items()})
    return result


def _mapped(parts: OriginVectors, layer: nn.Linear) -> OriginVectors:
    """A linear map of each part; its bias is a part of its own."""
    mapped: OriginVectors = {
        origin: nn.functional.linear(part, layer.weight) for origin, part in parts.items()
    }
    return _added(mapped, {"bias": layer.bias.expand_as(next(iter(mapped.values())))})


def _normed(parts: OriginVectors, norm: nn.LayerNorm) -> OriginVectors:
    """Each part centred and scaled as their sum is; the norm's shift is a part of its own."""
    deviation = (total(parts).var(dim=-1, keepdim=True, unbiased=False) + norm.eps).sqrt()
    scaled: OriginVectors = {
        origin: (part - part.mean(dim=-1, keepdim=True)) / deviation * norm.weight
        for origin, part in parts.items()
    }
    return _added(scaled, {"bias": norm.bias.expand_as(deviation * norm.bias)})


def _added(parts: OriginVectors, others: OriginVectors) -> OriginVectors:
    both = {**parts, **others}
    both |= {origin: parts[origin] + others[origin] for origin in parts if origin in others}
    return both


def _heads(parts: OriginVectors, attention: SourceAttention, layout: TokenLayout) -> OriginVectors:
    """[T, h·w] -> [b, h, l, w] of each part."""
    bucket = layout.buckets[0]
    return {
        origin: bucket.spread(attention.split(part)).transpose(1, 2)
        for origin, part in parts.items()
    }


def grouped(pairs: Mapping[tuple[Origin, Origin], Tensor]) -> dict[str, Tensor]:
    """Sums of what belongs to COMIF's four terms, attributes and behaviours both being side
    information, and to biases.
    """
    groups = {name: torch.zeros_like(next(iter(pairs.values()))) for name in TERMS}
    for (query, key), value in pairs.items():
        name = "bias" if "bias" in (query, key) else f"{SIDES[query]}-{SIDES[key]}"
        groups[name] = groups[name] + value
    return groups


def covariances(terms: Terms, pairs: Tensor) -> dict[tuple[Origin, Origin], Tensor]:
    """[h] of each term: Σ term · score over the `pairs` (Bool[b, 1, l, l]) of query and key, both
    centred over the keys.
    """
    score = _centred(score_of(terms), pairs)
    return {
        pair: (_centred(term, pairs) * score).sum(dim=(0, 2, 3)) for pair, term in terms.items()
    }


def magnitudes(terms: Mapping[str, Tensor], pairs: Tensor) -> dict[str, Tensor]:
    """[h] of each term: Σ |term| over the `pairs` of query and key, as they come."""
    return {name: (term.abs() * pairs).sum(dim=(0, 2, 3)) for name, term in terms.items()}


def relevance_covariances(
    table: OriginVectors, states: OriginVectors
) -> dict[tuple[Origin, Origin], Tensor]:
    """For candidates [V, d] and states [B, d]: Σ term · score over users and items, centred over
    items; padding left out.

    Σ_v (ẽ_v·x)(ẽ'_v·y) = xᵀ(Ẽᵀ Ẽ')y, so that no score is ever written out.
    """
    centred = {origin: part[1:] - part[1:].mean(dim=0) for origin, part in table.items()}
    whole, state = sum(centred.values()), total(states)
    against = {origin: state @ (part.T @ whole).T for origin, part in centred.items()}  # [B, d]
    return {(a, b): (states[b] * against[a]).sum() for a in centred for b in states}


def _centred(scores: Tensor, pairs: Tensor) -> Tensor:
    """Scores minus their mean over the keys of each query, 0 outside the pairs."""
    mean = (scores * pairs).sum(dim=-1, keepdim=True) / pairs.sum(dim=-1, keepdim=True).clamp(min=1)
    return (scores - mean) * pairs
