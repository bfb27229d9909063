"""The numbers that the two papers printed, as they printed them.

Their tables are wide by data set, by metric or by model; a `PrintedLayout` says which, so that each
answers the same question: what is printed for this row, on this data set, by this metric?
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources.abc import Traversable
from typing import Literal, get_args

import pandas as pd

from sirec.errors import SirecError, unknown
from sirec.evaluation.ranks import HistoryRule
from sirec.resources import experiments_root

Paper = Literal["comif", "difsr"]
PAPERS: tuple[Paper, ...] = get_args(Paper)
TITLES: dict[Paper, str] = {"comif": "COMIF", "difsr": "DIF-SR"}
CITATIONS: dict[Paper, str] = {
    "comif": "Choi et al., IEEE Access 2025",
    "difsr": "Xie et al., SIGIR 2022",
}
OVERALL: dict[Paper, str] = {"comif": "comif_table3_overall", "difsr": "difsr_table2_overall"}
PROPOSALS: dict[Paper, str] = {
    "comif": "comif",
    "difsr": "dif-sr",
}  # what each paper proposes, by our name


# COMIF ran these in their authors' code, which takes the history out of the ranking; everything
# else ranks all items.
MASKING = ("STOSA", "DLFS-Rec")


@dataclass(frozen=True)
class PrintedLayout:
    """How a table of metrics is laid out: the columns that name its rows, what the headings of its
    other columns are, and the data set or the metric that its caption says.
    """

    keys: tuple[str, ...]
    wide: Literal["dataset", "metric", "model"] | None = None
    caption: Mapping[str, str] = field(default_factory=dict)


LAYOUTS: Mapping[str, PrintedLayout] = {
    OVERALL["comif"]: PrintedLayout(("model",)),
    OVERALL["difsr"]: PrintedLayout(("model",)),
    "comif_table4_fusion": PrintedLayout(
        ("side_information", "fusion"), "dataset", {"metric": "Recall@20"}
    ),
    "comif_table5_side_information": PrintedLayout(("side_information",), "metric"),
    "comif_table6_modules": PrintedLayout(
        ("attention_fusion", "embedding_fusion", "iaa", "upa"), "dataset", {"metric": "Recall@20"}
    ),
    "difsr_table3_enhancement": PrintedLayout(("model",), "model"),
    "difsr_table4_ablation": PrintedLayout(("dif", "aap"), "dataset", {"metric": "Recall@20"}),
    "difsr_table5_side_information_yelp": PrintedLayout(
        ("side_information",), "metric", {"dataset": "yelp"}
    ),
}


@dataclass(frozen=True)
class Published:
    """A printed value, the paper it is from, the number of its table there, and the history rule it
    was ranked by.
    """

    value: float
    paper: Paper
    table: str
    history: HistoryRule = "keep"

    @property
    def source(self) -> str:
        """As a note names it: `Table 3 of Choi et al., IEEE Access 2025`."""
        return f"Table {self.table} of {CITATIONS[self.paper]}"


@dataclass(frozen=True)
class PrintedRow:
    """A row of a published table, by the values of the columns that name its rows.

    Values are matched without regard to case and punctuation: `dif-sr` is DIF-SR, `s3rec` is
    S3-Rec.
    """

    table: str
    keys: Mapping[str, object]

    def value(self, dataset: str, metric: str) -> Published | None:
        """What is printed there; None where the table lacks the data set or the metric."""
        value = _values(self.table).get((_row(self.keys), _key(dataset), _key(metric)))
        paper = next(paper for paper in PAPERS if self.table.startswith(f"{paper}_"))
        return (
            None
            if value is None
            else Published(value, paper, _table_number(self.table), self.history)
        )

    @property
    def history(self) -> HistoryRule:
        """The rule under which the row was ranked."""
        return (
            "mask"
            if any(is_same(str(self.keys.get("model", "")), name) for name in MASKING)
            else "keep"
        )

    def check(self) -> None:
        """Raise `SirecError` unless the table exists, has rows of metrics, and one of them has
        these keys.
        """
        published_table(self.table)
        if self.table not in LAYOUTS:
            raise unknown("published table of metrics", self.table, LAYOUTS)
        keys = LAYOUTS[self.table].keys
        for name in self.keys:
            if name not in keys:
                raise unknown("column", name, keys, self.table)
        if _row(self.keys) not in {row for row, _, _ in _values(self.table)}:
            wanted = ", ".join(f"{name} {value}" for name, value in self.keys.items())
            raise SirecError(
                f"{self.table}: no row has {wanted}", f"say a value for each of: {', '.join(keys)}"
            )


def published(dataset: str, model: str, metric: str) -> list[Published]:
    """What the papers' main tables have for a model on a data set, COMIF's first; empty where they
    have nothing.
    """
    found = (
        PrintedRow(OVERALL[paper], {"model": model}).value(dataset, metric) for paper in PAPERS
    )
    return [value for value in found if value is not None]


def published_models(paper: Paper, dataset: str, metric: str) -> dict[str, float]:
    """Model, as printed, -> value of a paper's main table for a data set and a metric; empty where
    it has neither.
    """
    table = published_table(OVERALL[paper])
    here = (table["dataset"].map(_key) == _key(dataset)) & (
        table["metric"].map(_key) == _key(metric)
    )
    return dict(zip(table.loc[here, "model"], table.loc[here, "value"], strict=True))


def is_in(paper: Paper, model: str) -> bool:
    """Whether a paper's main table has a model."""
    return any(row == _row({"model": model}) for row, _, _ in _values(OVERALL[paper]))


def is_compared(proposal: str, model: str) -> bool:
    """Whether the main table of the paper that proposes a model has another one; any, if no paper
    proposes it.
    """
    return all(is_in(paper, model) for paper in PAPERS if PROPOSALS[paper] == proposal)


def is_same(name: str, other: str) -> bool:
    """Whether two names are the same but for case, punctuation and a paper's habits."""
    return _key(name) == _key(other)


def published_users(dataset: str) -> set[int]:
    """The numbers of users that the papers state for a data set: other numbers mean other data
    under the same name.
    """
    tables = (published_table(name) for name in published_names() if name.endswith("_statistics"))
    rows = [table.loc[table["statistic"] == "users"] for table in tables]
    return {
        int(row[column].iloc[0])
        for row in rows
        for column in row.columns
        if _key(column) == _key(dataset)
    }


def covers(paper: Paper, dataset: str) -> bool:
    """Whether a paper's main table has a data set."""
    return any(printed_on == _key(dataset) for _, printed_on, _ in _values(OVERALL[paper]))


def published_names() -> list[str]:
    """The names of all published tables, `comif_table1_statistics` and so on."""
    return sorted(
        entry.name.removesuffix(".csv")
        for entry in _folder().iterdir()
        if entry.name.endswith(".csv")
    )


def published_table(name: str) -> pd.DataFrame:
    """A published table as its file has it. Raises `SirecError` with the nearest name if there is
    none.
    """
    if name not in published_names():
        raise unknown("published table", name, published_names())
    with (_folder() / f"{name}.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream)


def _folder() -> Traversable:
    folder = experiments_root() / "published"
    if not folder.is_dir():
        raise SirecError(
            "this installation of sirec lacks the published numbers", "install it again"
        )
    return folder


@cache
def _values(name: str) -> dict[tuple[frozenset[tuple[str, str]], str, str], float]:
    """(row, data set, metric) -> value of a table of metrics, whatever its layout."""
    layout, frame = LAYOUTS[name], published_table(name)
    if layout.wide:
        named = [
            column for column in (*layout.keys, "dataset", "metric") if column in frame.columns
        ]
        frame = frame.melt(id_vars=named, var_name=layout.wide, value_name="value")
    return {
        (
            _row({key: row[key] for key in layout.keys}),
            _key(row["dataset"]),
            _key(row["metric"]),
        ): float(row["value"])
        for row in frame.assign(**layout.caption).to_dict("records")
    }


def _row(keys: Mapping[str, object]) -> frozenset[tuple[str, str]]:
    return frozenset((name, _key(str(value))) for name, value in keys.items())


def _key(name: str) -> str:
    key = re.sub(r"[^a-z0-9]", "", name.lower())
    return {"icai": "icaisr", "dif": "difsr"}.get(key, key)


def _table_number(name: str) -> str:
    found = re.search(r"_table(\d+)_", name)
    return found.group(1) if found else ""
