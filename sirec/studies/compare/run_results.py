"""Finished runs as a table sees them, read from their folders."""

from __future__ import annotations

from collections.abc import Sequence

from sirec.data.split import LeaveOneOut
from sirec.models import model_class
from sirec.objectives.stage import Stage
from sirec.report.published import PrintedRow
from sirec.report.results import RunResult
from sirec.run.store import RunFolder
from sirec.studies.compare.fairness import conditions_of, departures_of
from sirec.studies.compare.labels import distinct_labels


def run_result(
    run: RunFolder,
    label: str | None = None,
    *,
    is_variant: bool = False,
    printed: PrintedRow | None = None,
    against: str | None = None,
) -> RunResult:
    """A finished run as a table sees it.

    Args:
        run: the run.
        label: label of its row; the title of its model if None.
        is_variant: whether it differs from what the papers' main tables have. A run with other
            objectives than its model declares, or on another split, always does.
        printed: the row of a published table whose values belong to the run.
        against: what its row is compared with, where that is not left to the table.

    Raises:
        SirecError: if the run has not finished, or its files are damaged.
    """
    config = run.config()
    declaration = model_class(config.model.name)
    split = run.split()
    has_other_objectives = _objectives(config.stages) != _objectives(declaration.stages)
    return RunResult(
        label=label or declaration.title,
        model=config.model.name,
        seed=config.seed,
        protocol=conditions_of(run),
        details=conditions_of(run, details=True),
        departures=departures_of(run),
        ranks=run.ranks_or_means(),
        dataset=config.data.name,
        link=run.link,
        is_training_free=declaration.is_training_free,
        is_variant=is_variant or has_other_objectives or split != LeaveOneOut(),
        printed=printed,
        fingerprint=run.fingerprint(),
        split=split,
        against=against,
    )


def run_results(runs: Sequence[RunFolder]) -> list[RunResult]:
    """Finished runs as a table sees them, under labels that tell their settings apart.

    Raises:
        SirecError: if a run has not finished, or its files are damaged.
    """
    labels = distinct_labels([run.config() for run in runs])
    return [run_result(run, label) for run, label in zip(runs, labels, strict=True)]


def _objectives(stages: Sequence[Stage]) -> list[list[str]]:
    """Names of the objectives, stage by stage."""
    names: list[list[str]] = []
    for stage in stages:
        names.append([objective.name for objective in stage.objectives])
    return names
