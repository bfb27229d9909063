"""A run of two stages that is stopped in either, or between them, ends as if it had not been."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.run.config import RunConfig, resolve
from sirec.run.execute import execute
from sirec.run.store import Store
from sirec.run.watcher import Silent
from sirec.training.progress import EpochReport

RESULTS = ("ranks.parquet", "model.safetensors", "metrics.json", "epochs.jsonl")
FIRST, SECOND = 3, 2  # epochs of the stages
SETTINGS = {
    "width": 16,
    "heads": 2,
    "layers": 1,
    "inner": 16,
    "threads": 1,
    "budget": 256,
    "max_length": 10,
    "stages.pretrain.epochs": FIRST,
    "stages.train.epochs": SECOND,
}


class StoppedError(Exception):
    """What ends a run in the middle."""


class StopsAt(Silent):
    """Ends the run once so many epochs are saved, or at the first step after them."""

    def __init__(self, epochs: int, *, in_the_next: bool) -> None:
        self.left, self.in_the_next = epochs, in_the_next

    def epoch(self, report: EpochReport) -> None:
        """Count, and stop if the last wanted epoch has just been saved."""
        self.left -= 1
        if self.left == 0 and not self.in_the_next:
            raise StoppedError

    def step(self, done: int, total: int) -> None:
        """Stop within an epoch."""
        if self.left == 0 and done == 2:
            raise StoppedError


@pytest.fixture(scope="module")
def data() -> Dataset:
    return prepare(DemoSource(users=150, items=60).read(), "shop").dataset


@pytest.fixture(scope="module")
def config(data: Dataset) -> RunConfig:
    return resolve("s3-rec", data, assignments=SETTINGS)


@pytest.fixture(scope="module")
def whole(data: Dataset, config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return execute(config, data, Store(tmp_path_factory.mktemp("whole"))).path


@pytest.mark.parametrize("in_the_next", [False, True])
@pytest.mark.parametrize("epochs", [1, FIRST, FIRST + 1])
def test_a_run_of_two_stages_resumes_bit_for_bit(
    epochs: int, in_the_next: bool, data: Dataset, config: RunConfig, whole: Path, tmp_path: Path
) -> None:
    """Stopped in the first stage, right after it, or in the second; between two epochs or within
    one: the same files result.
    """
    with pytest.raises(StoppedError):
        execute(config, data, Store(tmp_path), watcher=StopsAt(epochs, in_the_next=in_the_next))
    [stopped] = tmp_path.glob("runs/shop/s3-rec/*")
    assert len((stopped / "epochs.jsonl").read_text().splitlines()) == epochs
    assert not (stopped / "DONE").exists()  # control: it was stopped in the middle
    folder = execute(config, data, Store(tmp_path))
    for name in RESULTS:
        assert (folder.path / name).read_bytes() == (whole / name).read_bytes(), name


def test_the_first_stage_matters(
    data: Dataset, config: RunConfig, whole: Path, tmp_path: Path
) -> None:
    """Control of the above: with one epoch less in the first stage the second ends elsewhere."""
    shorter = resolve("s3-rec", data, assignments=SETTINGS | {"stages.pretrain.epochs": FIRST - 1})
    folder = execute(shorter, data, Store(tmp_path))
    assert (folder.path / "model.safetensors").read_bytes() != (
        whole / "model.safetensors"
    ).read_bytes()


def test_what_is_reported_of_both_stages(whole: Path) -> None:
    """An epoch a line, the first stage without validation."""
    lines = (whole / "epochs.jsonl").read_text().splitlines()
    assert [('"pretrain"' in line, '"valid": {}' in line) for line in lines] == [
        (True, True)
    ] * FIRST + [(False, False)] * SECOND
