"""What the rows of a study cost, beside a published table of costs (COMIF, Table 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from sirec.papers.tables import paper_of
from sirec.report.published import PrintedRow
from sirec.report.results import RunResult
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.store import RunFolder

BYTES_OF_A_GIGABYTE = 1e9
# Metric of the published table -> column.
COLUMNS: Mapping[str, TableColumn] = {
    "train_s_per_epoch": TableColumn("an epoch", "s", direction="lower", decimals=2),
    "inference_s": TableColumn("ranking", "s", direction="lower", decimals=2),
    "memory_gb": TableColumn("memory", "GB", direction="lower", decimals=2),
}


def has_costs(published: str | None) -> bool:
    """Whether a published table holds costs; none holds nothing."""
    return published is not None and paper_of(published).tables[published].holds == "costs"


def cost_table(results: Sequence[RunResult], title: str, out: Path) -> ResultTable:
    """Seconds and memory of each row, means over its seeds.

    Args:
        results: the runs of the study, whose folders lie in `out`.
        title: title of the study.
        out: the results folder.
    """
    by_row: dict[tuple[str, str], list[RunResult]] = {}
    for result in results:
        by_row.setdefault((result.dataset, result.label), []).append(result)
    rows: list[TableRow] = []
    threads: dict[str, None] = {}
    for (dataset, label), runs in by_row.items():
        costs = [costs_of(_folder(run, out)) for run in runs]
        cells: list[Cell] = []
        for metric in COLUMNS:
            mean = fmean(cost[metric] for cost in costs)
            cells.append(Cell(mean, published=_printed(runs[0].printed, dataset, metric)))
        links = {f"seed {run.seed}": run.link for run in runs if run.link}
        rows.append(TableRow(label, tuple(cells), dataset, runs=links, model=runs[0].model))
        for run in runs:
            threads[_machine(_folder(run, out))] = None
    notes = (
        f"Measured on: {'; '.join(threads)}.",
        "An epoch: the median of the run's epochs, without validation. Ranking: all test users. "
        "Memory: the most that the process had, imports included; the paper's is that of a GPU.",
        "Seconds compare rows of one machine that did nothing else.",
    )
    return ResultTable(f"{title}: costs", tuple(COLUMNS.values()), tuple(rows), notes)


def costs_of(run: RunFolder) -> dict[str, float]:
    """Seconds of an epoch and of a ranking, and gigabytes of memory of a finished run."""
    timings: Mapping[str, Any] = run.timings()
    peak = timings.get("process_peak_bytes", timings.get("peak_bytes", 0))
    return {
        "train_s_per_epoch": median(timings["train_seconds"] or [0.0]),
        "inference_s": float(timings["evaluation_seconds"]),
        "memory_gb": peak / BYTES_OF_A_GIGABYTE,
    }


def _folder(run: RunResult, out: Path) -> RunFolder:
    """The folder of a run in a results folder, by its link."""
    steps = Path(run.link or "").parts[-4:]
    return RunFolder(out.joinpath(*steps))


def _machine(run: RunFolder) -> str:
    """Device, processor and threads of a run, in words."""
    environment = run.environment()
    device = environment.get("accelerator") or environment.get("processor", "an unknown processor")
    return f"{device}, {run.config().threads} thread{'s' * (run.config().threads > 1)}"


def _printed(row: PrintedRow | None, dataset: str, metric: str) -> float | None:
    value = None if row is None else row.value(dataset, metric)
    return None if value is None else value.value
