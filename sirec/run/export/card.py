"""The card of an exported model: what it is, how well it does by which protocol, on which data, and
how it is called.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sirec.data.fields import names
from sirec.data.sources import SOURCES
from sirec.data.sources.base import Source
from sirec.evaluation.metrics import METRIC_KINDS, parse_metric
from sirec.models import model_class
from sirec.plain_text import visible
from sirec.run.export.base import ExportedRun
from sirec.run.export.equality import ScoreEquality
from sirec.run.export.id_tables import ITEM_TABLE, SEPARATOR, USER_TABLE, VALUE_TABLE
from sirec.run.files import replace_text
from sirec.run.store import RunFolder

CARD = "README.md"
WIDTH = 100
CALL = """\
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
{inputs}
[scores] = session.run(["scores"], {{{feed}}})  # [histories, codes]
best = np.argsort(-scores[0])[:10]  # codes, looked up in items.csv"""
SPLIT_TITLES = {"valid": "validation", "test": "test"}
RULE_TITLES = {"keep": "with items of the history", "mask": "without items of the history"}


def write_card(
    run: ExportedRun, description: Mapping[str, Any], found: ScoreEquality, folder: Path
) -> None:
    """Write README.md.

    Args:
        run: the run.
        description: what export.json holds.
        found: how the scores of the graph compare with those of the model.
        folder: where the card is written.
    """
    sections = [
        [f"# {model_class(run.config.model.name).title} on {run.data.name}", *_summary(run)],
        ["## How to call it", *_calling(run, description, found)],
        ["## Metrics", *_metrics(run)],
        ["## How it was trained", *_protocol(run)],
        ["## Data", *_data(run)],
    ]
    paragraphs = list(itertools.chain.from_iterable(sections))
    replace_text(folder / CARD, visible("\n\n".join(paragraphs), keep="\n") + "\n")


def _summary(run: ExportedRun) -> Iterator[str]:
    declaration = model_class(run.config.model.name)
    attributes = names(run.built.schema.attributes)
    behaviours = names(run.built.schema.behaviours)
    yield _wrapped(
        f"A sequential recommender: it scores all {run.data.item_count:,} items as the next one of "
        f"a history. Model: {declaration.name} ({declaration.source}). It reads the attributes "
        f"{_listed(attributes)} and the behaviours {_listed(behaviours)}."
    )


def _calling(
    run: ExportedRun, description: Mapping[str, Any], found: ScoreEquality
) -> Iterator[str]:
    yield _wrapped(
        "`model.onnx` needs onnxruntime alone. Inputs are codes, 64-bit integers; a row is one "
        f"history, oldest item first, of at most {description['window']} items (of a longer one "
        "the last of them), padded on the right with 0. A row has one item at least."
    )
    rows: list[str] = []
    for value in description["inputs"]:
        shape = ", ".join(value["shape"])
        what = f"{value['field']} ({value['note']})" if "note" in value else value["field"]
        rows.append(f"| `{value['name']}` | {what} | [{shape}] |")
    yield "\n".join(["| input | codes of | shape |", "|---|---|---|", *rows])
    yield _wrapped(
        f"The output `scores` [histories, {run.data.item_codes}] has a score of each item code; "
        "code 0 is no item and has −∞. Scores only order the items of one row. Items of the "
        "history are among them: leave them out if nobody buys twice."
    )
    yield f"```python\n{_example(description)}\n```"
    yield _wrapped(_tables(run, description))
    yield _wrapped(
        f"The scores were compared with those of the trained model for {found.histories} "
        f"histories: they differ by {found.difference:.1e} at most (the largest score is "
        f"{found.largest:.3g}), and {found.equal_lists} of the {found.histories} lists of "
        f"{found.count} items are the same."
    )


def _example(description: Mapping[str, Any]) -> str:
    """The call with a history of two items."""
    lines: list[str] = []
    feed: list[str] = []
    for value in description["inputs"]:
        name = value["name"]
        one_each = len(value["shape"]) == 1
        example = "[0]" if one_each else "[[17, 4]]" if name == "items" else "[[1, 1]]"
        note = "somebody new" if one_each else f"codes of {value['field']}"
        lines.append(f"{name} = np.array({example})  # {note}")
        feed.append(f'"{name}": {name}')
    return CALL.format(inputs="\n".join(lines), feed=", ".join(feed))


def _tables(run: ExportedRun, description: Mapping[str, Any]) -> str:
    text = (
        f"`{ITEM_TABLE}` tells codes of items from raw ids, with titles where they are known and "
        f"the codes of their attributes (several are separated by `{SEPARATOR}`); `{VALUE_TABLE}` "
        "says what the codes of each field stand for."
    )
    if any(value["name"] == "users" for value in description["inputs"]):
        text += f" `{USER_TABLE}` has the codes of users; 0 is somebody new."
    return text + " `export.json` has all this for programs."


def _metrics(run: ExportedRun) -> Iterator[str]:
    measured = run.folder
    if run.config.refit is not None:
        measured = RunFolder(run.folder.path.parent / run.config.refit.of)
        yield _wrapped(
            f"This run was trained on all interactions, those of validation and test included, and "
            f"cannot be evaluated. It repeats run {measured.id}, which had these settings and was "
            f"not trained on them{':' if measured.is_done else '; its metrics are not here.'}"
        )
    if not measured.is_done:
        return
    stored = measured.metrics()
    for split, title in SPLIT_TITLES.items():
        by_rule: Mapping[str, Mapping[str, float]] = stored.get(split, {})
        metrics = list(by_rule.get("keep", {}))
        if not metrics:
            continue
        lines = [f"| {title} | {' | '.join(metrics)} |", f"|---|{'---|' * len(metrics)}"]
        for rule, words in RULE_TITLES.items():
            cells = [f"{by_rule[rule][name]:.4f}" for name in metrics]
            lines.append(f"| {words} | {' | '.join(cells)} |")
        yield "\n".join(lines)
    shown = {parse_metric(name).kind for name in metrics}
    meanings: list[str] = []
    for kind in METRIC_KINDS.values():
        if kind.name in shown:
            meanings.append(f"{kind.name}@K: {kind.meaning}")
    yield _wrapped(
        "Each user has one target, which is ranked among all items, or among those that are not in "
        f"the history. {' '.join(meanings)} One run; settings were chosen by validation, so that "
        "its numbers are optimistic."
    )


def _protocol(run: ExportedRun) -> Iterator[str]:
    config = run.config
    yield _wrapped(
        f"Run {run.folder.id}, protocol {config.protocol}, profile {config.profile}, seed "
        f"{config.seed}, split {run.manifest.options.split.text}; trained on "
        f"{'the training part' if config.refit is None else 'all interactions'}. The whole "
        "configuration is `config.yaml` of the run."
    )


def _data(run: ExportedRun) -> Iterator[str]:
    manifest, counts = run.manifest, run.manifest.statistics
    source = dict(manifest.source or {})
    name = source.pop("name", "")
    options = ", ".join(f"{key} {value}" for key, value in source.items())
    yield _wrapped(
        f"Data set `{manifest.name}` (fingerprint {manifest.fingerprint}): {counts.users:,} users, "
        f"{counts.items:,} items, {counts.interactions:,} interactions; order: "
        f"{manifest.order_in_words}; core {manifest.options.core}."
    )
    yield _wrapped(f"Source: {name or 'not stored'}{f' ({options})' if options else ''}.")
    if manifest.files:
        lines = [f"- `{file.name}`, sha256 {file.sha256}" for file in manifest.files]
        yield "\n".join(["Raw files:", "", *lines])
    known: type[Source] | None = SOURCES.get(name)
    yield _wrapped(f"Licence of the data: {(known or Source).licence}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "(none)"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
