"""Files of recommendations: what a run of ours recommends, written to a file, has the run's own
ranks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.tasks.rows import evaluation_rows, gather
from sirec.errors import SirecError
from sirec.evaluation.metrics import DEFAULT_METRICS, Metric, parse_metric
from sirec.evaluation.ranks import HISTORY_RULES
from sirec.report.results import View
from sirec.run.build import load_model
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.comparison import compare_results
from sirec.studies.compare.external import recommended, refuse_unknown
from sirec.studies.compare.external_files import read_recommendations
from sirec.studies.compare.external_scores import CODES
from sirec.studies.compare.run_results import run_result

SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 1, "threads": 1}
TOP = 25


@pytest.fixture(scope="module")
def data() -> Dataset:
    return prepare(DemoSource(users=300, items=100).read(), "shop").dataset


@pytest.fixture(scope="module")
def run(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return execute(
        resolve("comif", data, assignments=SMALL), data, Store(tmp_path_factory.mktemp("results"))
    )


@pytest.fixture(scope="module")
def scores(data: Dataset, run: RunFolder) -> np.ndarray:
    """Float32[U, V]: what the run's model thinks of every item for test, as it is itself
    evaluated.
    """
    built = load_model(run, data)
    rows = evaluation_rows(built.data, "test", run.config().data.max_length)
    order = np.argsort(rows.lengths, kind="stable")
    table = np.zeros((data.user_count, data.item_codes), dtype=np.float32)
    with torch.inference_mode():
        table[rows.user[order] - 1] = built.model.scores(
            gather(built.data, rows.take(order))
        ).numpy()
    return table


@pytest.fixture(scope="module")
def top(data: Dataset, scores: np.ndarray) -> pd.DataFrame:
    """The run's first items, with ranks from 0 and scores."""
    best = np.argsort(-scores[:, 1:], axis=1, kind="stable")[:, :TOP] + 1
    return pd.DataFrame(
        {
            "user": np.repeat(data.user_names[1:], TOP),
            "item": [data.item_names[item] for item in best.ravel()],
            "rank": np.tile(np.arange(TOP), data.user_count),
            "score": np.take_along_axis(scores, best, axis=1).ravel(),
        }
    )


WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "ranks.csv": lambda top, path: top.drop(columns="score").to_csv(path, index=False),
    "scores.tsv": lambda top, path: (
        top.drop(columns="rank").sample(frac=1, random_state=0).to_csv(path, index=False, sep="\t")
    ),
    "both.parquet": lambda top, path: top.to_parquet(path),
    "ranks.jsonl": lambda top, path: top.drop(columns="score").to_json(
        path, orient="records", lines=True
    ),
    "packed.csv.gz": lambda top, path: top.to_csv(path, index=False),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_runs_own_lists_have_its_metrics(
    name: str, top: pd.DataFrame, run: RunFolder, data: Dataset, tmp_path: Path
) -> None:
    """In every format, the metrics of written lists are the run's at every cutoff that they reach,
    per user, to the bit.
    """
    WRITERS[name](top, tmp_path / name)
    table = read_recommendations(tmp_path / name, data).rank(data, "test").ranks
    assert table.exact_to["keep"] == TOP
    assert table.exact_to["mask"] < TOP
    for rule in HISTORY_RULES:
        mine, theirs = table.ranks["test"][rule], run.ranks().ranks["test"][rule]
        for cutoff in range(1, table.exact_to[rule] + 1):
            metric = Metric("NDCG", cutoff)
            assert np.array_equal(metric.per_user(mine), metric.per_user(theirs))
    assert not np.array_equal(
        table.ranks["test"]["keep"], run.ranks().ranks["test"]["keep"]
    )  # control: some are missed


def test_another_order_has_other_metrics(
    top: pd.DataFrame, run: RunFolder, data: Dataset, tmp_path: Path
) -> None:
    """Control: the same items the other way round have other metrics, and a rank decides over a
    score.
    """
    turned = top.assign(rank=-top["rank"])
    turned.to_csv(tmp_path / "turned.csv", index=False)
    turned.drop(columns="rank").to_csv(tmp_path / "scored.csv", index=False)
    metric = parse_metric("NDCG@5")
    values = [
        metric.mean(
            read_recommendations(tmp_path / f"{name}.csv", data)
            .rank(data, "test")
            .ranks.ranks["test"]["keep"]
        )
        for name in ("turned", "scored")
    ]
    assert values[0] != values[1] == metric.mean(run.ranks().ranks["test"]["keep"])


def write_scores(folder: Path, data: Dataset, scores: np.ndarray, form: str) -> str:
    """Write an array in one of the declared orders, and return what declares it."""
    users, items = np.arange(data.user_count), np.arange(1, data.item_codes)
    if form == "shuffled":
        rng = np.random.default_rng(0)
        users, items = rng.permutation(users), rng.permutation(items)
        names = {
            "users": [data.user_names[u + 1] for u in users],
            "items": [data.item_names[i] for i in items],
        }
        (folder / "ids.json").write_text(json.dumps(names))
    table = scores if form == "padded" else scores[np.ix_(users, items)]
    np.save(folder / "theirs.npy", table)
    return str(folder / "ids.json") if form == "shuffled" else CODES


@pytest.mark.parametrize("form", ["padded", "unpadded", "shuffled"])
def test_a_runs_own_scores_have_its_ranks(
    form: str, scores: np.ndarray, run: RunFolder, data: Dataset, tmp_path: Path
) -> None:
    """All ranks under both history rules are the run's; a column of scores raised by one (control)
    changes them.
    """
    order = write_scores(tmp_path, data, scores, form)
    table = read_recommendations(tmp_path / "theirs.npy", data, order).rank(data, "test").ranks
    for rule in HISTORY_RULES:
        assert np.array_equal(table.ranks["test"][rule], run.ranks().ranks["test"][rule])
    np.save(
        tmp_path / "theirs.npy",
        np.load(tmp_path / "theirs.npy") + 9 * np.eye(1, len(scores[0]) - (form != "padded"), 30),
    )
    raised = read_recommendations(tmp_path / "theirs.npy", data, order).rank(data, "test").ranks
    assert not np.array_equal(raised.ranks["test"]["keep"], run.ranks().ranks["test"]["keep"])


def test_lists_stand_beside_runs(
    top: pd.DataFrame, run: RunFolder, data: Dataset, tmp_path: Path
) -> None:
    """One table: equal where lists reach, not available beyond, no protocol claimed for them, no
    validation asked of them.
    """
    for name, size in (("ten", 10), ("more", 20)):
        top[top["rank"] < size].to_csv(tmp_path / f"{name}.csv", index=False)
    theirs, notes = recommended([tmp_path / "ten.csv", tmp_path / "more.csv"], data, "test")
    comparison = compare_results([run_result(run), *theirs], notes=notes)
    ours, ten, more = comparison.tables[0].rows
    assert [cell.value for cell in ours.cells] == [cell.value for cell in more.cells]
    assert [cell.value for cell in ten.cells] == [
        ours.cells[0].value,
        None,
        ours.cells[2].value,
        None,
    ]
    assert any(
        note.startswith("n/a: lists too short") and "(ten)" in note
        for note in comparison.tables[0].footnotes()
    )
    assert set(notes) <= set(comparison.tables[0].notes)
    assert not any("unstated" in note for note in comparison.tables[0].notes)
    assert {row.label for row in comparison.tables[-1].rows} == {
        "more – COMIF"
    }  # at cutoff 20 ten.csv has no part
    with pytest.raises(
        SirecError, match="Recall@20: the lists of ten are exact to cutoff 10 with the history kept"
    ):
        refuse_unknown(theirs, DEFAULT_METRICS, View())
    refuse_unknown(theirs[1:], DEFAULT_METRICS, View())  # control
    refuse_unknown(
        theirs, DEFAULT_METRICS, View(), are_named=False
    )  # a table where something is known
    with pytest.raises(SirecError, match="Recall@20") as refused:
        refuse_unknown(theirs, DEFAULT_METRICS[1::2], View(), are_named=False)
    assert "--metric Recall@10" in str(refused.value.hint)


def test_what_the_data_lack_is_left_out_and_named(
    top: pd.DataFrame, data: Dataset, tmp_path: Path
) -> None:
    """Unknown items and users are counted with their names; files that only have such are
    refused.
    """
    item = pd.DataFrame(
        {
            "user": [data.user_names[1], "ghost"],
            "item": ["thing", data.item_names[1]],
            "rank": [99, 0],
        }
    )
    pd.concat([top, item]).to_csv(tmp_path / "more.csv", index=False)
    ranking = read_recommendations(tmp_path / "more.csv", data).rank(data, "test")
    assert ranking.remarks[:2] == (
        "1 user not in shop left out ('ghost')",
        "1 item not in shop left out ('thing')",
    )
    for column in ("user", "item"):
        top.assign(**{column: range(len(top))}).to_csv(tmp_path / "foreign.csv", index=False)
        with pytest.raises(
            SirecError, match=f"foreign.csv: none of the 7,500 {column}s in it is one of"
        ):
            read_recommendations(tmp_path / "foreign.csv", data)


WRONG_LISTS = {
    "no order": ("user,item\nu,i\n", "neither rank nor score"),
    "no user": ("usr,item,rank\nu,i,1\n", "'user' is not a column"),
    "a word": ("user,item,rank\n{u},{i},first\n", "csv:2, column rank: expected a number"),
    "no item": (
        "user,item,score\n{u},{i},1\n{u},,2\n",
        "csv:3, column item: it is missing or empty",
    ),
    "twice": ("user,item,rank\n{u},{i},1\n{u},{i},2\n", "has item .* 2 times"),
    "nothing": ("user,item,rank\n", "no rows in it"),
}


@pytest.mark.parametrize("case", WRONG_LISTS)
def test_a_wrong_list_is_named(case: str, data: Dataset, tmp_path: Path) -> None:
    """One line with file, line and column of what is wrong."""
    text, message = WRONG_LISTS[case]
    (tmp_path / "theirs.csv").write_text(text.format(u=data.user_names[1], i=data.item_names[1]))
    with pytest.raises(SirecError, match=message) as error:
        read_recommendations(tmp_path / "theirs.csv", data)
    assert "--skip-bad-lines" not in (error.value.hint or "")


def test_a_wrong_array_is_named(data: Dataset, scores: np.ndarray, tmp_path: Path) -> None:
    """Order not said, another shape, no numbers, pickles, ids that are too few, doubled or not all
    there.
    """
    path = tmp_path / "theirs.npy"

    def refused(table: np.ndarray, order: str | None, message: str) -> None:
        np.save(path, table, allow_pickle=True)
        with pytest.raises(SirecError, match=message):
            read_recommendations(path, data, order)

    refused(scores, None, "the order of its rows and columns is not said")
    refused(scores[:-1], CODES, "299 by 99, but shop has 300 users and 98 items")
    refused(scores[0], CODES, "expected numbers|float32 of shape")
    refused(scores.astype(object), CODES, "not a readable NumPy array")
    names = {"users": data.user_names[1:], "items": list(data.item_names[1:])}
    for ids, message in (
        ({"users": names["users"]}, "no list 'items'"),
        (
            names | {"items": names["items"][:-1]},
            "97 items, 97 of them different, for an array with 98",
        ),
        (
            names | {"items": [names["items"][1], *names["items"][1:]]},
            "98 items, 97 of them different",
        ),
        (names | {"items": ["ghost", *names["items"][1:]]}, "1 items of shop are not in it, first"),
    ):
        (tmp_path / "ids.json").write_text(json.dumps(ids))
        refused(scores[:, 1:], str(tmp_path / "ids.json"), message)
    refused(scores, str(tmp_path / "nowhere.json"), "nowhere.json: no such file")
