"""Covariates are what a loop over users counts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny as builders

from sirec.data.dataset import Dataset
from sirec.errors import Remark, SirecError
from sirec.evaluation.covariates import (
    covariates,
    has_digest,
    read_covariates,
    save_covariates,
    write_covariates,
)


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


def test_changed_covariates_are_refused(tiny: Dataset, tmp_path: Path) -> None:
    """One value, another order of the users, a column less, the covariates of other data."""
    path = tmp_path / "covariates-00ff.parquet"
    write_covariates(tiny, path)
    stored = pq.read_schema(path).metadata
    columns = read_covariates(path)
    assert np.array_equal(columns["length"], covariates(tiny)["length"])
    table = pq.read_table(path)
    one_more = table.to_pandas()
    one_more.loc[2, "length"] += 1
    for changed in (one_more, table.to_pandas()[::-1], table.to_pandas().drop(columns="length")):
        schema = pa.Schema.from_pandas(changed, preserve_index=False).with_metadata(stored)
        pq.write_table(pa.Table.from_pandas(changed, schema, preserve_index=False), path)
        with pytest.raises(SirecError, match=r"00ff\.parquet: ") as caught:
            read_covariates(path)
        assert "delete it" in str(caught.value.hint)
    write_covariates(tiny, path)
    path.rename(tmp_path / "covariates-00fe.parquet")
    with pytest.raises(SirecError, match="not what was written"):
        read_covariates(tmp_path / "covariates-00fe.parquet")


@pytest.mark.filterwarnings("ignore::sirec.errors.Remark")
def test_flipped_bits_change_no_covariate(tiny: Dataset, tmp_path: Path) -> None:
    """A bit flipped anywhere is refused in one line, or what is read is the same."""
    path = tmp_path / "covariates-00ff.parquet"
    write_covariates(tiny, path)
    original, columns = path.read_bytes(), read_covariates(path)
    messages: list[str] = []
    for place in range(0, len(original), 5):
        flipped = bytearray(original)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(bytes(flipped))
        try:
            found = read_covariates(path)
        except SirecError as error:
            messages.append(error.message)
            continue
        assert found.keys() == columns.keys()
        for name, values in columns.items():
            assert np.array_equal(found[name], values)
    assert len(messages) > len(original) / 20
    assert not any("\n" in message for message in messages)


def test_covariates_without_a_digest_are_read_with_a_remark(tiny: Dataset, tmp_path: Path) -> None:
    """As version 0.2 wrote them; they can be given one."""
    path = tmp_path / "covariates-00ff.parquet"
    write_covariates(tiny, path)
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    assert not has_digest(path)
    with pytest.warns(Remark, match="covariates without a digest"):
        columns = read_covariates(path)
    save_covariates(columns, path)
    assert has_digest(path)
    read_covariates(path)


def test_a_digest_whose_name_is_damaged_is_no_missing_digest(tiny: Dataset, tmp_path: Path) -> None:
    """One bit of its name flipped, as a disk may do. Control: without a digest it is read."""
    path = tmp_path / "x.parquet"
    write_covariates(tiny, path)
    table = pq.read_table(path)
    metadata = {b"eigest": table.schema.metadata[b"digest"]}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(SirecError, match="its metadata are others"):
        read_covariates(path)
    pq.write_table(table.replace_schema_metadata(None), path)
    with pytest.warns(Remark, match="without a digest"):
        read_covariates(path)
