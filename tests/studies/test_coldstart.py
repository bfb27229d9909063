"""Committed tables and figures are what their ranks say; what was asked is kept."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from record import needs_record

from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.run.store import RecordedRun
from sirec.studies.analyses.cold_start import COLD_START, ColdStart, cold_start

RESULTS = Path(__file__).parents[2] / "results"
COMMITTED = sorted(path.stem for path in (RESULTS / "coldstart").glob("*.json"))
BYTES = {
    "tables": ("md", "csv", "json"),
    "figures": ("csv",),
}  # of figures the data: pixels are the library's


@needs_record
def test_there_are_committed_tables() -> None:
    """Otherwise the next test would check nothing."""
    assert "coldstart_beauty" in COMMITTED


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name.endswith("masked") else ())
        for name in COMMITTED
    ],
)
def test_committed_files_are_what_their_ranks_say(name: str, tmp_path: Path) -> None:
    """Drawn anew from committed ranks, tables and the data of figures agree byte for byte with the
    committed ones.
    """
    report = cold_start(COLD_START.read(RESULTS, name), RESULTS)
    report.comparison.write(tmp_path / "tables", name)
    for grouping, figure in report.figures.items():
        figure.write_data(tmp_path / "figures", f"{name}_{grouping}")
    drawn = [
        path
        for folder, kinds in BYTES.items()
        for kind in kinds
        for path in sorted((tmp_path / folder).glob(f"*.{kind}"))
    ]
    assert len(drawn) == 5  # one of each kind of table, the data of two figures
    for path in drawn:
        assert path.read_bytes() == (RESULTS / path.relative_to(tmp_path)).read_bytes()
    drawings = {
        path.with_suffix(kind).name
        for path in (tmp_path / "figures").iterdir()
        for kind in (".csv", ".svg", ".pdf")
    }
    assert {path.name for path in (RESULTS / "figures").glob(f"{name}_[pl]*.*")} == drawings


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_bins_add_up_to_committed_metrics(name: str) -> None:
    """Weighted by its users, a row's bins are the run's own test metric, whichever the grouping."""
    asked = COLD_START.read(RESULTS, name)
    with (RESULTS / "tables" / f"{name}.csv").open() as file:
        lines = [
            line
            for line in csv.DictReader(file)
            if not line["table"].endswith("differences") and line["column"] != "all"
        ]
    for listed in asked.runs:
        for metric in asked.metrics:
            for grouping in ("popularity", "length"):
                cells = [
                    x
                    for x in lines
                    if x["table"].endswith(grouping)
                    and (x["row"], x["group"]) == (listed.label, metric)
                ]
                weights = [int(cell["unit"].replace(",", "")) for cell in cells]
                total = sum(
                    weight * float(cell["value"])
                    for weight, cell in zip(weights, cells, strict=True)
                )
                assert len(cells) == 5
                ranks = _ranks(listed, asked.history)
                assert total / sum(weights) == pytest.approx(parse_metric(metric).mean(ranks))


def _ranks(listed: RecordedRun, history: str):  # type: ignore[no-untyped-def]
    from sirec.run.store import RunFolder

    return RunFolder(RESULTS / listed.run).ranks().ranks["test"][history]  # type: ignore[index]


def test_what_was_asked_is_kept(tmp_path: Path) -> None:
    """A record reads back equal; one that is not there is named with those that are."""
    runs = (RecordedRun("A", "runs/shop/sasrec/1"), RecordedRun("B", "runs/shop/comif/2"))
    asked = ColdStart(
        runs=runs,
        bins={"length": (7,)},
        minimum=20,
        metrics=("MRR@5",),
        history="mask",
        against="A",
    )
    COLD_START.keep(asked, tmp_path, "coldstart_shop")
    assert COLD_START.read(tmp_path, "coldstart_shop") == asked
    assert next(grouping.ends for grouping in asked.groupings() if grouping.name == "length") == (
        7,
    )
    with pytest.raises(SirecError, match="'coldstart_shup' is not a coldstart table") as missing:
        COLD_START.read(tmp_path, "coldstart_shup")
    assert "coldstart_shop" in str(missing.value.hint)
