"""What a reader of the results has to know, said once for the whole page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile

from sirec.errors import SirecError
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD
from sirec.report.answer import Answer
from sirec.studies.results_page.artefact import Artefact
from sirec.studies.spec.library import find_experiment, read_experiment

# Lines of a terminal that `HOW_TO_READ` says for all tables, and where the terminal sends a reader.
SAID_BEFORE, SAID_AFTER = "Differences are about these checkpoints", "open: not shown either way."
TERMINAL, NOTES = ": --full says how.", " (see the notes)."

INTRODUCTION = (
    "Does side information (brand, category, rating) help a model that recommends the next item? "
    "Models of two papers, DIF-SR (SIGIR 2022) and COMIF (IEEE Access 2025), and those that they "
    "compare with, were trained and ranked under one protocol. Below: what was found, in ten "
    "lines; then a table and a figure for each question."
)
HOW_TO_READ = (
    "Of each user's interactions the last one is the test target, the one before it the validation "
    "target; models are trained on the rest, and validation alone decides which weights are "
    "tested.",
    "Every target is ranked among all items, not among a sample. Recall@20 is the share of users "
    "whose target is among the first 20; NDCG@20 counts more the higher it stands.",
    "History kept: items that the user had before stay in the ranking, as in both papers; masked: "
    "they are taken out.",
    "Bold is the best of a column, underlined or italic the second best. Printed: the value in the "
    "paper's table. Marks are explained in the notes. Training-free: a "
    "baseline that is computed without training.",
    "Better and worse are verdicts of a paired test over the same users: the 95 % interval of the "
    "difference excludes zero and p < 0.05 after Holm's correction for the number of tests. Open "
    "or not decided: these runs do not show it either way, which is not to say that there is no "
    "difference.",
    f"One seed: the runs differ in this sense, which says nothing of the methods: that needs "
    f"{SEEDS_FOR_A_METHOD} seeds or more on both sides, to know how much training varies.",
)


def page_lines(answer: Answer) -> list[str]:
    """What a table means, without what is said once for all tables.

    Args:
        answer: what is shown of the table.
    """
    lines: list[str] = []
    for line in answer.lines:
        if not line.startswith(SAID_BEFORE) and not line.endswith(SAID_AFTER):
            lines.append(line.replace(TERMINAL, NOTES))
    return lines


def distinct_title(artefact: Artefact, artefacts: Sequence[Artefact]) -> str:
    """The title of a table; where another one has the same title, with what only its name has, or
    with the title of the experiment of that name.

    Args:
        artefact: the table.
        artefacts: all tables of the page.
    """
    same = [each for each in artefacts if each.title == artefact.title]
    if len(same) == 1:
        return artefact.title
    words = artefact.name.split("_")
    for each in same:
        if each is not artefact:
            words = list(dropwhile(each.name.split("_").__contains__, words))
    own = "_".join(words) or artefact.name
    try:
        own = read_experiment(find_experiment(own)).title
    except SirecError:  # no experiment is called so
        own = own.replace("_", " ")
    return f"{artefact.title} ({own})"
