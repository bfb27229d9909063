"""The verdicts as tables, and what one screen shows of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sirec.report.overview import Overview
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.claims.cells import ClaimAnswer, ClaimCell
from sirec.studies.claims.verdicts import ClaimVerdict, verdicts
from sirec.studies.compare.comparison import Comparison

NAME = "claims"  # of the tables in a results folder
TITLE = "Claims of the papers"
MOST_NEAR = 6  # undecided claims that a screen names, those that need the fewest seeds
VERDICTS: tuple[ClaimAnswer, ...] = (
    "holds",
    "does not hold",
    "not decided",
    "not run",
    "not available",
)
NOTES = (
    "Holds: in every cell (data set, metric, pair of rows, group of users) the interval of 95 % "
    "lies on the claimed side and p, corrected over the cells after Holm, is below 0.05. Does not "
    "hold: a cell is shown to be below the claim's margin, which is stated in percent of the "
    "second row, corrected over the cells. Of a claim that is about some cell, one is enough.",
    "t intervals over users and seeds; the variance between seeds is pooled over all rows of a "
    "data set that have several seeds. One seed of a trained model decides nothing.",
    "Seeds that would decide: if the difference is what it seems to be, and training as noisy as "
    "the rows show.",
    "Claims about printed numbers are recomputed from the papers' own tables. What no ranking "
    "decides is not run here.",
)


def claims_comparison(results: Path, paper: str | None = None) -> Comparison:
    """The verdicts on all claims, as tables and as one screen.

    Args:
        results: the results folder.
        paper: name of the only paper whose claims are decided.

    Raises:
        SirecError: for an unknown paper, or a damaged record or run.
    """
    found = verdicts(results, paper)
    tables = (claims_table(found), cells_table(found))
    return Comparison(TITLE, tables, (), claims_overview(found))


def claims_table(found: Sequence[ClaimVerdict]) -> ResultTable:
    """A row for each claim: its verdict, the reason, the claim itself.

    Args:
        found: the verdicts.
    """
    columns = tuple(map(TableColumn, ("verdict", "by data set", "why", "claim", "where")))
    rows: list[TableRow] = []
    for each in found:
        texts = (
            each.verdict,
            _by_dataset(each),
            _joined(each.reason, each.claim.note),
            each.claim.text,
            each.claim.where,
        )
        rows.append(TableRow(each.claim.name, tuple(map(Cell, texts)), each.paper))
    return ResultTable(TITLE, columns, tuple(rows), NOTES, label_heading="claim")


def cells_table(found: Sequence[ClaimVerdict]) -> ResultTable:
    """A row for each cell that was run, with its difference in percent.

    Args:
        found: the verdicts.
    """
    columns = (
        TableColumn("difference", unit="%", decimals=1, signed=True),
        TableColumn("margin", unit="%", decimals=1),
        TableColumn("p corrected"),
        TableColumn("seeds"),
        TableColumn("seeds that would decide"),
        TableColumn("verdict"),
        TableColumn("study"),
    )
    rows: list[TableRow] = []
    for each in found:
        for cell in each.cells:
            if cell.difference is not None:
                label = ", ".join(filter(None, (cell.dataset, cell.metric, cell.group, cell.pair)))
                rows.append(TableRow(label, _cells(cell, each.claim.margin), each.claim.name))
    return ResultTable(f"{TITLE}: cells", columns, tuple(rows), label_heading="cell")


def claims_overview(found: Sequence[ClaimVerdict]) -> Overview:
    """How many claims of each paper have which verdict, and which ones are decided.

    Args:
        found: the verdicts.
    """
    rows: list[TableRow] = []
    for paper in dict.fromkeys(each.paper for each in found):
        counts = Counter(each.verdict for each in found if each.paper == paper)
        rows.append(TableRow(paper, tuple(Cell(counts[verdict]) for verdict in VERDICTS)))
    table = ResultTable(TITLE, tuple(map(TableColumn, VERDICTS)), tuple(rows), (), "paper")
    lines: list[str] = []
    for verdict in ("holds", "does not hold"):
        printed, ranked = _names(found, verdict, is_printed=True), _names(found, verdict)
        lines.append(f"{verdict}: {ranked or 'none'}")
        if printed:
            lines.append(f"{verdict}, of the paper's own numbers: {printed}")
    partly: list[str] = []
    for each in found:
        names = [name for name, verdict in each.by_dataset.items() if verdict == "holds"]
        if names and each.verdict == "not decided":
            partly.append(f"{each.claim.name} ({', '.join(names)})")
    if partly:
        lines.append(f"holds on some of its data sets: {', '.join(partly)}")
    near: list[str] = []
    for each in sorted(found, key=lambda each: each.seeds_needed or 0):
        if each.seeds_needed:
            near.append(f"{each.claim.name} ({each.seeds_needed})")
    if near:
        others = f" and {len(near) - MOST_NEAR} more" if len(near) > MOST_NEAR else ""
        text = f"{', '.join(near[:MOST_NEAR])}{others}"
        lines.append(f"not decided, with the seeds that would: {text}")
    return Overview(table, tuple(lines), claims_table(found))


def _names(found: Sequence[ClaimVerdict], verdict: str, *, is_printed: bool = False) -> str:
    """The names of the claims with a verdict, those about printed numbers or all others."""
    names: list[str] = []
    for each in found:
        if each.verdict == verdict and (each.claim.asserts == "printed") == is_printed:
            names.append(each.claim.name)
    return ", ".join(_in_spans(names))


def _in_spans(names: Sequence[str]) -> list[str]:
    """Names that end with numbers, those that follow each other as one: comif-36 to -48."""
    spans: list[list[str]] = []
    for name in names:
        paper, _, number = name.rpartition("-")
        if spans and number.isdecimal():
            before, _, last = spans[-1][-1].rpartition("-")
            if before == paper and last.isdecimal() and int(last) + 1 == int(number):
                spans[-1].append(name)
                continue
        spans.append([name])
    texts: list[str] = []
    for span in spans:
        is_long = len(span) > 2
        texts += [f"{span[0]} to -{span[-1].rpartition('-')[2]}"] if is_long else span
    return texts


def _by_dataset(each: ClaimVerdict) -> str:
    return "; ".join(f"{name}: {verdict}" for name, verdict in each.by_dataset.items())


def _joined(*texts: str) -> str:
    return ". ".join(text.rstrip(".") for text in texts if text)


def _cells(cell: ClaimCell, margin: float) -> tuple[Cell, ...]:
    """A cell for each column of the table of cells."""
    interval = None
    if cell.low is not None and cell.high is not None:
        interval = (cell.low, cell.high)
    return (
        Cell(cell.difference, interval=interval),
        Cell(margin),
        Cell(cell.p_value),
        Cell(cell.seeds),
        Cell("" if cell.seeds_needed is None else cell.seeds_needed),
        Cell(cell.verdict),
        Cell(cell.study),
    )
