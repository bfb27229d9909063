"""DIF-SR's Figure 1 on our runs: ranks of attention's score matrices, beside their bound and beside
untrained weights.

The figure says neither data nor masking nor tolerance, so all are said here: several matrices,
several tolerances, a measure without any, by block and by length of history.
`attention_rank_tables.py` and `attention_rank_figures.py` draw what is measured here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import SequenceRows, evaluation_rows
from sirec.evaluation.score_rank import (
    Matrix,
    block_scores,
    effective_rank,
    numerical_rank,
    rank_bound,
)
from sirec.run.store import RunFolder
from sirec.studies.analyses.attention_runs import (
    TRAINED,
    UNTRAINED,
    OnMeasured,
    attention_states,
    batches,
    sample,
)

# Tolerances of the figures: shares of the largest singular value.
STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12)
TOLERANCES = (1e-4, 1e-6, 1e-8)  # those of the tables
MAIN = 1  # place of the tolerance that is read
MIDDLE = (0.1, 0.9)  # a curve's band: eight users of ten
LENGTHS = (5, 8, 20)  # last length of each group of histories but the longest
EVERY = "all"


@dataclass(frozen=True, kw_only=True)
class RankCurve:
    """Rank by tolerance, a number for each of the record's `steps`: a spectrum, turned round.

    `mean` is over heads and users; between `low` and `high` lies the mean over heads of eight users
    in ten.
    """

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class BlockRanks:
    """Means over heads and users for one block (from 1): `ranks` by tolerance, `error` the standard
    error of the main one.

    `lengths` is a group of histories, or all, which alone have a `curve`; `bound` the mean of the
    users' bounds, None where there is none.
    """

    matrix: Matrix
    lengths: str
    block: int
    users: int
    mean_length: float
    ranks: tuple[float, ...]
    error: float
    effective: float
    bound: float | None
    curve: RankCurve | None


@dataclass(frozen=True, kw_only=True)
class RunRanks:
    """One run: the name of its row, where it lies, its figures trained and freshly initialised.

    `longer`: how many of all test users have a history above `head_width`, the width of an item
    head.
    """

    label: str
    link: str
    fusion: str
    head_width: int
    longer: int
    trained: tuple[BlockRanks, ...]
    untrained: tuple[BlockRanks, ...]


@dataclass(frozen=True, kw_only=True)
class RankRecord:
    """All that the tables are drawn from: the sample, what it is a sample of, and the runs."""

    data: str
    fingerprint: str
    window: int
    users: int
    seed: int
    test_users: int
    median_length: float
    tolerances: tuple[float, ...]
    steps: tuple[float, ...]
    runs: tuple[RunRanks, ...]


def measure_ranks(
    runs: Sequence[RunFolder], data: Dataset, users: int, seed: int, progress: OnMeasured
) -> RankRecord:
    """The ranks of these runs on the test histories of a sample of users, and of as many with long
    histories.
    """
    window = runs[0].config().data.max_length
    rows = evaluation_rows(data, "test", window)
    sample(rows, users, seed)  # refuses a sample of nobody before any work is done
    measured = tuple(_run_ranks(run, data, rows, users, seed, progress) for run in runs)
    return RankRecord(
        data=data.name,
        fingerprint=data.fingerprint(),
        window=window,
        users=min(users, len(rows)),
        seed=seed,
        test_users=len(rows),
        median_length=float(np.median(rows.lengths)),
        tolerances=TOLERANCES,
        steps=STEPS,
        runs=measured,
    )


def _run_ranks(
    run: RunFolder, data: Dataset, rows: SequenceRows, users: int, seed: int, progress: OnMeasured
) -> RunRanks:
    found: dict[str, tuple[BlockRanks, ...]] = {}
    for state, model, selected in attention_states(run, data):
        progress(f"{run.label}, {state}")
        shape = model.layers[0].attention
        width, fusion = shape.value.out_features // shape.heads, _fusion(run, model)
        found[state] = model_ranks(model, selected, rows, users, seed)
    return RunRanks(
        label=run.label, link=run.link, fusion=fusion, head_width=width,
        longer=int((rows.lengths > width).sum()),
        trained=found[TRAINED], untrained=found[UNTRAINED],
    )  # fmt: skip


def _fusion(run: RunFolder, model: FusedTransformer) -> str:
    config = run.config().model
    if len(model.layers[0].attention.queries.spelling) == 1:
        return "one score"
    assert isinstance(config, TransformerConfig), "checked when the runs were chosen"
    name, form = config.score_fusion, config.fusion_form
    return name if name == "sum" else f"{name}, {form.replace('_', ' ')}"


def model_ranks(
    model: FusedTransformer, data: Dataset, rows: SequenceRows, users: int, seed: int
) -> tuple[BlockRanks, ...]:
    """The figures of one model: the matrices of a sample of `rows`, the real ones of long histories
    alone.
    """
    attention = model.layers[0].attention
    width = attention.value.out_features // attention.heads
    long = rows.take(np.flatnonzero(rows.lengths > width))
    chosen: list[tuple[SequenceRows, tuple[Matrix, ...]]] = [
        (sample(rows, users, seed), ("padded", "summed", "visible"))
    ]
    if len(long):
        chosen.append((sample(long, users, seed), ("real",)))
    facts: list[pd.DataFrame] = []
    for some, matrices in chosen:
        facts += _singular_facts(model, data, some, matrices)
    return tuple(_figures(pd.concat(facts, ignore_index=True)))


def _singular_facts(
    model: FusedTransformer, data: Dataset, rows: SequenceRows, matrices: Sequence[Matrix]
) -> Iterator[pd.DataFrame]:
    """Ranks of every matrix, block and user: means over heads."""
    for batch in batches(data, rows):
        lengths = torch.from_numpy(batch.lengths)
        for block, scores in enumerate(block_scores(model, batch)):
            for matrix in matrices:
                singular = torch.linalg.svdvals(scores.select(lengths, matrix))
                bounds = [rank_bound(model, block, int(length), matrix) for length in batch.lengths]
                columns = {
                    "matrix": matrix,
                    "block": block + 1,
                    "length": batch.lengths,
                    "bound": pd.array(bounds, dtype="Float64"),
                    "effective": _over_heads(effective_rank(singular)),
                }
                for share in STEPS:
                    columns[_column(share)] = _over_heads(numerical_rank(singular, share))
                yield pd.DataFrame(columns)


def _over_heads(values: Tensor) -> np.ndarray:
    """The mean over heads, [b, h] -> [b]."""
    return np.asarray(values.double().mean(dim=1).numpy())


def _figures(facts: pd.DataFrame) -> Iterator[BlockRanks]:
    group = np.digitize(facts["length"], LENGTHS, right=True)
    names = _length_names()
    for matrix in get_args(Matrix):
        mine = facts[facts["matrix"] == matrix]
        for block, lines in mine.groupby("block"):
            yield _figure(matrix, int(block), EVERY, lines)
            if matrix == "padded":
                for place, some in lines.groupby(group[lines.index]):
                    yield _figure(matrix, int(block), names[int(place)], some)


def _figure(matrix: Matrix, block: int, lengths: str, lines: pd.DataFrame) -> BlockRanks:
    ranks = [lines[_column(share)] for share in TOLERANCES]
    return BlockRanks(
        matrix=matrix,
        lengths=lengths,
        block=block,
        users=len(lines),
        mean_length=float(lines["length"].mean()),
        ranks=tuple(float(rank.mean()) for rank in ranks),
        error=float(ranks[MAIN].std(ddof=0) / np.sqrt(len(lines))),
        effective=float(lines["effective"].mean()),
        bound=None if lines["bound"].isna().any() else float(lines["bound"].mean()),
        curve=_curve([lines[_column(share)] for share in STEPS]) if lengths == EVERY else None,
    )


def _curve(ranks: Sequence[pd.Series]) -> RankCurve:
    """Mean and band over users, for each tolerance."""
    return RankCurve(
        mean=tuple(float(users.mean()) for users in ranks),
        low=tuple(float(users.quantile(MIDDLE[0])) for users in ranks),
        high=tuple(float(users.quantile(MIDDLE[1])) for users in ranks),
    )


def _column(tolerance: float) -> str:
    return f"rank at {tolerance}"


def _length_names() -> list[str]:
    names: list[str] = []
    start = 1
    for last in LENGTHS:
        names.append(f"{start} to {last}")
        start = last + 1
    return [*names, f"{start} and more"]
