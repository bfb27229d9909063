"""A run folder gives out results only of a finished run, and only where ranks and metrics agree."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from unsealed import reads_unsealed, unseal_run

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.ranks import RankTable
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.files import replace_text
from sirec.run.store import RunFolder, Store


@pytest.fixture
def floor(tiny: Dataset, tmp_path: Path) -> RunFolder:
    """A finished run."""
    return execute(resolve("popularity", tiny), tiny, Store(tmp_path))


def test_a_run_that_has_not_finished_has_no_ranks(floor: RunFolder) -> None:
    """Without its mark a run is being trained anew, whatever else lies there; with it (control) the
    ranks are read.
    """
    assert floor.ranks().users > 0
    (floor.path / "DONE").unlink()
    with pytest.raises(SirecError, match="this run has not finished"):
        floor.ranks()


@reads_unsealed
def test_ranks_with_other_metrics_are_refused(floor: RunFolder) -> None:
    """Possible ranks that are not the run's are told by their metrics; those a processor rounds
    otherwise (control) are not.
    """
    unseal_run(floor.path)
    path, stored = floor.path / "metrics.json", floor.metrics()
    stored["test"]["keep"]["Recall@10"] *= 1 + 1e-12
    path.write_text(json.dumps(stored))
    right = floor.ranks()
    worse = np.full_like(right.ranks["test"]["keep"], 10**6)
    others = RankTable({**right.ranks, "test": {**right.ranks["test"], "keep": worse}}, right.ties)
    others.to_parquet(floor.path / "ranks.parquet")
    with pytest.raises(SirecError, match="not the metrics of the ranks beside it") as caught:
        floor.ranks()
    assert f"sirec evaluate {floor.path} --recompute" in str(caught.value.hint)


@reads_unsealed
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("{}", "the key 'valid' is missing"),
        ("[", "not valid JSON"),
        ("\xff", "not valid JSON"),
    ],
)
def test_metrics_that_cannot_be_read_are_named(
    floor: RunFolder, text: str | None, message: str
) -> None:
    """Missing or damaged, they come with the command that makes them anew."""
    unseal_run(floor.path)
    path = floor.path / "metrics.json"
    path.unlink()
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SirecError, match=rf"metrics\.json.*{message}") as caught:
        floor.ranks()
    assert "--recompute" in str(caught.value.hint)


@pytest.mark.filterwarnings("ignore::sirec.errors.Remark")
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("timings.json", "[]", r"timings\.json: expected an object with keys, got \[\]"),
        ("timings.json", "{}", r"timings\.json: the key 'epochs' is missing"),
        ("environment.json", "[]", r"environment\.json: expected an object with keys, got \[\]"),
        ("environment.json", '{"plugins": 3}', r"environment\.json: plugins: expected a mapping"),
        ("config.yaml", "seed: 0", r"config\.yaml: the key 'fingerprint' is missing"),
        ("config.yaml", "fingerprint: 3", r"config\.yaml: fingerprint: expected text, got 3"),
        ("metrics.json", "3", r"metrics\.json: expected an object with keys, got 3"),
    ],
)
def test_a_file_of_another_type_is_named(
    floor: RunFolder, name: str, text: str, message: str
) -> None:
    """One line with the file and the key, in a run without digests; unchanged (control) all can be
    read.
    """
    unseal_run(floor.path)
    read = {
        "timings.json": floor.timings,
        "environment.json": floor.environment,
        "config.yaml": floor.fingerprint,
        "metrics.json": floor.metrics,
    }[name]
    read()
    (floor.path / name).write_text(text)
    with pytest.raises(SirecError, match=message):
        read()


def test_a_text_that_is_not_utf_8_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """Such as a name of a file in another encoding. Control: any whole character is written."""
    path = tmp_path / "table.md"
    with pytest.raises(SirecError, match="no character of UTF-8"):
        replace_text(path, "a\udcff")
    assert not path.exists()
    replace_text(path, "\uffff😀")
    assert path.read_text(encoding="utf-8") == "\uffff😀"
