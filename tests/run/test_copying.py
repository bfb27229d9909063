"""Copies of runs: what tables are drawn from, with or without the ranks of single users."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.errors import SirecError
from sirec.evaluation.metrics import DEFAULT_METRICS, parse_metric
from sirec.evaluation.ranks import RankTable
from sirec.run.config import resolve
from sirec.run.copying import COPIED, copy_covariates, copy_run
from sirec.run.execute import execute
from sirec.run.manifest import RANKS, read_manifest
from sirec.run.store import RunFolder, Store
from sirec.studies.results_page.verify import verify

SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 1, "threads": 1}


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A small data set."""
    return prepare(DemoSource(users=120, items=60).read(), "shop").dataset


@pytest.fixture(scope="module")
def trained(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A small finished run, with weights."""
    config = resolve("sasrec", data, assignments=SMALL)
    return execute(config, data, Store(tmp_path_factory.mktemp("own")))


def test_a_copy_has_the_ranks_and_not_the_weights(trained: RunFolder, tmp_path: Path) -> None:
    """Whoever draws tables from the copy has the same numbers, and the same digest of them."""
    made = copy_run(trained, tmp_path, without_ranks=False)
    assert made.has_ranks
    assert not made.was_there
    assert made.run.ranks().equals(trained.ranks())
    assert made.run.digest_of_numbers() == trained.digest_of_numbers()
    assert trained.has_weights
    assert not made.run.has_weights
    assert verify(tmp_path, tmp_path / "data").is_identical


def test_without_ranks_the_metrics_are_the_same(trained: RunFolder, tmp_path: Path) -> None:
    """Means, ties and numbers of users are those of the ranks; the ranks are nowhere."""
    made = copy_run(trained, tmp_path, without_ranks=True)
    assert not made.has_ranks
    assert not (made.run.path / RANKS).exists()
    ranks, means = trained.ranks(), made.run.ranks_or_means()
    assert not isinstance(means, RankTable)
    assert (means.users, dict(means.targets)) == (ranks.users, dict(ranks.targets))
    assert dict(means.ties) == dict(ranks.ties)
    for metric in DEFAULT_METRICS:
        for part in ranks.parts:
            for rule in ("keep", "mask"):
                assert means.mean(metric, part, rule) == pytest.approx(  # type: ignore[arg-type]
                    ranks.mean(metric, part, rule),  # type: ignore[arg-type]
                    abs=1e-12,
                )
    assert made.run.digest_of_numbers() == trained.digest_of_numbers()
    assert verify(tmp_path, tmp_path / "data").is_identical


def test_names_of_one_metric_are_alike_without_ranks(trained: RunFolder, tmp_path: Path) -> None:
    """HR@20 is Recall@20; what was not stored is refused with what there is."""
    means = copy_run(trained, tmp_path, without_ranks=True).run.ranks_or_means()
    hit_rate, recall = parse_metric("HR@20"), parse_metric("Recall@20")
    assert means.mean(hit_rate, "test", "keep") == means.mean(recall, "test", "keep")
    assert not means.knows(parse_metric("MRR@5"), "test", "keep")
    with pytest.raises(SirecError, match=r"MRR@5 is not known"):
        means.mean(parse_metric("MRR@5"), "test", "keep")


def test_withheld_ranks_are_not_called_damaged(trained: RunFolder, tmp_path: Path) -> None:
    """What needs ranks says why there are none; a file that was lost is a difference."""
    made = copy_run(trained, tmp_path, without_ranks=True)
    with pytest.raises(SirecError, match="withheld when this run was copied"):
        made.run.ranks()
    whole = copy_run(trained, tmp_path / "other", without_ranks=False)
    (whole.run.path / RANKS).unlink()
    with pytest.raises(SirecError, match="missing, though the run wrote it"):
        whole.run.ranks_or_means()
    assert not verify(tmp_path / "other", tmp_path / "data").is_identical


def test_a_copy_can_be_copied_but_not_completed(trained: RunFolder, tmp_path: Path) -> None:
    """Metrics alone can be passed on again, ranks that are not there cannot."""
    first = copy_run(trained, tmp_path / "a", without_ranks=True)
    again = copy_run(first.run, tmp_path / "b", without_ranks=True)
    assert read_manifest(again.run.path) == read_manifest(first.run.path)
    with pytest.raises(SirecError, match="were withheld when it was copied"):
        copy_run(first.run, tmp_path / "c", without_ranks=False)


def test_copying_twice_changes_nothing(trained: RunFolder, tmp_path: Path) -> None:
    """The second copy is there already; one with ranks replaces one without, and the reverse."""
    for without in (False, True, False):
        made = copy_run(trained, tmp_path, without_ranks=without)
        again = copy_run(trained, tmp_path, without_ranks=without)
        assert not made.was_there
        assert again.was_there
        assert (made.run.path / RANKS).exists() is not without
        files = set(COPIED) - ({RANKS} if without else set())
        assert {path.name for path in made.run.path.iterdir()} >= files


def test_nothing_else_is_replaced(trained: RunFolder, tmp_path: Path) -> None:
    """Neither the run itself, nor a run with weights, nor another run of the same id."""
    own = trained.path.parents[3]
    with pytest.raises(SirecError, match="the run itself"):
        copy_run(trained, own, without_ranks=True)
    shutil.copytree(own, tmp_path / "whole")
    with pytest.raises(SirecError, match="stands where the copy is to go"):
        copy_run(trained, tmp_path / "whole", without_ranks=True)
    assert (tmp_path / "whole" / trained.address / RANKS).exists()
    begun = tmp_path / "begun" / trained.address
    begun.mkdir(parents=True)
    (begun / "config.yaml").write_text("seed: 0\n")
    with pytest.raises(SirecError, match="stands where the copy is to go"):
        copy_run(trained, tmp_path / "begun", without_ranks=False)
    assert (begun / "config.yaml").read_text() == "seed: 0\n"


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "metrics.json").write_text("{}"),
        lambda run: (run / RANKS).write_bytes(b"PAR1"),
        lambda run: (run / "timings.json").unlink(),
        lambda run: (run / "DONE").unlink(),
    ],
    ids=["metrics", "ranks", "times", "unfinished"],
)
def test_a_damaged_run_is_not_copied(
    trained: RunFolder, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Nothing is left of the attempt."""
    shutil.copytree(trained.path.parents[3], tmp_path / "own")
    run = RunFolder(tmp_path / "own" / trained.address)
    damage(run.path)
    with pytest.raises(SirecError):
        copy_run(run, tmp_path / "copy", without_ranks=False)
    assert not (tmp_path / "copy" / trained.address).exists()


def test_covariates_go_with_the_ranks(trained: RunFolder, tmp_path: Path) -> None:
    """Without covariates in the run's own folder there is nothing to copy."""
    own = Store(trained.path.parents[3]).covariates("shop", trained.fingerprint())
    copy = copy_covariates(trained, tmp_path)
    assert (copy is not None) == own.exists()
    if copy is not None:
        assert copy.read_bytes() == own.read_bytes()
