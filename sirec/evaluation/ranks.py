"""The rank of each user's target among all items, by counting.

    rank = 1 + #{v : s_v > s_t} + #{v ≠ t : s_v = s_t} / 2        v over real items, never the padding item 0

A tie counts half, so a model that scores all items alike gets the expected rank of a random one.
Ranks are stored
*doubled*, as integers: 2 + Σ_v [s_v > s_t] + Σ_v≠t [s_v ≥ s_t]. Sorting is not needed, nor is a
list of the best items.

Under `mask` the items of the history leave the competition. Their contributions are subtracted from
the counts under `keep`, so both rules cost one pass over [B, V]. A target that is itself in the
history is masked with it: it stands behind every item that is not, and ties with the others that
are.

B users, V item codes (0 pads), H history slots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from sirec.data.fields import PADDING
from sirec.data.split import PARTS, HeldOutPart
from sirec.errors import SirecError
from sirec.evaluation.metrics import UNRANKED, ranked

HistoryRule = Literal["keep", "mask"]
Ranks = npt.NDArray[np.int32]

FIRST = 2  # the lowest doubled rank
HISTORY_RULES: tuple[HistoryRule, ...] = ("keep", "mask")


class RankedBlock(NamedTuple):
    """Doubled ranks of a block of users, Long[B], under both history rules; `tied` Bool[B]: the
    target ties under `keep`.
    """

    keep: Tensor
    mask: Tensor
    tied: Tensor


def rank_block(scores: Tensor, targets: Tensor, history: Tensor) -> RankedBlock:
    """Doubled ranks with the history kept and masked, from one score matrix, and which targets tie.

    `scores` [B, V], `targets` Long[B], `history` Long[B, H] with zeros as padding, in any order,
    repeats allowed. Raises `SirecError` if a score of a real item is not finite.
    """
    scores = scores.detach()
    _check(scores, targets)
    target = scores.gather(1, targets[:, None])  # [B, 1]
    greater, not_less = _count(scores, target)
    padding = scores[:, :1]
    greater = greater - (padding > target).squeeze(1).long()
    not_less = (
        not_less - (padding >= target).squeeze(1).long() - 1
    )  # a target does not tie with itself
    keep = 2 + greater + not_less

    distinct = _distinct(history)
    seen = scores.gather(1, history)  # [B, H]
    beaten_by_seen = (((seen > target) & distinct).sum(1)) + (((seen >= target) & distinct).sum(1))
    masked = distinct.sum(1)
    unmasked = scores.shape[1] - 1 - masked
    is_masked = (history == targets[:, None]).any(1)
    behind_all = 2 * (1 + unmasked) + masked - 1
    return RankedBlock(
        keep, torch.where(is_masked, behind_all, keep - beaten_by_seen), not_less > greater
    )


def both(scores: Tensor, targets: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
    """Doubled ranks Long[B] with the history kept, and with it masked (see `rank_block`)."""
    block = rank_block(scores, targets, history)
    return block.keep, block.mask


def count_ranks(scores: Tensor, targets: Tensor, history: Tensor | None = None) -> Tensor:
    """Doubled ranks Long[B]; with a `history` Long[B, H] its items are masked (see
    `rank_block`).
    """
    if history is None:
        return rank_block(scores, targets, targets.new_zeros(len(targets), 1)).keep
    return rank_block(scores, targets, history).mask


def _check(scores: Tensor, targets: Tensor) -> None:
    if bool((targets == PADDING).any()):
        raise ValueError("the padding item cannot be a target")
    real = scores[:, 1:]
    # A sum is finite only if every term is, and it is a hundred times cheaper than looking at each;
    # it may overflow though.
    if bool(torch.isfinite(real.mv(real.new_ones(real.shape[1]))).all()):
        return
    rows = int((~torch.isfinite(real)).any(1).sum())
    if rows:
        hint = "the training diverged: lower the learning rate, or use --precision fp32"
        raise SirecError(f"non-finite scores for {rows} of {len(scores)} users", hint)


def _count(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Long[B], twice: how many scores are above the target's, and how many are not below it."""
    if scores.device.type != "cpu":
        return (scores > target).sum(1), (scores >= target).sum(1)
    # torch sums booleans on a CPU ten times slower than numpy counts them, and a sum would cost as
    # much as the scores.
    exact = torch.float32 if scores.dtype is torch.bfloat16 else scores.dtype
    table, value = scores.to(exact).numpy(), target.to(exact).numpy()
    counts = (np.count_nonzero(table > value, axis=1), np.count_nonzero(table >= value, axis=1))
    return torch.from_numpy(counts[0]), torch.from_numpy(counts[1])


def _distinct(history: Tensor) -> Tensor:
    """Bool[B, H]: slots that hold an item for the first time in their row, in an order of no
    importance.
    """
    ordered, order = history.sort(1)
    is_first = torch.ones_like(ordered, dtype=torch.bool)
    is_first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return torch.zeros_like(is_first).scatter(1, order, is_first & (ordered != PADDING))


@dataclass(frozen=True, eq=False)
class RankTable:
    """Every user's doubled ranks: all that metrics, intervals and tests need to know of a trained
    model.

    `ranks[part][history]` is Int32[U], users 1..U in order, 0 for a user without a target in that
    part. `ties[part]` is the share of targets, 0 to 1, that tie with another item under `keep`;
    anything but 0 says that a model gives different items the same score. A run has all of `parts`.
    `exact_to[history]` is there where only the first places are known, as in lists of a few items:
    metrics at higher cutoffs would be guesses. Raises `SirecError` if a part or a history rule is
    missing, if they differ in their users, if nobody is ranked, or for what is no doubled rank or
    no share.
    """

    ranks: Mapping[HeldOutPart, Mapping[HistoryRule, Ranks]]
    ties: Mapping[HeldOutPart, float] = field(default_factory=dict)
    parts: tuple[HeldOutPart, ...] = PARTS
    exact_to: Mapping[HistoryRule, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is incomplete; hold every column as 32-bit integers."""
        missing = [
            f"{s}_{h}" for s in self.parts for h in HISTORY_RULES if h not in self.ranks.get(s, {})
        ]
        if missing:
            raise SirecError(f"a rank table without {', '.join(missing)}")
        if len({len(self.ranks[s][h]) for s in self.parts for h in HISTORY_RULES}) > 1:
            raise SirecError("the columns of a rank table differ in their number of users")
        whole = {
            s: {h: _checked(self.ranks[s][h], f"{s}_{h}") for h in HISTORY_RULES}
            for s in self.parts
        }
        for part, columns in whole.items():
            if not np.array_equal(ranked(columns["keep"]), ranked(columns["mask"])):
                raise SirecError(f"a rank table whose {part} columns rank different users")
            if not ranked(columns["keep"]).any():
                raise SirecError(f"a rank table without a ranked user in {part}")
        for part, share in self.ties.items():
            if not 0 <= share <= 1:
                raise SirecError(
                    f"a rank table whose share of ties in {part} is {share}, and not 0 to 1"
                )
        object.__setattr__(self, "ranks", whole)

    @property
    def users(self) -> int:
        """U, the number of users."""
        return len(self.ranks[self.parts[-1]]["keep"])

    @classmethod
    def from_blocks(cls, blocks: Mapping[HeldOutPart, Sequence[RankedBlock]]) -> RankTable:
        """Put blocks of users, in user order, together."""
        parts = {
            split: [torch.cat(part).cpu().numpy() for part in zip(*rows, strict=True)]
            for split, rows in blocks.items()
        }
        return cls(
            {
                split: {"keep": keep.astype(np.int32), "mask": mask.astype(np.int32)}
                for split, (keep, mask, _) in parts.items()
            },
            {split: float(tied[ranked(keep)].mean()) for split, (keep, _, tied) in parts.items()},
        )

    def to_parquet(self, path: Path) -> None:
        """Write the columns `valid_keep valid_mask test_keep test_mask`, zstd, one row per user."""
        columns = {f"{s}_{h}": pa.array(self.ranks[s][h]) for s in PARTS for h in HISTORY_RULES}
        shares = {f"ties_{split}": repr(float(share)) for split, share in self.ties.items()}
        table = pa.table(columns).replace_schema_metadata(shares)
        # High bytes are nearly all 0: split from the low ones they vanish, which makes the file a
        # third smaller.
        layout = {"use_dictionary": False, "column_encoding": "BYTE_STREAM_SPLIT"}
        pq.write_table(table, path, compression="zstd", compression_level=19, **layout)

    @classmethod
    def from_parquet(cls, path: Path) -> RankTable:
        """Read what `to_parquet` wrote. Raises `SirecError` if the file is missing, damaged or not
        a rank table.
        """
        hint = f"rank anew with the stored weights: sirec evaluate {path.parent} --recompute"
        try:
            table = pq.read_table(path)
        except FileNotFoundError:
            raise SirecError(f"{path}: no such file", hint) from None
        except (pa.ArrowException, OSError) as error:
            raise SirecError(f"{path}: not a readable Parquet file: {error}", hint) from None
        names = {f"{s}_{h}" for s in PARTS for h in HISTORY_RULES}
        if not names <= set(table.column_names):
            what = (
                f"not a rank table: no column {', '.join(sorted(names - set(table.column_names)))}"
            )
            raise SirecError(f"{path}: {what}", hint)
        try:
            return cls(
                {s: {h: table[f"{s}_{h}"].to_numpy() for h in HISTORY_RULES} for s in PARTS},
                _shares(table),
            )
        except SirecError as error:
            raise SirecError(f"{path}: {error.message}", hint) from None


def _checked(column: npt.NDArray[Any], name: str) -> Ranks:
    """A column as 32-bit integers. Raises `SirecError` if it holds anything but 0 and doubled
    ranks.
    """
    if not np.issubdtype(column.dtype, np.integer):
        raise SirecError(f"a rank table whose {name} is not whole numbers for all users")
    wrong = column[((column != UNRANKED) & (column < FIRST)) | (column > np.iinfo(np.int32).max)]
    if len(wrong):
        raise SirecError(
            f"a rank table whose {name} has {wrong[0]}, which is no doubled rank: those are {FIRST} or more"
        )
    return np.ascontiguousarray(column, dtype=np.int32)


def _shares(table: pa.Table) -> dict[HeldOutPart, float]:
    """The shares of ties in the file's metadata."""
    metadata = table.schema.metadata or {}
    found = {
        s: metadata[key].decode(errors="replace")
        for s in PARTS
        if (key := f"ties_{s}".encode()) in metadata
    }
    try:
        return {s: float(share) for s, share in found.items()}
    except ValueError as error:
        raise SirecError(f"a rank table whose share of ties is no number: {error}") from None
