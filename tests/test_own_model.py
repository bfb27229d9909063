"""`examples/own_model`, installed as a package of its own, is treated like any other model.

It is trained, resumed, evaluated, compared, listed and drawn. Every step is a process of its own,
as a person's commands are.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "own_model"
SMALL = ["--set", "width=8", "--threads", "1"]
MOST_LINES = 60


@dataclass(frozen=True)
class Place:
    """A folder with a prepared data set `shop`, and where the example package is installed."""

    folder: Path
    installed: Path

    def environment(self, *, with_plugin: bool) -> dict[str, str]:
        """The environment of a command, with or without the installed package."""
        paths = [str(self.installed), str(ROOT)] if with_plugin else [str(ROOT)]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}

    def command(self, *arguments: str) -> Sequence[str]:
        """`sirec` with these arguments, as a process is given it."""
        return [sys.executable, "-m", "sirec", *arguments]

    def sirec(self, *arguments: str, with_plugin: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(with_plugin=with_plugin),
            capture_output=True,
            text=True,
            check=False,
        )

    def runs(self, model: str) -> list[Path]:
        """The folders of a model's runs."""
        return sorted((self.folder / "results" / "runs" / "shop" / model).glob("*"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The example installed by pip, without the network, beside a small data set."""
    folder = tmp_path_factory.mktemp("own_model")
    source = shutil.copytree(EXAMPLE, folder / "source")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    isolated = ["--no-build-isolation", "--target", str(folder / "installed")]
    subprocess.run([*install, *isolated, str(source)], check=True)
    data = prepare(DemoSource(users=300, items=100).read(), "shop")
    storage.write(folder / "data", data)
    return Place(folder, folder / "installed")


@pytest.fixture(scope="module")
def trained(place: Place) -> Path:
    """The folder of a finished run of the example's model."""
    before = place.runs("decayed-history")  # of the tests that this process had before
    done = place.sirec("train", "decayed-history", "--data", "shop", *SMALL, "--set", "epochs=2")
    assert done.returncode == 0, done.stderr
    [folder] = [folder for folder in place.runs("decayed-history") if folder not in before]
    return folder


def test_the_example_is_short() -> None:
    """A model, an objective and an experiment take fewer than sixty lines of code."""
    files = [path for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".yaml")]
    assert len(files) == 3
    lines = [line for path in files for line in path.read_text().splitlines()]
    code = [line for line in lines if line.strip() and not line.strip().startswith(("#", '"""'))]
    assert 0 < len(code) < MOST_LINES


def test_its_run_says_which_package_it_needs(trained: Path) -> None:
    """Package and version stand in the run's environment; nothing names a file to execute."""
    environment = json.loads((trained / "environment.json").read_text())
    assert environment["plugins"] == {"own-model": "0.1"}
    configuration = yaml.safe_load((trained / "config.yaml").read_text())
    assert configuration["model"]["name"] == "decayed-history"
    assert ".py" not in (trained / "config.yaml").read_text()


@pytest.mark.usefixtures("trained")
def test_its_revision_is_part_of_a_runs_identity(place: Place) -> None:
    """The same configuration under another revision of the model is another run."""
    earlier = place.runs("decayed-history")
    code = place.installed / "own_model" / "__init__.py"
    before = code.read_text()
    title = '    title: ClassVar[str] = "Decayed history"\n'
    code.write_text(before.replace(title, f"{title}    revision: ClassVar[int] = 2\n"))
    assert code.read_text() != before
    try:
        again = place.sirec(
            "train", "decayed-history", "--data", "shop", *SMALL, "--set", "epochs=2"
        )
    finally:
        code.write_text(before)
    assert again.returncode == 0, again.stderr
    others = [folder for folder in place.runs("decayed-history") if folder not in earlier]
    assert len(others) == 1
    shutil.rmtree(others[0])


def test_it_reads_no_field_that_could_be_worth_anything(place: Place) -> None:
    """`worth` refuses it in one line and names models that read attributes."""
    asked = place.sirec("worth", "shop", "--model", "decayed-history")
    assert asked.returncode == 2
    assert "Decayed history reads no attribute, and so not brand, category, rating" in asked.stderr
    assert "comif" in asked.stderr


@pytest.mark.slow
def test_it_is_evaluated_and_listed_beside_ours(place: Place, trained: Path) -> None:
    """`evaluate` has its row, `models` has it and its page."""
    evaluated = place.sirec("evaluate", str(trained), "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    assert "Decayed history" in evaluated.stdout
    listed = place.sirec("models", "--json")
    assert listed.returncode == 0, listed.stderr
    names = [entry["name"] for entry in json.loads(listed.stdout)]
    assert "decayed-history" in names
    assert "sasrec" in names
    page = place.sirec("models", "decayed-history")
    assert page.returncode == 0, page.stderr
    assert "an example of sirec" in page.stdout


@pytest.mark.slow
def test_it_is_exported_with_its_refit(place: Place, trained: Path) -> None:
    """Its scores under onnxruntime are its own, compared before anything is written; without the
    package the run is refused in one line.
    """
    made = place.sirec("export", str(trained), "--to", "served")
    assert made.returncode == 0, made.stderr
    assert "onnxruntime gives the model's scores for" in made.stderr
    described = json.loads((place.folder / "served" / "export.json").read_text())
    assert described["model"] == "decayed-history"
    refit = place.sirec("train", "--refit", str(trained))
    assert refit.returncode == 0, refit.stderr
    again = place.sirec("export", f"{trained}/refit", "--to", "served", "--replace")
    assert again.returncode == 0, again.stderr
    card = (place.folder / "served" / "README.md").read_text()
    assert f"It repeats run {trained.name}" in " ".join(card.split())
    refused = place.sirec("export", str(trained), "--to", "none", with_plugin=False)
    assert refused.returncode == 2
    assert "own-model 0.1" in refused.stderr
    assert not (place.folder / "none").exists()


@pytest.mark.slow
def test_it_resumes_with_the_same_bits(place: Place) -> None:
    """Killed in the middle and started again, it ends with the ranks of a run that was not."""
    settings = [*SMALL, "--set", "epochs=8", "--set", "patience=8", "--set", "budget=16"]
    whole = place.sirec("train", "decayed-history", "--data", "shop", *settings, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    arguments = ["train", "decayed-history", "--data", "shop", *settings, "--out", "killed"]
    process = subprocess.Popen(
        place.command(*arguments),
        cwd=place.folder,
        env=place.environment(with_plugin=True),
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not list((place.folder / "killed").rglob("epochs.jsonl")):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list((place.folder / "killed").rglob("DONE"))  # else there is nothing to resume
    assert list((place.folder / "killed").rglob("snapshot.safetensors"))
    resumed = place.sirec(*arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert "goes on after epoch" in resumed.stderr
    [first] = (place.folder / "whole").rglob("ranks.parquet")
    [second] = (place.folder / "killed").rglob("ranks.parquet")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_its_experiment_is_trained_by_two_workers_and_drawn(place: Place) -> None:
    """The study is found by name; workers load the package; the table has its rows."""
    asked = ["study", "own_model", "--data", "shop", "--set", "width=8"]
    studied = place.sirec(*asked, "--jobs", "2")
    assert studied.returncode == 0, studied.stderr
    assert "Decayed history, no uniformity" in studied.stdout
    drawn = place.sirec(*asked, "--render-only")
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout == studied.stdout
    assert list((place.folder / "results" / "tables").glob("own_model*.md"))
    reported = place.sirec("report")
    assert reported.returncode == 0, reported.stderr


@pytest.mark.slow
def test_a_plugin_that_is_missing_is_named_and_stops_no_listing(
    place: Place, trained: Path
) -> None:
    """Without the package its run is refused in one line that says what to install.

    `doctor` and runs of other models go on.
    """
    refused = place.sirec("evaluate", str(trained), with_plugin=False)
    assert refused.returncode == 2
    assert "own-model 0.1" in refused.stderr
    assert "install" in refused.stderr
    assert "Traceback" not in refused.stderr
    ours = place.sirec(
        "train",
        "popularity",
        "--data",
        "shop",
        with_plugin=False,
    )
    assert ours.returncode == 0, ours.stderr
    shown = place.sirec("doctor", with_plugin=False)
    assert "Traceback" not in shown.stderr
    [baseline] = place.runs("popularity")
    assert place.sirec("evaluate", str(baseline), with_plugin=False).returncode == 0


def test_a_plugin_file_reaches_the_workers(place: Place) -> None:
    """`--plugin FILE` instead of an installed package: worker processes load the same file."""
    file = place.folder / "as_a_file.py"
    file.write_text((EXAMPLE / "own_model" / "__init__.py").read_text())
    experiment = place.folder / "by_file.yaml"
    content = (EXAMPLE / "own_model" / "experiments" / "own_model.yaml").read_text()
    experiment.write_text(content)
    arguments = ["--data", "shop", "--jobs", "2", "--out", "by_file", "--plugin", str(file)]
    studied = place.sirec("study", str(experiment), *arguments, with_plugin=False)
    assert studied.returncode == 0, studied.stderr
    environments = list((place.folder / "by_file").rglob("decayed-history/*/environment.json"))
    assert len(environments) == 2
    for path in environments:
        assert list(json.loads(path.read_text())["plugins"]) == ["as_a_file.py"]
