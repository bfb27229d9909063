"""Gradients of large item tables by rows, where a step reads few of them.

Each use of a table in a forward pass gives a gradient as large as the table, nearly all of it
zeros. Where no objective reads the whole catalogue, each use gives the gradient of its rows
instead. These are summed in one buffer that is kept between steps; after a step only the rows that
were read are set to zero again. The optimiser is the same Adam: the moments of all other rows decay
as usual.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

LEAST_ROWS = 1 << 18  # in smaller tables a gradient of zeros costs less


@dataclass(eq=False)
class KeptGradients:
    """The tables whose gradients are those of single rows.

    Attributes:
        tables: the embedding tables.
        buffers: the gradient of each, by its position in `tables`, 0 between two steps.
    """

    tables: list[nn.Embedding]
    buffers: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, model: nn.Module, rows: int, *, few: bool) -> KeptGradients:
        """Choose the tables of a model that are worth it: large, trained, and on a CPU.

        Args:
            model: the model; its item tables are told to give gradients by rows, or not to.
            rows: V, the number of rows of an item table.
            few: whether a step reads few rows, and never the whole table.
        """
        tables: list[nn.Embedding] = []
        for part in model.modules():
            if isinstance(part, nn.Embedding) and part.num_embeddings == rows:
                is_large = rows >= LEAST_ROWS and part.weight.device.type == "cpu"
                part.sparse = few and is_large
                if part.sparse and part.weight.requires_grad:
                    tables.append(part)
        return cls(tables)

    @contextmanager
    def added_up(self) -> Iterator[None]:
        """Within this context gradients are those of whole tables; then they are set to zero."""
        touched = [self._gather(number, part.weight) for number, part in enumerate(self.tables)]
        yield
        for part, rows in zip(self.tables, touched, strict=True):
            if rows is not None and part.weight.grad is not None:
                part.weight.grad.index_fill_(0, rows, 0.0)
                part.weight.grad = None

    def _gather(self, number: int, weight: Tensor) -> Tensor | None:
        """The rows that a step read; None where it has used the whole table after all."""
        gradient = weight.grad
        if gradient is None or not gradient.is_sparse:
            return None
        rows = gradient._indices()[0]
        if number not in self.buffers:
            self.buffers[number] = torch.zeros_like(weight)
        weight.grad = self.buffers[number].index_add_(0, rows, gradient._values())
        return rows
