"""What the papers printed: for a row, a data set and a metric, whatever a table's layout.

The papers and the layouts of their tables are data, in `sirec.papers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sirec.errors import SirecError, unknown
from sirec.evaluation.ranks import HistoryRule
from sirec.papers import PAPERS
from sirec.papers.tables import (
    has_row,
    metric_tables,
    name_key,
    one_value_a_line,
    paper_of,
    printed_values,
    published_table,
    row_key,
)


@dataclass(frozen=True)
class Published:
    """A printed value.

    Attributes:
        value: the number, as printed.
        paper: name of the paper.
        table: number of its table in the paper.
        history: the history rule under which its row was ranked.
    """

    value: float
    paper: str
    table: str
    history: HistoryRule = "keep"

    @property
    def source(self) -> str:
        """The source as notes name it: `Table 3 of Choi et al., IEEE Access 2025`."""
        return f"Table {self.table} of {PAPERS[self.paper].citation}"


@dataclass(frozen=True)
class PrintedRow:
    """A row of a published table of metrics.

    Attributes:
        table: name of the table.
        keys: a value for each column that names the table's rows. Case and punctuation do not
            matter: `dif-sr` is DIF-SR, `s3rec` is S3-Rec.
    """

    table: str
    keys: Mapping[str, object]

    def value(self, dataset: str, metric: str) -> Published | None:
        """The value that is printed in this row.

        Args:
            dataset: name of the data set.
            metric: name of the metric, for example `Recall@20`.

        Returns:
            None where the table lacks the data set or the metric.
        """
        value = printed_values(self.table).get(
            (row_key(self.keys), name_key(dataset), name_key(metric))
        )
        if value is None:
            return None
        paper = paper_of(self.table)
        number = str(paper.tables[self.table].number)
        return Published(value, paper.name, number, self.history)

    @property
    def history(self) -> HistoryRule:
        """The history rule under which the row was ranked."""
        model = str(self.keys.get("model", ""))
        masked = paper_of(self.table).history_masked
        return "mask" if any(is_same(model, name) for name in masked) else "keep"

    def check(self) -> None:
        """Raise `SirecError` unless there is such a table of metrics, and it has such a row."""
        paper = paper_of(self.table)
        layout = paper.tables[self.table]
        if layout.holds not in ("metrics", "costs"):
            raise unknown("published table of metrics", self.table, metric_tables())
        for name in self.keys:
            if name not in layout.rows:
                raise unknown("column", name, layout.rows, self.table)
        if not has_row(self.table, self.keys):
            wanted = ", ".join(f"{name} {value}" for name, value in self.keys.items())
            raise SirecError(
                f"{self.table}: no row has {wanted}",
                f"say a value for each of: {', '.join(layout.rows)}",
            )


def published(dataset: str, model: str, metric: str) -> list[Published]:
    """What the papers' main tables print for a model on a data set.

    Args:
        dataset: name of the data set.
        model: name of the model, ours or as printed.
        metric: name of the metric.

    Returns:
        At most one value a paper, in the order of the papers.
    """
    found: list[Published] = []
    for paper in PAPERS.values():
        value = PrintedRow(paper.main_table, {"model": model}).value(dataset, metric)
        if value is not None:
            found.append(value)
    return found


def published_models(paper: str, dataset: str, metric: str) -> dict[str, float]:
    """All models of a paper's main table, as printed, with their values.

    Args:
        paper: name of the paper.
        dataset: name of the data set.
        metric: name of the metric.

    Returns:
        Empty where the table lacks the data set or the metric.
    """
    table = one_value_a_line(PAPERS[paper].main_table)
    is_on_dataset = table["dataset"].map(name_key) == name_key(dataset)
    is_metric = table["metric"].map(name_key) == name_key(metric)
    chosen = table[is_on_dataset & is_metric]
    return dict(zip(chosen["model"], chosen["value"], strict=True))


def is_in(paper: str, model: str) -> bool:
    """Whether a paper's main table has a model.

    Args:
        paper: name of the paper.
        model: name of the model, ours or as printed.
    """
    return has_row(PAPERS[paper].main_table, {"model": model})


def is_compared(proposal: str, model: str) -> bool:
    """Whether the paper that proposes a model compares it with another one in its main table.

    Args:
        proposal: the proposed model. If no paper proposes it, it is compared with any model.
        model: the other model.
    """
    return all(is_in(paper, model) for paper in proposing(proposal))


def proposing(model: str) -> list[str]:
    """Names of the papers that propose a model."""
    found: list[str] = []
    for name, paper in PAPERS.items():
        if paper.proposal == model:
            found.append(name)
    return found


def covers(paper: str, dataset: str) -> bool:
    """Whether a paper's main table has a data set.

    Args:
        paper: name of the paper.
        dataset: name of the data set.
    """
    return any(is_same(dataset, name) for name in PAPERS[paper].datasets)


def is_same(name: str, other: str) -> bool:
    """Whether two names are equal but for case, punctuation and the papers' abbreviations.

    Args:
        name: a name of a model or a data set.
        other: another one.
    """
    return name_key(name) == name_key(other)


def published_users(dataset: str) -> set[int]:
    """The numbers of users that the papers state for a data set.

    Data of the same name with another number of users are other data.
    """
    found: set[int] = set()
    for paper in PAPERS.values():
        for name, layout in paper.tables.items():
            if layout.holds == "statistics":
                table = published_table(name)
                users = table[table["statistic"] == "users"]
                for column in users.columns:
                    if is_same(str(column), dataset):
                        found.add(int(users[column].iloc[0]))
    return found
