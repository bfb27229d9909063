"""Printed numbers are found by row, data set and metric, whole and unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec import resources
from sirec.errors import SirecError
from sirec.papers import PAPERS
from sirec.papers.tables import metric_tables, printed_values, published_names, published_table
from sirec.report.published import PrintedRow, covers, published


@pytest.mark.parametrize(
    ("dataset", "model", "metric", "values"),
    [
        ("beauty", "sasrec", "Recall@20", [("comif", "3", 0.1222), ("difsr", "2", 0.1197)]),
        ("sports", "dif-sr", "NDCG@10", [("comif", "3", 0.0242), ("difsr", "2", 0.0264)]),
        ("yelp", "comif", "Recall@20", [("comif", "3", 0.1038)]),
        ("toys", "nova", "NDCG@20", [("difsr", "2", 0.0567)]),
        ("Beauty", "s3rec", "recall@10", [("comif", "3", 0.0869), ("difsr", "2", 0.0868)]),
        ("beauty", "popularity", "Recall@20", []),
        ("ml-100k", "sasrec", "Recall@20", []),
        ("beauty", "sasrec", "MRR@20", []),
    ],
)
def test_main_tables_answer_by_model_id(
    dataset: str, model: str, metric: str, values: list[tuple[str, str, float]]
) -> None:
    """Numbers read off the printed pages are found by our names; others are not printed."""
    found = [(each.paper, each.table, each.value) for each in published(dataset, model, metric)]
    assert found == values


MODULES = {"attention_fusion": 1, "embedding_fusion": 1, "iaa": 0, "upa": 0}


@pytest.mark.parametrize(
    ("table", "keys", "dataset", "metric", "value"),
    [
        ("comif_table3_overall", {"model": "dif"}, "yelp", "NDCG@20", 0.0475),
        (
            "comif_table4_fusion",
            {"side_information": "attribute", "fusion": "embedding"},
            "beauty",
            "Recall@20",
            0.14,
        ),
        (
            "comif_table4_fusion",
            {"side_information": "behaviour", "fusion": "attention"},
            "yelp",
            "Recall@20",
            0.0968,
        ),
        ("comif_table5_side_information", {"side_information": "P+B"}, "sports", "NDCG@20", 0.0337),
        (
            "comif_table5_side_information",
            {"side_information": "P+B+C"},
            "sports",
            "Recall@20",
            0.0911,
        ),
        ("comif_table6_modules", MODULES | {"iaa": 1}, "beauty", "Recall@20", 0.1441),
        ("difsr_table3_enhancement", {"model": "DIF-BERT4Rec"}, "toys", "NDCG@10", 0.0324),
        ("difsr_table4_ablation", {"dif": 0, "aap": 1}, "sports", "Recall@20", 0.0754),
        (
            "difsr_table5_side_information_yelp",
            {"side_information": "position+city"},
            "yelp",
            "NDCG@10",
            0.0415,
        ),
        (
            "difsr_table5_side_information_yelp",
            {"side_information": "position+city"},
            "beauty",
            "NDCG@10",
            None,
        ),
        ("comif_table6_modules", MODULES, "beauty", "NDCG@20", None),
        ("comif_table6_modules", MODULES, "toys", "Recall@20", None),
    ],
)
def test_a_value_is_found_whatever_the_layout(
    table: str, keys: dict[str, object], dataset: str, metric: str, value: float | None
) -> None:
    """Numbers read off the printed pages; None is not printed."""
    row = PrintedRow(table, keys)
    row.check()
    found = row.value(dataset, metric)
    assert (found and found.value) == value


def test_every_table_of_metrics_keeps_all_its_numbers() -> None:
    """Its layout loses no cell and counts none twice."""
    assert metric_tables()
    for name in metric_tables():
        frame = published_table(name)
        numbers = frame.select_dtypes("float").to_numpy().ravel()
        assert sorted(printed_values(name).values()) == sorted(numbers)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dif": 1}, "no row has dif 1"),
        ({"dif": 2, "aap": 1}, "no row has dif 2"),
        ({"dfi": 1}, "'dfi' is not a column"),
    ],
)
def test_a_row_that_is_not_printed_is_a_mistake(keys: dict[str, object], message: str) -> None:
    """A row is named by all its keys, as printed; the right ones (control) pass."""
    PrintedRow("difsr_table4_ablation", {"dif": 1, "aap": 1}).check()
    with pytest.raises(SirecError, match=message):
        PrintedRow("difsr_table4_ablation", keys).check()


def test_main_tables_are_complete() -> None:
    """Each paper's data sets × models × metrics are there, and all values could be metrics."""
    for name, size in (("comif_table3_overall", 3 * 11 * 4), ("difsr_table2_overall", 4 * 10 * 4)):
        frame = published_table(name)
        assert len(frame) == len(frame[["dataset", "model", "metric"]].drop_duplicates()) == size
        assert frame["value"].between(0.001, 0.2).all()


def test_every_table_can_be_read() -> None:
    """A paper describes every file of printed numbers, and each described table has a file."""
    folder = Path(str(resources.experiments_root())) / "published"
    assert published_names() == sorted(path.stem for path in folder.glob("*.csv"))
    for name in published_names():
        assert len(published_table(name)) > 0


def test_a_wrong_table_is_answered_with_the_nearest() -> None:
    """A misspelt name leads to the right one."""
    with pytest.raises(SirecError, match="comif_table4_fusio") as caught:
        published_table("comif_table4_fusio")
    assert "did you mean 'comif_table4_fusion'?" in str(caught.value.hint)


def test_papers_cover_their_data_sets() -> None:
    """Toys is DIF-SR's alone, Beauty is both papers'; what a paper declares is what it printed."""
    for name, paper in PAPERS.items():
        main = published_table(paper.main_table)
        assert set(paper.datasets) == set(main["dataset"]), name
    assert [covers("comif", "toys"), covers("difsr", "toys")] == [False, True]
    assert covers("comif", "beauty")
    assert covers("difsr", "beauty")


def test_an_installed_package_reads_its_own_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files inside the package are preferred to those of a checkout (control)."""
    assert (resources.experiments_root() / "published" / "comif_table3_overall.csv").is_file()
    (tmp_path / "experiments").mkdir()
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    assert resources.experiments_root() == tmp_path / "experiments"
    (tmp_path / "experiments").rmdir()
    assert (resources.experiments_root() / "published").is_dir()
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "sirec" / "resources.py"))
    with pytest.raises(SirecError, match="lacks its experiment files"):
        resources.experiments_root()
