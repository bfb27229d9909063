"""The configuration of a refit, from the run that it repeats, and the refits that a run has."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from sirec.config import check_keys, parse_json
from sirec.errors import SirecError
from sirec.objectives.stage import Stage
from sirec.run.config import RunConfig
from sirec.run.manifest import EPOCHS
from sirec.run.references import refits_of
from sirec.run.refit import Refit
from sirec.run.store import RunFolder
from sirec.shell import command

REPORT = {"stage": str, "epoch": int, "is_best": bool}  # what is read of an epoch's report


def refit_config(run: RunFolder, hidden_items: float = 0.0, hiding_seed: int = 0) -> RunConfig:
    """The configuration of the refit of a run.

    Every stage has as many epochs as its selected weights had, and keeps those of the last one.

    Args:
        run: the run to repeat.
        hidden_items: share of the items that are hidden from it; 0 for a refit on all interactions.
        hiding_seed: of the draw of hidden items.

    Raises:
        SirecError: if the run has not finished, is a refit, or is a training-free baseline.
    """
    run.check_finished()
    config = run.config()
    if config.refit is not None:
        raise SirecError(
            f"{run.path}: a refit itself, which cannot be repeated",
            "recommend with it as it is",
        )
    if config.model.is_training_free:
        raise SirecError(
            f"{run.path}: {config.model.name} is a baseline without training, so there are no "
            "epochs to repeat",
            "recommend with the run as it is, or refit a trained model",
        )
    epochs = _selected_epochs(run)
    stages: list[Stage] = []
    for stage in config.stages:
        stages.append(replace(stage, epochs=epochs[stage.title], keeps="last"))
    refit = Refit(of=run.id, hidden_items=hidden_items, hiding_seed=hiding_seed)
    return replace(config, stages=tuple(stages), refit=refit)


def refit_advice(run: RunFolder, config: RunConfig) -> str | None:
    """What there is to say of refits to somebody who recommends with a run.

    Args:
        run: the run.
        config: its configuration.

    Returns:
        How to name the refit that there is, or how to make one; None for a refit and for a
        training-free baseline.
    """
    if config.refit is not None or config.model.is_training_free:
        return None
    results = run.path.resolve().parents[3]
    place = () if results == Path("results").resolve() else ("--out", run.path.parents[3])
    if refits_of(run.path):
        return (
            f"this run was trained without validation and test targets; its refit has them: "
            f"{run.id}/refit"
        )
    return (
        "this run was trained without validation and test targets; to train on all interactions: "
        f"{command('train', '--refit', run.id, *place)}"
    )


def _selected_epochs(run: RunFolder) -> dict[str, int]:
    """The number of epochs behind the selected weights of each stage, by its title."""
    path = run.checked_file(EPOCHS)
    done: Counter[str] = Counter()
    best: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        report = parse_json(line)
        check_keys(REPORT, report, str(path), required=REPORT)
        done[report["stage"]] = report["epoch"]
        if report["is_best"]:
            best[report["stage"]] = report["epoch"]
    return {stage: best[stage] or last for stage, last in done.items()}
