"""Digests for what version 0.2 wrote, which had none: what can be read now is taken to be whole."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

from sirec.config import to_yaml
from sirec.data.progress import ProgressCallback
from sirec.data.store import storage
from sirec.data.store.seal import seal_dataset
from sirec.errors import Remark
from sirec.evaluation.covariates import has_digest, read_covariates, save_covariates
from sirec.run.commit import commit, complete
from sirec.run.files import replace_text
from sirec.run.identity import check_identity
from sirec.run.manifest import CONFIG, read_manifest, write_manifest
from sirec.run.records import has_own_digest, read_record, replace_record
from sirec.run.store import RunFolder, Store
from sirec.studies.results_page.verify import RESTORE, covariate_paths, record_paths

NEW_FILES = ".sealed"  # inside a run: the files that are about to be committed


def seal(
    results: Path,
    data_root: Path,
    progress: ProgressCallback = lambda stage, done, total: None,
) -> int:
    """Add digests to runs, covariates, records and prepared data sets that have none.

    Runs also get the revisions that they were made with. Each is read first.

    Args:
        results: the results folder.
        data_root: folder of prepared data sets; it need not exist.
        progress: called with a kind of things, how many are done, and their number.

    Returns:
        How many things were given digests.

    Raises:
        SirecError: for the first that is damaged; what was sealed before stays sealed.
    """
    sealed = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        runs = Store(results).all()
        for number, run in enumerate(runs):
            progress("runs", number, len(runs))
            sealed += seal_run(run)
        for path in covariate_paths(results):
            if not has_digest(path):
                save_covariates(read_covariates(path), path)
                sealed += 1
        for path in record_paths(results):
            sealed += seal_record(path, results)
        for name in storage.list_datasets(data_root):
            sealed += seal_dataset(storage.find(data_root, name))
    return sealed


def seal_run(run: RunFolder) -> bool:
    """Give a finished run digests, and the revisions that its id follows from.

    Args:
        run: the run.

    Returns:
        Whether it had none.

    Raises:
        SirecError: if the run cannot be read, or its id does not follow from its configuration.
    """
    if not run.is_done or read_manifest(run.path) is not None:
        return False
    with run.locked():
        complete(run.path)
        made_with = check_identity(run.path, run.config(), run.fingerprint(), None)
        for read in (run.split, run.ranks, run.timings, run.environment):
            read()
        text = (run.path / CONFIG).read_text(encoding="utf-8")
        fresh = run.path / NEW_FILES
        shutil.rmtree(fresh, ignore_errors=True)  # of a process that was killed
        replace_text(fresh / CONFIG, text + to_yaml({"revisions": made_with}))
        write_manifest(fresh, based_on=run.path)
        commit(run.path, fresh)
    return True


def seal_record(path: Path, results: Path) -> bool:
    """Give a record a digest, and one of each run that it names.

    Args:
        path: the record.
        results: the results folder.

    Returns:
        Whether it had none.

    Raises:
        SirecError: if the record or one of its runs is damaged.
    """
    if has_own_digest(path):
        return False
    values = read_record(path, RESTORE)
    for line in values.get("runs", ()):
        if isinstance(line, dict) and "run" in line:
            line["digest"] = RunFolder(results / line["run"]).digest_of_numbers()
    replace_record(path, values)
    return True
