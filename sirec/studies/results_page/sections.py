"""The sections of a results page: what its tables answer, and which command makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirec.studies.results_page.reproduce import (
    analysis_command,
    experiment_command,
    maps_command,
    statistics_command,
    switches_command,
    worth_command,
)


@dataclass(frozen=True)
class Section:
    """Tables under one heading.

    Attributes:
        heading: the heading.
        question: what its tables answer, in one sentence.
        beginnings: the names of its tables begin with one of these.
        made: (name, record, results folder) -> the command that makes such a table.
        redraw: the command that draws it from its record; None if `made` does that, too.
    """

    heading: str
    question: str
    beginnings: tuple[str, ...]
    made: Callable[[str, Mapping[str, Any], Path], str | None] = experiment_command
    redraw: str | None = None


_DIFSR_FIGURES = ("difsr_figure4", "difsr_figure5", "difsr_figure6")
SECTIONS = (
    Section("The papers' claims", "Which claims of the papers hold?", ("claims",)),
    Section(
        "All models",
        "Which model finds the next item best, beside what the papers printed?",
        ("overall",),
    ),
    Section(
        "The papers' ablations",
        "Which part of a proposal, and which kind of side information, makes the gain?",
        ("comif_table", "difsr_table", "comif_figure", *_DIFSR_FIGURES),
    ),
    Section(
        "Parts switched off",
        "What is lost when a part of a model is switched off?",
        ("ablate_",),
        switches_command,
    ),
    Section(
        "What fields are worth",
        "How many more customers does each field find the next purchase for?",
        ("worth_",),
        worth_command,
    ),
    Section(
        "Rare targets and short histories",
        "On which users does a model gain: rare or frequent targets, short or long histories?",
        ("coldstart_",),
        redraw="coldstart",
    ),
    Section(
        "Data sets",
        "How large are the data sets, and are they those of the papers (Table 1 of both)?",
        ("statistics",),
        statistics_command,
        "statistics",
    ),
    Section(
        "Ranks of attention",
        "Do attention scores have a low rank, and does decoupling raise it (DIF-SR, Figure 1)?",
        ("rankcheck_",),
        analysis_command,
        "rankcheck",
    ),
    Section(
        "Attention of one history",
        "What does attention look at, by source and fused (DIF-SR, Figure 7)?",
        ("attentionmaps_",),
        maps_command,
        "attentionmaps",
    ),
    Section(
        "Attention by the origin of its scores",
        "How much of attention's scores comes from items, how much from side information?",
        ("correlation_",),
        analysis_command,
        "correlation",
    ),
    Section(
        "Further comparisons",
        "Does a result depend on a setting: seeds, training task, precision, a single switch?",
        ("",),
    ),
)
