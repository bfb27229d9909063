"""The screening: what a trained model loses on validation when a field is shuffled for it.

It costs a ranking of the users for each field, and no training. The model has learned to rely on
the true field, so that this tells what it *uses*; what the field is *worth* is known only after a
training without it, which may find the same elsewhere. Test ranks are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from sirec.data.dataset import Dataset
from sirec.evaluation.full_ranking import rank_split
from sirec.evaluation.metrics import Metric
from sirec.evaluation.ranks import HistoryRule
from sirec.run.build import set_up, torch_state_restored
from sirec.run.store import RunFolder
from sirec.studies.worth.sentences import CUSTOMERS

OnScreened = Callable[[str], None]
"""Called with a field as it has been shuffled."""


def screen(
    runs: Sequence[RunFolder],
    data: Dataset,
    fields: Sequence[str],
    metric: Metric,
    history: HistoryRule = "keep",
) -> dict[str, float | None]:
    """What the model with all fields loses without the meaning of each, of 1,000 customers.

    Args:
        runs: the finished runs with all fields, one a seed.
        data: the whole data set.
        fields: names of the fields.
        metric: what is counted.
        history: the history rule of the ranking.

    Returns:
        Field -> mean loss over the runs; None where a run has no weights.
    """
    if not all(run.has_weights for run in runs):
        return dict.fromkeys(fields)
    lost: dict[str, float | None] = {}
    with torch_state_restored():
        for name in fields:
            of_runs = [_loss(run, data, name, metric, history) for run in runs]
            lost[name] = CUSTOMERS * float(np.mean(of_runs))
    return lost


def _loss(run: RunFolder, data: Dataset, field: str, metric: Metric, history: HistoryRule) -> float:
    """The metric of a run on validation minus the same with a field shuffled."""
    config = run.config()
    shuffled = replace(config, data=replace(config.data, placebo=(field,)))
    built = set_up(shuffled, data, torch.device("cpu"))
    built.model.load_state_dict(run.weights())
    block = rank_split(built.model, built.data, "valid", config.data.max_length)
    ranks = (block.keep if history == "keep" else block.mask).cpu().numpy()
    return metric.mean(run.ranks().ranks["valid"][history]) - metric.mean(ranks)
