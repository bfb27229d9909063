"""The contract that every recommender meets.

Letters: B rows, L length, V item codes, d width of an item vector, D width of a state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from sirec.core.kernels.products import linear
from sirec.core.states import States as States  # who writes a model imports both from here
from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING
from sirec.data.tasks.batch import Batch, Visible
from sirec.errors import SirecError

ITEM_PART, CONSTANT_PART = "item", "constant"  # parts of an item table besides attributes


class Recommender(nn.Module, ABC):
    """Scores every item for every row of a batch: all that evaluation and recommendation need.

    Attributes:
        name: the model's name in messages; a run sets it.
        remedies: for a property that the model lacks as it was built (`causal`, `gaps` for items
            that can be masked, `attributes`) the setting that would provide it.
        causal: whether a state reads its own past alone.
        single_pass: whether a state is, moreover, the same in any longer sequence.
        visibilities: which visibilities of tasks the model can be trained under.
    """

    name: str = "this model"
    remedies: Mapping[str, str] = {}
    causal: bool = False
    single_pass: bool = False
    visibilities: frozenset[Visible] = frozenset({"past"})

    def fit_statistics(self, data: Dataset) -> None:
        """Compute statistics of the training part of `data` that need no gradient; usually none."""
        return

    def prepared(self) -> Tensor | None:
        """What the scores of all batches share while nothing is trained; None where that is
        nothing.
        """
        return None

    @abstractmethod
    def scores(self, batch: Batch, prepared: Tensor | None = None) -> Tensor:
        """The score of every item as the next item of each row.

        Args:
            batch: B histories.
            prepared: the result of `prepared()`; without it that is computed anew.

        Returns:
            Float[B, V]; the score of code 0, the padding, has no meaning.
        """


class SequentialModel(Recommender):
    """A recommender that compares the state after a history with a table of item vectors.

    Attributes:
        state_width: D, the width of a state and of an item vector.
        stream_widths: width of each stream in the model's states, by name.
    """

    state_width: int
    stream_widths: Mapping[str, int] = {}

    @property
    def hidden_width(self) -> int:
        """d, the width of a state before an output layer; D where there is no such layer."""
        return self.state_width

    @abstractmethod
    def encode(self, batch: Batch) -> States:
        """The state after each slot of a batch.

        Slots beyond the length of a row are 0. Where only the last state of every row is read
        (`Batch.only_last`), all other slots may be 0 as well.
        """

    @abstractmethod
    def item_table(self) -> Tensor:
        """Float[V, D]: the vectors that states are compared with."""

    def item_parts(self) -> dict[str, Tensor]:
        """Vectors Float[V, D] whose sum is the item table, by what they come from.

        The keys are `item`, names of attributes, and `constant` for what comes from neither. A
        model whose item table is no such sum has the table as its one part.
        """
        return {ITEM_PART: self.item_table()}

    def item_vectors(self) -> Tensor:
        """Float[V, d]: the raw item vectors, before any fusion."""
        raise SirecError(
            f"{self.name} has no raw item vectors, which an objective needs",
            "leave that objective out",
        )

    def value_vectors(self, attribute: str) -> Tensor:
        """Float[A, d]: the raw vectors of an attribute's values, padding first."""
        setting = self.remedies.get("attributes")
        remedy = f"set {setting}" if setting else "use a model that has a vector for each value"
        raise SirecError(
            f"{self.name} has no vectors of {attribute}, which an objective needs",
            f"{remedy}, or leave that objective out",
        )

    def attribute_vectors(self, items: Tensor) -> dict[str, Tensor]:
        """The vectors of items' attributes, as the model reads them before any fusion.

        Args:
            items: Long[M], item codes.

        Returns:
            Float[M, d_f] of every attribute that the model has vectors of, by name.
        """
        return {}

    def weight_norms(self) -> dict[str, Tensor]:
        """Euclidean norm of each trained weight, by name, without biases and scales."""
        norms: dict[str, Tensor] = {}
        for name, weight in self.named_parameters():
            if weight.requires_grad and weight.ndim > 1:
                norms[name] = weight.norm()
        return norms

    def factors(self, states: Tensor, table: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Factors of the scores: Q Kᵀ + b equals them up to a constant for each state.

        Args:
            states: Float[..., D].
            table: Float[V, D], the item table.

        Returns:
            Q Float[..., D], K Float[V, D], and b Float[V] or None. A softmax over items does not
            depend on the constant.
        """
        return states, table, None

    def score(self, states: Tensor, table: Tensor) -> Tensor:
        """Scores of all items.

        Args:
            states: Float[..., D].
            table: Float[V, D], the item table.

        Returns:
            Float[..., V].
        """
        return linear(*self.factors(states, table))

    def score_each(self, states: Tensor, vectors: Tensor) -> Tensor:
        """Scores of each state with K items of its own.

        Args:
            states: Float[N, D].
            vectors: Float[N, K, D], vectors of the items.

        Returns:
            Float[N, K].
        """
        queries, keys, bias = self.factors(states, vectors)
        products = torch.bmm(keys, queries[:, :, None]).squeeze(-1)
        return products if bias is None else products + bias

    def score_pairs(self, states: Tensor, vectors: Tensor) -> Tensor:
        """Score of each state with one item of its own.

        Args:
            states: Float[..., D].
            vectors: Float[..., D], vectors of the items.

        Returns:
            Float[...].
        """
        return (states * vectors).sum(dim=-1)

    def question(self, batch: Batch) -> Batch:
        """The rows that predict the next item: as they are, unless the model predicts masked
        items.
        """
        return batch

    def prepared(self) -> Tensor | None:
        """Float[V, D]: the item table."""
        return self.item_table()

    def scores(self, batch: Batch, prepared: Tensor | None = None) -> Tensor:
        """The score of every item as the next item of each row, from the state at its `read` slot.

        Args:
            batch: B histories.
            prepared: Float[V, D], the item table; without it that is computed anew.

        Returns:
            Float[B, V].
        """
        table = self.item_table() if prepared is None else prepared
        return self.score(self.read_states(batch), table)

    def read_states(self, batch: Batch) -> Tensor:
        """Float[B, D]: the state of each row that is compared with items."""
        batch = self.question(batch.with_same_targets(only_last=True))
        states = self.encode(batch)
        length = batch.items.shape[1]
        rows = torch.arange(batch.read.shape[0], device=batch.read.device)
        return states.at(rows * length + batch.read)


class BareItems(SequentialModel):
    """A sequential model that scores items with the table `items` that it also embeds them with."""

    items: nn.Embedding

    def item_vectors(self) -> Tensor:
        """Float[V, d]: the raw item table."""
        return self.items.weight

    def item_table(self) -> Tensor:
        """Float[V, d]: the same table."""
        return self.items.weight


INIT_STD = 0.02


def initialise_xavier(module: nn.Module) -> None:
    """Initialise all weights by Xavier's normal rule, as RecTools does (Glorot & Bengio, 2010).

    A map or a table [m, n] is drawn from N(0, 2 / (m + n)); biases and padding rows are 0; layer
    norms keep torch's initial values.

    Args:
        module: the module, with everything below it.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.xavier_normal_(part.weight)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[PADDING].zero_()


def initialise(module: nn.Module, mean: float = 0.0) -> None:
    """Initialise all weights as BERT and RecBole do.

    Weights are drawn from N(mean, 0.02²); biases and padding rows are 0; layer norms keep torch's
    initial values.

    Args:
        module: the module, with everything below it.
        mean: mean of the weights.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, mean=mean, std=INIT_STD)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[PADDING].zero_()


INITIAL: Mapping[str, Callable[[nn.Module], None]] = {
    "normal": initialise,
    "xavier": initialise_xavier,
}
