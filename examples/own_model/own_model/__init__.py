"""A model and an objective of your own, in a package of your own."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from sirec.core.model import BareItems, SequentialModel, States, initialise
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch
from sirec.models.declaration import Declaration
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Uniformity(ObjectiveConfig):
    """log mean exp(-2 |e_i - e_j|²) over a step's target items (Wang & Isola, ICML 2020)."""

    name: ClassVar[str] = "uniformity"
    weight: float = 0.1

    def build(self, schema: Schema, width: int) -> Objective:
        return UniformityLoss()


class UniformityLoss(Objective):
    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        vectors = nn.functional.normalize(
            encoded.vectors(encoded.batch.target_items.unique()), dim=-1
        )
        return torch.pdist(vectors).square().mul(-2).exp().mean().log()


@dataclass(frozen=True, kw_only=True)
class DecayedHistory(Declaration):
    """h_t = Σ_{s ≤ t} decay^(t - s) e_s, compared with the item vectors."""

    name: ClassVar[str] = "decayed-history"
    title: ClassVar[str] = "Decayed history"
    source: ClassVar[str] = "an example of sirec"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(objectives=(ItemCrossEntropy(), Uniformity())),)
    width: int = 64
    decay: float = 0.5

    def build(self, schema: Schema) -> SequentialModel:
        return DecayedHistoryModel(self, schema)


class DecayedHistoryModel(BareItems):
    causal = single_pass = True  # a state reads its own past alone, whatever follows

    def __init__(self, config: DecayedHistory, schema: Schema) -> None:
        super().__init__()
        self.state_width, self.decay = config.width, config.decay
        self.items = nn.Embedding(schema.items, config.width, padding_idx=PADDING)
        initialise(self)

    def encode(self, batch: Batch) -> States:
        slots = torch.arange(batch.items.shape[1], device=batch.items.device)
        age = slots[:, None] - slots  # [L, L]: how many slots before t an item lies
        weights = torch.where(age >= 0, self.decay ** age.clamp(min=0), 0.0)
        return States(weights @ self.items(batch.items))
