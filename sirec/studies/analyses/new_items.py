"""How well do models find items that they have never seen, by their attributes?

A share of the items is hidden: a run is trained anew without their interactions (`sirec.run.refit`)
and has no vector of them. Then every user whose held-out target is a hidden item is ranked, exactly
as `sirec recommend --new-items` would score it: among the hidden items alone, and among all. Beside
the models stands a baseline that knows attributes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.new_items import hidden_count
from sirec.data.split import PARTS, HeldOutPart
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, evaluation_rows, gather
from sirec.errors import SirecError
from sirec.evaluation.attribute_transitions import AttributeTransitions
from sirec.evaluation.full_ranking import length_blocks
from sirec.evaluation.metrics import Metric, parse_metric
from sirec.evaluation.ranks import count_block
from sirec.evaluation.statistics import Difference, compare, holm
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.build import BuiltModel, load_model
from sirec.run.new_items import NewVector, check_scores_attributes, with_new_items
from sirec.run.store import RunFolder
from sirec.shell import arguments
from sirec.studies.analyses.base import Analysis, DrawnAnalysis
from sirec.studies.compare.comparison import Comparison

Scores = Callable[[Batch], Tensor]
AMONG = ("new", "all")
BASELINE = "Attributes alone"
VECTORS: tuple[NewVector, ...] = ("mean", "zero")
METRIC = "Recall@10"
FOUND = 0.05  # p-values below are told
FEWEST = 2  # times as many items as the metric's cutoff are worth hiding
LARGEST_SHARE = 0.5  # of the items that a hint proposes to hide


@dataclass(frozen=True)
class NewItemRow:
    """The doubled ranks of one row's targets: by part, then among the new items and among all."""

    label: str
    ranks: Mapping[str, Mapping[str, tuple[int, ...]]]


@dataclass(frozen=True, kw_only=True)
class NewItemRecord:
    """What tables are drawn from.

    Attributes:
        data: name of the data set.
        share: the share of items that was hidden.
        seed: of the draw of hidden items.
        hidden: how many items were hidden.
        items: how many items there are.
        rows: the rows, the baseline last.
    """

    data: str
    share: float
    seed: int
    hidden: int
    items: int
    rows: tuple[NewItemRow, ...]


def measure_new_items(
    pairs: Sequence[tuple[RunFolder, str]], data: Dataset, device: str = "cpu"
) -> NewItemRecord:
    """Rank hidden items with runs that were trained without them.

    Args:
        pairs: finished refits with hidden items, all with the same ones, and their labels.
        data: the whole data set.
        device: where the models are computed.
    """
    rows: list[NewItemRow] = []
    baseline: NewItemRow | None = None
    hiding = pairs[0][0].config().refit
    assert hiding is not None, "runs with hidden items are refits"
    for run, label in pairs:
        built = load_model(run, data, device)
        config = built.config.data
        chosen = data.select(config.attributes, config.behaviours).to(built.data.items.device)
        holdout = hiding.holdout(chosen)
        ranking = _Ranking(holdout.data, holdout.known, built.schema.max_length)
        for vector in VECTORS:
            extended = with_new_items(built, holdout.data, vector)
            rows.append(NewItemRow(f"{label}, {vector} vector", ranking.of(_scores_of(extended))))
        if baseline is None:
            counted = AttributeTransitions(built.data, holdout.data)
            baseline = NewItemRow(BASELINE, ranking.of(counted.scores))
    assert baseline is not None, "there is a run at least"
    hidden = holdout.data.item_codes - holdout.known
    return NewItemRecord(
        data=data.name,
        share=hiding.hidden_items,
        seed=hiding.hiding_seed,
        hidden=hidden,
        items=data.item_count,
        rows=(*rows, baseline),
    )


def _scores_of(built: BuiltModel) -> Scores:
    prepared = built.model.prepared()
    return lambda batch: built.model.scores(batch, prepared)


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Ranks of targets that are hidden items; these have the codes from `known` on."""

    data: Dataset
    known: int
    max_length: int

    @torch.inference_mode()
    def of(self, scores: Scores) -> dict[str, dict[str, tuple[int, ...]]]:
        """The doubled ranks, users in order."""
        return {part: self._of_part(part, scores) for part in PARTS}

    def _of_part(self, part: HeldOutPart, scores: Scores) -> dict[str, tuple[int, ...]]:
        rows = evaluation_rows(self.data, part, self.max_length)
        is_hidden = self.data.items.cpu().numpy()[rows.stop] >= self.known
        rows = rows.take(np.flatnonzero(is_hidden))
        found = {among: np.zeros(len(rows), dtype=np.int64) for among in AMONG}
        order = np.argsort(rows.lengths, kind="stable")
        for chosen in length_blocks(order, rows.lengths[order], self.data.item_codes):
            for among, ranks in self._of_block(rows.take(chosen), scores).items():
                found[among][chosen] = ranks
        return {among: tuple(ranks.tolist()) for among, ranks in found.items()}

    def _of_block(self, rows: SequenceRows, scores: Scores) -> dict[str, np.ndarray]:
        batch = gather(self.data, rows)
        targets = batch.targets.gather(1, batch.read[:, None]).squeeze(1)
        of_all = scores(batch).double()
        of_new = of_all.clone()
        of_new[:, : self.known] = -torch.inf
        nothing = torch.zeros_like(batch.items[:, :1])
        ranks: dict[str, np.ndarray] = {}
        for among, values in zip(AMONG, (of_new, of_all), strict=True):
            ranks[among] = count_block(values, targets, nothing).keep.cpu().numpy()
        return ranks


def draw_new_items(record: NewItemRecord, results: Path) -> DrawnAnalysis:
    """The tables of a record: test, on which models are judged, and validation.

    Args:
        record: the ranks.
        results: not used: the record has all.
    """
    title = f"{METRIC} of new items, {record.hidden:,} of {record.items:,} hidden: {record.data}"
    tables: list[ResultTable] = []
    pairs: list[tuple[str, Difference]] = []
    for part in ("test", "valid"):
        table, of_part = _table(record, part, title)
        tables.append(table)
        pairs = pairs or of_part
    adjusted = holm([pair.p_value for _, pair in pairs])
    sentences: list[str] = []
    for (label, pair), p_value in zip(pairs, adjusted, strict=True):
        sentences.append(_sentence(label, pair, p_value))
    sentences.append(tables[0].notes[2])
    return DrawnAnalysis(record.data, Comparison(title, tuple(tables), tuple(sentences)), {})


def _table(
    record: NewItemRecord, part: str, title: str
) -> tuple[ResultTable, list[tuple[str, Difference]]]:
    """The table of a part, and each row against the baseline among the new items."""
    metric = parse_metric(METRIC)
    baseline = _doubled(record.rows[-1], part, "new")
    users = len(baseline)
    pairs: list[tuple[str, Difference]] = []
    rows: list[TableRow] = []
    for row in record.rows:
        cells: list[Cell] = []
        for among in AMONG:
            cells.append(Cell(metric.mean(_doubled(row, part, among))))
        gain = Cell("the baseline")
        if row.label != BASELINE:
            pair = compare(metric, {0: _doubled(row, part, "new")}, {0: baseline})
            pairs.append((row.label, pair))
            gain = Cell(pair.difference, interval=(pair.low, pair.high))
        rows.append(TableRow(row.label, (*cells, gain), is_training_free=row.label == BASELINE))
    name = {"test": "test", "valid": "validation"}[part]
    columns = (
        TableColumn("among new", direction="higher"),
        TableColumn("among all", direction="higher"),
        TableColumn("against baseline", signed=True),
    )
    notes = (
        f"{users:,} users whose {name} target is a hidden item; a tie counts half a rank. Hidden "
        f"items were drawn with seed {record.seed}; no model saw anything of one.",
        f"Targets are ranked among the new items alone, and among all; the last column is the "
        f"difference from {BASELINE.lower()} among new items.",
        f"Chance: {_chance(metric, record.hidden)} among new, "
        f"{_chance(metric, record.items)} among all.",
        "Mean vector: a new item has the mean of the known items' vectors and its own attributes; "
        "zero vector: its attributes alone.",
    )
    return ResultTable(f"{title}, {name}", columns, tuple(rows), notes), pairs


def _doubled(row: NewItemRow, part: str, among: str) -> np.ndarray:
    return np.array(row.ranks[part][among], dtype=np.int64)


def _chance(metric: Metric, items: int) -> str:
    """What random scores would give."""
    return f"{min(1.0, metric.cutoff / items):.4f}"


def _sentence(label: str, pair: Difference, p_value: float) -> str:
    """What a difference means."""
    if p_value >= FOUND:
        return f"{label}: not decided against attributes alone (p = {p_value:.2g}, Holm)."
    verb = "finds more" if pair.difference > 0 else "finds fewer"
    return f"{label}: {verb} new items than attributes alone (p = {p_value:.2g}, Holm)."


def refuse_unfit(runs: Sequence[RunFolder], data: Dataset) -> None:
    """Raise `SirecError`, before any training, for a run whose model scores no attributes.

    Args:
        runs: finished runs.
        data: the whole data set.
    """
    for run in runs:
        config = run.config()
        chosen = data.select(config.data.attributes, config.data.behaviours)
        check_scores_attributes(config, chosen)


def refuse_few(data: Dataset, share: float) -> None:
    """Raise `SirecError`, before any training, if so few items would be hidden that any ranking
    finds them.

    Args:
        data: the whole data set.
        share: the share of the items that would be hidden.
    """
    cutoff, hidden = parse_metric(METRIC).cutoff, hidden_count(data, share)
    if hidden > cutoff:
        return
    needed = math.ceil(100 * FEWEST * cutoff / data.item_count) / 100
    hint = f"this needs data of more items: {data.name} has {data.item_count:,}"
    if needed <= LARGEST_SHARE:
        hint = f"{arguments('--share', f'{needed:g}')} hides {hidden_count(data, needed):,}"
    items = "1 item" if hidden == 1 else f"{hidden:,} items"
    raise SirecError(
        f"{items} of {data.item_count:,} would be hidden, and among {cutoff} or fewer {METRIC} is "
        "1 whatever a model scores",
        hint,
    )


NEW_ITEMS = Analysis(
    name="newitems",
    meaning="How well are items found that were never seen, by their attributes?",
    models=("comif",),
    record=NewItemRecord,
    draw=draw_new_items,
    folder="newitems",
)
