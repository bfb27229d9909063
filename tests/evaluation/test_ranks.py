"""Ranks by counting, against ranks by sorting and by looking."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sirec.errors import SirecError
from sirec.evaluation.ranks import RankedBlock, RankTable, both, count_ranks, rank_block

ITEMS = 12  # item codes, padding included


def by_looking(scores: Tensor, targets: Tensor, history: Tensor | None) -> list[int]:
    """The definition as a loop: mask, then compare every real item with the target."""
    ranks = []
    for row, target in enumerate(targets.tolist()):
        values = scores[row].tolist()
        for item in [] if history is None else history[row].tolist():
            values[item] = float("-inf")
        rivals = [value for item, value in enumerate(values) if item not in (0, target)]
        ranks.append(
            2 * (1 + sum(v > values[target] for v in rivals))
            + sum(v == values[target] for v in rivals)
        )
    return ranks


@st.composite
def problems(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Scores full of ties, targets, and histories with padding, repeats and sometimes the
    target.
    """
    users, slots = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    levels = st.lists(st.integers(-2, 2), min_size=ITEMS, max_size=ITEMS)
    scores = torch.tensor(
        draw(st.lists(levels, min_size=users, max_size=users)), dtype=torch.float32
    )
    targets = torch.tensor(
        draw(st.lists(st.integers(1, ITEMS - 1), min_size=users, max_size=users))
    )
    rows = st.lists(st.integers(0, ITEMS - 1), min_size=slots, max_size=slots)
    return scores, targets, torch.tensor(draw(st.lists(rows, min_size=users, max_size=users)))


@given(problems())
def test_counting_agrees_with_looking(problem: tuple[Tensor, Tensor, Tensor]) -> None:
    """Both ranks of `both` equal the definition's loop, whatever ties, repeats and masked targets
    there are.
    """
    scores, targets, history = problem
    keep, mask = both(scores, targets, history)
    assert (
        keep.tolist() == by_looking(scores, targets, None) == count_ranks(scores, targets).tolist()
    )
    assert (
        mask.tolist()
        == by_looking(scores, targets, history)
        == count_ranks(scores, targets, history).tolist()
    )


def test_counting_agrees_with_sorting() -> None:
    """Without ties a rank is the place in the sorted list; a history that leads the list moves its
    user up (control).
    """
    scores = torch.randn(64, 300, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(1, 65)
    order = scores[:, 1:].argsort(1, descending=True) + 1
    place = (order == targets[:, None]).int().argmax(1) + 1
    keep, mask = both(scores, targets, order[:, :3])
    assert torch.equal(keep, 2 * place)
    beyond = place > 3
    assert torch.equal(mask[beyond], keep[beyond] - 6)
    assert not torch.equal(mask, keep)


def test_repeats_in_a_history_count_once() -> None:
    """An item that occurs three times in a history is one rival less, not three; two other items
    are two less (control).
    """
    scores = torch.tensor([[0.0, 4.0, 3.0, 2.0, 1.0]])
    target = torch.tensor([4])
    assert both(scores, target, torch.tensor([[1, 1, 0, 1]]))[1].item() == 6
    assert both(scores, target, torch.tensor([[1, 2, 0, 0]]))[1].item() == 4


def test_a_masked_target_stands_behind_everything_unmasked() -> None:
    """A target in the history ties with the other masked items, behind the rest; outside it, it
    keeps its lead (control).
    """
    scores = torch.tensor([[0.0, 9.0, 3.0, 2.0, 1.0]])
    keep, mask = both(scores, torch.tensor([1]), torch.tensor([[1, 2]]))
    assert keep.item() == 2
    assert mask.item() == 2 * (1 + 2) + 1
    assert both(scores, torch.tensor([1]), torch.tensor([[2, 3]]))[1].item() == 2


@pytest.mark.parametrize("items", [6, 7, 1001])
def test_a_constant_model_ranks_as_a_random_one_does_on_average(items: int) -> None:
    """Equal scores give the mean rank of a random order; counting ties as beaten (control) would
    give rank 1.
    """
    targets = torch.arange(1, items)
    constant = count_ranks(torch.zeros(items - 1, items), targets) / 2
    assert constant.tolist() == [np.arange(1, items).mean()] * (items - 1)
    assert constant.min() > 1


@pytest.mark.parametrize("padding", [1e9, 0.0, float("nan"), float("-inf")])
def test_the_padding_item_never_counts(padding: float) -> None:
    """Whatever item 0 scores, no rank changes and nobody ties with it; the same score on item 1
    does count (control).
    """
    scores = torch.tensor([[padding, -1.0, 0.0, 1.0]])
    block = rank_block(scores, torch.tensor([2]), torch.tensor([[0, 0]]))
    assert (block.keep.item(), block.mask.item(), block.tied.item()) == (4, 4, False)
    assert count_ranks(torch.tensor([[0.0, 1e9, 0.0, 1.0]]), torch.tensor([2])).item() == 6


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_not_finite_is_refused(bad: float) -> None:
    """One bad score of a real item is an error that counts users; large scores whose sum overflows
    are fine (control).
    """
    scores = torch.zeros(3, 5)
    scores[1, 4] = bad
    with pytest.raises(SirecError, match="non-finite scores for 1 of 3 users"):
        count_ranks(scores, torch.tensor([1, 2, 3]))
    assert count_ranks(torch.full((1, 5), 3e38), torch.tensor([1])).item() == 5


def test_the_padding_item_is_no_target() -> None:
    """A target of 0 is a bug of the caller, not a user's mistake."""
    with pytest.raises(ValueError, match="padding item"):
        count_ranks(torch.zeros(1, 3), torch.tensor([0]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_ranks_do_not_depend_on_how_scores_are_stored(dtype: torch.dtype) -> None:
    """Scores that every type holds exactly rank alike; scores a type cannot tell apart tie in it
    (control).
    """
    scores = torch.tensor([[0.0, 1.0, 2.0, 2.0, -3.0]])
    assert (
        count_ranks(scores.to(dtype), torch.tensor([2])).item()
        == count_ranks(scores, torch.tensor([2])).item()
        == 3
    )
    close = torch.tensor([[0.0, 1.0, 1.0 + 1e-12]], dtype=torch.float64)
    assert count_ranks(close, torch.tensor([1])).item() == 4
    assert count_ranks(close.float(), torch.tensor([1])).item() == 3


def table(users: int = 7) -> RankTable:
    """A table of different columns."""
    start = np.arange(2, users + 2, dtype=np.int64)
    columns = {
        "valid": {"keep": start, "mask": start + 1},
        "test": {"keep": start + 2, "mask": start + 3},
    }
    return RankTable(columns, {"valid": 0.1, "test": 1 / 3})  # type: ignore[arg-type]


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    """Writing and reading gives every column and tie share back, bit for bit; the columns differ
    (control).
    """
    before = table()
    before.to_parquet(tmp_path / "ranks.parquet")
    after = RankTable.from_parquet(tmp_path / "ranks.parquet")
    assert pq.read_schema(tmp_path / "ranks.parquet").names == [
        "valid_keep",
        "valid_mask",
        "test_keep",
        "test_mask",
    ]
    for split in ("valid", "test"):
        for history in ("keep", "mask"):
            assert after.ranks[split][history].dtype == np.int32
            np.testing.assert_array_equal(after.ranks[split][history], before.ranks[split][history])
    assert (after.ties, after.users) == (before.ties, 7)
    assert not np.array_equal(after.ranks["valid"]["keep"], after.ranks["test"]["mask"])


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    """The file is a function of its content; another content gives another file (control)."""
    for name, users in (("a", 5), ("b", 5), ("c", 6)):
        table(users).to_parquet(tmp_path / name)
    assert (
        (tmp_path / "a").read_bytes()
        == (tmp_path / "b").read_bytes()
        != (tmp_path / "c").read_bytes()
    )


def test_blocks_are_put_together_in_order() -> None:
    """Users keep their order over blocks, and the tie share counts them all."""
    first = RankedBlock(torch.tensor([2, 3]), torch.tensor([2, 2]), torch.tensor([False, True]))
    second = RankedBlock(torch.tensor([8]), torch.tensor([6]), torch.tensor([False]))
    joined = RankTable.from_blocks({"valid": [first, second], "test": [second, first]})
    assert joined.ranks["valid"]["keep"].tolist() == [2, 3, 8]
    assert joined.ranks["test"]["mask"].tolist() == [6, 2, 2]
    assert joined.ties == {"valid": pytest.approx(1 / 3), "test": pytest.approx(1 / 3)}


def test_unranked_users_survive_their_file_and_do_not_tie(tmp_path: Path) -> None:
    """A rank of 0 stays 0, and the share of ties is that of ranked users."""
    some = RankedBlock(
        torch.tensor([0, 3, 8]), torch.tensor([0, 2, 8]), torch.tensor([False, True, False])
    )
    joined = RankTable.from_blocks({"valid": [some], "test": [some]})
    assert joined.ties == {"valid": 0.5, "test": 0.5}
    joined.to_parquet(tmp_path / "ranks.parquet")
    assert RankTable.from_parquet(tmp_path / "ranks.parquet").ranks["valid"]["mask"].tolist() == [
        0,
        2,
        8,
    ]


def test_damaged_files_are_named(tmp_path: Path) -> None:
    """A missing file, one that is no Parquet and one without the columns are errors that name the
    file.
    """
    (tmp_path / "text.parquet").write_text("not parquet")
    pq.write_table(pa.table({"rank": [1]}), tmp_path / "other.parquet")
    for name, problem in (
        ("none", "no such file"),
        ("text", "not a readable Parquet"),
        ("other", "the column 'valid_keep' is missing"),
    ):
        with pytest.raises(SirecError, match=rf"{name}\.parquet: .*{problem}"):
            RankTable.from_parquet(tmp_path / f"{name}.parquet")


DAMAGE = {
    "negative": ("test_keep", pa.array([-2, 4, 6]), "the column 'test_keep' has the number -2"),
    "one": ("valid_mask", pa.array([2, 1, 6]), "valid_mask has 1, which is no doubled rank"),
    "null": (
        "test_keep",
        pa.array([2, None, 6], pa.int32()),
        "the column 'test_keep' lacks 1 values",
    ),
    "fraction": ("test_mask", pa.array([2.5, 4.5, 6.5]), "the column 'test_mask' holds double"),
    "text": ("test_keep", pa.array(["2", "4", "6"]), "the column 'test_keep' holds string"),
    "huge": (
        "test_keep",
        pa.array([2, 4, 2**31]),
        "has the number 2,147,483,648",
    ),
    "other users": ("test_keep", pa.array([2, 0, 6]), "test columns rank different users"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_column_that_holds_no_ranks_is_refused(tmp_path: Path, damage: str) -> None:
    """It is named with its file and what makes it anew, never cast; whole numbers of another width
    (control) are ranks.
    """
    name, column, problem = DAMAGE[damage]
    path = tmp_path / "ranks.parquet"
    good = pa.table(
        dict.fromkeys(
            ("valid_keep", "valid_mask", "test_keep", "test_mask"), pa.array([2, 4, 6], pa.int64())
        )
    )
    pq.write_table(good, path)
    assert RankTable.from_parquet(path).ranks["test"]["keep"].tolist() == [2, 4, 6]
    pq.write_table(good.set_column(good.column_names.index(name), name, column), path)
    with pytest.raises(SirecError, match=rf"ranks\.parquet: .*{problem}") as caught:
        RankTable.from_parquet(path)
    assert f"sirec evaluate {tmp_path} --recompute" in str(caught.value.hint)


@pytest.mark.parametrize("share", ["lots", "1.5", "-0.1", "nan"])
def test_a_share_of_ties_that_is_none_is_refused(tmp_path: Path, share: str) -> None:
    """It is a number from 0 to 1; 1 (control) is one."""
    table().to_parquet(tmp_path / "ranks.parquet")
    stored = pq.read_table(tmp_path / "ranks.parquet")
    pq.write_table(stored.replace_schema_metadata({"ties_test": "1"}), tmp_path / "ranks.parquet")
    assert RankTable.from_parquet(tmp_path / "ranks.parquet").ties == {"test": 1.0}
    pq.write_table(stored.replace_schema_metadata({"ties_test": share}), tmp_path / "ranks.parquet")
    with pytest.raises(
        SirecError, match=rf"ranks\.parquet: a rank table whose share of ties .*{share}"
    ):
        RankTable.from_parquet(tmp_path / "ranks.parquet")


def test_incomplete_tables_are_refused() -> None:
    """A table lacks neither a split, nor a history rule, nor users."""
    ranks = np.array([2, 4])
    with pytest.raises(SirecError, match="without valid_mask, test_keep, test_mask"):
        RankTable({"valid": {"keep": ranks}})
    with pytest.raises(SirecError, match="number of users"):
        RankTable(
            {"valid": {"keep": ranks, "mask": ranks}, "test": {"keep": ranks, "mask": ranks[:1]}}
        )
    other = np.array([2, 0])
    with pytest.raises(SirecError, match="test columns rank different users"):
        RankTable({"valid": {"keep": other, "mask": other}, "test": {"keep": ranks, "mask": other}})
    with pytest.raises(SirecError, match="without a ranked user in valid"):
        RankTable(
            {
                "valid": {"keep": 0 * ranks, "mask": 0 * ranks},
                "test": {"keep": ranks, "mask": ranks},
            }
        )
    RankTable(
        {"valid": {"keep": other, "mask": other}, "test": {"keep": ranks, "mask": ranks}}
    )  # control: parts may differ
