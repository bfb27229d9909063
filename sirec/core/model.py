"""The contract every recommender meets.

Letters: B rows, L length, V item codes, d width, D width of a state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from sirec.core.kernels.products import linear
from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import take_distinct
from sirec.errors import SirecError, unknown


@dataclass(frozen=True, eq=False)
class States:
    """What an encoder knows after each slot: `final` [B, L, D] and, by name, the streams that later
    parts read.

    `hidden` [B, L, d] is what an output layer made `final` of; None where there is no such layer.
    """

    final: Tensor
    streams: Mapping[str, Tensor] = field(default_factory=dict)
    hidden: Tensor | None = None

    def at(self, slots: Tensor) -> Tensor:
        """[N, D]: the final states of flat slots Long[N] into [B * L], no slot twice."""
        return take_distinct(self.final.flatten(0, 1), slots)

    def stream_at(self, name: str, slots: Tensor) -> Tensor:
        """[N, w]: a stream's states of flat slots, no slot twice. Raises `SirecError` if there is
        no such stream.
        """
        if name not in self.streams:
            raise unknown("stream", name, self.streams, "this model's states")
        return take_distinct(self.streams[name].flatten(0, 1), slots)


class Recommender(nn.Module, ABC):
    """Scores every item for every row of a batch; all that evaluation and recommendation may
    call.
    """

    name: str = "this model"  # as its user knows it, once a run has built it
    remedies: Mapping[
        str, str
    ] = {}  # what it lacks as built (causal, gaps, attributes) -> the setting that would give it that
    causal: bool = False  # every state reads only its own past
    single_pass: bool = False  # and is the same in any longer sequence
    visibilities: frozenset[Visible] = frozenset({"past"})

    def fit_statistics(self, data: Dataset) -> None:
        """Learn what needs no gradient from the training part of `data` (nothing, for most
        models).
        """
        return

    def prepared(self) -> Tensor | None:
        """What the scores of many batches have in common, as long as nothing is trained; None where
        there is nothing.
        """
        return None

    @abstractmethod
    def scores(self, batch: Batch, prepared: Tensor | None = None) -> Tensor:
        """[B, V]: the score of each item as the row's next one; code 0 (padding) is not meaningful.

        `prepared` is what `prepared()` gave; without it that is made anew.
        """


class SequentialModel(Recommender):
    """A recommender that compares the state after a history with a table of items."""

    state_width: int  # D
    stream_widths: Mapping[str, int] = {}  # of the streams in its states, by name

    @property
    def hidden_width(self) -> int:
        """The width of a state before an output layer; D where there is no such layer."""
        return self.state_width

    @abstractmethod
    def encode(self, batch: Batch) -> States:
        """The state after each slot; slots beyond a row's length are 0 and mean nothing.

        Where a batch asks for the ends of rows only (`Batch.readout`), other slots may be 0, too.
        """

    @abstractmethod
    def item_table(self) -> Tensor:
        """[V, D]: what states are compared with."""

    def item_vectors(self) -> Tensor:
        """[V, d]: the raw item vectors, before any fusion."""
        raise SirecError(
            f"{self.name} has no raw item vectors, which an objective asks for",
            "leave that objective out",
        )

    def value_vectors(self, attribute: str) -> Tensor:
        """[A, d]: the raw vectors of an attribute's values, padding first."""
        setting = self.remedies.get("attributes")
        remedy = f"set {setting}" if setting else "use a model that has a vector for each value"
        raise SirecError(
            f"{self.name} has no vectors of {attribute}, which an objective asks for",
            f"{remedy}, or leave that objective out",
        )

    def weight_norms(self) -> dict[str, Tensor]:
        """The Euclidean norm of each trained weight by name; vectors, which are biases and scales,
        do not count.
        """
        weights = {
            name: weight
            for name, weight in self.named_parameters()
            if weight.requires_grad and weight.ndim > 1
        }
        return {name: weight.norm() for name, weight in weights.items()}

    def factors(self, states: Tensor, table: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Q [..., D], K [V, D], b [V] or None: scores are Q Kᵀ + b, up to a number a state, which
        no softmax sees.
        """
        return states, table, None

    def score(self, states: Tensor, table: Tensor) -> Tensor:
        """[..., D], [V, D] -> [..., V]."""
        return linear(*self.factors(states, table))

    def score_each(self, states: Tensor, vectors: Tensor) -> Tensor:
        """[N, D], [N, K, D] -> [N, K]: `score` of each state with a table of its own."""
        queries, keys, bias = self.factors(states, vectors)
        products = torch.bmm(keys, queries[:, :, None]).squeeze(-1)
        return products if bias is None else products + bias

    def score_pairs(self, states: Tensor, vectors: Tensor) -> Tensor:
        """[..., D], [..., D] -> [...]: `score` of each state with a vector of its own, for losses
        that need no other.
        """
        return (states * vectors).sum(dim=-1)

    def question(self, batch: Batch) -> Batch:
        """The rows as this model is asked what comes next: as they are, unless it fills gaps."""
        return batch

    def prepared(self) -> Tensor | None:
        """[V, D]: the item table."""
        return self.item_table()

    def scores(self, batch: Batch, prepared: Tensor | None = None) -> Tensor:
        """[B, V] from the state at each row's `read` slot."""
        batch = self.question(replace(batch, only_last=True))
        states = self.encode(batch)
        length = batch.items.shape[1]
        read = torch.arange(len(batch.read), device=batch.read.device) * length + batch.read
        return self.score(states.at(read), self.item_table() if prepared is None else prepared)


class BareItems(SequentialModel):
    """A sequential model that compares states with the very vectors that it reads items by,
    `items`.
    """

    items: nn.Embedding

    def item_vectors(self) -> Tensor:
        """[V, d]: the raw item table."""
        return self.items.weight

    def item_table(self) -> Tensor:
        """[V, d]: the same table."""
        return self.items.weight


INIT_STD = 0.02


def initialise(module: nn.Module, mean: float = 0.0) -> None:
    """Weights from N(mean, 0.02²), biases 0, padding rows 0, as in BERT and RecBole (mean 0); norms
    keep torch's (1, 0).
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, mean=mean, std=INIT_STD)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[PADDING].zero_()
