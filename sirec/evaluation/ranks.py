"""The rank of each user's target among all items, by counting.

    rank = 1 + #{v : s_v > s_t} + #{v ≠ t : s_v = s_t} / 2

over real items v, never the padding item 0. A tie counts half, so that a model that gives all items
the same score has the expected rank of a random model. Ranks are stored *doubled*, as integers:
2 + Σ_v [s_v > s_t] + Σ_v≠t [s_v ≥ s_t]. Neither sorting nor a list of the best items is needed.

Under the rule `mask` the items of the history are taken out of the ranking. What they add is
subtracted from the counts under `keep`, so that both rules cost one pass over the scores. A target
that is itself in the history is masked with it: it stands behind every item that is not masked, and
ties with the other masked items.

Letters: B users, V item codes (0 pads), H history slots.
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

from sirec.data.artefacts import StoredColumn, read_table
from sirec.data.fields import PADDING
from sirec.data.split import PARTS, HeldOutPart
from sirec.errors import SirecError
from sirec.evaluation.metrics import UNRANKED, Metric, ranked
from sirec.shell import command

HistoryRule = Literal["keep", "mask"]
Ranks = npt.NDArray[np.int32]

FIRST = 2  # the lowest doubled rank
HISTORY_RULES: tuple[HistoryRule, ...] = ("keep", "mask")


class RankedBlock(NamedTuple):
    """Doubled ranks of a block of users.

    Attributes:
        keep: Long[B], with the history kept in the ranking.
        mask: Long[B], with the history masked out of the ranking.
        tied: Bool[B], whether the target ties with another item under `keep`.
    """

    keep: Tensor
    mask: Tensor
    tied: Tensor


def rank_block(scores: Tensor, targets: Tensor, history: Tensor) -> RankedBlock:
    """Doubled ranks under both history rules, from one score matrix.

    Args:
        scores: Float[B, V].
        targets: Long[B], item codes.
        history: Long[B, H], item codes in any order, with repeats, padded with 0.

    Raises:
        SirecError: if a score of a real item is not finite.
    """
    if bool((targets == PADDING).any()):
        raise ValueError("the padding item cannot be a target")
    check_finite(int(count_unusable(scores)), len(scores))
    return count_block(scores, targets, history)


def count_block(scores: Tensor, targets: Tensor, history: Tensor) -> RankedBlock:
    """Doubled ranks as `rank_block` gives them, without its checks.

    The host never waits for an accelerator here; see `count_unusable` for the check.

    Args:
        scores: Float[B, V], of which those of real items must be finite.
        targets: Long[B], codes of real items.
        history: Long[B, H], item codes in any order, with repeats, padded with 0.
    """
    scores = scores.detach()
    target = scores.gather(1, targets[:, None])  # [B, 1]
    greater, not_less = _count(scores, target)
    padding = scores[:, :1]
    greater = greater - (padding > target).squeeze(1).long()
    # The target does not tie with itself.
    not_less = not_less - (padding >= target).squeeze(1).long() - 1
    keep = 2 + greater + not_less

    distinct = _distinct(history)
    seen = scores.gather(1, history)  # [B, H]
    beaten_by_seen = (((seen > target) & distinct).sum(1)) + (((seen >= target) & distinct).sum(1))
    masked = distinct.sum(1)
    unmasked = scores.shape[1] - 1 - masked
    is_masked = (history == targets[:, None]).any(1)
    behind_all = 2 * (1 + unmasked) + masked - 1
    mask = torch.where(is_masked, behind_all, keep - beaten_by_seen)
    return RankedBlock(keep, mask, not_less > greater)


def both(scores: Tensor, targets: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
    """Doubled ranks Long[B] with the history kept, and with the history masked.

    Args:
        scores: Float[B, V].
        targets: Long[B], item codes.
        history: Long[B, H], item codes, padded with 0.
    """
    block = rank_block(scores, targets, history)
    return block.keep, block.mask


def count_ranks(scores: Tensor, targets: Tensor, history: Tensor | None = None) -> Tensor:
    """Doubled ranks Long[B] under one history rule.

    Args:
        scores: Float[B, V].
        targets: Long[B], item codes.
        history: Long[B, H], item codes to mask, padded with 0; None to keep all items.
    """
    if history is None:
        return rank_block(scores, targets, targets.new_zeros(len(targets), 1)).keep
    return rank_block(scores, targets, history).mask


def count_unusable(scores: Tensor) -> Tensor:
    """Long[]: for how many rows of scores Float[B, V] the score of some real item is not finite.

    A sum is finite only if every term is, and it costs a hundredth of looking at each term. It may
    overflow, though: on a CPU the rows are then looked at term by term. On an accelerator they
    always are, since the host would have to wait for the sum.
    """
    real = scores.detach()[:, 1:]
    if scores.device.type == "cpu" and bool(_row_sums(real).isfinite().all()):
        return torch.zeros((), dtype=torch.long)
    return (~torch.isfinite(real)).any(dim=1).sum()


def check_finite(unusable: int, users: int) -> None:
    """Raise `SirecError` if the scores of some of the users are unusable."""
    if unusable:
        raise SirecError(
            f"non-finite scores for {unusable} of {users} users",
            "the training diverged: lower the learning rate, or use --precision fp32",
        )


def _row_sums(scores: Tensor) -> Tensor:
    return scores.mv(scores.new_ones(scores.shape[1]))


def _count(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Long[B] each: how many scores are above the target's, and how many are not below it."""
    if scores.device.type != "cpu":
        return (scores > target).sum(1), (scores >= target).sum(1)
    # On a CPU numpy counts booleans ten times faster than torch sums them; a sum would cost as much
    # as the scores.
    exact = torch.float32 if scores.dtype is torch.bfloat16 else scores.dtype
    table, value = scores.to(exact).numpy(), target.to(exact).numpy()
    counts = (np.count_nonzero(table > value, axis=1), np.count_nonzero(table >= value, axis=1))
    return torch.from_numpy(counts[0]), torch.from_numpy(counts[1])


def _distinct(history: Tensor) -> Tensor:
    """Bool[B, H]: for each distinct item of a row one slot that holds it."""
    ordered, order = history.sort(1)
    is_first = torch.ones_like(ordered, dtype=torch.bool)
    is_first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return torch.zeros_like(is_first).scatter(1, order, is_first & (ordered != PADDING))


@dataclass(frozen=True, eq=False)
class RankTable:
    """The doubled ranks of every user: all that metrics, intervals and tests need of a model.

    Attributes:
        ranks: Int32[U] by part and history rule, users 1..U in order; 0 for a user without a target
            in that part.
        ties: by part the share of targets, 0 to 1, that tie with another item under `keep`; it is
            not 0 where a model gives different items the same score.
        parts: the parts that have ranks; a run has all.
        exact_to: by history rule the largest cutoff at which metrics are known, for recommendation
            lists of other tools; absent where all ranks are known.

    Raises:
        SirecError: if a part or a history rule is missing, if columns differ in their users, if no
            user is ranked, or if a value is no doubled rank or no share.
    """

    ranks: Mapping[HeldOutPart, Mapping[HistoryRule, Ranks]]
    ties: Mapping[HeldOutPart, float] = field(default_factory=dict)
    parts: tuple[HeldOutPart, ...] = PARTS
    exact_to: Mapping[HistoryRule, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the table is complete; convert every column to 32-bit integers."""
        missing: list[str] = []
        sizes: set[int] = set()
        for part in self.parts:
            for rule in HISTORY_RULES:
                if rule in self.ranks.get(part, {}):
                    sizes.add(len(self.ranks[part][rule]))
                else:
                    missing.append(f"{part}_{rule}")
        if missing:
            raise SirecError(f"a rank table without {', '.join(missing)}")
        if len(sizes) > 1:
            raise SirecError("the columns of a rank table differ in their number of users")
        whole: dict[HeldOutPart, dict[HistoryRule, Ranks]] = {}
        for part in self.parts:
            whole[part] = {}
            for rule in HISTORY_RULES:
                whole[part][rule] = _checked(self.ranks[part][rule], f"{part}_{rule}")
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

    @property
    def targets(self) -> dict[HeldOutPart, int]:
        """By part the number of users with a target."""
        return {part: int(ranked(self.ranks[part]["keep"]).sum()) for part in self.parts}

    def knows(self, metric: Metric, part: HeldOutPart, rule: HistoryRule) -> bool:
        """Whether ranks are exact up to a metric's cutoff (see `exact_to`).

        Args:
            metric: the metric.
            part: the held-out part.
            rule: the history rule.
        """
        return part in self.parts and metric.cutoff <= self.exact_to.get(rule, metric.cutoff)

    def mean(self, metric: Metric, part: HeldOutPart, rule: HistoryRule) -> float:
        """The mean of a metric over the users with a target.

        Args:
            metric: the metric.
            part: the held-out part.
            rule: the history rule.
        """
        return metric.mean(self.ranks[part][rule])

    def equals(self, other: RankTable) -> bool:
        """Whether another table has the same ranks and the same shares of ties."""
        if self.parts != other.parts or dict(self.ties) != dict(other.ties):
            return False
        for part in self.parts:
            for rule in HISTORY_RULES:
                if not np.array_equal(self.ranks[part][rule], other.ranks[part][rule]):
                    return False
        return True

    @classmethod
    def from_blocks(cls, blocks: Mapping[HeldOutPart, Sequence[RankedBlock]]) -> RankTable:
        """The table of several blocks of users, in the order of users."""
        ranks: dict[HeldOutPart, dict[HistoryRule, Ranks]] = {}
        ties: dict[HeldOutPart, float] = {}
        for part, of_part in blocks.items():
            columns = [torch.cat(column).cpu().numpy() for column in zip(*of_part, strict=True)]
            keep, mask, tied = columns
            ranks[part] = {"keep": keep.astype(np.int32), "mask": mask.astype(np.int32)}
            ties[part] = float(tied[ranked(keep)].mean())
        return cls(ranks, ties)

    def to_parquet(self, path: Path) -> None:
        """Write the columns valid_keep, valid_mask, test_keep and test_mask, a row for each
        user.
        """
        columns = {name: pa.array(self.ranks[part][rule]) for name, part, rule in _columns()}
        shares = {f"ties_{split}": repr(float(share)) for split, share in self.ties.items()}
        table = pa.table(columns).replace_schema_metadata(shares)
        # High bytes are nearly all 0: stored apart from the low ones they take no space, which
        # makes the file a third smaller.
        layout = {"use_dictionary": False, "column_encoding": "BYTE_STREAM_SPLIT"}
        pq.write_table(table, path, compression="zstd", compression_level=19, **layout)

    @classmethod
    def from_parquet(cls, path: Path) -> RankTable:
        """Read what `to_parquet` wrote.

        Raises `SirecError` if the file is missing, damaged or not a rank table.
        """
        again = command("evaluate", path.parent, "--recompute")
        hint = f"rank anew with the stored weights: {again}"
        columns = [StoredColumn(name) for name, _, _ in _columns()]
        table = read_table(path, columns, hint)
        ranks: dict[HeldOutPart, dict[HistoryRule, Any]] = {part: {} for part in PARTS}
        for name, part, rule in _columns():
            ranks[part][rule] = table[name].to_numpy()
        try:
            return cls(ranks, _tie_shares(table))
        except SirecError as error:
            raise SirecError(f"{path}: {error.message}", hint) from None


def _columns() -> list[tuple[str, HeldOutPart, HistoryRule]]:
    """Name, part and history rule of each column of the file."""
    columns: list[tuple[str, HeldOutPart, HistoryRule]] = []
    for part in PARTS:
        for rule in HISTORY_RULES:
            columns.append((f"{part}_{rule}", part, rule))
    return columns


def _checked(column: npt.NDArray[Any], name: str) -> Ranks:
    """A column as 32-bit integers; raises `SirecError` for values that are no doubled ranks."""
    if not np.issubdtype(column.dtype, np.integer):
        raise SirecError(f"a rank table whose {name} is not whole numbers for all users")
    wrong = column[((column != UNRANKED) & (column < FIRST)) | (column > np.iinfo(np.int32).max)]
    if len(wrong):
        raise SirecError(
            f"a rank table whose {name} has {wrong[0]}, which is no doubled rank: "
            f"those are {FIRST} or more"
        )
    return np.ascontiguousarray(column, dtype=np.int32)


def _tie_shares(table: pa.Table) -> dict[HeldOutPart, float]:
    """The share of ties of each part, from the metadata of the file."""
    metadata = table.schema.metadata or {}
    shares: dict[HeldOutPart, float] = {}
    try:
        for part in PARTS:
            key = f"ties_{part}".encode()
            if key in metadata:
                shares[part] = float(metadata[key].decode(errors="replace"))
        return shares
    except ValueError as error:
        raise SirecError(f"a rank table whose share of ties is no number: {error}") from None
