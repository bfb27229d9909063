"""The numbers that the two papers printed, as they printed them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from typing import Literal, get_args

import pandas as pd

from sirec.errors import SirecError, unknown
from sirec.resources import experiments_root

Paper = Literal["comif", "difsr"]
PAPERS: tuple[Paper, ...] = get_args(Paper)
TITLES: dict[Paper, str] = {"comif": "COMIF", "difsr": "DIF-SR"}
CITATIONS: dict[Paper, str] = {"comif": "Choi et al., IEEE Access 2025", "difsr": "Xie et al., SIGIR 2022"}
OVERALL: dict[Paper, str] = {"comif": "comif_table3_overall", "difsr": "difsr_table2_overall"}


@dataclass(frozen=True)
class Published:
    """A printed value, the paper it is from and the number of its table there."""

    value: float
    paper: Paper
    table: str

    @property
    def source(self) -> str:
        """As a note names it: `Table 3 of Choi et al., IEEE Access 2025`."""
        return f"Table {self.table} of {CITATIONS[self.paper]}"


def published(dataset: str, model: str, metric: str) -> list[Published]:
    """What the papers' main tables have for a model on a data set, COMIF's first; empty where they have nothing.

    Names are matched without regard to case and punctuation: `dif-sr` is DIF-SR, `s3rec` is S3-Rec.
    """
    return [
        Published(value, paper, _table_number(OVERALL[paper]))
        for paper in PAPERS
        if (value := _overall(paper).get((_key(dataset), _key(model), _key(metric)))) is not None
    ]


def published_users(dataset: str) -> set[int]:
    """The numbers of users that the papers state for a data set: other numbers mean other data under the same name."""
    tables = (published_table(name) for name in published_names() if name.endswith("_statistics"))
    rows = [table.loc[table["statistic"] == "users"] for table in tables]
    return {int(row[column].iloc[0]) for row in rows for column in row.columns if _key(column) == _key(dataset)}


def covers(paper: Paper, dataset: str) -> bool:
    """Whether a paper's main table has a data set."""
    return any(key[0] == _key(dataset) for key in _overall(paper))


def published_names() -> list[str]:
    """The names of all published tables, `comif_table1_statistics` and so on."""
    return sorted(entry.name.removesuffix(".csv") for entry in _folder().iterdir() if entry.name.endswith(".csv"))


def published_table(name: str) -> pd.DataFrame:
    """A published table as its file has it. Raises `SirecError` with the nearest name if there is none."""
    if name not in published_names():
        raise unknown("published table", name, published_names())
    with (_folder() / f"{name}.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream)


def _folder() -> Traversable:
    folder = experiments_root() / "published"
    if not folder.is_dir():
        raise SirecError("this installation of sirec lacks the published numbers", "install it again")
    return folder


@cache
def _overall(paper: Paper) -> dict[tuple[str, str, str], float]:
    rows = published_table(OVERALL[paper]).itertuples(index=False, name=None)
    return {(_key(dataset), _key(model), _key(metric)): float(value) for dataset, model, metric, value in rows}


def _key(name: str) -> str:
    key = re.sub(r"[^a-z0-9]", "", name.lower())
    return {"icai": "icaisr", "dif": "difsr"}.get(key, key)


def _table_number(name: str) -> str:
    found = re.search(r"_table(\d+)_", name)
    return found.group(1) if found else ""
