"""`sirec.recommend`: the best items of a finished run, for users of its data or new histories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sirec.api_arguments import AnyRun, folders_of
from sirec.data.store import storage
from sirec.disk import atomic_file, disk_faults
from sirec.errors import SirecError, unknown
from sirec.evaluation.full_ranking import OnUsers
from sirec.run.build import load_model, torch_state_restored
from sirec.run.explanation import Explanation
from sirec.run.new_item_table import read_new_items
from sirec.run.new_items import check_scores_attributes, with_new_items
from sirec.run.recommendation import RecommendationMaker, RecommendationRequest
from sirec.run.repetition import refit_advice
from sirec.run.store import Store
from sirec.shell import command
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher

HISTORY = "history"  # what a single new history is called
PathLike = str | Path


@disk_faults()
def recommend(
    run: AnyRun,
    *,
    users: Iterable[str] | None = None,
    history: Sequence[str] | None = None,
    histories: Mapping[str, Sequence[str]] | None = None,
    everybody: bool = False,
    count: int = 10,
    seen: bool = False,
    only: Iterable[str] | None = None,
    exclude: Iterable[str] = (),
    new_items: pd.DataFrame | Path | None = None,
    device: str = "cpu",
    results: PathLike = "results",
    data_root: PathLike = "data",
    on_users: OnUsers | None = None,
    watcher: StudyWatcher | None = None,
) -> pd.DataFrame:
    """Recommend items with a finished run whose weights were kept.

    All interactions of a user are read, those of validation and test too.

    Args:
        run: a run folder, the first digits of its id, or `demo/comif` or `comif` for the newest
            finished run of a model.
        users: raw ids of users of the data set.
        history: raw ids of the items of one new history, oldest first.
        histories: name -> raw ids of items, for several new histories.
        everybody: whether to recommend for all users of the data set.
        count: how many items each gets.
        seen: whether items of the history may be recommended.
        only: raw ids of the only items that may be recommended, such as those in stock.
        exclude: raw ids of items that may not be.
        new_items: items that the data lack: a table, or a CSV or Parquet file, with the columns
            `item`, one for each attribute that the model reads, and perhaps `title`.
        device: where the model is computed.
        results: results folder.
        data_root: folder of prepared data sets.
        on_users: called with the number of histories done, and of all.
        watcher: is told which run was chosen, what was not known, and what a history did not say.

    Returns:
        One row for each recommended item, best first: user, rank (from 1), item, title if known,
        whether it is new (where there are new items), and score, which only orders the items of
        one user.

    Raises:
        SirecError: for an unknown run or user, a run without weights, other data than it was
            trained on, a history without a known item, or nobody to recommend for.
    """
    new = dict(histories or {})
    if history is not None:
        new[HISTORY] = list(history)
    request = RecommendationRequest(
        users=tuple(map(str, users or ())),
        everybody=everybody,
        histories=new,
        count=count,
        seen=seen,
        only=None if only is None else tuple(map(str, only)),
        exclude=tuple(map(str, exclude)),
    )
    with torch_state_restored():
        maker = _maker(run, Path(results), Path(data_root), device, watcher, new_items)
        frames = list(maker.frames(request, on_users))
    return _in_order(pd.concat(frames, ignore_index=True), request)


@disk_faults()
def explain(
    run: AnyRun,
    *,
    user: str | None = None,
    history: Sequence[str] | None = None,
    count: int = 3,
    seen: bool = False,
    only: Iterable[str] | None = None,
    exclude: Iterable[str] = (),
    device: str = "cpu",
    results: PathLike = "results",
    data_root: PathLike = "data",
    watcher: StudyWatcher | None = None,
) -> Explanation:
    """Explain the best items for one user or one new history: where their scores come from.

    Where a score is a sum of what the item and its attributes give, these parts are told; they add
    up to the score. The influence of past items and of fields is told by leave-one-out: the score
    and the rank without them.

    Args:
        run: a run folder, the first digits of its id, or `demo/comif` or `comif` for the newest
            finished run of a model.
        user: raw id of a user of the data set.
        history: raw ids of the items of a new history instead, oldest first.
        count: how many items are explained, the best first.
        seen: whether items of the history may be recommended.
        only: raw ids of the only items that may be recommended.
        exclude: raw ids of items that may not be.
        device: where the model is computed.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: is told which run was chosen, what was not known, and what a history did not say.

    Raises:
        SirecError: as `recommend`, and for a training-free baseline.
    """
    if user is not None and history is not None:
        raise SirecError("a user and a history", "explain one of them at a time")
    request = RecommendationRequest(
        users=() if user is None else (str(user),),
        histories={} if history is None else {HISTORY: list(history)},
        count=count,
        seen=seen,
        only=None if only is None else tuple(map(str, only)),
        exclude=tuple(map(str, exclude)),
    )
    return explain_request(
        run, request, device=device, results=results, data_root=data_root, watcher=watcher
    )


@disk_faults()
def explain_request(
    run: AnyRun,
    request: RecommendationRequest,
    *,
    new_items: pd.DataFrame | Path | None = None,
    device: str = "cpu",
    results: PathLike = "results",
    data_root: PathLike = "data",
    watcher: StudyWatcher | None = None,
) -> Explanation:
    """Explain what a request for one user or history gets; see `explain`.

    Args:
        run: a run folder, the first digits of its id, or a model.
        request: for whom, and how many items.
        new_items: items that the data lack, as `recommend` takes them.
        device: where the model is computed.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: is told which run was chosen, what was not known, and what a history did not say.
    """
    with torch_state_restored():
        maker = _maker(run, Path(results), Path(data_root), device, watcher, new_items)
        return maker.explain(request)


@disk_faults()
def write_recommendations(
    run: AnyRun,
    path: Path,
    request: RecommendationRequest,
    *,
    new_items: pd.DataFrame | Path | None = None,
    device: str = "cpu",
    results: PathLike = "results",
    data_root: PathLike = "data",
    on_users: OnUsers | None = None,
    watcher: StudyWatcher | None = None,
) -> None:
    """Write recommendations to a Parquet file, block by block, all of it or nothing.

    Rows of one user are together and in the order of their ranks; users stand in no special order.

    Args:
        run: a run folder, the first digits of its id, or `demo/comif` or `comif` for the newest
            finished run of a model.
        path: the file.
        request: for whom, and how many.
        new_items: items that the data lack, as `recommend` takes them.
        device: where the model is computed.
        results: results folder.
        data_root: folder of prepared data sets.
        on_users: called with the number of histories done, and of all.
        watcher: is told which run was chosen, what was not known, and what a history did not say.
    """
    with torch_state_restored():
        maker = _maker(run, Path(results), Path(data_root), device, watcher, new_items)
        with atomic_file(path) as fresh:
            _write_blocks(fresh, maker.frames(request, on_users))


def read_ids(path: Path) -> list[str]:
    """Raw ids in a text file, one a line; blank lines do not count.

    Raises:
        SirecError: if the file is missing, is no text, or has no line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file", "expected one item id a line") from None
    except UnicodeDecodeError:
        raise SirecError(f"{path}: not a UTF-8 text", "expected one item id a line") from None
    ids = [line.strip() for line in text.splitlines() if line.strip()]
    if not ids:
        raise SirecError(f"{path}: no ids in it", "expected one item id a line")
    return ids


def read_histories(path: Path) -> dict[str, list[str]]:
    """New histories in a CSV or Parquet file with the columns user and item, oldest first.

    Args:
        path: the file; a user's rows are taken in the order of the file.

    Returns:
        User -> raw ids of items.

    Raises:
        SirecError: if the file cannot be read or lacks a column, or a cell is empty.
    """
    table = _read_table(path, "a table of user and item")
    for column in ("user", "item"):
        if column not in table:
            raise unknown("column", column, map(str, table.columns), str(path))
    rows = table[["user", "item"]].astype("string")
    if rows.isna().any(axis=None):
        row = int(rows.isna().any(axis=1).to_numpy().argmax())
        raise SirecError(f"{path}: row {row + 1} has no user or no item", "leave it out")
    histories: dict[str, list[str]] = {}
    for user, item in zip(rows["user"], rows["item"], strict=True):
        histories.setdefault(str(user), []).append(str(item))
    return histories


def _read_table(path: Path, expected: str) -> pd.DataFrame:
    """A Parquet file, or a CSV file, whose cells are texts as they are written: `NA` is an id, too.

    A heading with semicolons or tabs and without commas tells what separates the cells.
    """
    try:
        if path.suffix in (".parquet", ".pq"):
            return pd.read_parquet(path)
        with path.open(encoding="utf-8-sig") as file:
            heading = file.readline()
        signs = [sign for sign in ";\t" if sign in heading and "," not in heading]
        separator = signs[0] if signs else ","
        return pd.read_csv(
            path,
            sep=separator,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
        )
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file", f"expected {expected}") from None
    except (ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0][:120]
        what = f"{path}: not a readable table: {reason}"
        raise SirecError(what, "expected CSV or Parquet") from None


def _maker(
    run: AnyRun,
    results: Path,
    data_root: Path,
    device: str,
    watcher: StudyWatcher | None,
    new_items: pd.DataFrame | Path | None = None,
) -> RecommendationMaker:
    """The model of a run, with its data and new items."""
    told = (watcher or SilentStudy()).remark
    [folder] = folders_of(run, Store(results), told=told)
    config = folder.config()
    data = storage.load(storage.find(data_root, config.data.name))
    advice = refit_advice(folder, config)
    if advice is not None:
        told(advice)
    built = load_model(folder, data, device)
    if new_items is None:
        return RecommendationMaker(built, told)
    check_scores_attributes(config, built.data)
    where = str(new_items) if isinstance(new_items, Path) else "new items"
    if isinstance(new_items, Path):
        new_items = _read_table(new_items, "a table of new items")
    options = storage.read_manifest(storage.find(data_root, config.data.name)).options
    added = read_new_items(new_items, built.data, where, told, options)
    judge = command("newitems", folder.id)
    told(f"new items: {len(added.names):,}, scored by attributes alone; how well: {judge}")
    count = built.data.item_codes
    return RecommendationMaker(with_new_items(built, added.added_to(built.data)), told, count)


def _in_order(table: pd.DataFrame, request: RecommendationRequest) -> pd.DataFrame:
    """The rows in the order in which users and histories were named."""
    named = [*request.users, *request.histories]
    if request.everybody:
        return table.sort_values(["user", "rank"], ignore_index=True, kind="stable")
    places = {name: place for place, name in enumerate(named)}
    order = table["user"].map(places).sort_values(kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _write_blocks(path: Path, frames: Iterator[pd.DataFrame]) -> None:
    writer: pq.ParquetWriter | None = None
    try:
        for frame in frames:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table.cast(writer.schema))
    finally:
        if writer is not None:
            writer.close()
