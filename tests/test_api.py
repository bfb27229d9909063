"""The library: what `import sirec` offers, what it leaves as it found it, and its examples."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

import sirec
from sirec.cli.app import main
from sirec.errors import SirecError
from sirec.run.store import RunFolder
from sirec.studies.launch.watcher import SilentStudy

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
TINY = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 2}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a small prepared data set called `shop`."""
    monkeypatch.chdir(tmp_path)
    sirec.prepare("demo", name="shop", source_options={"users": 300, "items": 100})
    return tmp_path


class Remarks(SilentStudy):
    """Keeps remarks, and the labels of runs that end."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.ended: list[tuple[str, bool]] = []

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def run_ends(self, label: str, folder: RunFolder, *, was_trained_before: bool) -> None:
        self.ended.append((label, was_trained_before))


def run_python(code: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that finds this checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("code", "loads_torch"),
    [
        ("import sirec; dir(sirec)", False),
        (
            "import sys; sys.argv = ['sirec', '--help']\n"
            "from sirec.cli.app import main\n"
            "try: main()\nexcept SystemExit: pass",
            False,
        ),
        ("import sirec; sirec.train", True),
    ],
    ids=["import", "help", "use"],
)
def test_importing_and_help_load_no_torch(code: str, loads_torch: bool) -> None:
    """Torch is loaded with the first function that is used (control)."""
    ended = run_python(f"{code}\nimport sys; print('torch' in sys.modules)")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == str(loads_torch)


def test_importing_changes_no_environment_variable() -> None:
    """Only `configure` does, and it leaves what is set."""
    code = (
        "import os; os.environ.pop('THP_MEM_ALLOC_ENABLE', None); before = dict(os.environ)\n"
        "import sirec, sirec.process, sirec.cli.app, sirec.studies.launch\n"
        "print(dict(os.environ) == before); os.environ['GOMP_SPINCOUNT'] = '7'\n"
        "sirec.process.configure()\n"
        "print(os.environ['GOMP_SPINCOUNT'], os.environ['THP_MEM_ALLOC_ENABLE'])"
    )
    assert run_python(code).stdout.splitlines() == ["True", "7 1"]


def test_every_public_name_is_there() -> None:
    """`__all__` and `dir` name what can be used, and nothing else can."""
    for name in sirec.__all__:
        assert getattr(sirec, name).__doc__
        assert name in dir(sirec)
    with pytest.raises(AttributeError, match="no attribute 'recomend'"):
        getattr(sirec, "recomend")  # noqa: B009


def test_training_gives_back_the_state_of_torch(folder: Path) -> None:
    """Threads, deterministic algorithms, filling of memory and random numbers are as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    fill = torch.utils.deterministic
    torch.use_deterministic_algorithms(False)
    torch.manual_seed(5)
    state, fills = torch.get_rng_state(), fill.fill_uninitialized_memory
    try:
        sirec.train("sasrec", "shop", set=TINY, threads=1)
        assert torch.get_num_threads() == threads + 1
        assert not torch.are_deterministic_algorithms_enabled()
        assert fill.fill_uninitialized_memory == fills
        assert torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_num_threads(threads)


def test_seeds_are_runs_and_a_finished_run_is_taken_as_it_is(folder: Path) -> None:
    """Several seeds make several runs, told by name; the frame has a row for each view of each."""
    watcher = Remarks()
    runs = sirec.train(
        "sasrec", "shop", seeds=[0, 1], set=TINY, threads=1, device="cpu", watcher=watcher
    )
    assert watcher.ended == [("SASRec, seed 0", False), ("SASRec, seed 1", False)]
    again = Remarks()
    alone = sirec.train("sasrec", "shop", seeds=1, set=TINY, threads=1, watcher=again)
    assert alone[0] == runs[1]
    assert again.ended == [("SASRec", True)]
    frame = runs.to_frame()
    assert len(frame) == 2 * 2 * 2
    assert set(frame["seed"]) == {0, 1}
    assert frame["Recall@10"].between(0, 1).all()
    assert "<table" in runs._repr_html_()
    table = sirec.evaluate(runs)
    assert table.to_frame()["Recall@10"].notna().all()
    difference = sirec.compare(runs[0], runs[1])
    assert difference.tables
    with pytest.raises(SirecError, match="seed is set"):
        sirec.train("sasrec", "shop", seeds=[0, 1], set={**TINY, "seed": 3})


def test_the_chosen_device_is_told(folder: Path) -> None:
    """`auto` says which device it chose; a named device (control) is not worth a word."""
    for device, told in (("auto", True), ("cpu", False)):
        watcher = Remarks()
        sirec.train("popularity", "shop", device=device, again=True, watcher=watcher)
        assert any("device: " in text for text in watcher.remarks) == told


def test_the_library_and_the_command_line_make_the_same_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that the library trained is found by `sirec train` with the same options."""
    [run] = sirec.train("sasrec", "shop", set=TINY, threads=1)
    settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    arguments = ["sirec", "train", "sasrec", "--data", "shop", "--threads", "1", *settings]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        main()
    assert f"already trained, {run.path}" in capsys.readouterr().err.replace("\n", "")


def test_frames_become_a_data_set(folder: Path) -> None:
    """Lists are several values, missing cells none, datetimes seconds; a wrong name is refused."""
    rows = [(f"u{user}", f"i{(user + step) % 6}", step) for user in range(8) for step in range(5)]
    orders = pd.DataFrame(rows, columns=["user", "item", "day"])
    orders["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(orders["day"], unit="D")
    items = pd.DataFrame({"item": [f"i{number}" for number in range(6)]})
    items["tags"] = [["a", "b"], ["a"], [], None, ["c"], ["b"]]
    made = sirec.prepare(orders, items, name="own", time="day", attributes="tags")
    assert (made.dataset.user_count, made.dataset.item_count) == (8, 6)
    assert made.dataset.vocabularies["tags"][1:] == ["a", "b", "c"]
    assert made.prepared.timestamps is not None
    assert int(made.prepared.timestamps.ticks[0]) == 1_704_067_200
    assert sirec.load("own").fingerprint() == made.dataset.fingerprint()
    with pytest.raises(SirecError, match="'tag' is not a column"):
        sirec.prepare(orders, items, name="own", time="day", attributes="tag")
    sirec.prepare(orders, items, name="own", time="day", attributes="tags")  # the same frames
    with pytest.raises(SirecError, match=r"another data set of this name .* no runs in results"):
        sirec.prepare(orders[5:], items, name="own", time="day", attributes="tags")
    assert sirec.load("own").fingerprint() == made.dataset.fingerprint()
    sirec.prepare(orders[5:], items, name="own", time="day", attributes="tags", replace=True)
    assert sirec.load("own").fingerprint() != made.dataset.fingerprint()
    with pytest.raises(SirecError, match="needs a name"):
        sirec.prepare(orders)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    """Each example runs in an empty folder and prints a table."""
    ended = run_python(example.read_text(encoding="utf-8"), tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "Recall@10" in ended.stdout


def test_it_imports_and_trains_without_fcntl_and_resource(tmp_path: Path) -> None:
    """Where a system has neither module, as Windows, a model is trained and its peak unknown."""
    code = (
        "import sys; sys.modules['fcntl'] = None; sys.modules['resource'] = None\n"
        "import sirec\n"
        "sirec.prepare('demo', name='shop', source_options={'users': 300, 'items': 100})\n"
        "[run] = sirec.train('popularity', 'shop', device='cpu')\n"
        "print(run.timings()['process_peak_bytes'])"
    )
    ended = run_python(code, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["None"]
