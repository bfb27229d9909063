"""Cold start: how models do on rare targets and on short histories (COMIF, Figures 5 and 6), from
stored ranks alone.

`results/coldstart/<name>.json` lists the runs and the bins that tables and figures of that name
were drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sirec.errors import SirecError
from sirec.evaluation.covariates import read_covariates
from sirec.evaluation.metrics import Metric, one_target_notes, parse_metrics, ranked
from sirec.evaluation.ranks import HistoryRule
from sirec.evaluation.user_groups import ENOUGH_USERS, GROUPINGS, Buckets, Grouping, fill
from sirec.report.difference_words import CHECKPOINT_MARK, MARK
from sirec.report.differences import SIGNIFICANCE, find_row, verdict
from sirec.report.figures.bins import BinFigure
from sirec.report.group_tables import BucketReport, bucket_report, one_data_set
from sirec.report.overview import Overview
from sirec.report.results import Rows, RunResult, View, best_on_validation, rank_table
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.store import RecordedRun, Store
from sirec.studies.analyses.base import Analysis, DrawnAnalysis
from sirec.studies.compare.comparison import HEADLINE, Comparison, without_repeats
from sirec.studies.compare.run_results import run_result

MODELS: tuple[str, ...] = (
    "transitions",
    "sasrec",
    "dif-sr",
    "comif",
)  # of COMIF's figures, and a floor
METRICS = ("Recall@10", "Recall@20", "NDCG@20")
BASELINE = "sasrec"  # what knows nothing of items but their names


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """What is asked: these runs, in bins with these ends (as declared where a grouping is not
    named).
    """

    runs: tuple[RecordedRun, ...]
    bins: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    minimum: int = ENOUGH_USERS
    metrics: tuple[str, ...] = METRICS
    history: HistoryRule = "keep"
    against: str | None = None

    def groupings(self) -> list[Grouping]:
        """The groupings with their bins. Raises `SirecError` for bins that are none."""
        return [
            replace(grouping, ends=self.bins.get(name, grouping.ends))
            for name, grouping in GROUPINGS.items()
        ]


def default_name(data: str, history: HistoryRule) -> str:
    """What tables and figures of a data set are called unless a person says otherwise."""
    return f"coldstart_{data}" if history == "keep" else f"coldstart_{data}_masked"


def cold_start(asked: ColdStart, out: Path) -> DrawnAnalysis:
    """Tables, sentences and figures of a request.

    Args:
        asked: the request.
        out: the results folder.

    Raises:
        SirecError: for runs of different data, an unknown baseline, missing covariates, or too few
            users for two bins.
    """
    metrics = parse_metrics(asked.metrics)
    found = [run_result(run.open(out), run.label) for run in asked.runs]
    rows = one_data_set(found)
    view, baseline = View("test", asked.history), _baseline(rows, asked, metrics)
    dataset = found[0].dataset
    history = "kept" if asked.history == "keep" else "masked"
    title = f"Cold start on {dataset}: test, history {history}"
    reports: list[BucketReport] = []
    remarks: list[str] = []
    for buckets in _fill(asked, found, out):
        name = buckets.grouping.name
        if len(buckets.buckets) > 1:
            named = f"{title}, by {name}"
            report = bucket_report(
                found, buckets, metrics, view=view, baseline=baseline, title=named
            )
            reports.append(report)
        else:
            only = buckets.buckets[0]
            remarks.append(
                f"{name}: all {only.size:,} users are in one bin ({only.label}): "
                "nothing to set beside each other"
            )
    if not reports:
        message = f"{dataset}: nothing divides its users into two bins of {asked.minimum:,}"
        raise SirecError(message, "ask for fewer with --minimum, or for other --bins")
    tables: list[ResultTable] = []
    sentences: list[str] = []
    figures: dict[str, BinFigure] = {}
    for report in reports:
        tables += report.tables
        sentences += _sentences(report, _headline(metrics))
        figures[report.buckets.grouping.name] = _figure(report, baseline)
    overview = _overview(title, reports, _headline(metrics), baseline)
    comparison = Comparison(title, tuple(without_repeats(tables)), tuple(sentences), overview)
    return DrawnAnalysis(dataset, comparison, figures, tuple(remarks))


def _baseline(rows: Rows, asked: ColdStart, metrics: Sequence[Metric]) -> str:
    """The row named, else SASRec's, else the best on validation."""
    if asked.against:
        return find_row(rows, asked.against, "--against")
    without = [label for label, row in rows.items() if row.model == BASELINE]
    return without[0] if without else best_on_validation(rows, _headline(metrics), asked.history)


def _headline(metrics: Sequence[Metric]) -> Metric:
    return HEADLINE if HEADLINE in metrics else metrics[0]


def _fill(asked: ColdStart, found: Sequence[RunResult], out: Path) -> list[Buckets]:
    """The bins of each grouping, the same users for all rows."""
    ranks = rank_table(found[0])
    path = Store(out).covariates(found[0].dataset, str(found[0].fingerprint))
    columns = read_covariates(path, ranks.users)
    some = ranked(ranks.ranks["test"][asked.history])
    return [
        fill(grouping, columns[grouping.column], some, asked.minimum)
        for grouping in asked.groupings()
    ]


def _overview(
    title: str, reports: Sequence[BucketReport], metric: Metric, baseline: str
) -> Overview:
    """The headline metric of each row in the first and the last bin of each grouping.

    The bins between them, and the other metrics, are in the files and the figures.
    """
    columns: list[TableColumn] = []
    cells: dict[str, list[Cell]] = {}
    first: dict[str, TableRow] = {}
    for report in reports:
        ends = (0, len(report.buckets.buckets) - 1)
        for end in ends:
            column = report.values.columns[end]
            name = f"{report.buckets.grouping.name} {column.name}"
            columns.append(replace(column, name=name, unit=""))
        for row in report.values.rows_of(metric.name):
            first.setdefault(row.label, row)
            of_row = cells.setdefault(row.label, [])
            of_row += [replace(row.cells[end], interval=None) for end in ends]
    rows: list[TableRow] = []
    for label, values in cells.items():
        rows.append(replace(first[label], cells=tuple(values), group=""))
    table = ResultTable(f"{title}, {metric.name}", tuple(columns), tuple(rows))
    lines = one_target_notes([metric])
    lines.append(
        f"{MARK}: differs from {baseline} (p < {SIGNIFICANCE}, corrected after Holm); "
        f"{CHECKPOINT_MARK}: these checkpoints do, with one seed."
    )
    for report in reports:
        of_bins = report.buckets.buckets
        lines.append(f"{report.buckets.grouping.name}: {report.buckets.grouping.axis}.")
        if len(of_bins) > 2:
            between = ", ".join(bucket.label for bucket in of_bins[1:-1])
            lines[-1] += f" Bins between: {between}."
    return Overview(table, tuple(lines))


def _sentences(report: BucketReport, metric: Metric) -> list[str]:
    """What each row's differences say, bin by bin."""
    decided: dict[tuple[str, str], dict[str, list[str]]] = {}
    for bucket in report.buckets.buckets:
        for pair in report.pairs.get(bucket.label, ()):
            if pair.difference.metric == metric.name:
                decided.setdefault((pair.label, pair.baseline), {}).setdefault(
                    verdict(pair), []
                ).append(bucket.label)
    axis = report.buckets.grouping.axis
    return [
        f"{metric.name} by {axis}: {label} against {baseline} is {_enumerated(verdicts)}."
        for (label, baseline), verdicts in decided.items()
    ]


def _enumerated(verdicts: Mapping[str, Sequence[str]]) -> str:
    """`better in 0–5 and 6–10; undecided in >10`."""
    if len(verdicts) == 1:
        return f"{next(iter(verdicts))} in every bin"
    texts = (
        f"{how} in {', '.join(bins[:-1])}{' and ' * (len(bins) > 1)}{bins[-1]}"
        for how, bins in verdicts.items()
    )
    return "; ".join(texts)


def _figure(report: BucketReport, baseline: str) -> BinFigure:
    bins = tuple(bucket.label for bucket in report.buckets.buckets)
    return BinFigure(
        report.values, report.differences, bins, report.buckets.grouping.axis, baseline
    )


COLD_START = Analysis(
    name="coldstart",
    meaning="On which users does a model gain: rare or frequent targets, short or long histories?",
    models=MODELS,
    record=ColdStart,
    draw=cold_start,
    folder="coldstart",
)
