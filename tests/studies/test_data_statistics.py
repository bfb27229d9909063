"""Table 1 of the papers: sizes of data sets beside printed ones, drawn without training."""

from __future__ import annotations

from pathlib import Path

import pytest
from record import RESULTS, needs_record

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.papers.record_data import record_data
from sirec.studies.analyses.data_statistics import (
    NAME,
    STATISTICS,
    DataSizes,
    StatisticsRecord,
    draw_statistics,
    statistics_record,
)


def test_the_sizes_of_a_prepared_data_set_are_counted(tmp_path: Path) -> None:
    """Numbers are those of the arrays; without data (control) that is an error."""
    made = prepare(DemoSource(users=80, items=40).read(), "shop")
    storage.write(tmp_path, made)
    [sizes] = statistics_record(tmp_path, []).datasets
    assert sizes.fingerprint == made.dataset.fingerprint()
    assert sizes.values["users"] == len(made.dataset.lengths)
    assert sizes.values["interactions"] == len(made.dataset.items)
    assert sizes.values["brands_or_cities"] == made.statistics.attributes[0].values
    with pytest.raises(SirecError, match="no data set is prepared"):
        statistics_record(tmp_path / "empty", [])


def test_each_paper_has_a_table_with_its_own_values() -> None:
    """The papers print different numbers of items for Yelp; a data set of another name (control)
    has no printed value.
    """
    values = {"users": 30431.0, "items": 20033.0}
    yelp = DataSizes(name="yelp", fingerprint="0", values=values)
    shop = DataSizes(name="shop", fingerprint="0", values=values)
    drawn = draw_statistics(StatisticsRecord(datasets=(yelp, shop)), Path())
    printed: list[float | None] = []
    for table in drawn.comparison.tables:
        column = [column.name for column in table.columns].index("items")
        of_yelp, of_shop = table.rows
        printed.append(of_yelp.cells[column].published)
        assert of_yelp.cells[column].value == 20033
        assert of_shop.cells[column].published is None
    assert printed == [20038, 20068]


@needs_record
def test_the_committed_table_is_of_the_data_of_the_record() -> None:
    """Fingerprints are those of `experiments/data`, and the table is drawn from its record."""
    stored = STATISTICS.read(RESULTS, NAME)
    for data in stored.datasets:
        assert data.fingerprint == record_data()[data.name].fingerprint
    text = (RESULTS / "tables" / f"{NAME}.md").read_text(encoding="utf-8")
    assert STATISTICS.draw(stored, RESULTS).comparison.to_markdown() == text
