"""What a person writes to name a run: a folder, the beginning of an id, or a model.

Nothing here needs torch, so that a command can tell a mistake before it loads anything.

The newest of several runs is the one whose test ranks were made last when it was trained, or that
`sirec train` was asked for after that, which the run records itself (`evaluations.jsonl`), so that
copying a results folder changes nothing. Ranks that were made anew with stored weights do not
count. The record has seconds; of runs that finished in the same one, the later file `DONE` decides,
then the id that is first in the alphabet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sirec.config import read_yaml
from sirec.errors import SirecError, unknown
from sirec.run.commit import is_interrupted
from sirec.run.evaluation_log import evaluation_times, request_time
from sirec.run.measuring_runs import without_measuring
from sirec.shell import command

SHORTEST_ID = 6  # digits that are shown where they suffice
REFIT = "refit"  # the last step of what names the refit of a run
REFIT_LINE = re.compile(r"^refit:(?! *null\b)", re.MULTILINE)  # as config.yaml of a refit has it
RUNS = "runs"  # the folder of all runs in a results folder


@dataclass(frozen=True)
class FoundRun:
    """The run that a reference means.

    Attributes:
        path: its folder.
        remark: which of several runs it is, where a model was named; else empty.
    """

    path: Path
    remark: str = ""


def find_run(results: Path, reference: str) -> FoundRun:
    """The run that is meant by a folder, the beginning of an id, or a model's name.

    `comif`, `demo/comif` and the folder `results/runs/demo/comif` mean the newest finished run of
    that model, or the one that `sirec train` was asked for last. Runs that read a field with
    permuted values are passed over, as they measure what a field is worth and recommend nothing. So
    are, where there are others, the rows of `sirec worth` that nobody asked for. So are refits:
    `comif/refit`, `demo/comif/refit` and `3f2a91/refit` mean the finished refit of the run that is
    named before it.

    Args:
        results: the results folder.
        reference: what a person wrote.

    Raises:
        SirecError: if there is no such run, if several ids begin so, if the model has runs on
            several data sets, or if none of its runs has finished.
    """
    path = Path(reference)
    if path.name == REFIT and path.parent != Path():
        return _refit(find_run(results, str(path.parent)))
    if (path / "config.yaml").exists():
        return FoundRun(path)
    runs = run_paths(results)
    by_id: list[Path] = []
    by_model: list[Path] = []
    for run in runs:
        if _begins_id(run, path):
            by_id.append(run)
        if _is_model_of(run, path):
            by_model.append(run)
    if by_id and by_model:
        raise SirecError(
            f"'{reference}' is a model and the beginning of an id",
            f"name the data set too: {_model_address(by_model[0])}; or more digits of the id",
        )
    if by_model:
        return _newest(reference, by_model, results)
    if len(by_id) == 1:
        return FoundRun(by_id[0])
    if by_id:
        raise SirecError(
            f"'{reference}' is the beginning of {len(by_id)} runs", "give more digits of the id"
        )
    raise _unknown_run(reference, runs)


def run_paths(results: Path) -> list[Path]:
    """The folder of every run, finished or not, in path order."""
    return [path.parent for path in sorted(results.glob(f"{RUNS}/*/*/*/config.yaml"))]


def refit_of(run: Path) -> str | None:
    """The id of the run that a run repeats on all interactions; None for one that is no refit.

    Args:
        run: the folder of a run.
    """
    path = run / "config.yaml"
    with suppress(OSError, UnicodeDecodeError):
        if not REFIT_LINE.search(path.read_text(encoding="utf-8")):
            return None  # without parsing the file, as of nearly all runs
    refit = read_yaml(path).get("refit")
    return str(refit.get("of")) if isinstance(refit, dict) else None


def refits_of(run: Path) -> list[Path]:
    """The folders of the finished refits of a run, the newest first.

    Args:
        run: the folder of the run that they repeat.
    """
    found: list[Path] = []
    for path in sorted(run.parent.glob("*/config.yaml")):
        if not has_finished(path.parent) or refit_of(path.parent) != run.name:
            continue
        if not read_yaml(path)["refit"].get("hidden_items"):
            found.append(path.parent)
    return sorted(found, key=_done_time, reverse=True)


def has_finished(run: Path) -> bool:
    """Whether a run has finished; new results that are still being put in place count."""
    return (run / "DONE").exists() or is_interrupted(run)


def finish_time(run: Path) -> float:
    """When a run finished, in seconds since 1970.

    Args:
        run: the folder of a finished run.

    Returns:
        The last time of `evaluations.jsonl` that is not about ranks made anew; without one, the
        time of the file `DONE`, or 0 where there is none.

    Raises:
        SirecError: for a line of `evaluations.jsonl` that is not what was written.
    """
    times = evaluation_times(run)
    return times[-1] if times else _done_time(run)


def _done_time(run: Path) -> float:
    with suppress(OSError):
        return (run / "DONE").stat().st_mtime
    return 0.0


def short_ids(runs: Iterable[Path]) -> dict[Path, str]:
    """The first digits of each run's id: at least six, and as many as no other run begins with.

    Args:
        runs: folders of all runs.
    """
    by_id = sorted(runs, key=lambda run: run.name)
    digits = dict.fromkeys(by_id, SHORTEST_ID)
    for one, other in pairwise(by_id):
        shared = _shared_beginning(one.name, other.name) + 1
        digits[one] = max(digits[one], shared)
        digits[other] = max(digits[other], shared)
    return {run: run.name[:count] for run, count in digits.items()}


def _shared_beginning(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        count += 1
    return count


def _newest(reference: str, runs: Sequence[Path], results: Path) -> FoundRun:
    """The newest finished one of a model's runs that somebody may mean."""
    evaluated = [run for run in runs if refit_of(run) is None]
    if not evaluated:
        raise SirecError(
            f"{reference}: this model has refits only, which no name of a model means",
            f"name one by its id, such as {runs[0].name[:SHORTEST_ID]}",
        )
    finished = list(filter(has_finished, evaluated))
    if not finished:
        raise SirecError(
            f"{reference}: no run of this model has finished; {evaluated[0]} was begun",
            "the command that began it goes on with it",
        )
    addresses = sorted(set(map(_model_address, finished)))
    if len(addresses) > 1:
        raise SirecError(
            f"'{reference}' has finished runs on {len(addresses)} data sets",
            f"name one of: {', '.join(addresses)}",
        )
    finished.sort(key=lambda run: (-_chosen_time(run), -_done_time(run), run.name))
    meant = [run for run in finished if not _reads_permuted_fields(run)]
    if not meant:
        raise SirecError(
            f"{reference}: all finished runs of this model read permuted values (placebo)",
            f"name one by its id, such as {finished[0].name[:6]}, or train the model as it is",
        )
    asked_for = without_measuring(meant, results)
    chosen = (asked_for or meant)[0]
    place = f"the newest of {len(finished)}" if len(finished) > 1 else "the only one"
    if not asked_for:
        place += ", a row of sirec worth"
    elif chosen != meant[0]:
        place += " but rows of sirec worth"
    return FoundRun(chosen, f"{reference}: {chosen}, {place}")


def _chosen_time(run: Path) -> float:
    """When a run finished, or was asked for after that."""
    return max(finish_time(run), request_time(run))


def _refit(found: FoundRun) -> FoundRun:
    """The newest finished refit of a run."""
    refits = refits_of(found.path)
    if not refits:
        raise SirecError(
            f"{found.path}: this run has no finished refit",
            f"make one: {command('train', '--refit', found.path.name)}",
        )
    remark = f"{found.remark}; its refit: {refits[0].name}" if found.remark else ""
    return FoundRun(refits[0], remark)


def _reads_permuted_fields(run: Path) -> bool:
    """Whether a run reads a field whose values mean nothing."""
    data = read_yaml(run / "config.yaml").get("data")
    return isinstance(data, dict) and bool(data.get("placebo"))


def _begins_id(run: Path, reference: Path) -> bool:
    """Whether a folder ends with `reference`, whose last step may be the beginning of an id."""
    if not reference.parts:
        return False
    *parents, last = reference.parts
    *mine, identity = run.parts[-len(reference.parts) :]
    return identity.startswith(last) and mine == parents


def _is_model_of(run: Path, reference: Path) -> bool:
    """Whether `reference` is the end of the folder that holds all runs of a run's model."""
    steps = reference.parts
    if not steps:
        return False
    folder = run.parent
    if reference.is_dir() and len(steps) > 2:
        return reference.resolve() == folder.resolve()
    return folder.parts[-len(steps) :] == steps


def _model_address(run: Path) -> str:
    """`demo/comif`, the data set and the model of a run."""
    return "/".join(run.parts[-3:-1])


def _unknown_run(reference: str, runs: Sequence[Path]) -> SirecError:
    """The error for what names no run, with the nearest name."""
    addresses = sorted(set(map(_model_address, runs)))
    models = {address.partition("/")[2] for address in addresses}
    of_data = [each for each in addresses if each.partition("/")[0] == reference]
    if of_data:
        return SirecError(
            f"'{reference}' is a data set, and not a run", f"name one of: {', '.join(of_data)}"
        )
    error = unknown("run", reference, [*addresses, *models])
    if runs:
        error.hint = f"{error.hint}; sirec runs lists the ids"
    return error
