"""Several processes that train one run: the same as one process, whatever the shares, and no
waiting for the dead.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import distributed as teams
import numpy as np
import pytest
import tiny as builders
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sirec.config import read_json
from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.data.tasks.base import Task
from sirec.data.tasks.cloze import Cloze
from sirec.data.tasks.next_item import LastItem, NextItem
from sirec.data.tasks.rows import SequenceRows, deal
from sirec.data.tasks.segments import Segments
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.objectives.alignment import ItemAttributeAlignment
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.objectives.base import LossTerm, ObjectiveConfig
from sirec.objectives.gbce import GeneralisedBCE
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.item_attribute_contrast import ItemAttributeContrast
from sirec.objectives.masked_attribute import AssociatedAttribute, MaskedAttribute
from sirec.objectives.masked_item import MaskedItem
from sirec.objectives.norms import NormPenalty
from sirec.objectives.order import UserPreferenceAlignment
from sirec.objectives.pairwise import Pairwise
from sirec.objectives.sampled import SampledSoftmax
from sirec.objectives.segment import Segment
from sirec.objectives.stage import Stage
from sirec.objectives.stream_catalogue import StreamCatalogue
from sirec.objectives.stream_item import StreamItem
from sirec.objectives.streams import StreamAttributePrediction, StreamContrast
from sirec.objectives.window_alignment import WindowAlignment
from sirec.training import fit
from sirec.training.fit import Trainer
from sirec.training.process_group import ProcessGroup, joined, own_device, shard_owners
from sirec.training.progress import SeedKey

SIZE = 3
TOLERANCE = {
    "sasrec": 1e-12,
    "dif-sr": 1e-6,
    "comif": 1e-6,
}  # what is computed in single precision whatever the weights are


@pytest.fixture(scope="module")
def three() -> list[dict[str, Any]]:
    """What each of three processes tells of what they did together."""
    results = teams.together(SIZE, teams.laws)
    assert None not in results, "a process failed; its traceback stands in the captured output"
    return results


def largest_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    """Of weights, moments and best weights."""
    assert first.keys() == second.keys()
    return max(
        float(np.abs(np.asarray(first[name]) - np.asarray(second[name])).max()) for name in first
    )


@pytest.mark.parametrize("name", teams.OBJECTIVES)
def test_a_team_trains_what_one_process_trains(
    name: str, three: list[dict[str, Any]], tiny: Dataset
) -> None:
    """Without dropout, weights, moments and losses after two epochs are those of one process on the
    same steps.
    """
    alone = teams.trained(teams.a_trainer(name, tiny, ProcessGroup()))
    for member in three:
        assert (
            largest_difference(member["trained"][name]["weights"], alone["weights"])
            < TOLERANCE[name]
        )
        for mine, losses in zip(member["trained"][name]["losses"], alone["losses"], strict=True):
            assert mine == pytest.approx(losses, rel=1e-6)


@pytest.mark.parametrize("mistake", ["unsummed", "unweighed"])
def test_neither_sums_nor_weights_may_be_left_out(
    mistake: str, three: list[dict[str, Any]], tiny: Dataset
) -> None:
    """Controls of the above: with gradients that are not added up, or means that count alike, the
    weights are others.
    """
    alone = teams.trained(teams.a_trainer("sasrec", tiny, ProcessGroup()))
    assert all(
        largest_difference(member[mistake]["weights"], alone["weights"]) > 1e-3 for member in three
    )


def test_processes_never_part(three: list[dict[str, Any]]) -> None:
    """All members of a team have the same weights bit for bit, with dropout of their own in each;
    so do their losses.
    """
    for name, results in [*three[0]["trained"].items(), ("dropped", three[0]["dropped"])]:
        for member in three[1:]:
            other = member["trained"].get(name, member["dropped"])
            assert largest_difference(other["weights"], results["weights"]) == 0
            assert other["losses"] == results["losses"]
    assert len({member["draws"] for member in three}) == SIZE
    assert (
        largest_difference(three[0]["unsummed"]["weights"], three[1]["unsummed"]["weights"]) > 0
    )  # control


def test_a_process_may_be_left_without_a_row(three: list[dict[str, Any]]) -> None:
    """Some step of the above held fewer rows than there are processes, and one with none took part
    all the same.
    """
    steps = list(zip(*(member["shares"] for member in three), strict=True))
    assert any(0 in step for step in steps)
    assert all(sum(step) > 0 and max(step) - min(step) <= 1 for step in steps)


def test_everybody_is_ranked_once(three: list[dict[str, Any]], tiny: Dataset) -> None:
    """Users are divided among processes, unevenly where they must be; the sum is what one process
    ranks.
    """
    alone = teams.ranks(tiny, ProcessGroup())
    assert (np.sum([member["ranks"]["mine"] > 0 for member in three], axis=0) == 1).all()
    for member in three:
        for mine, all_of_it in zip(member["ranks"]["all"], alone["all"], strict=True):
            np.testing.assert_array_equal(mine, all_of_it)
            assert mine.dtype == all_of_it.dtype
    assert not np.array_equal(three[0]["ranks"]["mine"], alone["mine"])  # control


def test_what_the_first_one_says_all_know(three: list[dict[str, Any]]) -> None:
    """Numbers arrive as they were said, tensors with their names and types."""
    for member in three:
        assert member["said"]["by"] == 0
        assert member["said"]["third"] == 1 / 3
        assert math.isnan(member["said"]["not a number"])
        assert member["aligned"] == 7.0
        assert member["sent"]["a"].tolist() == [0, 1, 2]
        assert member["sent"]["a"].dtype == np.int64
        assert member["sent"]["b"].tolist() == [[1, 1], [1, 1]]


def test_a_parameter_without_gradient_keeps_none(three: list[dict[str, Any]]) -> None:
    """Where one process has a gradient all get it; where none has, the optimiser must pass the
    parameter over.
    """
    assert all(member["gradients"] == [None, [1.0, 2.0], [3.0]] for member in three)


def test_a_loss_that_is_not_finite_in_one_process_stops_all(three: list[dict[str, Any]]) -> None:
    """All say the same, at the same step."""
    assert {member["diverged"] for member in three} == {
        "stage train, epoch 1, step 1: the loss of item is not finite"
    }


def test_what_cannot_be_divided_is_refused(three: list[dict[str, Any]]) -> None:
    """One line names stage, objective and reason; a process alone trains it."""
    said = (
        "stage train: objective stream_contrast cannot be divided among 3 processes: "
        "each target is told from all other"
    )
    assert all(member["refused"].startswith(said) for member in three)
    ProcessGroup().check(MODELS["mssr"].stages[0])


def test_a_killed_process_ends_the_others() -> None:
    """Whoever waits for it hears of it at once, far within the time a team waits."""
    killed, (said, seconds) = teams.together(2, teams.one_is_killed)
    assert killed is None
    assert said.startswith("process 1 of 2: another process ended")
    assert seconds < 20


def test_a_process_that_stands_still_ends_the_others() -> None:
    """After the time a team waits, and not before."""
    _, (said, seconds) = teams.together(2, teams.one_stands_still, seconds=1)
    assert said == "process 1 of 2: another process ended, or did not answer for 1 seconds"
    assert 1 <= seconds < 3


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
@pytest.mark.parametrize("task", [NextItem(), LastItem()])
def test_shares_are_even(processes: int, task: Task, tiny: Dataset) -> None:
    """Every row has an owner; rows differ by one at most, targets by no more than the longest row
    has.
    """
    rows = task.rows(tiny, builders.WINDOW)
    for chosen in deal(rows, 60, "random", np.random.default_rng(0)):
        step = rows.take(chosen)
        owner = shard_owners(step, processes)
        targets = np.bincount(owner, step.target_counts, processes)
        held = np.bincount(owner, minlength=processes)
        assert held.sum() == len(step)
        assert held.max() - held.min() <= 1
        assert targets.max() - targets.min() <= step.target_counts.max()


def test_a_process_alone_does_nothing_for_others(tiny: Dataset) -> None:
    """A team of one hands back the very things it is given."""
    process_group, rows, losses = (
        ProcessGroup(),
        NextItem().rows(tiny, builders.WINDOW),
        torch.zeros(2),
    )
    assert process_group.shard(rows) is rows
    assert process_group.all_reduce_gradients([], losses) is losses
    assert process_group.all_reduce_sum(losses) is losses
    assert process_group.weights([3, torch.tensor(0)], losses.device) == [1.0, 1.0]
    assert process_group.is_main


# Losses as sums over rows: whatever is drawn is drawn alike, by the place in a row and not by the
# place in the step.
DIVISIBLE: Sequence[tuple[str, Task, ObjectiveConfig]] = [
    ("sasrec", NextItem(), ItemCrossEntropy()),
    ("sasrec", LastItem(), ItemCrossEntropy()),
    ("sasrec", NextItem(), SampledSoftmax(negatives=None)),
    ("sasrec", NextItem(), GeneralisedBCE(negatives=None)),
    ("sasrec", NextItem(), Pairwise(exclude="training")),
    ("sasrec", NextItem(), Pairwise(exclude="read", hinge=0.3)),
    ("dif-sr", NextItem(), AttributePrediction()),
    ("mssr", LastItem(), StreamAttributePrediction()),
    ("icai-sr", NextItem(), StreamItem()),
    ("comif", NextItem(), ItemAttributeAlignment(sample=None)),
    ("comif", NextItem(), UserPreferenceAlignment(mode="reversal")),
    ("comif", NextItem(), UserPreferenceAlignment(mode="reversal", prefixes="all", k=2)),
    ("diff", LastItem(), WindowAlignment()),
    ("diff", LastItem(), WindowAlignment(columns="window")),
    ("tasif", LastItem(), StreamCatalogue()),
    ("sasrec", NextItem(), NormPenalty()),
    ("bert4rec", Cloze(), ItemCrossEntropy()),
    ("s3-rec", Segments(), MaskedItem()),
    ("s3-rec", Segments(), MaskedAttribute()),
    ("s3-rec", Segments(), AssociatedAttribute()),
    ("s3-rec", Segments(), Segment()),
]
INDIVISIBLE: Sequence[tuple[str, Task, ObjectiveConfig]] = [
    ("mssr", LastItem(), StreamContrast()),
    ("tasif", LastItem(), ItemAttributeContrast()),
    ("comif", NextItem(), ItemAttributeAlignment(scope="batch_targets")),
    ("comif", NextItem(), UserPreferenceAlignment(mode="other_user")),
]
ALL = [*DIVISIBLE, *INDIVISIBLE]
TITLES = [
    f"{name}-{task.name}-{objective.name}-{index}"
    for index, (name, task, objective) in enumerate(ALL)
]


@pytest.mark.parametrize(("name", "task", "objective"), ALL, ids=TITLES)
def test_parts_make_up_the_whole_where_an_objective_says_so(
    name: str,
    task: Task,
    objective: Any,
    tiny: Dataset,
    schema: Schema,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Means of uneven shares, weighed by their terms, are the mean of the step, and so are
    gradients; control: others not.
    """
    monkeypatch.setattr(torch, "rand", by_column)
    torch.manual_seed(0)
    model = builders.sized(MODELS[name](), **builders.SHAPE).build(schema)
    assert isinstance(model, SequentialModel)
    builders.loud(model)
    trainer = Trainer(
        model, Stage(task=task, objectives=(objective,), budget=60), tiny, schema, SeedKey(0)
    )
    trainer.objectives.eval()
    rows = trainer.rows.take(np.random.default_rng(1).permutation(len(trainer.rows))[:15])
    whole, wanted = evaluated(trainer, rows)
    parts = [
        evaluated(trainer, piece)
        for piece in (rows.take(np.arange(4)), rows.take(np.arange(4, 15)))
    ]
    terms = [float(part.terms) for part, _ in parts]
    loss = sum(
        count / sum(terms) * part.loss.item() for count, (part, _) in zip(terms, parts, strict=True)
    )
    slope = sum(
        count / sum(terms) * gradient for count, (_, gradient) in zip(terms, parts, strict=True)
    )
    is_sum = loss == pytest.approx(whole.loss.item(), rel=1e-4) and torch.allclose(
        slope, wanted, rtol=1e-3, atol=1e-5
    )
    assert is_sum == (objective.indivisible() is None)


def test_every_objective_is_asked() -> None:
    """The two lists above hold all objectives there are."""
    from sirec.objectives import OBJECTIVES

    assert {type(objective) for _, _, objective in ALL} == set(OBJECTIVES.values())


def by_column(*shape: Any, **kwargs: Any) -> Tensor:
    """In place of `torch.rand`: numbers that depend on the slot alone, so that a row draws the same
    in any company.
    """
    sizes = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    if len(sizes) < 2:
        return torch.full(sizes, 0.3, **kwargs)
    return torch.frac(0.37 * torch.arange(1, sizes[-1] + 1, **kwargs)).expand(sizes)


def evaluated(trainer: Trainer, rows: SequenceRows) -> tuple[LossTerm, Tensor]:
    """The part of some rows and its gradient by everything that is trained, in evaluation mode."""
    trainer.optimizer.zero_grad(set_to_none=True)
    [part] = trainer.loss_terms(
        trainer.stage.task.batch(trainer.data, rows, builders.WINDOW)
    ).values()
    part.loss.backward()
    part = part._replace(loss=part.loss.detach())
    slopes = [
        torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
        for _, p in trainer.parameters
    ]
    return part, torch.cat(slopes)


def test_devices_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process of a machine has its own accelerator, and all may use the processor; alone one
    uses what one names.
    """
    assert own_device("cuda:1") == "cuda:1"
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert own_device("cuda") == "cuda:2"
    assert own_device("cpu") == "cpu"
    with pytest.raises(SirecError, match="several processes cannot share it"):
        own_device("cuda:1")


def test_half_an_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, instead of waiting for others."""
    for name in ("RANK", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", teams.LOCAL)
    with (
        pytest.raises(SirecError, match="WORLD_SIZE is set, but RANK, MASTER_PORT is not"),
        joined("cpu"),
    ):
        pass


READS = (
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "_unique2",
    "is_nonzero",
    "equal",
)  # what a host must wait for


SILENT = [
    "sasrec",
    "sasrecf",
    "nova",
    "dif-sr",
    "fdsa",
    "icai-sr",
    "stosa",
    "esasrec",
    "bsarec",
    "caser",
]


class Counted(TorchDispatchMode):
    """Counts the operations by which a host learns what a device computed."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def __torch_dispatch__(  # noqa: D105
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        by_mask = func.overloadpacket.__name__ == "index" and any(
            t is not None and t.dtype is torch.bool for t in args[1]
        )
        if func.overloadpacket.__name__ in READS or by_mask:
            self.reads.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", SILENT)
def test_a_step_reads_nothing_back(name: str, tiny: Dataset, schema: Schema) -> None:
    """From rows to the step of the optimiser no number of a device is asked for; control: looking
    at the loss is one.
    """
    torch.manual_seed(0)
    model = builders.sized(MODELS[name](), **{**builders.SHAPE, "dropout": 0.2}).build(schema)
    assert isinstance(model, SequentialModel)
    trainer = Trainer(model, replace(MODELS[name].stages[0], budget=60), tiny, schema, SeedKey(0))
    trainer.model.train()
    with Counted() as counted:
        losses = trainer._step(trainer.rows.take(np.arange(9)))
    assert counted.reads == []
    with counted:
        float(losses[0])
    assert len(counted.reads) == 1


@pytest.mark.parametrize("every", [1, 4])
def test_an_epoch_looks_at_its_losses_now_and_then(
    every: int, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read every so many steps and at the end; the epoch's means do not depend on that."""
    monkeypatch.setitem(fit.STEPS_BETWEEN_CHECKS, "cpu", every)
    trainer = teams.a_trainer("sasrec", tiny, ProcessGroup())
    looks: list[int] = []
    read = trainer._read
    monkeypatch.setattr(
        trainer, "_read", lambda totals, step: looks.append(step) or read(totals, step)
    )
    with Counted() as counted:
        losses = trainer._epoch(None)
    assert counted.reads == []  # a list of numbers is no operation
    assert looks == [*range(every, trainer.steps + 1, every), trainer.steps]
    monkeypatch.undo()
    assert losses == teams.a_trainer("sasrec", tiny, ProcessGroup())._epoch(None)


@pytest.mark.parametrize(("every", "noticed"), [(1, 2), (4, 4), (1000, 7)])
def test_divergence_is_noticed_however_rarely_one_looks(
    every: int, noticed: int, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss that is not finite from the second of seven steps on stops the epoch at the next look,
    or at its end.
    """
    monkeypatch.setitem(fit.STEPS_BETWEEN_CHECKS, "cpu", every)
    trainer = teams.a_trainer("sasrec", tiny, ProcessGroup())
    assert trainer.steps == 7

    def spoil(done: int, _: int) -> None:
        if done == 1:
            with torch.no_grad():
                trainer.model.item_vectors()[1] = torch.inf

    with pytest.raises(
        SirecError, match=rf"epoch 1, step {noticed}: the loss of item is not finite"
    ):
        trainer._epoch(spoil)


SMALL = ("epochs=8", "patience=8", "width=16", "heads=2", "layers=1", "inner=16")
TRAIN = [
    "-m",
    "sirec",
    "train",
    "comif",
    "--data",
    "shop",
    "--threads",
    "1",
    *(f"--set={setting}" for setting in SMALL),
]
RESULTS = ("ranks.parquet", "model.safetensors", "metrics.json", "epochs.jsonl")


def torchrun() -> list[str]:
    """Training by two processes that meet at a port of their own."""
    return [
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        str(teams.free_port()),
        *TRAIN,
    ]


def start(command: Sequence[str], place: Path, out: str, **variables: str) -> subprocess.Popen[str]:
    """A command in a folder with prepared data."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, *command, "--out", out], cwd=place, env=environment, **pipes
    )


def finish(process: subprocess.Popen[str], seconds: float = 180) -> tuple[int, str]:
    """The exit code, and what was said, on one line."""
    _, said = process.communicate(timeout=seconds)
    return process.returncode, " ".join(said.split())


def run_of(out: Path) -> Path:
    """The one run in a results folder."""
    [config] = out.glob("runs/shop/comif/*/config.yaml")
    return config.parent


@pytest.mark.slow
def test_a_team_that_lost_a_member_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed after two epochs, a process takes its team with it in bounded time; begun anew it ends
    as if nothing had been.

    Only as many processes as before may go on: any other number would not give the same bits.
    """
    storage.write(tmp_path / "data", prepare(DemoSource(users=401, items=120).read(), "shop"))
    code, said = finish(start(torchrun(), tmp_path, "whole"))
    assert code == 0, said
    assert read_json(run_of(tmp_path / "whole") / "environment.json")["processes"] == 2

    port = teams.free_port()
    members = [
        start(TRAIN, tmp_path, "stopped", **teams.environment(number, 2, port))
        for number in range(2)
    ]
    while not any(
        len(file.read_text().splitlines()) >= 2
        for file in (tmp_path / "stopped").glob("runs/*/*/*/epochs.jsonl")
    ):
        assert members[0].poll() is None
        time.sleep(0.02)
    members[1].send_signal(signal.SIGKILL)
    code, said = finish(members[0], 30)
    assert code == 2
    assert "process 0 of 2: another process ended" in said
    assert finish(members[1])[0] == -signal.SIGKILL
    run = run_of(tmp_path / "stopped")
    assert not (run / "DONE").exists()  # control: it was stopped in the middle

    code, said = finish(start(TRAIN, tmp_path, "stopped"))
    assert code == 2
    assert "begun by 2 processes, cannot go on by 1" in said
    code, said = finish(start(torchrun(), tmp_path, "stopped"))
    assert code == 0, said
    for name in RESULTS:
        assert (run / name).read_bytes() == (run_of(tmp_path / "whole") / name).read_bytes(), name


THREADS = """
from pathlib import Path
import torch
from sirec.training.process_group import joined

def threads():
    names = [part.joinpath("comm").read_text() for part in Path("/proc/self/task").iterdir()]
    return [name for name in names if "gloo" in name]

with joined("cpu") as group:
    weight = torch.nn.Parameter(torch.ones(2))
    weight.sum().backward()
    group.all_reduce_gradients([weight], torch.zeros(1))
    torch.optim.Adam([weight]).step()
    within = len(threads())
print(within > 0, threads())
"""


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="threads are counted as Linux shows them"
)
def test_no_thread_of_a_process_group_outlives_it() -> None:
    """A thread that is still there when the interpreter ends may abort a process that has done its
    work.
    """
    port = teams.free_port()
    members = [
        subprocess.Popen(
            [sys.executable, "-c", THREADS],
            env={**os.environ, **teams.environment(number, 2, port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    for member in members:
        said, error = member.communicate(timeout=120)
        assert said == "True []\n", error  # there were some, and there are none
