"""Metrics of stored lists in the tables of experiments and of `compare`."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import sirec
from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.run.store import Store
from sirec.studies.compare.comparison import Comparison

K = 5
METRICS = [f"{name}@{K}" for name in ("Coverage", "Gini", "Popularity", "Novelty")]
METRICS.append(f"Diversity(brand)@{K}")
EXPERIMENT = {
    "title": "Lists",
    "datasets": ["shop"],
    "metrics": ["MAP@7", *METRICS],
    "rows": {"Popular": {"model": "popularity"}, "Followers": {"model": "transitions"}},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small shop."""
    root = tmp_path_factory.mktemp("lists")
    storage.write(root / "data", prepare(DemoSource(users=120, items=60).read(), "shop"))
    return root


def folders(place: Path) -> dict[str, Any]:
    return {"results": place / "results", "data_root": place / "data"}


def study(place: Path, **others: Any) -> Comparison:
    return sirec.run_study({**EXPERIMENT, **others}, name="lists", **folders(place))


def twin(data: Dataset, rows: list[list[int]]) -> list[float]:
    """The five metrics as loops over lists, items and pairs."""
    bought: Counter[int] = Counter()
    owners: dict[int, set[int]] = {}
    for user in range(data.user_count):
        first, stop = data.offsets[user : user + 2].tolist()
        for item in data.items[first : stop - 2].tolist():
            bought[item] += 1
            owners.setdefault(item, set()).add(user)
    shown = Counter(item for row in rows for item in row)
    counts = sorted(shown[code] for code in range(1, data.item_codes))
    n, total = len(counts), sum(counts)
    gini = sum((2 * i - n - 1) * count for i, count in enumerate(counts, start=1)) / (n * total)
    [brand] = [field for field in data.fields if field.name == "brand"]
    brands = brand.values.tolist()
    popular, novel, diverse = [], [], []
    for row in rows:
        popular.append(sum(bought[item] for item in row) / len(row))
        shares = [max(len(owners.get(item, ())), 1) / data.user_count for item in row]
        novel.append(sum(-math.log2(share) for share in shares) / len(row))
        known = [set(brands[item]) - {0} for item in row if set(brands[item]) - {0}]
        pairs = [1 - len(a & b) / len(a | b) for a, b in combinations(known, 2)]
        if pairs:
            diverse.append(sum(pairs) / len(pairs))
    means = [sum(values) / len(values) for values in (popular, novel, diverse)]
    return [len(shown) / n, gini, *means]


def test_an_experiment_names_metrics_of_lists(place: Path) -> None:
    """Without lists rows stay empty and the note has the command; followed, the values are those of
    plain loops over the stored lists, in the study's table and in that of `compare`.
    """
    before = study(place)
    assert [column.name for column in before.tables[0].columns] == ["MAP@7"]
    empty = [table for table in before.tables if "lists of recommended items" in table.title]
    assert [table.columns[0].name for table in empty] == [METRICS[0]] * 2
    assert {cell.value for table in empty for row in table.rows for cell in row.cells} == {None}
    [note] = [note for note in empty[0].footnotes() if "sirec evaluate" in note]
    words = shlex.split(note[note.index("sirec evaluate") : note.index(" stores them")])
    ids, [option, count] = words[2:-2], words[-2:]
    assert option == "--lists"
    sirec.evaluate(ids, lists=int(count), **folders(place))

    after = study(place)
    [kept, masked] = [table for table in after.tables if table.title in {t.title for t in empty}]
    assert kept.rows != masked.rows
    data = storage.load(place / "data" / "shop")
    store = Store(place / "results")
    for row, identity in zip(kept.rows, ids, strict=True):
        stored = pq.read_table(store.find(identity).path / "lists.parquet")["keep"].to_pylist()
        expected = twin(data, [codes[:K] for codes in stored])
        assert [cell.value for cell in row.cells] == pytest.approx(expected)
    compared = sirec.compare(*ids, metrics=METRICS, results=place / "results").tables[-1]
    assert [row.cells for row in compared.rows] == [row.cells for row in kept.rows]
    assert not [note for note in kept.footnotes() if "sirec evaluate" in note]


def test_compare_names_the_command_for_all_runs_that_lack_lists(place: Path) -> None:
    """One line and one command, not one for each run."""
    study(place)
    ids = [folder.id for folder in Store(place / "results").all()]
    with pytest.raises(SirecError, match="no lists of 30 items are stored") as caught:
        sirec.compare(*ids, metrics=["Gini@30"], results=place / "results")
    assert "--lists 30" in str(caught.value.hint)
    assert all(identity in str(caught.value.hint) for identity in ids)


def test_metrics_that_are_none_are_refused_before_anything_is_trained(place: Path) -> None:
    """With the nearest name; an attribute that the data lack leaves its cells empty."""
    with pytest.raises(SirecError, match="'Coverag@5' is not a metric"):
        study(place, metrics=["Coverag@5"])
    study(place)
    ids = [folder.id for folder in Store(place / "results").all()]
    sirec.evaluate(ids, lists=10, **folders(place))
    made = study(place, metrics=["Diversity(maker)@5", "Coverage@5"])
    [table, _] = [table for table in made.tables if "lists of recommended" in table.title]
    for row in table.rows:
        assert row.cells[0].missing == "the data have no attribute maker"
        assert row.cells[1].value is not None
