"""`rankcheck`: ranks of the score matrices of attention (DIF-SR, Figure 1)."""

from __future__ import annotations

from pathlib import Path

from sirec.studies.analyses.attention_rank.figures import rank_figures
from sirec.studies.analyses.attention_rank.measure import RankRecord, measure_ranks
from sirec.studies.analyses.attention_rank.tables import rank_tables
from sirec.studies.analyses.attention_runs import check_models, runs_with_attention
from sirec.studies.analyses.base import Analysis, DrawnAnalysis


def draw_ranks(record: RankRecord, results: Path) -> DrawnAnalysis:
    """Tables and figures of measured ranks.

    Args:
        record: what was measured.
        results: the results folder; nothing of it is read.
    """
    return DrawnAnalysis(record.data, rank_tables(record), rank_figures(record))


RANKCHECK = Analysis(
    name="rankcheck",
    meaning="What ranks do the score matrices of attention have, beside their bound?",
    models=("sasrecf", "nova", "dif-sr"),
    record=RankRecord,
    draw=draw_ranks,
    select=runs_with_attention,
    check=check_models,
    measure=measure_ranks,
)
