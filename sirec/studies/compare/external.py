"""What another tool recommends, as a row beside our runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sirec.data.dataset import Dataset
from sirec.data.split import HeldOutPart
from sirec.errors import SirecError
from sirec.evaluation.external_lists import WORDS
from sirec.evaluation.metrics import Metric
from sirec.report.results import RunResult, View, is_known, rank_table
from sirec.shell import arguments
from sirec.studies.compare.external_files import read_recommendations


def recommended(
    files: Sequence[Path], data: Dataset, part: HeldOutPart, order: str | None = None
) -> tuple[list[RunResult], list[str]]:
    """A row for each file of recommendations.

    Args:
        files: the files. Rows are named after them, by whole paths where two have one name.
        data: the data set whose users and items the files name.
        part: the held-out split that the recommendations are for.
        order: the order of an array of scores, see `read_recommendations`.

    Returns:
        The rows, whose protocol is empty because it is not known, and a note on each file.

    Raises:
        SirecError: if a file cannot be ranked.
    """
    names = [path.stem for path in files]
    results: list[RunResult] = []
    notes: list[str] = []
    for path in files:
        label = path.stem if names.count(path.stem) == 1 else str(path)
        ranking = read_recommendations(path, data, order).rank(data, part)
        result = RunResult(
            label=label,
            model=label,
            seed=0,
            protocol={},
            ranks=ranking.ranks,
            dataset=data.name,
            is_variant=True,
            fingerprint=data.fingerprint(),
            split=data.held_out.split,
        )
        results.append(result)
        remarks = "; ".join(("another tool's, trained as that tool did", *ranking.remarks))
        notes.append(f"{label}: {remarks}.")
    return results, notes


def refuse_unknown(
    results: Sequence[RunResult],
    metrics: Sequence[Metric],
    view: View,
    *,
    are_named: bool = True,
    notes: Sequence[str] = (),
) -> None:
    """Refuse metrics that read further than a row's ranks are known.

    Args:
        results: the rows.
        metrics: the metrics.
        view: which ranks are read.
        are_named: whether a person named the metrics. If not, it is enough for a row that one
            metric is known.
        notes: a note on each row, which the hint repeats: items that the data set lacks make lists
            shorter.

    Raises:
        SirecError: if a metric is not known for a row.
    """
    for place, result in enumerate(results):
        unknown = [metric for metric in metrics if not is_known(result, metric, view)]
        if unknown and (are_named or len(unknown) == len(metrics)):
            end = rank_table(result).exact_to[view.history]
            hint = f"give longer lists{_other_rule(result, view)}"
            if end:
                hint = f"ask for cutoffs of at most {end}, as --metric Recall@{end}, or {hint}"
            if place < len(notes):
                hint = f"{hint}. {notes[place]}"
            raise SirecError(
                f"{unknown[0].name}: the lists of {result.label} are exact to cutoff {end} "
                f"with the history {WORDS[view.history]}",
                hint,
            )


def _other_rule(result: RunResult, view: View) -> str:
    """The other rule for the history as a remedy, if lists reach further under it."""
    exact_to = rank_table(result).exact_to
    for rule, end in exact_to.items():
        if rule != view.history and end > exact_to[view.history]:
            option = arguments("--history", rule)
            return f", or say {option}, where they are exact to {end}"
    return ""
