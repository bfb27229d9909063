"""Gradients of large item tables where a step touches few rows: plain Adam, without a table of
zeros for every use.

Each use of a table gives a gradient as large as the table, nearly all of it zeros, and the
optimiser a sum of them. Where no objective reads the whole catalogue, uses give rows instead, which
are added up in one buffer that is kept: after the step only the rows that were touched are set to
zero again. The optimiser is the same, moments of untouched rows decay as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

LEAST_ROWS = 1 << 18  # in smaller tables zeros are cheaper than knowing where they are


@dataclass(eq=False)
class KeptGradients:
    """The tables whose gradients come by rows, and the buffer of each."""

    tables: list[nn.Embedding]
    buffers: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, model: nn.Module, rows: int, *, few: bool) -> KeptGradients:
        """For the trained tables of `rows` rows of a model, if a step touches `few` of them and
        they lie on a CPU.
        """
        items = [
            part
            for part in model.modules()
            if isinstance(part, nn.Embedding) and part.num_embeddings == rows
        ]
        kept = [
            part
            for part in items
            if few and rows >= LEAST_ROWS and part.weight.device.type == "cpu"
        ]
        for part in items:
            part.sparse = part in kept
        return cls([part for part in kept if part.weight.requires_grad])

    @contextmanager
    def added_up(self) -> Iterator[None]:
        """Within it gradients are those of whole tables, for an optimiser; after it they are
        gone.
        """
        touched = [self._gather(number, part.weight) for number, part in enumerate(self.tables)]
        yield
        for part, rows in zip(self.tables, touched, strict=True):
            if rows is not None and part.weight.grad is not None:
                part.weight.grad.index_fill_(0, rows, 0.0)
                part.weight.grad = None

    def _gather(self, number: int, weight: Tensor) -> Tensor | None:
        """The rows that a step touched; nothing to do where something has used the whole table
        after all.
        """
        gradient = weight.grad
        if gradient is None or not gradient.is_sparse:
            return None
        rows = gradient._indices()[0]
        if number not in self.buffers:
            self.buffers[number] = torch.zeros_like(weight)
        weight.grad = self.buffers[number].index_add_(0, rows, gradient._values())
        return rows
