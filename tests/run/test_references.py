"""What names a run: a folder, the beginning of an id, or a model, which is its newest run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from sirec.errors import SirecError
from sirec.run.evaluation_log import log_evaluation, log_request
from sirec.run.references import find_run, finish_time
from sirec.run.store import Store

DAY = "2026-01-{day:02}T10:00:00+00:00"


def add_run(
    root: Path,
    name: str,
    day: int | None,
    *,
    recomputed: int | None = None,
    placebo: str = "[]",
) -> Path:
    """A run that finished on a day of January, or has not finished."""
    run = root / "runs" / name
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(f"data:\n  name: demo\n  placebo: {placebo}\nseed: 0\n")
    if day is not None:
        (run / "DONE").touch()
        os.utime(run / "DONE", (1e9, 1e9))  # a copy of all runs has one time
        lines = [{"split": "test", "time": DAY.format(day=day)}]
        if recomputed is not None:
            lines.append({"time": DAY.format(day=recomputed), "recomputed": True})  # type: ignore[dict-item]
        (run / "evaluations.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Runs of two models on two data sets."""
    add_run(tmp_path, "demo/comif/aa0000", 3, recomputed=28)
    add_run(tmp_path, "demo/comif/ab0000", 9)
    add_run(tmp_path, "demo/comif/ac0000", 5)
    add_run(tmp_path, "demo/comif/ad0000", None)
    add_run(tmp_path, "demo/comif/ae0000", 20, placebo="[brand]")
    add_run(tmp_path, "demo/sasrec/ba0000", 1)
    add_run(tmp_path, "shop/sasrec/bb0000", 2)
    return tmp_path


@pytest.mark.parametrize("name", ["comif", "demo/comif", "runs/demo/comif", "demo/comif/"])
def test_a_model_is_its_newest_finished_run(root: Path, name: str) -> None:
    """Neither one that has not finished, nor one whose ranks were made anew, nor a placebo's; which
    one it is, is said. Control: as soon as a newer one has finished, it is that one.
    """
    found = find_run(root, name)
    assert found.path.name == "ab0000"
    assert found.remark == f"{name}: {found.path}, the newest of 4"
    (root / "runs/demo/comif/ad0000/DONE").touch()
    assert find_run(root, name).path.name == "ad0000"


def test_the_folder_of_a_model_is_a_name_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is written; control: a folder of another results folder has none of these runs."""
    monkeypatch.chdir(root)
    folder = root / "runs/demo/comif"
    for name in (str(folder), "./runs/demo/comif", "runs/demo/../demo/comif"):
        assert find_run(Path(), name).path.name == "ab0000"
    with pytest.raises(SirecError, match="is not a run"):
        find_run(root, str(root / "elsewhere/runs/demo/comif"))


def test_runs_of_one_second_are_told_apart_by_their_files_then_by_id(tmp_path: Path) -> None:
    """The later DONE; of equal ones the id that is first in the alphabet."""
    one, other = (add_run(tmp_path, f"demo/comif/{name}", 4) for name in ("aa", "bb"))
    assert find_run(tmp_path, "comif").path == one
    os.utime(other / "DONE", (2e9, 2e9))
    assert find_run(tmp_path, "comif").path == other


def test_without_a_line_the_mark_says_when(root: Path) -> None:
    """Control: the line is of 2026."""
    run = root / "runs/demo/comif/ab0000"
    assert finish_time(run) > 1.7e9
    (run / "evaluations.jsonl").write_text("")
    assert finish_time(run) == 1e9


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[1]", "[" * 5000),
        *('{"time": 3}', '{"time": "soon"}', '{"time": null}', '{"split": "test"}'),
        '{"timf": "2026-01-05T10:00:00+00:00"}',
    ],
)
def test_a_line_that_cannot_be_read_is_named(root: Path, text: str) -> None:
    """Where the newest run of a model is asked for; control: by its id the run is found."""
    run = root / "runs/demo/comif/ab0000"
    with (run / "evaluations.jsonl").open("a") as file:
        file.write(f"{text}\n")
    with pytest.raises(SirecError, match=r"evaluations\.jsonl:2: not what was written"):
        find_run(root, "comif")
    assert find_run(root, "ab").path == run


def test_no_byte_of_a_logged_time_can_change_unseen(root: Path) -> None:
    """Each line has a digest of itself. Control: as it was written it decides which is newest."""
    run = root / "runs/demo/comif/aa0000"
    log_evaluation(run)
    log_evaluation(run, recomputed=True)
    assert find_run(root, "comif").path == run
    path = run / "evaluations.jsonl"
    whole = path.read_bytes()
    begin = whole.index(b"\n", whole.index(b"\n") + 1) + 1  # the lines above have no digest
    unseen: list[int] = []
    for place in range(begin, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        try:
            finish_time(run)
        except SirecError:
            continue
        unseen.append(place)
    assert unseen == []


def test_paths_and_ids_mean_one_run_and_need_no_remark(root: Path) -> None:
    """A folder and any beginning of an id, with or without model and data set."""
    for name in (str(root / "runs/demo/comif/aa0000"), "aa", "comif/aa", "demo/comif/aa00"):
        found = find_run(root, name)
        assert (found.path.name, found.remark) == ("aa0000", "")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("sasrec", "'sasrec' has finished runs on 2 data sets", "demo/sasrec, shop/sasrec"),
        ("a", "'a' is the beginning of 5 runs", "more digits"),
        ("comfi", "'comfi' is not a run", "did you mean 'comif'"),
        ("demo/comfi", "'demo/comfi' is not a run", "did you mean 'demo/comif'"),
        ("demo", "'demo' is a data set, and not a run", "name one of: demo/comif, demo/sasrec"),
        ("", "'' is not a run", "demo/comif"),
        (".", "'.' is not a run", "demo/comif"),
        ("shop/comif", "'shop/comif' is not a run", "demo/comif"),
    ],
)
def test_what_means_no_run_or_several_is_refused(
    root: Path, name: str, message: str, hint: str
) -> None:
    """With the names that would be right."""
    with pytest.raises(SirecError) as caught:
        find_run(root, name)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


def test_a_model_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    """Of runs that measure placebos alone, too; and a name that is also the beginning of an id."""
    add_run(tmp_path, "demo/comif/aa", None)
    add_run(tmp_path, "demo/nova/bb", 1, placebo="[brand]")
    add_run(tmp_path, "demo/ca/cc", 1)
    add_run(tmp_path, "demo/icai-sr/ca", 1)
    for name, message in (
        ("comif", "no run of this model has finished"),
        ("nova", "permuted values"),
        ("ca", "a model and the beginning of an id"),
    ):
        with pytest.raises(SirecError, match=message):
            find_run(tmp_path, name)
    assert find_run(tmp_path, "demo/ca").path.name == "cc"  # as the hint says


def test_the_store_tells_which_run_it_is(root: Path) -> None:
    """To whoever asks it; an id (control) leaves nothing to tell."""
    told: list[str] = []
    assert Store(root).find("comif", told.append).id == "ab0000"
    assert told == [f"comif: {root}/runs/demo/comif/ab0000, the newest of 4"]
    Store(root).find("aa", told.append)
    assert len(told) == 1


def test_a_row_that_measures_fields_is_no_model_unless_it_was_asked_for(tmp_path: Path) -> None:
    """Rows of `sirec worth` are passed over for an older run, and taken where there is no other,
    which is said; `sirec train` may ask for such a row. Control: without the record it is newest.
    """
    mine = add_run(tmp_path, "demo/comif/aa0000", 3)
    row = add_run(tmp_path, "demo/comif/ab0000", 9)
    add_run(tmp_path, "demo/comif/ac0000", 20, placebo="[brand]")
    assert find_run(tmp_path, "comif").path == row
    record = tmp_path / "worth" / "worth_demo.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"runs": [{"run": "runs/demo/comif/ab0000", "label": "all"}]}))
    found = find_run(tmp_path, "comif")
    assert found.path == mine
    assert found.remark.endswith(", the newest of 3 but rows of sirec worth")
    log = row / "evaluations.jsonl"
    before = log.read_text()
    log_request(row)
    assert find_run(tmp_path, "comif").path == row
    assert finish_time(row) == pytest.approx(finish_time(mine) + 6 * 24 * 3600)
    log.write_text(before)
    shutil.rmtree(mine)
    found = find_run(tmp_path, "comif")
    assert found.path == row
    assert found.remark.endswith(", a row of sirec worth")
    record.write_text("{")
    assert find_run(tmp_path, "comif").path == row
