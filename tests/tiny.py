"""A small data set, small models, and every legal combination of an encoder's switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from sirec.core.layers.attention import SourceAttention
from sirec.core.layers.blocks import Block
from sirec.core.layers.fusion import ConcatScores, GateFusion, GateScores, SourceAxisConcat
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.split import Split, Temporal
from sirec.data.tasks.batch import Batch
from sirec.data.times import Times
from sirec.testing.models import (
    ITEMS,
    USERS,
    WINDOW,
    small_batch,
    small_dataset,
    spans,
    with_loud_weights,
    with_other_items,
)

__all__ = ["ITEMS", "USERS", "WINDOW", "spans"]
dataset, loud, changed = small_dataset, with_loud_weights, with_other_items
SHAPE: dict[str, Any] = {
    "width": 8,
    "layers": 2,
    "heads": 2,
    "inner": 8,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}
LEVELS = ("none", "embedding", "query_key", "attention")
FUSIONS = ("sum", "concat", "gate")
SCORE_FUSIONS = (
    {"score_fusion": "sum"},
    {"score_fusion": "concat", "fusion_form": "masked"},
    {"score_fusion": "concat", "fusion_form": "reference"},
    {"score_fusion": "concat", "fusion_form": "source_axis"},
    {"score_fusion": "gate", "fusion_form": "masked"},
    {"score_fusion": "gate", "fusion_form": "reference"},
)
VECTOR_GATES = tuple(
    {"score_fusion": "gate", "fusion_form": form, "gate_form": "vector"}
    for form in ("masked", "reference")
)


def times(data: Dataset, seed: int = 0, span: int = 60) -> Times:
    """Seconds for every interaction, ascending within a user and with many ties, within and between
    users.
    """
    rng = np.random.default_rng(seed)
    stretches = [np.sort(rng.integers(0, span, length)) for length in data.lengths.tolist()]
    return Times(torch.from_numpy(np.concatenate(stretches)))


def split(data: Dataset, rule: Split | None = None, seed: int = 0) -> Dataset:
    """The same interactions under another split, temporal with generous periods if none is
    named.
    """
    return replace(
        data, cut=(rule or Temporal(valid=0.2, test=0.2)).hold_out(data.offsets, times(data, seed))
    )


def a_batch(
    data: Dataset, visible: Any = "past", lengths: Sequence[int] = (9, 1, 4, 2, 10, 9)
) -> Batch:
    """Histories of these lengths, of the users with the most interactions."""
    return replace(small_batch(data, lengths), visible=visible)


def build(config: TransformerConfig, schema: Schema, seed: int = 1) -> FusedTransformer:
    """The encoder of a declaration, with loud weights."""
    model = loud(config.build(schema), seed)
    assert isinstance(model, FusedTransformer)
    return model


def sized(config: Any, **sizes: Any) -> Any:
    """A declaration with other sizes, as far as it has them; recurrent states, which only some
    have, are small in any case.
    """
    return replace(
        config,
        **{key: size for key, size in {"hidden": 8, **sizes}.items() if hasattr(config, key)},
    )


def real(batch: Batch) -> Tensor:
    """Bool[B, L]: the slots whose states mean something."""
    return torch.arange(batch.items.shape[1]) < torch.from_numpy(batch.lengths)[:, None]


def every_combination() -> dict[str, TransformerConfig]:
    """Each pair of levels, each fusion that has something to fuse, each legal form, both kinds of
    candidates.
    """
    combinations = {}
    for attribute, behaviour in product(LEVELS, LEVELS):
        used = {attribute, behaviour}
        choices = product(
            [{"attribute_fusion": name} for name in FUSIONS] if attribute == "embedding" else [{}],
            [{"behaviour_fusion": name} for name in FUSIONS] if behaviour == "embedding" else [{}],
            [{"query_key_fusion": name} for name in FUSIONS] if "query_key" in used else [{}],
            SCORE_FUSIONS if "attention" in used else [{}],
            [{"candidates": kind} for kind in ("id", "fused")]
            if attribute == "embedding"
            else [{}],
        )
        for parts in choices:
            switches = {key: value for part in parts for key, value in part.items()}
            title = "-".join([attribute, behaviour, *switches.values()])
            combinations[title] = TransformerConfig(
                attribute=attribute, behaviour=behaviour, **switches, **SHAPE
            )
    return combinations


COMBINATIONS = every_combination()


def reads_all_keys(config: TransformerConfig) -> bool:
    """Whether a declaration fuses whole rows of several score matrices before the mask."""
    several = "attention" in (config.attribute, config.behaviour)
    return several and config.score_fusion != "sum" and config.fusion_form == "reference"


def numbers(layer: nn.Module) -> tuple[Any, Any]:
    """The weight and bias of a linear map or a norm, as lists."""
    return layer.weight.tolist(), layer.bias.tolist()


def vector_gate_weights(fusion: GateFusion) -> dict[str, Any]:
    """The same of a gate of vectors."""
    return gate_weights([part for part in fusion.energy.modules() if isinstance(part, nn.Linear)])


def gate_weights(layers: Sequence[nn.Module]) -> dict[str, Any]:
    """The scorer of a gate, one vector or two layers, as the loops want it."""
    if len(layers) == 1:
        return {"energy": cast(nn.Linear, layers[0]).weight[0].tolist()}
    (hidden, hidden_bias), (energy, energy_bias) = numbers(layers[0]), numbers(layers[1])
    return {
        "hidden": hidden,
        "hidden_bias": hidden_bias,
        "energy": energy[0],
        "energy_bias": energy_bias[0],
    }


def score_weights(fusion: nn.Module, form: str = "masked") -> dict[str, Any]:
    """The weights of a score fusion, as the loops want them."""
    if isinstance(fusion, SourceAxisConcat):
        return {
            "name": "concat",
            "form": form,
            "weight": fusion.weight.tolist(),
            "bias": fusion.bias.item(),
        }
    if isinstance(fusion, ConcatScores):
        weight, bias = numbers(fusion.map)
        return {
            "name": "concat",
            "form": form,
            "window": fusion.max_length,
            "weight": weight,
            "bias": bias,
        }
    if isinstance(fusion, GateScores):
        layers = [fusion.energy] if fusion.hidden is None else [fusion.hidden, fusion.energy]
        return {"name": "gate", "form": form, "window": fusion.max_length, **gate_weights(layers)}
    return {"name": "sum", "form": form}


def attention_weights(
    attention: SourceAttention, order: Sequence[str], form: str, scale: float
) -> dict[str, Any]:
    """The weights of an attention whose sources come in this order, as the loops want them."""
    return {
        "query": {source: numbers(attention.queries[source]) for source in order},
        "key": {source: numbers(attention.keys[source]) for source in order},
        "value": numbers(attention.value),
        "out": numbers(attention.out),
        "fusion": score_weights(attention.fusion, form),
        "heads": attention.heads,
        "scale": scale,
    }


def block_weights(block: Block, order: Sequence[str], form: str, scale: float) -> dict[str, Any]:
    """The weights of a block, as the loops want them."""
    parts = ("attention_norm", "expand", "contract", "forward_norm")
    attention = attention_weights(block.attention, order, form, scale)
    return {"attention": attention, **{part: numbers(getattr(block, part)) for part in parts}}
