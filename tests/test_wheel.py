"""What is installed is enough: experiments and published numbers travel with the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sirec import resources
from sirec.report.published import published

ROOT = Path(__file__).parents[1]


def test_experiments_are_mapped_into_the_package() -> None:
    """The wheel puts the experiments folder where `experiments_root` looks first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    mapped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert mapped == {"experiments": "sirec/experiments"}


@pytest.mark.slow
def test_a_wheel_reads_its_own_copy(tmp_path: Path) -> None:
    """An installed wheel, outside a checkout, lists its experiments and its published numbers."""
    import subprocess
    import sys
    import zipfile

    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            str(tmp_path),
            str(ROOT),
        ],
        check=True,
    )
    [wheel] = tmp_path.glob("sirec-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    script = (
        "from sirec.studies.spec.library import shipped_experiments;"
        "from sirec.report.published import published;"
        "import sirec; print(sirec.__file__, len(shipped_experiments()), published('beauty', 'comif', 'Recall@20')[0].value)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path / "installed",
    ).stdout.split()
    assert shown[0].startswith(str(tmp_path))
    assert int(shown[1]) >= 2
    assert shown[2] == "0.1449"


def test_a_checkout_reads_the_same_numbers() -> None:
    """Control: from the checkout the same value is found."""
    assert Path(str(resources.experiments_root())).is_dir()
    assert published("beauty", "comif", "Recall@20")[0].value == 0.1449
