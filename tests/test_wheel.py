"""What is installed or unpacked is enough: a wheel has its experiments, a source distribution its
tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from record import needs_record

from sirec import resources
from sirec.report.published import published

ROOT = Path(__file__).parents[1]
# What tests and the Makefile read, apart from the committed results.
READ = (
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "constraints.txt",
    "docs",
    "examples",
    "experiments",
    "scripts",
    "sirec",
    "tests",
)
SAMPLE = ("tests/objectives", "tests/benchmarks", "tests/papers", "tests/test_house.py")


def build_settings() -> dict[str, Any]:
    """What `pyproject.toml` says about wheels and source distributions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings: dict[str, Any] = project["tool"]["hatch"]["build"]["targets"]
    return settings


def test_experiments_are_mapped_into_the_package() -> None:
    """The wheel puts the experiments folder where `experiments_root` looks first."""
    mapped = build_settings()["wheel"]["force-include"]
    assert mapped["experiments"] == "sirec/experiments"


def test_a_source_distribution_has_what_its_tests_read() -> None:
    """Every listed path exists, and nothing that tests read is left out."""
    included = {name.removeprefix("/") for name in build_settings()["sdist"]["include"]}
    assert included >= set(READ)
    for name in included:
        assert (ROOT / name).exists(), name


def test_a_checkout_reads_the_same_numbers() -> None:
    """Control: from the checkout the same value is found."""
    assert Path(str(resources.experiments_root())).is_dir()
    assert published("beauty", "comif", "Recall@20")[0].value == 0.1449


@needs_record
def test_nothing_that_is_ignored_is_committed() -> None:
    """Every file of the committed record has its line in `.gitignore`."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listing = ["git", "-C", str(ROOT), "ls-files"]
    ignored = subprocess.run(
        [*listing, "--cached", "--ignored", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ignored.stdout == ""


def test_what_a_quickstart_writes_is_ignored() -> None:
    """Runs on the demo data and their tables never show up as changes of a clone; a table of the
    record does.
    """
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    written = [
        "data/demo/dataset.yaml",
        "results/runs/demo/sasrec/0123456789ab/config.yaml",
        "results/runs/demo/covariates-67c37ad02379067e.parquet",
        "results/studies/quickstart.json",
        "results/tables/quickstart.md",
    ]
    recorded = "results/tables/overall.md"
    checked = subprocess.run(
        ["git", "-C", str(ROOT), "check-ignore", "--no-index", *written, recorded],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.stdout.splitlines() == written


@pytest.mark.slow
def test_a_wheel_reads_its_own_copy(tmp_path: Path) -> None:
    """An installed wheel, outside a checkout, lists its experiments and its published numbers."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    [wheel] = tmp_path.glob("sirec-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    script = (
        "import sirec; from sirec.report.published import published; "
        "from sirec.studies.spec.library import shipped_experiments; "
        "value = published('beauty', 'comif', 'Recall@20')[0].value; "
        "print(sirec.__file__, len(shipped_experiments()), value)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path / "installed",
        env=without_path(),
    )
    file, experiments, value = shown.stdout.split()
    assert file.startswith(str(tmp_path))
    assert int(experiments) >= 2
    assert value == "0.1449"


@pytest.mark.slow
def test_a_source_distribution_runs_its_own_tests(tmp_path: Path) -> None:
    """A sample of the tests passes in the unpacked archive, where no record lies."""
    build = pytest.importorskip("hatchling.build", reason="hatchling builds the archive")
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        archive = tmp_path / build.build_sdist(str(tmp_path))
    finally:
        os.chdir(here)
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    [folder] = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert not (folder / "results").exists()
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow", *SAMPLE],
        check=True,
        cwd=folder,
        env={**without_path(), "PYTHONPATH": str(folder)},
    )


def without_path() -> dict[str, str]:
    """The environment without a PYTHONPATH, which would lead to this checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
