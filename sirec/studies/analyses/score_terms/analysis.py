"""`correlation`: how much of a score joins items with side information (COMIF, equations 3-4)."""

from __future__ import annotations

from pathlib import Path

from sirec.studies.analyses.attention_runs import check_models, runs_with_attention
from sirec.studies.analyses.base import Analysis, DrawnAnalysis
from sirec.studies.analyses.score_terms.measure import CorrelationRecord, measure_correlation
from sirec.studies.analyses.score_terms.tables import correlation_tables


def draw_terms(record: CorrelationRecord, results: Path) -> DrawnAnalysis:
    """Tables of measured terms of scores.

    Args:
        record: what was measured.
        results: the results folder; nothing of it is read.
    """
    return DrawnAnalysis(record.data, correlation_tables(record), {})


CORRELATION = Analysis(
    name="correlation",
    meaning="How much of attention and relevance joins items with side information?",
    models=("sasrec", "sasrecf", "nova", "dif-sr", "comif"),
    record=CorrelationRecord,
    draw=draw_terms,
    select=runs_with_attention,
    check=check_models,
    measure=measure_correlation,
)
