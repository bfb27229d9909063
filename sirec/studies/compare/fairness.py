"""What has to be alike for a fair comparison: one list, for the notes below tables and for two runs
beside each other.

A model may be trained in several stages. What these have alike is said once, what they have not is
said stage by stage; epochs are always said stage by stage, because they add up. A floor is counted,
not trained: of it only data and split are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sirec.config import dump
from sirec.objectives.stage import Stage
from sirec.run.config import RunConfig
from sirec.run.store import RunFolder

UNTRAINED = "none: counted"
ABSENT = "none"


@dataclass(frozen=True)
class Condition:
    """Something that a fair comparison shares: its `name`, what a run has there, the steps of
    dotted paths that it covers.

    A table says it of all its rows, a `detail` only where its rows differ in it. `of_training_free`
    too, or only of what is trained.
    """

    name: str
    of: Callable[[RunFolder, RunConfig], str]
    keys: tuple[str, ...] = ()
    is_detail: bool = False
    of_training_free: bool = False


def facts(folder: RunFolder, *, details: bool = False) -> Mapping[str, str]:
    """What a run has of each condition that a table always says, or of the details."""
    config = folder.config()
    found = (
        (condition.name, condition.of(folder, config))
        for condition in CONDITIONS
        if condition.is_detail == details
    )
    return {name: text for name, text in found if not (details and text == ABSENT)}


def by_stage(stages: Sequence[Stage], text: Callable[[Stage], str], *, each: bool = False) -> str:
    """What stages have: once if all have the same, else, or with `each`, under their titles."""
    texts = [text(stage) for stage in stages]
    if len(set(texts)) == 1 and not (each and len(texts) > 1):
        return texts[0]
    return (
        ", then ".join(f"{stage.title} {said}" for stage, said in zip(stages, texts, strict=True))
        or UNTRAINED
    )


def _staged(
    name: str,
    key: str,
    text: Callable[[Stage], str],
    *,
    each: bool = False,
    is_detail: bool = False,
) -> Condition:
    return Condition(
        name, lambda _, config: by_stage(config.stages, text, each=each), (key,), is_detail
    )


def _sized(name: str, key: str, *, is_detail: bool = False) -> Condition:
    """A size that most models have."""
    return Condition(
        name,
        lambda _, config: str(getattr(config.model, key, ABSENT)),
        (f"model.{key}",),
        is_detail,
    )


def _plain(name: str, key: str) -> Condition:
    """A key of the whole configuration."""
    return Condition(name, lambda _, config: str(getattr(config, key)), (key,))


def _spelt(part: object) -> str:
    """A named part of a configuration, with its weight and what is not at its default."""
    tree = dump(part, defaults=False)
    others = ", ".join(
        f"{key}={value}" for key, value in tree.items() if key not in ("name", "weight")
    )
    weight = f"{part.weight:g} " if hasattr(part, "weight") else ""
    return f"{weight}{tree['name']}{f' ({others})' if others else ''}"


def _fields(config: RunConfig) -> Iterator[str]:
    """The fields that the model reads."""
    if config.model.reads("attribute"):
        yield from ("all attributes",) if config.data.attributes is None else config.data.attributes
    if config.model.reads("behaviour"):
        yield from config.data.behaviours


def _selected(stage: Stage) -> str:
    return f"validation {stage.metric}" if stage.keeps == "best" else "nothing (last epoch)"


def _patience(stage: Stage) -> str:
    return f"{stage.patience} evaluations" if stage.keeps == "best" else ABSENT


CONDITIONS = (
    _plain("protocol", "protocol"),
    _plain("profile", "profile"),
    Condition(
        "data",
        lambda folder, config: f"{config.data.name} {folder.fingerprint()}",
        ("data.name",),
        of_training_free=True,
    ),
    Condition("split", lambda folder, _: folder.split().text, of_training_free=True),
    Condition(
        "fields",
        lambda _, config: ", ".join(_fields(config)) or ABSENT,
        ("data.attributes", "data.behaviours"),
    ),
    Condition("length", lambda _, config: str(config.data.max_length), ("max_length",)),
    _sized("width", "width"),
    _sized("layers", "layers"),
    _sized("heads", "heads"),
    _sized("dropout", "dropout"),
    _staged("loss", "objectives", lambda stage: " + ".join(map(_spelt, stage.objectives))),
    _staged("task", "task", lambda stage: _spelt(stage.task)),
    _staged("targets a step", "budget", lambda stage: f"{stage.budget:,}"),
    _staged("learning rate", "learning_rate", lambda stage: f"{stage.learning_rate:g}"),
    _staged("epochs at most", "epochs", lambda stage: f"{stage.epochs:,}", each=True),
    _staged("patience", "patience", _patience),
    _staged("selected by", "metric", _selected),
    _plain("precision", "precision"),
    _sized("inner width", "inner", is_detail=True),
    _sized("attention dropout", "attention_dropout", is_detail=True),
    _staged(
        "weight decay", "weight_decay", lambda stage: f"{stage.weight_decay:g}", is_detail=True
    ),
    _staged(
        "epochs an evaluation",
        "evaluate_every",
        lambda stage: str(stage.evaluate_every),
        is_detail=True,
    ),
)
COVERED = tuple(f".{key}." for condition in CONDITIONS for key in condition.keys)
