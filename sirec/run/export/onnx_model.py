"""A run as an ONNX model with its id tables and a card."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch

from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.run.export.base import ExportedRun, RunFormat
from sirec.run.export.card import write_card
from sirec.run.export.equality import ScoreEquality, compare_scores
from sirec.run.export.graph import ITEMS, SCORES, USERS, ScoringGraph, cannot_export, trace
from sirec.run.export.id_tables import write_id_tables
from sirec.run.files import replace_json

MODEL, DESCRIPTION = "model.onnx", "export.json"
FORMAT = 1  # of export.json
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
SILENCED = ("torch.onnx", "onnxscript", "onnx_ir")


def check_packages() -> None:
    """Raise `SirecError` if the packages of the extra `onnx` are not installed."""
    missing: list[str] = []
    for name in PACKAGES:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        raise SirecError(
            f"exporting a run needs {', '.join(missing)}, not installed here",
            "pip install 'sirec[onnx]'",
        )


def write_onnx(run: ExportedRun, folder: Path) -> Sequence[str]:
    """Write the model, what is needed to call it, and a card; its scores are compared first.

    Args:
        run: the run.
        folder: an empty folder.

    Returns:
        What the comparison of scores gave.

    Raises:
        SirecError: if no graph can be made of the model, or its scores are others.
    """
    declaration = MODELS[run.config.model.name]
    model = run.built.model
    if declaration.no_graph:
        raise cannot_export(model, TypeError(declaration.no_graph))
    graph = ScoringGraph(model, run.built.schema).eval()
    inputs = save_graph(graph, folder / MODEL)
    description = _description(run, graph, inputs)
    replace_json(folder / DESCRIPTION, description)
    write_id_tables(run, folder, with_users=USERS in inputs)
    found = compare_scores(run.built, graph, folder / MODEL)
    write_card(run, description, found, folder)
    return [_in_words(found)]


def save_graph(graph: ScoringGraph, path: Path) -> list[str]:
    """Write a graph as an ONNX model, without inputs that nothing reads.

    Args:
        graph: the graph.
        path: the file.

    Returns:
        The names of its inputs.

    Raises:
        SirecError: if no graph can be made of the model.
    """
    traced = trace(graph)
    try:
        with _quiet():
            program: Any = torch.onnx.export(
                traced, dynamo=True, input_names=graph.inputs, output_names=[SCORES], verbose=False
            )
            inputs = program.model.graph.inputs
            _drop_unread(inputs)
            program.save(path)
    except Exception as error:  # of a converter that has no counterpart of an operation
        raise cannot_export(graph.model, error) from error
    return list(map(attrgetter("name"), inputs))


def _drop_unread(inputs: Any) -> None:
    """Remove the inputs of which only the shape is read, which the items have as well."""
    items = inputs[0]
    for value in list(inputs[1:]):
        shapes = [use for use in value.uses() if _reads_shape(use.node, value.name)]
        if len(shapes) == len(value.uses()):
            for node, index in shapes:
                node.replace_input_with(index, items)
            inputs.remove(value)


def _reads_shape(node: Any, name: str) -> bool:
    """Whether a node of the graph asks for a size that an input shares with the items.

    Args:
        node: the node.
        name: name of the input, of one axis for users and of two for behaviours.
    """
    if node.op_type != "Shape":
        return False
    start, end = node.attributes.get("start"), node.attributes.get("end")
    counts_rows = (start is None or start.as_int() == 0) and end is not None and end.as_int() == 1
    return counts_rows or name != USERS


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress and the remarks of the converter, which no person can act on."""
    loggers = list(map(logging.getLogger, SILENCED))
    levels = list(map(attrgetter("level"), loggers))
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _description(run: ExportedRun, graph: ScoringGraph, inputs: Sequence[str]) -> dict[str, Any]:
    """What export.json holds: all that a program needs in order to call the model."""
    fields = dict(zip(graph.inputs, [ITEMS, USERS, *graph.behaviours], strict=True))
    forms = {field.name: field.form for field in run.built.schema.behaviours}
    described: list[dict[str, Any]] = []
    for name in inputs:
        shape = ["histories"] if name == USERS else ["histories", "slots"]
        field = fields[name]
        described.append({"name": name, "field": field, "type": "int64", "shape": shape})
        if forms.get(field) == "user":
            described[-1]["note"] = "of the user: the same in all slots of a row"
    return {
        "format": FORMAT,
        "model": run.config.model.name,
        "run": run.folder.id,
        "data": run.data.name,
        "fingerprint": run.folder.fingerprint(),
        "window": graph.window,
        "inputs": described,
        "output": {"name": SCORES, "type": "float32", "shape": ["histories", run.data.item_codes]},
    }


def _in_words(found: ScoreEquality) -> str:
    return (
        f"onnxruntime gives the model's scores for {found.histories} histories: they differ by "
        f"{found.difference:.1e} at most, and {found.equal_lists} lists of {found.count} are equal"
    )


ONNX = RunFormat("onnx", check_packages, write_onnx, DESCRIPTION)
