"""Records of what was measured on weights: drawn without them, the same bytes as committed, seeds
of a row averaged.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import tiny as builders
from record import needs_record
from unsealed import unseal_record

from sirec.core.transformer import TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import evaluation_rows
from sirec.errors import SirecError
from sirec.evaluation.score_rank import Matrix
from sirec.studies.analyses.attention_rank.figures import rank_figures
from sirec.studies.analyses.attention_rank.measure import (
    STEPS,
    TOLERANCES,
    BlockRanks,
    RankRecord,
    RunRanks,
    model_ranks,
)
from sirec.studies.analyses.attention_rank.tables import rank_tables
from sirec.studies.analyses.attention_runs import batches, sample
from sirec.studies.analyses.base import ANALYSES

RESULTS = Path(__file__).parents[2] / "results"
MEASURED = [name for name, analysis in ANALYSES.items() if analysis.measure is not None]
RANKCHECK = ANALYSES["rankcheck"]
COMMITTED = sorted(path.stem for path in (RESULTS / "measurements").glob("*_beauty_*.json"))


@needs_record
def test_a_record_of_each_measurement_is_committed() -> None:
    """Every analysis that measures runs has one to draw anew."""
    assert {name.split("_")[0] for name in COMMITTED} == set(MEASURED)


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_table_is_what_its_record_says(name: str, tmp_path: Path) -> None:
    """Drawn anew from the committed record, tables agree byte for byte; the record survives being
    read and written.
    """
    analysis = ANALYSES[name.split("_")[0]]
    record = analysis.read(RESULTS, name)
    analysis.draw(record, RESULTS).comparison.write(tmp_path, name)
    for suffix in ("md", "csv", "json"):
        assert (tmp_path / f"{name}.{suffix}").read_bytes() == (
            RESULTS / "tables" / f"{name}.{suffix}"
        ).read_bytes()
    assert (
        analysis.keep(record, tmp_path, name).read_bytes()
        == (RESULTS / "measurements" / f"{name}.json").read_bytes()
    )


@pytest.mark.parametrize("name", [name for name in COMMITTED if name.startswith("rankcheck")])
def test_a_committed_figure_is_what_its_record_says(name: str, tmp_path: Path) -> None:
    """A figure for each matrix, its data the same bytes as the committed ones, its pictures beside
    them and no others.
    """
    figures = rank_figures(RANKCHECK.read(RESULTS, name))
    assert list(figures) == list(get_args(Matrix))
    for part, figure in figures.items():
        figure.write_data(tmp_path, f"{name}_{part}")
        drawn = tmp_path / f"{name}_{part}.csv"
        assert drawn.read_bytes() == (RESULTS / "figures" / drawn.name).read_bytes()
    expected = {f"{name}_{part}.{kind}" for part in figures for kind in ("csv", "svg", "pdf")}
    assert {path.name for path in (RESULTS / "figures").glob(f"{name}_*")} == expected


def test_curves_go_through_the_tables(ranks: RunRanks) -> None:
    """At the tables' tolerances curves have the tables' ranks; they rise as the tolerance falls,
    inside their bands' reach.
    """
    lines = [line for line in ranks.trained if line.lengths == "all"]
    assert lines
    for line in lines:
        assert line.curve is not None
        assert (
            tuple(line.curve.mean[STEPS.index(tolerance)] for tolerance in TOLERANCES) == line.ranks
        )
        for part in (line.curve.mean, line.curve.low, line.curve.high):
            assert list(part) == sorted(part)
        assert all(low <= high for low, high in zip(line.curve.low, line.curve.high, strict=True))
    assert all(
        line.curve is None for line in ranks.trained if line.lengths != "all"
    )  # control: groups have none


def test_a_figure_has_the_rows_of_its_table(ranks: RunRanks) -> None:
    """Each matrix: labels by state and block, seeds of a row averaged; a matrix that nobody has
    gives no figure.
    """
    twice = tuple(
        line
        if line.curve is None
        else replace(
            line, curve=replace(line.curve, mean=tuple(3 * rank for rank in line.curve.mean))
        )
        for line in ranks.trained
    )
    alone, both = (
        rank_figures(a_record(*runs)) for runs in ([ranks], [ranks, replace(ranks, trained=twice)])
    )
    assert list(alone) == list(get_args(Matrix))
    groups = [
        f"{state}, block {block}"
        for state in ("trained", "freshly initialised")
        for block in (1, 2)
    ]
    for matrix, figure in both.items():
        assert [(row.label, row.group) for row in figure.table.rows] == [
            ("DIF-SR", group) for group in groups
        ]
        mean, single = (figures[matrix].table.rows[0].cells[0].value for figures in (both, alone))
        assert mean == pytest.approx(2 * single)  # type: ignore[operator]
    short = replace(ranks, trained=_padded(ranks), untrained=_padded(ranks))
    assert list(rank_figures(a_record(short))) == ["padded"]


def _padded(ranks: RunRanks) -> tuple[BlockRanks, ...]:
    return tuple(line for line in ranks.trained if line.matrix == "padded")


def test_a_sample_is_drawn_once_and_by_length(tiny: Dataset) -> None:
    """No user twice, shortest first, the same for the same seed, everybody where the sample is
    larger; batches keep it all.
    """
    rows = evaluation_rows(tiny, "test", 12)
    one, same, other = (sample(rows, 10, seed) for seed in (0, 0, 1))
    assert len(set(one.user)) == 10
    assert one.user.tolist() == same.user.tolist() != other.user.tolist()
    assert (np.diff(one.lengths) >= 0).all()
    assert sorted(sample(rows, 1000, 0).user) == sorted(rows.user)
    assert [
        user for batch in batches(tiny, one) for user in batch.users.tolist()
    ] == one.user.tolist()
    with pytest.raises(SirecError, match="users must be from 1 to 10000000 users, got 0"):
        sample(rows, 0, 0)


@pytest.fixture(scope="module")
def ranks() -> RunRanks:
    """DIF-SR with addition on histories of 2 to 24 items."""
    data = builders.dataset([6, 6, 10, 10, 26, 26, 28]).select(["category"], ["position"])
    shape = {
        **builders.SHAPE,
        "width": 16,
        "heads": 4,
        "attribute": "attention",
        "behaviour": "attention",
    }
    model = builders.build(TransformerConfig(**shape), data.schema(24, with_position=True))
    found = model_ranks(model, data, evaluation_rows(data, "test", 24), 100, 0)
    return RunRanks(
        label="DIF-SR",
        link="x",
        fusion="sum",
        head_width=4,
        longer=7,
        trained=found,
        untrained=found,
    )


def a_record(*runs: RunRanks) -> RankRecord:
    return RankRecord(
        data="tiny",
        fingerprint="0",
        window=24,
        users=7,
        seed=0,
        test_users=7,
        median_length=9.0,
        tolerances=TOLERANCES,
        steps=STEPS,
        runs=runs,
    )


def test_groups_of_lengths_are_the_whole(ranks: RunRanks) -> None:
    """Weighted by their users, groups of histories give the figure of all; each history is in the
    group that says so.
    """
    for block in (1, 2):
        lines = [line for line in ranks.trained if line.matrix == "padded" and line.block == block]
        [whole], groups = (
            [line for line in lines if (line.lengths == "all") == is_all]
            for is_all in (True, False)
        )
        assert sum(line.users for line in groups) == whole.users == 7
        mean = sum(line.users * line.ranks[1] for line in groups) / 7
        assert mean == pytest.approx(whole.ranks[1])
        assert [line.lengths for line in groups] == ["1 to 5", "9 to 20", "21 and more"]
    assert [line.users for line in ranks.trained if line.matrix == "real"] == [
        7,
        7,
    ]  # all are longer than a head


def test_seeds_of_a_row_are_averaged(ranks: RunRanks) -> None:
    """Two runs of one label are one row with the mean of their figures; another label is another
    row.
    """
    twice = tuple(
        replace(line, ranks=tuple(2 * rank for rank in line.ranks)) for line in ranks.trained
    )
    tables = [
        rank_tables(a_record(*runs)).tables[0]
        for runs in ([ranks], [ranks, replace(ranks, trained=twice)])
    ]
    alone, both = (table.rows[0].cells[2].value for table in tables)
    assert both == pytest.approx(1.5 * alone)  # type: ignore[operator]
    assert [len(table.rows) for table in tables] == [2, 2]
    assert len(rank_tables(a_record(ranks, replace(ranks, label="other"))).tables[0].rows) == 4


def test_runs_may_have_unlike_depths(ranks: RunRanks) -> None:
    """A run of one block stands beside a run of two with empty cells for the second, and averages
    over its own.
    """
    flat = replace(ranks, label="flat", trained=_first(ranks), untrained=_first(ranks))
    first, *_, blocks, _ = rank_tables(a_record(flat, ranks)).tables
    cells = {row.label: [cell.value for cell in row.cells] for row in blocks.rows}
    assert cells["flat"] == [*cells["DIF-SR"][:2], None, None]
    assert None not in cells["DIF-SR"]
    assert first.rows[0].cells[2].value == cells["flat"][0]


def _first(ranks: RunRanks) -> tuple[BlockRanks, ...]:
    return tuple(line for line in ranks.trained if line.block == 1)


def test_what_cannot_be_compared_is_said(ranks: RunRanks) -> None:
    """A row without a bound prints n/a with the reason, and a sentence says so beside rows that
    have one.
    """
    without = replace(
        ranks,
        label="gate",
        fusion="gate, masked",
        trained=tuple(replace(x, bound=None) for x in ranks.trained),
    )
    drawn = rank_tables(a_record(ranks, without))
    assert "cannot be compared" in " ".join(drawn.sentences)
    assert "the mask enters before the fusion" in drawn.to_markdown()
    assert "cannot be compared" not in rank_tables(a_record(ranks)).to_markdown()  # control


@pytest.mark.filterwarnings("ignore::sirec.errors.Remark")
def test_a_damaged_record_is_named(tmp_path: Path, ranks: RunRanks) -> None:
    """A record with a key of another kind, or none at all, is one line with the file."""
    path = RANKCHECK.keep(a_record(ranks), tmp_path, "x")
    assert RANKCHECK.read(tmp_path, "x") == a_record(ranks)  # control
    unseal_record(path)
    path.write_text(path.read_text().replace('"window": 24', '"window": "wide"'))
    with pytest.raises(SirecError, match="window: expected a whole number"):
        RANKCHECK.read(tmp_path, "x")
    with pytest.raises(SirecError, match="no such file"):
        RANKCHECK.read(tmp_path, "y")
