"""Whether a results folder is whole: every file as it was written, every table as its ranks say.

Runs, covariates, records and prepared data sets are compared with their digests, ids and metrics
are computed anew, and tables, the data of figures and the report are drawn anew and compared byte
by byte. Nothing is written. Pictures are not compared: their bytes depend on the library that draws
them, and their data are.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sirec.data.progress import ProgressCallback
from sirec.data.store import storage
from sirec.errors import Remark, SirecError
from sirec.evaluation.covariates import has_digest, read_covariates
from sirec.run.evaluation_log import evaluation_times
from sirec.run.manifest import FILES, WEIGHTS, checked_file, read_manifest
from sirec.run.records import has_own_digest, read_record
from sirec.run.snapshot import Snapshot
from sirec.run.store import RecordedRun, RunFolder, Store
from sirec.studies.results_page.figures import figures_of_studies
from sirec.studies.results_page.page import HTML, MARKDOWN, pages
from sirec.studies.results_page.redraw import UnknownExperimentError, drawings

TABLES, FIGURES = "tables", "figures"
REPORTS = (HTML, MARKDOWN)
NEWER = (".json", ".tex")  # beside a table since it has a page
OLDER = "drawn anew they get LaTeX files and a place in report.html"
RESTORE = "copy the files back from where they are whole, or make them anew"


@dataclass
class VerifiedKind:
    """What was found of one kind of things.

    Attributes:
        kind: what they are, in the plural.
        checked: how many were looked at.
        unchecked: how many of them have no digests, as version 0.2 wrote them.
        differences: what differs, one line each.
        remarks: what else is to be known of them.
    """

    kind: str
    checked: int = 0
    unchecked: int = 0
    differences: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Note a `SirecError` that is raised within as a difference."""
        try:
            yield
        except SirecError as error:
            if error.message not in self.differences:
                self.differences.append(error.message)


@dataclass(frozen=True)
class Verification:
    """What `sirec verify` found.

    Attributes:
        results: the results folder.
        kinds: what was found, kind by kind.
    """

    results: str
    kinds: tuple[VerifiedKind, ...]

    @property
    def differences(self) -> list[str]:
        """All that differs, one line each."""
        lines: list[str] = []
        for kind in self.kinds:
            lines += kind.differences
        return lines

    @property
    def unchecked(self) -> int:
        """How many things have no digests."""
        return sum(kind.unchecked for kind in self.kinds)

    @property
    def is_identical(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        kinds = list(map(asdict, self.kinds))
        return {"results": self.results, "is_identical": self.is_identical, "kinds": kinds}

    def check(self) -> None:
        """Raise `SirecError` if something differs."""
        if self.is_identical:
            return
        count = len(self.differences)
        noun = "difference" if count == 1 else "differences"
        raise SirecError(f"{self.results}: {count} {noun}, listed above", RESTORE)


def verify(
    results: Path,
    data_root: Path,
    progress: ProgressCallback = lambda stage, done, total: None,
) -> Verification:
    """Check all of a results folder, and the prepared data sets.

    Args:
        results: the results folder.
        data_root: folder of prepared data sets; it need not exist.
        progress: called with a kind of things, how many are done, and their number.

    Raises:
        SirecError: if there is no results folder.
    """
    if not results.is_dir():
        raise SirecError(f"{results}: no such folder", "name a results folder: sirec verify FOLDER")
    steps: Mapping[str, Callable[[VerifiedKind, ProgressCallback], None]] = {
        "runs": lambda kind, tell: _check_runs(kind, tell, results),
        "covariates": lambda kind, tell: _check_covariates(kind, tell, results),
        "records": lambda kind, tell: _check_records(kind, tell, results),
        "data sets": lambda kind, tell: _check_datasets(kind, tell, data_root),
        "tables": lambda kind, tell: check_tables(kind, tell, results),
        "report": lambda kind, tell: check_report(kind, tell, results),
    }
    kinds: list[VerifiedKind] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # what has no digests is counted instead
        for name, step in steps.items():
            kinds.append(VerifiedKind(name))
            step(kinds[-1], progress)
    return Verification(str(results), tuple(kinds))


def record_paths(results: Path) -> list[Path]:
    """The records of a results folder, of studies and of analyses."""
    paths: list[Path] = []
    for path in sorted(results.glob("*/*.json")):
        if path.parent.name not in ("runs", TABLES, FIGURES):
            paths.append(path)
    return paths


def covariate_paths(results: Path) -> list[Path]:
    """The files of covariates of a results folder."""
    return sorted(results.glob("runs/*/covariates-*.parquet"))


def _check_runs(found: VerifiedKind, tell: ProgressCallback, results: Path) -> None:
    runs = Store(results).all()
    unfinished, without_weights, without_ranks = 0, 0, 0
    for number, run in enumerate(runs):
        tell(found.kind, number, len(runs))
        found.checked += 1
        if not run.is_done:
            unfinished += 1
            with found.collecting():
                run.config()
                Snapshot.load(run.snapshot_path)
            continue
        without_weights += not run.has_weights
        with found.collecting():
            without_ranks += run.withheld is not None
        _check_run(found, run)
    if unfinished:
        found.remarks.append(f"{unfinished} runs have not finished")
    if without_weights:
        found.remarks.append(f"the weights of {without_weights} runs were not kept")
    if without_ranks:
        found.remarks.append(f"ranks of single users were withheld from {without_ranks} runs")


def _check_run(found: VerifiedKind, run: RunFolder) -> None:
    """Compare every file of a finished run with its digest; then read what tables read."""
    before = len(found.differences)
    with found.collecting():
        manifest = read_manifest(run.path)
        names = FILES if manifest is None else manifest.files
        found.unchecked += manifest is None
        for name in {**dict.fromkeys(names), WEIGHTS: None}:
            is_left_out = manifest is not None and manifest.lacks(name)
            if (name != WEIGHTS or run.has_weights) and not is_left_out:
                with found.collecting():
                    checked_file(run.path, name)
    with found.collecting():
        evaluation_times(run.path)
    if len(found.differences) == before:
        with found.collecting():
            run.config()
            run.split()
            run.timings()
            run.environment()
            if run.repeated is None:
                run.ranks_or_means()


def _check_covariates(found: VerifiedKind, tell: ProgressCallback, results: Path) -> None:
    for path in covariate_paths(results):
        found.checked += 1
        with found.collecting():
            read_covariates(path)
            found.unchecked += not has_digest(path)


def _check_records(found: VerifiedKind, tell: ProgressCallback, results: Path) -> None:
    for path in record_paths(results):
        found.checked += 1
        with found.collecting():
            values = read_record(path, RESTORE)
            found.unchecked += not has_own_digest(path)
            for line in values.get("runs", ()):
                if isinstance(line, dict) and "run" in line:
                    _check_recorded(found, path, line, results)


def _check_recorded(
    found: VerifiedKind, path: Path, line: Mapping[str, Any], results: Path
) -> None:
    """Check that a run that a record names is the one that it was written for."""
    run = RecordedRun(str(line.get("label")), str(line["run"]), line.get("digest"))
    folder = run.open(results)
    if not folder.is_done:
        found.differences.append(f"{path}: it names {run.run}, which is not there or not finished")
    elif run.digest is not None and folder.digest_of_numbers() != run.digest:
        found.differences.append(f"{path}: {run.run} is not as it was when this was written")


def _check_datasets(found: VerifiedKind, tell: ProgressCallback, data_root: Path) -> None:
    names = storage.list_datasets(data_root)
    for number, name in enumerate(names):
        tell(found.kind, number, len(names))
        found.checked += 1
        with found.collecting():
            folder = storage.find(data_root, name)
            found.unchecked += not storage.read_manifest(folder).digests
            storage.load(folder)


def check_tables(found: VerifiedKind, tell: ProgressCallback, results: Path) -> None:
    """Draw tables and the data of figures anew, and compare them with what is there.

    Args:
        found: where what was checked and what differs is noted.
        tell: called with a kind of things, how many are done, and their number.
        results: the results folder.
    """
    with tempfile.TemporaryDirectory() as place:
        anew = Path(place)
        to_draw = drawings(results)
        for number, drawing in enumerate(to_draw):
            tell(found.kind, number, len(to_draw))
            if not (results / TABLES / f"{drawing.name}.md").exists():
                found.remarks.append(f"{drawing.name} has a record and no table yet")
                continue
            with found.collecting():
                try:
                    drawing.draw().write_text(anew, drawing.name)
                except UnknownExperimentError as error:
                    found.remarks.append(error.message)
        older = _of_older_version(results, [drawing.name for drawing in to_draw])
        if older:
            found.remarks.append(f"{len(older)} tables are of an older version: {OLDER}")
        for path in sorted(anew.rglob("*.*")):
            if path.suffix in NEWER and path.stem.startswith(older):
                continue
            found.checked += 1
            _compare(found, path.read_bytes(), results / path.relative_to(anew))
        drawn = {drawing.name for drawing in to_draw}
    _check_figures_of_studies(found, results)
    by_hand = [path for path in (results / TABLES).glob("*.md") if path.stem not in drawn]
    if by_hand:
        found.remarks.append(f"{len(by_hand)} tables have no record to be drawn from")


def _of_older_version(results: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Names of tables that lie there without what pages show of them, as version 0.2 wrote them."""
    folder = results / TABLES
    found: list[str] = []
    for name in names:
        if (folder / f"{name}.md").exists() and not (folder / f"{name}.json").exists():
            found.append(name)
    return tuple(found)


def _check_figures_of_studies(found: VerifiedKind, results: Path) -> None:
    """Compare the data of the figures that `sirec report` has drawn."""
    with found.collecting():
        for name, figure in figures_of_studies(results):
            path = results / FIGURES / f"{name}.csv"
            if path.exists():
                found.checked += 1
                _compare(found, figure.data().encode(), path)


def check_report(found: VerifiedKind, tell: ProgressCallback, results: Path) -> None:
    """Draw the report anew, if there is one, and compare it.

    Args:
        found: where what was checked and what differs is noted.
        tell: called with a kind of things, how many are done, and their number.
        results: the results folder.
    """
    there = [results / name for name in REPORTS if (results / name).exists()]
    if not there:
        return
    found.checked += len(there)
    with found.collecting():
        anew = pages(results)
        for path in there:
            _compare(found, anew[path.name].encode(), path)


def _compare(found: VerifiedKind, anew: bytes, path: Path) -> None:
    """Note a file that is other than drawn anew, with the first line that differs."""
    if not path.is_file():
        found.differences.append(f"{path}: missing: drawn anew there is such a file")
        return
    there, drawn = path.read_bytes().splitlines(), anew.splitlines()
    if path.read_bytes() == anew:
        return
    line = 1
    for left, right in zip(there, drawn, strict=False):
        if left != right:
            break
        line += 1
    found.differences.append(f"{path}:{line}: not what is drawn from the ranks now")
