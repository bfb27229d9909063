"""The library: prepare data, train, evaluate, compare, run studies.

The command line calls these functions, so that both give the same runs and the same tables:

    import sirec

    runs = sirec.train("dif-sr", "demo", seeds=[0, 1, 2])
    print(sirec.evaluate([*runs, *sirec.train("sasrec", "demo", seeds=[0, 1, 2])]).to_frame())

Results are kept as the command line keeps them: prepared data sets below `data_root`, runs and
tables below `results`. A run that has finished is not trained again, and one that was stopped goes
on from its last epoch. Whoever wants to see progress passes a `watcher` (see
`sirec.studies.launch.watcher.StudyWatcher`; `sirec.cli.console.StudyBars` draws bars).

Every function raises `sirec.errors.SirecError`, with a message and a hint, for what its caller can
put right. Importing changes nothing in the process; `sirec.process.configure()` makes training
faster where it is called before torch is imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from sirec.api_arguments import (
    AnyRun,
    GivenVectors,
    files_beside,
    folders_of,
    frame_of_users,
    only_dataset,
    seeds_of,
    vectors_of,
    view_of,
)
from sirec.api_results import PreparedData, TrainedRuns
from sirec.config import load as load_config
from sirec.data import recipes
from sirec.data.dataset import Dataset
from sirec.data.frames import FrameColumns, columns_by_name, read_frames
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import prepare as prepare_raw
from sirec.data.progress import ProgressCallback
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.store import storage
from sirec.data.store.replacement import Replacement
from sirec.disk import disk_faults
from sirec.errors import SirecError
from sirec.evaluation.list_metrics import split_metrics
from sirec.evaluation.metrics import DEFAULT_METRICS
from sirec.evaluation.ranks import HistoryRule
from sirec.models import model_class
from sirec.papers.record_data import data_warning
from sirec.report.results import RunResult
from sirec.run.build import torch_state_restored
from sirec.run.config import Profile
from sirec.run.execute import rank_again
from sirec.run.runs_on_data import runs_on_data
from sirec.run.store import Store
from sirec.studies.analyses.base import DrawnAnalysis
from sirec.studies.analyses.names import check_name
from sirec.studies.claims import ClaimVerdict, verdicts
from sirec.studies.compare.comparison import Comparison, compare_results
from sirec.studies.compare.external import recommended, refuse_unknown
from sirec.studies.compare.list_table import default_list_metrics, list_table, store_all_lists
from sirec.studies.compare.run_results import run_results
from sirec.studies.compare.study_tables import VIEWS
from sirec.studies.compare.two_runs import METRICS, compare_runs
from sirec.studies.launch.data import choose_dataset
from sirec.studies.launch.single import Training, expect_seeds, train_seeds
from sirec.studies.launch.study import Study, find_plan
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher
from sirec.studies.results_page.seal import seal as seal_results
from sirec.studies.results_page.verify import Verification
from sirec.studies.results_page.verify import verify as verify_results
from sirec.studies.spec.ablation import requested_experiments
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.overrides import Variation
from sirec.studies.worth.design import WorthQuestion
from sirec.studies.worth.launch import StudyPlace, WorthReading, WorthStudy

PathLike: TypeAlias = str | Path
DATA_ROOT, RESULTS = "data", "results"


@disk_faults()
def prepare(
    data: str | Path | pd.DataFrame,
    items: pd.DataFrame | None = None,
    *,
    name: str | None = None,
    source: str | None = None,
    source_options: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
    raw: PathLike | None = None,
    user: str = "user",
    item: str = "item",
    time: str | None = None,
    time_format: str | None = None,
    behaviours: Mapping[str, str] | Iterable[str] = (),
    attributes: Mapping[str, str] | Iterable[str] = (),
    title: str | None = None,
    vectors: Mapping[str, GivenVectors] | None = None,
    users: pd.DataFrame | PathLike | None = None,
    users_key: str | None = None,
    user_attributes: Mapping[str, str] | Iterable[str] = (),
    skip_bad_lines: int = 0,
    replace: bool = False,
    results: PathLike = RESULTS,
    data_root: PathLike = DATA_ROOT,
    progress: ProgressCallback = lambda stage, done, total: None,
) -> PreparedData:
    """Prepare a data set and write it: by name, from files, or from DataFrames.

    Args:
        data: name of a known data set (`beauty`), of a source, or of a recipe in a YAML file; or
            a DataFrame of interactions.
        items: with DataFrames, a row per item, or several that add up.
        name: what the data set is called; needed for DataFrames.
        source: raw format, where a name has several or is not known.
        source_options: options of the source, such as paths and columns of a table.
        options: filters, bins, split, and how values are read, as
            `sirec.data.prepare.filters.PrepareOptions` has them:
            `{"core": 5, "split": {"name": "temporal"}, "missing": ["nan"]}`.
        raw: folder or archive with the raw files; files are downloaded where it is not given.
        user: with DataFrames, the column of users.
        item: with DataFrames, the column of items.
        time: with DataFrames, the column of times, datetimes or seconds since 1970; `none` for no
            times. Without it, a column of a known name is taken, such as `timestamp` or `date`.
        time_format: with DataFrames, how times are written that are neither: `%d/%m/%Y`.
        behaviours: with DataFrames, columns of the interactions, or name -> column.
        attributes: with DataFrames, columns of the items, or name -> column; a cell may be a list.
        title: with DataFrames, the column of titles.
        vectors: name of an attribute -> its vectors of items: a file (`.npz`, `.npy` with ids in a
            `.txt` beside it, `.parquet`), or with DataFrames also (ids, array [N, W]).
        users: one row per user with their attributes, a DataFrame with DataFrames, else a file.
        users_key: their column of users, where it is not called as in the interactions.
        user_attributes: columns of the users, or name -> column; all of them where none is named.
        skip_bad_lines: how many bad lines of raw files may be left out, and how many interactions
            whose user, item or behaviour the option `missing` declares to be none.
        replace: whether another data set of the same name may be replaced. One that was made by
            the same recipe from the same raw files, or has the same contents, always is.
        results: results folder; its runs on a data set that would be replaced are counted.
        data_root: folder of prepared data sets.
        progress: called with a stage, what is done and the total.

    Returns:
        What was prepared, and where it was written.

    Raises:
        SirecError: for what is not known, missing or cannot be read, for filters that leave
            nothing, and for another data set of the same name.
    """
    root = Path(data_root)
    replacement = Replacement(replace, partial(runs_on_data, Path(results)))
    user_columns = columns_by_name(user_attributes)
    if isinstance(data, pd.DataFrame):
        if name is None:
            raise SirecError("a data set from DataFrames needs a name", "say name='shop'")
        behaviour_columns, attribute_columns = map(columns_by_name, (behaviours, attributes))
        columns = FrameColumns(
            user=user,
            item=item,
            time=time,
            time_format=time_format,
            behaviours=behaviour_columns,
            attributes=attribute_columns,
            title=title,
            users_key=users_key,
            user_attributes=user_columns,
        )
        settings = load_config(PrepareOptions, dict(options or {}), "options")
        bad_rows = BadLines(skip_bad_lines)
        raw_frames = read_frames(data, items, columns, frame_of_users(users), settings.unknown)
        raw_frames = dataclasses.replace(raw_frames, vectors=vectors_of(vectors or {}))
        prepared = prepare_raw(raw_frames, name, settings, progress, bad_rows)
        prepared = dataclasses.replace(prepared, skipped_lines=len(bad_rows.messages))
        folder = storage.write(root, prepared, replacement)
        return PreparedData(folder, prepared, tuple(bad_rows.messages))
    if items is not None:
        raise SirecError(
            "items are a DataFrame, but the interactions are not", "give both, or none"
        )
    beside = files_beside(vectors or {}, users, users_key, user_columns)
    recipe = recipes.resolve(str(data), source, name, source_options, options, beside)
    bad_lines = BadLines(skip_bad_lines)
    raw_files = None if raw is None else Path(raw)
    reading = ReadingContext(progress, bad_lines)
    prepared = recipes.carry_out(recipe, root, raw_files, reading, replacement)
    folder = storage.find(root, recipe.name)
    return PreparedData(folder, prepared, tuple(bad_lines.messages), bad_lines.counts())


@disk_faults()
def load(
    name: str | None = None,
    *,
    data_root: PathLike = DATA_ROOT,
    watcher: StudyWatcher | None = None,
) -> Dataset:
    """A prepared data set.

    Args:
        name: its name; without one the last prepared, else the demo, generated if need be.
        data_root: folder of prepared data sets.
        watcher: is told which data set was chosen.

    Raises:
        SirecError: if there is none of that name, or it cannot be read.
    """
    told = watcher or SilentStudy()
    return choose_dataset(name, Path(data_root), told.remark)


@disk_faults()
def train(
    model: str,
    data: str | Dataset | None = None,
    *,
    fields: Sequence[str] | None = None,
    seeds: int | Sequence[int] = 0,
    set: Mapping[str, object] | None = None,
    threads: int = 2,
    precision: str = "fp32",
    device: str = "auto",
    protocol: str = "comif",
    profile: Profile = "intended",
    again: bool = False,
    dry_run: bool = False,
    results: PathLike = RESULTS,
    data_root: PathLike = DATA_ROOT,
    watcher: StudyWatcher | None = None,
) -> TrainedRuns:
    """Train a model, with one seed or several; runs that have finished are taken as they are.

    Afterwards torch has the number of threads, the random state and the other global settings that
    it had before.

    Args:
        model: name of the model.
        data: the data set, or the name of a prepared one; without one the last prepared.
        fields: names of the attributes and behaviours that the model reads besides the position.
            Without any, all attributes of your own data (tables, atomic files, DataFrames); of the
            papers' data sets the one that the protocol prefers.
        seeds: the seed, or several.
        set: settings over the configuration, by key or dotted path: `{"heads": 2}`.
        threads: CPU threads; part of a run's identity, since sums depend on it.
        precision: `fp32`, or `bf16` for autocast.
        device: `cpu`, `cuda`, `cuda:1`, or `auto`: an accelerator if there is one, else the CPU;
            a run that was begun keeps its device.
        protocol: whose settings: `comif`, `difsr`, `difsr-paper` or `difsr-release`.
        profile: `intended`, what the paper says, or `published`, what its code did.
        again: whether to train runs that have finished, too.
        dry_run: whether to look up which runs there are, and to train and write nothing.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: who is told how it goes; nobody without one.

    Returns:
        The runs, in the order of the seeds; of a dry run none, but a forecast.

    Raises:
        SirecError: for an unknown name, a setting that does not fit, a loss that diverges.
    """
    shared: dict[str, object] = {"threads": threads, "precision": precision}
    training = Training(
        model,
        (seeds,) if isinstance(seeds, int) else tuple(seeds),
        shared | dict(set or {}),
        protocol,
        profile,
        device,
        again,
        None if fields is None else tuple(fields),
    )
    store, told = Store(Path(results)), watcher or SilentStudy()
    if dry_run:
        forecast = expect_seeds(training, data, Path(data_root), store, told)
        return TrainedRuns((), forecast=forecast)
    with torch_state_restored():
        folders, is_main = train_seeds(training, data, Path(data_root), store, told)
    return TrainedRuns(tuple(folders), is_main)


@disk_faults()
def evaluate(
    runs: AnyRun | Iterable[AnyRun] = (),
    *,
    recommendations: Sequence[Path] = (),
    order: str | None = None,
    data: str | None = None,
    split: str = "test",
    history: str = "keep",
    metrics: Sequence[str] = (),
    against: str | None = None,
    recompute: bool = False,
    lists: int | None = None,
    name: str | None = None,
    results: PathLike = RESULTS,
    data_root: PathLike = DATA_ROOT,
    watcher: StudyWatcher | None = None,
) -> Comparison:
    """Evaluate finished runs by full ranking; several make one table with paired differences.

    Args:
        runs: run folders, first digits of ids, or models (`demo/comif`, `comif`), which mean their
            newest finished run.
        recommendations: files of another tool's lists or scores, which become rows.
        order: order of an array of scores: `codes`, or a JSON file of ids.
        data: data set of the recommendations, where the runs do not tell.
        split: `test` or `valid`.
        history: whether items of the history take part in the ranking: `keep` or `mask`.
        metrics: `Recall@K` or `HR@K`, `NDCG@K`, `MRR@K` or `MAP@K`; without any the usual ones. Of
            stored lists: `Coverage@K`, `Gini@K`, `Popularity@K`, `Novelty@K`, `Diversity(brand)@K`.
        against: model or row to compare with, `previous` (the row above) or `first` (the first
            row); without it the best on validation.
        recompute: whether to rank all users anew with the stored weights.
        lists: store lists of so many items for each test user, with the stored weights.
        name: also write `tables/NAME` in the results folder, as Markdown, CSV and LaTeX.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: is told what was written.

    Returns:
        Tables and sentences.

    Raises:
        SirecError: for an unknown run or metric, a run that has not finished, and lists that
            cannot be ranked.
    """
    view, name = view_of(split, history), check_name(name)
    named, of_lists = split_metrics(metrics)
    wanted = named or DEFAULT_METRICS
    root, store, told = Path(data_root), Store(Path(results)), watcher or SilentStudy()
    if order is not None and not recommendations:
        raise SirecError(
            "--order is that of an array of scores, and there is none",
            "say --recommendations FILE.npy",
        )
    folders = folders_of(runs, store, told=told.remark)
    if recompute:
        with torch_state_restored():
            for folder in folders:
                rank_again(folder, storage.load(storage.find(root, folder.config().data.name)))
    if lists is not None:
        with torch_state_restored():
            store_all_lists(folders, lists, root, told.remark)
    rows: list[RunResult] = run_results(folders)
    labels = [row.label for row in rows]
    notes: list[str] = []
    if recommendations:
        dataset = choose_dataset(data or only_dataset(folders), root, told.remark)
        theirs, notes = recommended(recommendations, dataset, view.split, order)
        refuse_unknown(theirs, wanted, view, are_named=bool(named), notes=notes)
        rows += theirs
    made = compare_results(rows, metrics=wanted, views=[view], against=against, notes=notes)
    if of_lists or lists is not None:
        shown = of_lists or default_list_metrics(folders, lists or 1)
        made = made.with_table(list_table(list(zip(labels, folders, strict=True)), shown, view))
    if name is not None:
        told.remark(f"written: {made.write(store.root / 'tables', name)}")
    return made


@disk_faults()
def compare(
    first: AnyRun,
    second: AnyRun,
    *,
    split: str = "test",
    history: str = "keep",
    metrics: Sequence[str] = (),
    configuration_only: bool = False,
    results: PathLike = RESULTS,
    watcher: StudyWatcher | None = None,
) -> Comparison:
    """Compare two runs: in what they differ, whether that is fair, and which one is better.

    Args:
        first: a run folder, the first digits of its id, or `demo/comif` or `comif` for the newest
            finished run of a model.
        second: the run that it is compared with.
        split: `test` or `valid`.
        history: whether items of the history take part in the ranking: `keep` or `mask`.
        metrics: `Recall@K` or `HR@K`, `NDCG@K`, `MRR@K` or `MAP@K`; without any the usual ones.
        configuration_only: whether to compare configurations alone; the data may differ then.
        results: results folder.
        watcher: is told which runs were chosen where models are named.

    Raises:
        SirecError: for an unknown run or metric, for the same run twice, and for other data.
    """
    named, of_lists = split_metrics(metrics)
    view, wanted = view_of(split, history), named or METRICS
    store, told = Store(Path(results)), watcher or SilentStudy()
    one, other = folders_of([first, second], store, keeps_repeats=True, told=told.remark)
    for name, fingerprint in dict.fromkeys(
        (run.dataset, run.fingerprint()) for run in (one, other)
    ):
        warning = data_warning(name, fingerprint)
        if warning is not None:
            told.remark(warning)
    made = compare_runs(
        (one, other), metrics=wanted, view=view, configuration_only=configuration_only
    )
    if not of_lists:
        return made
    labels = [result.label for result in run_results([one, other])]
    return made.with_table(list_table(list(zip(labels, (one, other), strict=True)), of_lists, view))


@disk_faults()
def claims(paper: str | None = None, *, results: PathLike = RESULTS) -> tuple[ClaimVerdict, ...]:
    """The verdict on each claim of the papers, and on questions that no paper asks, from stored
    ranks.

    Args:
        paper: name of the only paper whose claims are decided, or `questions` for those that no
            paper asks.
        results: results folder.

    Returns:
        One a claim, in the order of the papers.

    Raises:
        SirecError: for an unknown paper, or a damaged record or run.
    """
    return verdicts(Path(results), paper)


@disk_faults()
def run_study(
    experiment: str | Path | Experiment | Mapping[str, Any],
    *,
    name: str | None = None,
    only: Sequence[str] = (),
    data: str | None = None,
    seeds: Sequence[int] | None = None,
    set: Mapping[str, object] | None = None,
    jobs: int | None = 1,
    cluster: str | None = None,
    device: str = "cpu",
    again: bool = False,
    render_only: bool = False,
    dry_run: bool = False,
    results: PathLike = RESULTS,
    data_root: PathLike = DATA_ROOT,
    watcher: StudyWatcher | None = None,
) -> Comparison:
    """Train what is missing of an experiment, and write and return its tables.

    Args:
        experiment: an experiment file, the name of one that ships with sirec, an `Experiment`, or
            what such a file holds as a mapping.
        name: what record and tables are called; needed for what is no file.
        only: labels of the rows, or models that one row alone has, that are trained; the result
            then has no tables, which come with the whole study.
        data: data set to run it on, instead of those that it names.
        seeds: seeds instead of those that it names.
        set: settings for all rows that have the key.
        jobs: how many runs to train at a time, each in a process of its own; None for as many as
            cores and memory allow. A script needs `if __name__ == "__main__":` around the call
            where it is not 1.
        cluster: address of a Ray cluster to train on.
        device: where to train.
        again: whether to train runs that have finished, too.
        render_only: whether to draw the tables from stored ranks and train nothing.
        dry_run: whether to look up which runs there are, and to train and write nothing.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: who is told how it goes; nobody without one.

    Raises:
        SirecError: for an unknown name, a setting that no row has, a run that fails.
    """
    variation = Variation(data=data, seeds=seeds_of(seeds), set=dict(set or {}))
    plan, study_name = find_plan(experiment, name, variation)
    study = Study(
        plan,
        study_name,
        Path(results),
        Path(data_root),
        device,
        again,
        jobs,
        cluster=cluster,
        watcher=watcher or SilentStudy(),
    )
    if only and dry_run:
        return study.only(only).dry_run()
    if only:
        with torch_state_restored():
            study.only(only).run(keeps_record=False)
        return Comparison(plan.title, (), ())
    return _result(study, render_only=render_only, dry_run=dry_run)


@disk_faults()
def ablate(
    table: str | None = None,
    *,
    without: Sequence[str] = (),
    fields: Sequence[str] | None = None,
    model: str | None = None,
    data: str | None = None,
    seeds: Sequence[int] | None = None,
    set: Mapping[str, object] | None = None,
    protocol: str = "comif",
    profile: Profile = "intended",
    history: str = "keep",
    jobs: int | None = 1,
    device: str = "cpu",
    again: bool = False,
    render_only: bool = False,
    dry_run: bool = False,
    results: PathLike = RESULTS,
    data_root: PathLike = DATA_ROOT,
    watcher: StudyWatcher | None = None,
) -> list[Comparison]:
    """Compare a model with itself without some of its parts, or run a paper's ablation tables.

    Args:
        table: a paper's tables: `modules`, `fusion`, `side-info` or `dif`.
        without: parts that are switched off: `upa`, `iaa`, `embedding-fusion`,
            `attention-fusion`, `aap`, `dif`; each alone, and all together.
        fields: with the table `side-info`, the attributes and behaviours that are added one by
            one, in this order; without any the paper's, or all attributes of your own data.
        model: the model; without it the first that has the parts.
        data: name of a prepared data set; without one the last prepared.
        seeds: seeds of every row.
        set: settings for all rows that have the key.
        protocol: whose settings.
        profile: `intended`, what the paper says, or `published`, what its code did.
        history: whether items of the history take part in the ranking: `keep` or `mask`.
        jobs: how many runs to train at a time, each in a process of its own; None for as many as
            cores and memory allow. A script needs `if __name__ == "__main__":` around the call
            where it is not 1.
        device: where to train.
        again: whether to train runs that have finished, too.
        render_only: whether to draw the tables from stored ranks and train nothing.
        dry_run: whether to look up which runs there are, and to train and write nothing.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: who is told how it goes; nobody without one.

    Returns:
        A comparison for each experiment; `dif` has two.

    Raises:
        SirecError: for a table and parts at once, and for a model without a part.
    """
    told, root = watcher or SilentStudy(), Path(data_root)
    dataset = choose_dataset(data, root, told.remark)
    plans = requested_experiments(table, model, without, protocol, dataset, fields)
    variation = Variation(
        data=dataset.name,
        seeds=seeds_of(seeds),
        protocol=protocol,
        profile=profile,
        set=dict(set or {}),
    )
    # A paper's tables are drawn as a study draws them; others have one view and their own name.
    ending = "_history_mask" if history == "mask" else ""
    views = [view_of("test", history)] if without or ending else VIEWS
    made: list[Comparison] = []
    for name, plan in plans.items():
        study_name = variation.name(name, plan) + ending
        study = Study(
            variation.apply(plan),
            study_name,
            Path(results),
            root,
            device,
            again,
            jobs,
            watcher=told,
            views=views,
        )
        made.append(_result(study, render_only=render_only, dry_run=dry_run))
    return made


def worth(
    data: str | None = None,
    *,
    fields: Sequence[str] | None = None,
    model: str = "comif",
    fusion: str | None = None,
    quick: bool = False,
    top: int = 20,
    margin: float = 5.0,
    seeds: Sequence[int] | None = None,
    set: Mapping[str, object] | None = None,
    protocol: str = "comif",
    history: HistoryRule = "keep",
    jobs: int | None = 1,
    cluster: str | None = None,
    device: str = "cpu",
    again: bool = False,
    render_only: bool = False,
    dry_run: bool = False,
    results: PathLike = RESULTS,
    data_root: PathLike = DATA_ROOT,
    watcher: StudyWatcher | None = None,
) -> DrawnAnalysis:
    """Tell what each attribute and behaviour of a data set is worth to a recommender.

    The answer for a field is the model with all fields minus the same with the field's values
    permuted, over users and seeds. Tables and a figure are written to the results folder.

    Args:
        data: name of a prepared data set; without one the last prepared.
        fields: names of attributes and behaviours; without any all that the model reads.
        model: the model that all rows have.
        fusion: how it fuses fields, `sum`, `concat` or `gate`; without it its own way.
        quick: whether only placebos are compared, with one seed unless `seeds` has more.
        top: how many suggestions a customer sees.
        margin: customers of 1,000 that would not matter.
        seeds: seeds of every row; 0, 1 and 2 without any.
        set: settings for all rows, by key or dotted path.
        protocol: whose settings.
        history: whether items of the history take part in the ranking: `keep` or `mask`.
        jobs: how many runs to train at a time, each in a process of its own; None for as many as
            cores and memory allow. A script needs `if __name__ == "__main__":` around the call
            where it is not 1.
        cluster: address of a Ray cluster to train on.
        device: where to train.
        again: whether to train runs that have finished, too.
        render_only: whether to draw the answer from stored ranks and train nothing.
        dry_run: whether to look up which runs there are, and to train and write nothing.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: who is told how it goes; nobody without one.

    Returns:
        The answer: tables and sentences (`comparison`), and the figure.

    Raises:
        SirecError: for an unknown name, and a model that reads no field of the data.
    """
    told, root = watcher or SilentStudy(), Path(data_root)
    view_of("test", history)
    reading = WorthReading(top=top, margin=margin, history=history)
    question = WorthQuestion(
        fields=None if fields is None else tuple(fields),
        model=model_class(model).name,
        fusion=fusion,
        quick=quick,
        protocol=protocol,
        set=dict(set or {}),
    )
    dataset = choose_dataset(data, root, told.remark)
    asked = WorthStudy(
        question,
        dataset,
        seeds_of(seeds),
        reading,
        StudyPlace(Path(results), root, device, again, jobs, cluster, told),
    )
    if dry_run:
        return DrawnAnalysis("", asked.dry_run(), {})
    if render_only:
        drawn = asked.draw()
    else:
        with torch_state_restored():
            drawn = asked.run()
    for path in drawn.write(Path(results), asked.name):
        told.remark(f"written: {path}")
    return drawn


@disk_faults()
def verify(
    results: PathLike = RESULTS,
    *,
    data_root: PathLike = DATA_ROOT,
    seal: bool = False,
    progress: ProgressCallback = lambda stage, done, total: None,
) -> Verification:
    """Check all of a results folder and of the prepared data sets, and draw its tables anew.

    Args:
        results: results folder.
        data_root: folder of prepared data sets; it need not exist.
        seal: whether to first give digests to what version 0.2 wrote without.
        progress: called with a kind of things, how many are done, and their number.

    Returns:
        What was found; `is_identical` says whether all is as it was written and drawn.

    Raises:
        SirecError: if there is no such folder, or something that is to be sealed is damaged.
    """
    if seal:
        seal_results(Path(results), Path(data_root), progress)
    return verify_results(Path(results), Path(data_root), progress)


def _result(study: Study, *, render_only: bool, dry_run: bool) -> Comparison:
    """Run a study if it is to be run, and write its tables; of a dry run, what would be trained."""
    if dry_run:
        return study.dry_run()
    if not render_only:
        with torch_state_restored():
            study.run()
    made = study.tables()
    study.watcher.remark(f"written: {study.write(made)}")
    return made
