"""What has to be alike for a fair comparison: one list, for notes below tables and for two runs.

A model may be trained in several stages. A setting that all stages share is said once, any other
stage by stage; epochs are always said stage by stage, because they add up. A training-free baseline
has only the conditions on data and split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sirec.config import dump
from sirec.errors import SirecError
from sirec.objectives.stage import Stage
from sirec.report.results import AS_THERE
from sirec.run.config import RunConfig, by_protocol_alone
from sirec.run.store import RunFolder

UNTRAINED = "none: training-free"
ABSENT = "none"


@dataclass(frozen=True)
class Condition:
    """Something that a fair comparison shares.

    Attributes:
        name: how tables call it.
        of: what a run has there, as text.
        keys: the ends of the configuration's paths that it covers.
        is_detail: whether a table mentions it only where rows differ in it.
        of_training_free: whether training-free baselines have it, too.
        is_of_protocol: whether a protocol has a value for it, which a run may depart from.
    """

    name: str
    of: Callable[[RunFolder, RunConfig], str]
    keys: tuple[str, ...] = ()
    is_detail: bool = False
    of_training_free: bool = False
    is_of_protocol: bool = False


def conditions_of(run: RunFolder, *, details: bool = False) -> Mapping[str, str]:
    """Name of a condition -> what a run has there.

    Args:
        run: the run.
        details: whether the details are wanted, without those that the run lacks, or the other
            conditions.
    """
    config = run.config()
    found: dict[str, str] = {}
    for condition in CONDITIONS:
        if condition.is_detail == details:
            text = condition.of(run, config)
            if not (details and text == ABSENT):
                found[condition.name] = text
    return found


def departures_of(run: RunFolder) -> Mapping[str, str]:
    """Name of a setting that the run's protocol has -> `5, not 10`, or that it is as there.

    Args:
        run: the run.

    Returns:
        Nothing for a training-free baseline, and where the protocol is not known here.
    """
    config = run.config()
    if not config.stages:
        return {}
    try:
        usual = by_protocol_alone(config)
    except SirecError:
        return {}
    found: dict[str, str] = {}
    for condition in CONDITIONS:
        if not condition.is_of_protocol:
            continue
        here, there = condition.of(run, config), condition.of(run, usual)
        if ABSENT not in (here, there):
            found[condition.name] = AS_THERE if here == there else f"{here}, not {there}"
    return found


def is_covered(path: str) -> bool:
    """Whether a condition covers a path of the configuration, given with dots."""
    covered: list[str] = []
    for condition in CONDITIONS:
        covered += condition.keys
    return any(f".{key}." in f".{path}." for key in covered)


def by_stage(stages: Sequence[Stage], text: Callable[[Stage], str], *, each: bool = False) -> str:
    """A setting of all stages: `0.0001`, or `pretrain 0.002, then train 0.0001`.

    Args:
        stages: the stages.
        text: the setting of one stage.
        each: whether several stages are listed although they have the same setting.
    """
    texts = list(map(text, stages))
    if len(set(texts)) == 1 and not (each and len(texts) > 1):
        return texts[0]
    named = [f"{stage.title} {said}" for stage, said in zip(stages, texts, strict=True)]
    return ", then ".join(named) or UNTRAINED


def _of_stages(
    name: str,
    key: str,
    text: Callable[[Stage], str],
    *,
    each: bool = False,
    is_detail: bool = False,
) -> Condition:
    """A condition on a setting of every stage."""

    def of(_: RunFolder, config: RunConfig) -> str:
        return by_stage(config.stages, text, each=each)

    is_of_protocol = key not in ("objectives", "task")
    return Condition(name, of, (key,), is_detail, is_of_protocol=is_of_protocol)


def _of_model(name: str, key: str, *, is_detail: bool = False) -> Condition:
    """A condition on a size that most models have."""

    def of(_: RunFolder, config: RunConfig) -> str:
        return str(getattr(config.model, key, ABSENT))

    return Condition(name, of, (f"model.{key}",), is_detail, is_of_protocol=True)


def _of_run(key: str) -> Condition:
    """A condition on a key at the top of the configuration."""
    return Condition(key, lambda _, config: str(getattr(config, key)), (key,))


def _data(run: RunFolder, config: RunConfig) -> str:
    return f"{config.data.name} {run.fingerprint()}"


def _length(_: RunFolder, config: RunConfig) -> str:
    return str(config.data.max_length)


def _fields(_: RunFolder, config: RunConfig) -> str:
    return ", ".join(_names_of_fields(config)) or ABSENT


def _names_of_fields(config: RunConfig) -> Iterator[str]:
    """The fields that the model reads."""
    if config.model.reads("attribute"):
        if config.data.attributes is None:
            yield "all attributes"
        for name in config.data.attributes or ():
            yield _with_placebo(name, config)
    if config.model.reads("behaviour"):
        for name in config.data.behaviours:
            yield _with_placebo(name, config)


def _with_placebo(field: str, config: RunConfig) -> str:
    """The name of a field, and whether its values were permuted."""
    return f"{field} (shuffled)" if field in config.data.placebo else field


def _spelt(component: object) -> str:
    """A named component: its weight, its name, and the settings that are not at their default."""
    tree = dump(component, defaults=False)
    settings = [f"{key}={tree[key]}" for key in tree if key not in ("name", "weight")]
    text = str(tree["name"])
    if hasattr(component, "weight"):
        text = f"{component.weight:g} {text}"
    return f"{text} ({', '.join(settings)})" if settings else text


def _loss(stage: Stage) -> str:
    return " + ".join(map(_spelt, stage.objectives))


def _selected(stage: Stage) -> str:
    return f"validation {stage.metric}" if stage.keeps == "best" else "nothing (last epoch)"


def _patience(stage: Stage) -> str:
    return f"{stage.patience} evaluations" if stage.keeps == "best" else ABSENT


CONDITIONS = (
    _of_run("protocol"),
    _of_run("profile"),
    Condition("data", _data, ("data.name",), of_training_free=True),
    Condition("split", lambda run, _: run.split().text, of_training_free=True),
    Condition("fields", _fields, ("data.attributes", "data.behaviours", "data.placebo")),
    Condition("length", _length, ("max_length",), is_of_protocol=True),
    _of_model("width", "width"),
    _of_model("layers", "layers"),
    _of_model("heads", "heads"),
    _of_model("dropout", "dropout"),
    _of_stages("loss", "objectives", _loss),
    _of_stages("task", "task", lambda stage: _spelt(stage.task)),
    _of_stages("targets a step", "budget", lambda stage: f"{stage.budget:,}"),
    _of_stages("learning rate", "learning_rate", lambda stage: f"{stage.learning_rate:g}"),
    _of_stages("epochs at most", "epochs", lambda stage: f"{stage.epochs:,}", each=True),
    _of_stages("patience", "patience", _patience),
    _of_stages("selected by", "metric", _selected),
    _of_run("precision"),
    _of_model("inner width", "inner", is_detail=True),
    _of_model("attention dropout", "attention_dropout", is_detail=True),
    _of_stages(
        "weight decay", "weight_decay", lambda stage: f"{stage.weight_decay:g}", is_detail=True
    ),
    _of_stages("Adam's β1", "beta1", lambda stage: f"{stage.beta1:g}", is_detail=True),
    _of_stages("Adam's β2", "beta2", lambda stage: f"{stage.beta2:g}", is_detail=True),
    _of_stages(
        "epochs an evaluation",
        "evaluate_every",
        lambda stage: str(stage.evaluate_every),
        is_detail=True,
    ),
)
