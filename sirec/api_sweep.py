"""`sirec.sweep`: search settings of models, each with the same number of trials."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sirec.api import run_study
from sirec.disk import disk_faults
from sirec.errors import SirecError
from sirec.models import model_class
from sirec.studies.compare.comparison import Comparison
from sirec.studies.launch.watcher import StudyWatcher
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.row import RowPlan
from sirec.studies.spec.tuning import Tuning

DIGITS = 8


@disk_faults()
def sweep(
    models: str | Sequence[str],
    data: str | None = None,
    *,
    trials: int = 8,
    sampler: str = "tpe",
    space: Mapping[str, Any] | None = None,
    sampler_seed: int = 0,
    seeds: Sequence[int] = (0,),
    set: Mapping[str, object] | None = None,
    jobs: int | None = 1,
    device: str = "cpu",
    render_only: bool = False,
    dry_run: bool = False,
    results: str | Path = "results",
    data_root: str | Path = "data",
    watcher: StudyWatcher | None = None,
) -> Comparison:
    """Search settings of one or more models; validation alone decides.

    The first trial of a model is the model as it is declared. A search that was stopped goes on
    with the same proposals.

    Args:
        models: name of the model, or several that are compared with equal numbers of trials.
        data: name of a prepared data set; without one the last prepared.
        trials: trials of each model, the declared settings among them.
        sampler: `tpe`, which needs the extra `search`, or `random`.
        space: key -> values, or `{"low": …, "high": …, "log": True}`; without it what each model
            declares.
        sampler_seed: seed of the sampler's draws.
        seeds: seeds of training; trials have the first one, the chosen setting is trained with all.
        set: settings for all trials, which are not searched.
        jobs: how many runs to train at a time; None for as many as cores and memory allow. TPE
            trains one trial of each model at a time.
        device: where to train.
        render_only: whether to draw the tables from stored ranks and train nothing.
        dry_run: whether to look up which runs there are, and to train and write nothing.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: who is told how it goes; nobody without one.

    Returns:
        The tables of the chosen settings, and of the search.

    Raises:
        SirecError: for an unknown name, a key that no model has, and without Optuna.
    """
    names = [models] if isinstance(models, str) else list(models)
    rows: dict[str, RowPlan] = {}
    for name in names:
        if model_class(name).is_training_free:
            raise SirecError(f"{name} is not trained: there is nothing to search", "leave it out")
        rows[model_class(name).title] = RowPlan(model=model_class(name).name)
    if len(rows) < len(names):
        raise SirecError("a model is named twice", "leave one of them out")
    tune = Tuning(trials=trials, sampler=sampler, seed=sampler_seed, space=dict(space or {}))
    plan = Experiment(title=f"Search of {', '.join(rows)}", rows=rows, seeds=(0,), tune=tune)
    words = ["sweep", *names, str(trials), sampler]
    if space or sampler_seed:
        told = repr(sorted(map(repr, tune.space.items()))) + str(sampler_seed)
        words.append(hashlib.sha256(told.encode()).hexdigest()[:DIGITS])
    return run_study(
        plan,
        name="_".join(words),
        data=data,
        seeds=seeds,
        set=set,
        jobs=jobs,
        device=device,
        render_only=render_only,
        dry_run=dry_run,
        results=results,
        data_root=data_root,
        watcher=watcher,
    )
