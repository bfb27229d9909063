"""Lists of the best items of every test user, and what is known of the items in them.

    lists    user (code), keep and mask: item codes, best first, under each history rule
    items    a row for each item code: interactions and users in training, and the codes of each
             attribute; the row of code 0 counts all interactions and all users

Metrics of lists (`list_metrics`) follow from these two tables alone.

Letters: U users with a test target, V item codes (0 pads), K items of a list, F values of an item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from sirec.core.model import Recommender
from sirec.data.artefacts import StoredColumn, read_table
from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING
from sirec.data.tasks.rows import evaluation_rows, gather, training_items
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import (
    HistorySpans,
    OnUsers,
    full_histories,
    length_blocks,
)
from sirec.evaluation.ranks import HISTORY_RULES, HistoryRule, check_finite, count_unusable
from sirec.evaluation.top_items import best_items

ListCodes = npt.NDArray[np.int32]
ATTRIBUTE = "attribute:"  # before the name of an attribute in the name of its column
LONGEST = 1_000  # items of a list


@dataclass(frozen=True, eq=False)
class ListedItems:
    """What metrics of lists need to know of the items.

    Attributes:
        interactions: int[V], training interactions with each item; [0] counts all.
        users: int[V], users who have each item in their training part; [0] counts all users.
        attributes: name -> the codes of each item's values, V lists.
    """

    interactions: npt.NDArray[np.int64]
    users: npt.NDArray[np.int64]
    attributes: Mapping[str, Sequence[Sequence[int]]]

    @classmethod
    def of(cls, data: Dataset) -> ListedItems:
        """What is known of the items of a whole data set."""
        owners, items = (values.cpu().numpy() for values in training_items(data))
        interactions = np.bincount(items, minlength=data.item_codes)
        pairs = np.unique(np.stack([owners, items]), axis=1)
        users = np.bincount(pairs[1], minlength=data.item_codes)
        interactions[PADDING], users[PADDING] = len(items), data.user_count
        attributes: dict[str, list[list[int]]] = {}
        for field in data.fields:
            if field.kind == "attribute" and field.form == "values":
                attributes[field.name] = list(map(_without_padding, field.values.cpu().tolist()))
        return cls(interactions, users, attributes)


@dataclass(frozen=True, eq=False)
class TopLists:
    """The lists of the test users of a run.

    Attributes:
        users: int[U], codes of the users.
        lists: int[U, K] by history rule, best first; 0 where no item is left.
        items: what is known of the items.
    """

    users: ListCodes
    lists: Mapping[HistoryRule, ListCodes]
    items: ListedItems

    @property
    def length(self) -> int:
        """K, the items of a list."""
        return self.lists["keep"].shape[1]

    def first(self, rule: HistoryRule, cutoff: int) -> ListCodes:
        """int[U, cutoff]: the first items of each list.

        Args:
            rule: whether items of the history may be in the lists.
            cutoff: how many items, not more than `length`.
        """
        return self.lists[rule][:, :cutoff]

    def write(self, lists: Path, items: Path) -> None:
        """Write both tables as Parquet.

        Args:
            lists: the file of the lists.
            items: the file of the items.
        """
        columns: dict[str, Any] = {"user": pa.array(self.users)}
        for rule in HISTORY_RULES:
            columns[rule] = pa.array(list(self.lists[rule]))
        pq.write_table(pa.table(columns), lists, compression="zstd")
        known: dict[str, Any] = {
            "interactions": pa.array(self.items.interactions),
            "users": pa.array(self.items.users),
        }
        for name, values in self.items.attributes.items():
            known[f"{ATTRIBUTE}{name}"] = pa.array(values, type=pa.list_(pa.int32()))
        pq.write_table(pa.table(known), items, compression="zstd")

    @classmethod
    def read(cls, lists: Path, items: Path, hint: str) -> TopLists:
        """Read what `write` wrote.

        Args:
            lists: the file of the lists.
            items: the file of the items.
            hint: what to do where a file is not as it was written.

        Raises:
            SirecError: if a file is missing, damaged, or not such a file.
        """
        columns = [StoredColumn("user", low=1)]
        columns += [StoredColumn(rule, "wholes") for rule in HISTORY_RULES]
        table = read_table(lists, columns, hint)
        found: dict[HistoryRule, ListCodes] = {}
        for rule in HISTORY_RULES:
            found[rule] = _rectangle(table[rule].to_pylist(), lists, hint)
        return cls(table["user"].to_numpy().astype(np.int32), found, _read_items(items, hint))


@torch.inference_mode()
def compute_lists(
    model: Recommender,
    data: Dataset,
    items: ListedItems,
    max_length: int,
    count: int,
    on_users: OnUsers | None = None,
) -> TopLists:
    """The best items of every test user, as the model has them before the test target.

    Args:
        model: the model, in evaluation mode.
        data: the data with the fields that it reads, on its device.
        items: what is known of the items.
        max_length: the longest history that the model reads.
        count: K, how many items; fewer if there are not so many.
        on_users: called with the number of users done, and of all.
    """
    rows = evaluation_rows(data, "test", max_length)
    order = np.argsort(rows.lengths, kind="stable")
    spans, prepared, done = HistorySpans.of(data, "test"), model.prepared(), 0
    shown = min(count, data.item_codes - 1)
    padding = torch.zeros(1, dtype=torch.long, device=data.items.device)
    lists: dict[HistoryRule, ListCodes] = {}
    for rule in HISTORY_RULES:
        lists[rule] = np.zeros((len(order), shown), dtype=np.int32)
    for chosen in length_blocks(order, rows.lengths[order], data.item_codes):
        scores = model.scores(gather(data, rows.take(chosen)), prepared).float()
        check_finite(int(count_unusable(scores)), len(chosen))
        scores = scores.index_fill(1, padding, -torch.inf)
        history = full_histories(data, spans.take(rows.user[chosen] - 1))
        unseen = scores.scatter(1, history, -torch.inf)
        for rule, allowed in zip(HISTORY_RULES, (scores, unseen), strict=True):
            values, best = best_items(allowed, shown)
            lists[rule][chosen] = best.masked_fill(values == -torch.inf, PADDING).cpu().numpy()
        done += len(chosen)
        if on_users is not None:
            on_users(done, len(order))
    return TopLists(rows.user.astype(np.int32), lists, items)


def _without_padding(values: Sequence[int]) -> list[int]:
    return [value for value in values if value != PADDING]


def _rectangle(rows: Sequence[Sequence[int]], path: Path, hint: str) -> ListCodes:
    """int[U, K] of lists; raises `SirecError` if they differ in length or are empty."""
    lengths = set(map(len, rows))
    if len(lengths) != 1 or 0 in lengths:
        raise SirecError(f"{path}: lists of {sorted(lengths)} items, expected one length", hint)
    return np.array(rows, dtype=np.int32)


def _read_items(path: Path, hint: str) -> ListedItems:
    counts = [StoredColumn("interactions"), StoredColumn("users")]
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise SirecError(f"{path}: not a readable Parquet file: {error}", hint) from None
    columns = [StoredColumn(name, "wholes") for name in names if name.startswith(ATTRIBUTE)]
    table = read_table(path, [*counts, *columns], hint)
    attributes: dict[str, Sequence[Sequence[int]]] = {}
    for column in columns:
        attributes[column.name.removeprefix(ATTRIBUTE)] = table[column.name].to_pylist()
    numbers = [table[column.name].to_numpy().astype(np.int64) for column in counts]
    return ListedItems(numbers[0], numbers[1], attributes)
