"""Covariates are what a loop over users counts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import tiny as builders

from sirec.data.dataset import Dataset
from sirec.evaluation.covariates import covariates, write_covariates


def test_covariates_equal_their_loop(tiny: Dataset, tmp_path: Path) -> None:
    """Length, popularity in training, seen before and history length, user by user; the file holds
    the same.
    """
    bounds = tiny.offsets.tolist()
    sequences = [tiny.items[a:b].tolist() for a, b in pairwise(bounds)]
    training = [item for sequence in sequences for item in sequence[:-2]]
    columns = {name: values.tolist() for name, values in covariates(tiny).items()}
    assert columns["length"] == [len(sequence) for sequence in sequences]
    for split, back in (("valid", 2), ("test", 1)):
        targets = [sequence[-back] for sequence in sequences]
        assert columns[f"{split}_history"] == [len(sequence) - back for sequence in sequences]
        assert columns[f"{split}_popularity"] == [training.count(target) for target in targets]
        seen = [
            int(target in sequence[:-back])
            for target, sequence in zip(targets, sequences, strict=True)
        ]
        assert columns[f"{split}_seen"] == seen
        assert 0 < sum(seen) < len(seen)  # control: the data have both kinds
    write_covariates(tiny, tmp_path / "x.parquet")
    assert {
        name: pq.read_table(tmp_path / "x.parquet")[name].to_pylist() for name in columns
    } == columns


def test_users_without_a_target_have_zeros(tiny: Dataset) -> None:
    """Under a temporal split the columns describe the targets there are, training counts end where
    it ends, others are 0.
    """
    data = builders.split(tiny)
    columns = {name: values.tolist() for name, values in covariates(data).items()}
    items, begins = data.items.tolist(), data.offsets.tolist()
    spans = zip(begins, data.held_out.train_stop.tolist(), strict=False)
    training = [item for begin, stop in spans for item in items[begin:stop]]
    for part, places in data.held_out.targets.items():
        expected = [
            (place - begin, training.count(items[place]), int(items[place] in items[begin:place]))
            if place >= 0
            else (0, 0, 0)
            for place, begin in zip(places.tolist(), begins, strict=False)
        ]
        assert (
            list(
                zip(
                    *(columns[f"{part}_{name}"] for name in ("history", "popularity", "seen")),
                    strict=True,
                )
            )
            == expected
        )
        assert [history == 0 for history, _, _ in expected] == [
            place < 0 for place in places.tolist()
        ]
        assert (
            0 < columns[f"{part}_history"].count(0) < data.user_count
        )  # control: both kinds of users
