"""A paper as data: what it proposes, the tables that it printed, and the protocols it defines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sirec.config import load, read_yaml
from sirec.errors import SirecError
from sirec.papers.claim import Claim, read_claims
from sirec.papers.protocol import Protocol


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """How a printed table is laid out; its numbers are in a CSV file of the table's name.

    Attributes:
        number: number of the table in its paper.
        holds: `metrics` or `costs` of models, `statistics` of data sets, or something `other`.
        rows: columns of the file that together name a row, where the table holds metrics or costs.
        columns: what the headings of the remaining columns are. Without it the file has one value
            a line, in the columns `dataset`, `metric` and `value`.
        caption: the data set or the metric that the caption names, where no column does.
    """

    number: int
    holds: Literal["metrics", "costs", "statistics", "other"] = "metrics"
    rows: tuple[str, ...] = ()
    columns: Literal["dataset", "metric", "model"] | None = None
    caption: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a table of metrics or costs whose rows have no name."""
        if self.holds in ("metrics", "costs") and not self.rows:
            what = f"rows: a table of {self.holds} names its rows"
            raise SirecError(what, "for example: [model]")


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A paper with published numbers.

    Attributes:
        name: short name; names of its tables begin with it.
        label: the paper as titles of tables name it, for example `DIF-SR`.
        title: full title.
        authors: all authors.
        citation: authors, venue and year as notes below tables name them.
        doi: digital object identifier.
        proposal: name of the model that it proposes.
        datasets: names of the data sets of its main table.
        main_table: name of the table that compares the proposal with other models.
        tables: layout of each table, by name.
        history_masked: models, as printed, that were ranked with the user's history masked; all
            others were ranked among all items.
        protocols: the protocols that it defines.
        claims_file: the YAML file of its claims (see `claim.py`), if there is one; in a YAML file
            relative to that file.
        values: folder of the tables' CSV files; in a YAML file relative to that file.
    """

    name: str
    label: str
    title: str
    authors: str
    citation: str
    doi: str
    proposal: str
    datasets: tuple[str, ...]
    main_table: str
    tables: Mapping[str, PublishedTable]
    history_masked: tuple[str, ...] = ()
    protocols: tuple[Protocol, ...] = ()
    claims_file: str | None = None
    values: str = "."

    def __post_init__(self) -> None:
        """Refuse tables of another paper's name, and a main table that is none of its tables."""
        for table in self.tables:
            if not table.startswith(f"{self.name}_"):
                raise SirecError(f"tables.{table}: its name has to begin with '{self.name}_'")
        main = self.tables.get(self.main_table)
        if main is None or main.holds != "metrics" or main.rows != ("model",):
            raise SirecError(
                f"main_table: '{self.main_table}' is not a table of metrics by model",
                "describe it under tables, with rows: [model]",
            )

    def claims(self) -> tuple[Claim, ...]:
        """Its claims. Raises `SirecError` naming file and key of the first mistake in them."""
        return read_claims(Path(self.claims_file)) if self.claims_file else ()

    def file_of(self, table: str) -> Path:
        """The CSV file with the numbers of one of its tables."""
        return Path(self.values) / f"{table}.csv"


def read_paper(path: Path) -> Paper:
    """Read the paper that a YAML file describes.

    Plugins may call it: `PAPER = read_paper(Path(__file__).parent / "my_paper.yaml")`.

    Raises:
        SirecError: naming file and key of the first mistake.
    """
    paper = load(Paper, read_yaml(path), str(path))
    claims: str | None = None
    if paper.claims_file:
        claims = str((path.parent / paper.claims_file).resolve())
    values = str((path.parent / paper.values).resolve())
    return replace(paper, values=values, claims_file=claims)
