"""The law holds: the short form in the gate, the long one among the slow tests; and it can fail."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from faults import flips, processes
from faults.experiments import EXPERIMENTS, carry_out
from faults.faulty_disk import RefusedChange
from faults.law import REFUSED, Tally
from faults.small import World, make_world
from sirec.errors import SirecError
from sirec.evaluation.ranks import RankTable


def test_the_law_holds_for_a_few_faults_of_every_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call of each kind of fault at least, on one small folder, which takes a while to make.

    Controls: a fault of the disk reaches the command; and where no digest is compared, flipped
    ranks are noted as other numbers.
    """
    world = make_world(tmp_path / "world")
    for name, experiment in EXPERIMENTS.items():
        tally = Tally(experiment.what)
        carry_out(name, world, tmp_path / name, tally, is_long=False)
        assert tally.broken == []
        assert tally.tried >= experiment.short
    ended = processes.run(tmp_path, "prepare demo", RefusedChange(0, errno.ENOSPC))
    assert ended.code == processes.REFUSAL
    assert "No space left on device" in ended.told
    monkeypatch.setattr(flips, "artefacts", lambda world: iter([unchecked_ranks(world)]))
    unchecked = Tally("flips")
    flips.flip_bytes(world, unchecked, 60)
    assert any("other numbers" in line for line in unchecked.broken)


def unchecked_ranks(world: World) -> flips.Artefact:
    """The ranks of a run, read without their digest."""
    path = world.run().path / "ranks.parquet"
    return flips.Artefact(path, lambda: str(RankTable.from_parquet(path)))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_law_holds_for_many_faults(name: str, tmp_path: Path) -> None:
    """The long form of each kind."""
    tally = Tally(EXPERIMENTS[name].what)
    carry_out(name, make_world(tmp_path / "world"), tmp_path / name, tally, is_long=True)
    assert tally.broken == []
    assert tally.tried >= EXPERIMENTS[name].long


def raise_refusal(text: str) -> None:
    raise SirecError(text)


def wait() -> None:
    """Use the processor for ever."""
    while True:
        pass


def test_every_way_to_break_the_law_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a traceback, another number, a long message, a long time, and much memory."""
    tally = Tally("calls")
    assert tally.hold("right", lambda: 5) == 5
    assert tally.hold("refused", lambda: raise_refusal("one line")) is REFUSED
    tally.hold_equal("the same", lambda: 5, 5)
    assert (tally.tried, tally.refused, tally.broken) == (3, 1, [])
    tally.hold("bug", lambda: 1 // 0)
    tally.hold_equal("other", lambda: 5, 6)
    tally.hold_refused("not told", lambda: 5)
    tally.hold("long message", lambda: raise_refusal("word " * 1000))
    monkeypatch.setattr("faults.law.SECONDS", 0.05)
    tally.hold("long", wait)
    tally.note_memory("large", 5000)
    found = [line.split(": ")[0] for line in tally.broken]
    assert found == ["bug", "other", "not told", "long message", "long", "large"]


def test_the_end_of_a_process_is_judged() -> None:
    """Control: exit codes, tracebacks and signals of commands."""
    tally = Tally("commands")
    bug = "Traceback (most recent call last):\nKeyError: 1"
    ends = {
        "done": (0, ""),
        "refused": (2, "error: no such run"),
        "bug": (1, bug),
        "told and a bug": (2, f"{bug}\nerror: no"),
        "segmentation fault": (-11, ""),
        "mute": (2, ""),
    }
    kept = [processes.check(tally, name, processes.Ended(*end, 100)) for name, end in ends.items()]
    assert kept == [True, True, False, False, False, False]
    assert len(tally.broken) == 4
