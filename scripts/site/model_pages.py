"""A page for each model and one that lists them, from the models' declarations."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

from sirec.studies.analyses.model_cards import (
    ConfigKey,
    ModelCard,
    entries,
    printed,
    search_space,
    settings,
)

LIST = """# Models

Where attributes and behaviours enter a model, what fuses them there (in brackets), what its
self-supervised losses are about, and what it learns. *candidates*: items are scored with their
attributes, too. *objective*: only losses read them. Nothing is learnt by a training-free baseline.

| model | attributes | behaviours | self-supervised | task | losses |
|---|---|---|---|---|---|
"""
WITHOUT_CONTENTS = "---\nhide: [toc]\n---"  # equations need the width
TRAIN = """```console
$ sirec train {name} --data demo
$ sirec models {name} --full
```"""
SETTINGS = """What a run has set under protocol `comif`, by the key that `--set` takes.
[Settings](../settings.md) says what each key means.
*published* follows the authors' code where it differs from the paper: `--profile published`.

| setting | intended | published |
|---|---|---|
"""

SEARCH = """What `sirec sweep {name}` and `tune:` in an [experiment file](../experiments.md#search)
try where no space is named. The first trial is the model as it is declared."""


def models_page() -> str:
    """The list of models as Markdown; each name leads to the model's page."""
    lines: list[str] = []
    for card in entries():
        stages = [", ".join(stage) for stage in card.objectives]
        cells = (
            f"[{card.model.title}]({card.model.name}.md)",
            card.places["attribute"].text,
            card.places["behaviour"].text,
            ", ".join(card.signals) or "–",
            " then ".join(card.tasks) or "–",
            " then ".join(stages) or "–",
        )
        lines.append(f"| {' | '.join(cells)} |\n")
    return LIST + "".join(lines)


def model_pages() -> dict[str, str]:
    """Path on the site -> Markdown, for every model."""
    return {page_of(card.model.name): _page(card) for card in entries()}


def page_of(model: str) -> str:
    """Path on the site of a model's page."""
    return f"models/{model}.md"


def _page(card: ModelCard) -> str:
    model = card.model
    text = inspect.getdoc(inspect.getmodule(model)) or ""
    parts = [WITHOUT_CONTENTS, f"# {model.title}", *_paragraphs(text), f"Source: {model.source}."]
    if model.checked:
        parts.append(f"Beside the original: {model.checked}.")
    parts.append(TRAIN.format(name=model.name))
    figures = printed(model)
    if figures:
        parts += [
            "## Published numbers",
            _table(list(figures[0]), [list(row.values()) for row in figures]),
        ]
    rows = settings(model)
    if rows:
        parts += ["## Settings", SETTINGS + "".join(map(_setting, rows))]
    space = search_space(model)
    if space:
        tried = [(f"`{key}`", values) for key, values in space.items()]
        parts += ["## Search space", SEARCH.format(name=model.name)]
        parts.append(_table(("setting", "values"), tried))
    return "\n\n".join(parts) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs of a docstring; indented ones are equations, which keep their lines."""
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("    "):
            yield f"```text\n{inspect.cleandoc(paragraph)}\n```"
        else:
            yield " ".join(paragraph.split())


def _setting(row: ConfigKey) -> str:
    intended, published = row.text("intended"), row.text("published")
    differing = "" if published == intended else f"`{published}`"
    return f"| `{row.path}` | `{intended}` | {differing} |\n"


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    for row in rows:
        lines.append(f"| {' | '.join(map(_cell, row))} |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)
