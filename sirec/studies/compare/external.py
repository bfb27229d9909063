"""What another tool recommends, as a row beside our runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sirec.data.dataset import Dataset
from sirec.data.split import HeldOutPart
from sirec.errors import SirecError
from sirec.evaluation.external_lists import WORDS
from sirec.evaluation.metrics import Metric
from sirec.report.results import RunResult, View, is_known
from sirec.studies.compare.external_files import read_recommendations


def recommended(
    files: Sequence[Path], data: Dataset, part: HeldOutPart, order: str | None = None
) -> tuple[list[RunResult], list[str]]:
    """A row for each file, and a note for each that says how it was read.

    Rows are named after files, by their whole paths where names are shared. How such a row was
    trained is not known, so its protocol is empty. Raises `SirecError` for a file that cannot be
    ranked.
    """
    names = [path.stem for path in files]
    entries, notes = [], []
    for path in files:
        label = path.stem if names.count(path.stem) == 1 else str(path)
        ranking = read_recommendations(path, data, order).rank(data, part)
        entries.append(
            RunResult(
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
        )
        said = "; ".join(ranking.remarks)
        notes.append(
            f"{label}: another tool's, trained as that tool did{f'; {said}' if said else ''}."
        )
    return entries, notes


def refuse_unknown(
    entries: Sequence[RunResult], metrics: Sequence[Metric], view: View, *, are_named: bool = True
) -> None:
    """Raise `SirecError` for a metric that reads further than a row's ranks are known.

    Of metrics that nobody named, it is enough for a row that one is known.
    """
    for entry in entries:
        unknown = [metric for metric in metrics if not is_known(entry, metric, view)]
        if unknown and (are_named or len(unknown) == len(metrics)):
            end = entry.ranks.exact_to[view.history]
            what = f"{unknown[0].name}: the lists of {entry.label} are exact to cutoff {end}"
            hint = f"ask for cutoffs of at most {end}, as --metric Recall@{max(end, 1)}, or give longer lists"
            raise SirecError(f"{what} with the history {WORDS[view.history]}", hint)
