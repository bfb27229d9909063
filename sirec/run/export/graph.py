"""The graph of a model: from codes of histories to the scores of all items.

Letters: B histories, L slots, n the window, V item codes.
"""

from __future__ import annotations

import re
import warnings

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from sirec.core.model import Recommender
from sirec.data.fields import PADDING, POSITION, Schema, names
from sirec.data.tasks.tensor_batch import TensorBatch
from sirec.errors import SirecError

ITEMS, USERS, SCORES = "items", "users", "scores"
PREFIX = "behaviour_"  # before the number of a behaviour in the name of its input
EXAMPLE_ROWS, EXAMPLE_SLOTS = 3, 5  # of the histories that the graph is traced with
FIXED = re.compile(r"Constraints violated \((.*?)\)")  # torch's words for a fixed shape
# Recurrent units of torch keep their weights in a list as well, which torch restores after tracing.
RESTORED = r"The tensor attributes? self\.\S*_flat_weights"


class ScoringGraph(nn.Module):
    """A model as a function of tensors; the vectors of items are computed once, beforehand.

    Args:
        model: the model, in evaluation mode.
        schema: the fields that it was built for.
    """

    prepared: Tensor | None

    def __init__(self, model: Recommender, schema: Schema) -> None:
        super().__init__()
        self.model = model
        self.window = schema.max_length
        fields = names(schema.behaviours)
        self.behaviours = [name for name in fields if name != POSITION]
        self.has_position = POSITION in fields
        with torch.no_grad():
            prepared = model.prepared()
        self.register_buffer("prepared", None if prepared is None else prepared.detach())

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the order of `forward`."""
        return [ITEMS, USERS, *(f"{PREFIX}{n}" for n in range(1, len(self.behaviours) + 1))]

    def forward(self, items: Tensor, users: Tensor, *behaviours: Tensor) -> Tensor:
        """The score of every item as the next one of each history.

        Args:
            items: Int64[B, L], codes of items, oldest first, padded on the right with 0.
            users: Int64[B], codes of users; 0 for somebody new.
            behaviours: Int64[B, L] of each stored behaviour, in the order of `behaviours`.

        Returns:
            Float[B, V]; −∞ for code 0, which is no item.
        """
        values = dict(zip(self.behaviours, behaviours, strict=True))
        batch = TensorBatch.of(
            items, values, users, window=self.window, with_position=self.has_position
        )
        scores = self.model.scores(batch, self.prepared).float()
        is_padding = torch.arange(scores.shape[1], device=scores.device) == PADDING
        return scores.masked_fill(is_padding, -torch.inf)


def trace(graph: ScoringGraph) -> ExportedProgram:
    """Trace a graph, for any number of histories and any number of slots up to the window.

    Args:
        graph: the graph.

    Raises:
        SirecError: if an operation of the model depends on values, which no graph can hold.
    """
    slots = min(EXAMPLE_SLOTS, graph.window)
    codes = torch.ones(EXAMPLE_ROWS, slots, dtype=torch.long)
    users = torch.zeros(EXAMPLE_ROWS, dtype=torch.long)
    histories = Dim("histories")
    row = {0: histories}
    if graph.window > 1:
        row[1] = Dim("slots", min=1, max=graph.window)
    shapes: list[object] = [row, {0: histories}]
    if graph.behaviours:
        shapes.append(tuple(row for _ in graph.behaviours))
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", RESTORED, UserWarning)
            return torch.export.export(
                graph,
                (codes, users, *(codes.clone() for _ in graph.behaviours)),  # one tensor: one input
                dynamic_shapes=tuple(shapes),
                # A model that cuts its window to the length of the rows is asked whether the two
                # are equal; the same graph serves both answers, which `check` confirms.
                prefer_deferred_runtime_asserts_over_guards=True,
            )
    except Exception as error:  # torch raises what the model raises, and errors of its own
        raise cannot_export(graph.model, error) from error


def cannot_export(model: Recommender, error: Exception) -> SirecError:
    """The error for a model of which no graph can be made.

    Args:
        model: the model.
        error: what was raised while it was traced.
    """
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    fixed = FIXED.match(reason)
    if fixed:
        reason = f"an operation fixes the number of {fixed[1].replace(', ', ' and of ')}"
    return SirecError(
        f"{model.name} cannot be exported to ONNX: {reason}",
        "a graph holds operations on tensors alone: their shapes may follow from `batch.items`, "
        "and nothing from values, `batch.lengths` or NumPy (docs/export.md)",
    )
