"""The command that makes a table, from the table's name and its record alone.

A record says what was wanted: a study's plan, or the runs, users and seed of an analysis. Whatever
differs from the experiment file, or from the model with switches off, becomes an option.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sirec.config import to_line
from sirec.core.transformer import TransformerConfig
from sirec.errors import SirecError
from sirec.models import model_class
from sirec.run.store import RecordedRun, RunFolder
from sirec.shell import command
from sirec.studies.analyses.names import RunSelection, analysis_name
from sirec.studies.compare.select_runs import select_by_study
from sirec.studies.spec.ablation import ablation
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import known_experiments, read_experiment
from sirec.studies.spec.switches import SWITCHES, TABLES

MASKED = "_history_mask"  # how the names of tables end that `sirec ablate --history mask` makes
Record = Mapping[str, Any]


def experiment_command(name: str, record: Record, root: Path) -> str | None:
    """`sirec study`, or `sirec ablate` where an option is needed that only this command has.

    Args:
        name: name of the table.
        record: its record.
        root: the results folder, which is not needed.

    Returns:
        None if the experiment is a file of a person's own.
    """
    known = known_experiments()
    found = [each for each in known if name == each or name.startswith(f"{each}_")]
    if not found or "plan" not in record:
        return None
    experiment = max(found, key=len)
    usual = read_experiment(known[experiment])
    extra = _options_of_ablate(name, record["plan"], usual)
    table = _table_of_paper(experiment)
    if extra and table:
        options = _options(record["plan"], usual, with_data=True)
        return command("ablate", table, *options, *extra)
    options = _options(record["plan"], usual, with_data=False)
    return command("study", experiment, *options, *extra)


def switches_command(name: str, record: Record, root: Path) -> str | None:
    """`sirec ablate` with the switches that are part of a table's name.

    Args:
        name: name of the table, for example `ablate_comif_no-upa_no-iaa_on_shop`.
        record: its record.
        root: the results folder, which is not needed.

    Returns:
        None if the name has no switch.
    """
    _, model, *words = name.removesuffix(MASKED).split("_")
    switches: list[str] = []
    for word in words:
        switch = word.removeprefix("no-")
        if switch in SWITCHES:
            switches.append(switch)
    if not switches or "plan" not in record:
        return None
    options = [SWITCHES[switch].flag for switch in switches]
    usual_model = next(iter(ablation(None, switches).rows.values())).model
    if model != usual_model:
        options += ["--model", model]
    usual = ablation(model, switches)
    options += _options(record["plan"], usual, with_data=True)
    options += _options_of_ablate(name, record["plan"], usual)
    return command("ablate", *options)


def worth_command(name: str, record: Record, root: Path) -> str:
    """`sirec worth` as it was typed.

    Args:
        name: name of the table, which is not needed.
        record: its record, which has the command.
        root: the results folder, which is not needed.
    """
    return str(record["command"])


def statistics_command(name: str, record: Record, root: Path) -> str:
    """`sirec statistics` on the data sets of a record.

    Args:
        name: name of the table, which is not needed.
        record: its record.
        root: the results folder, which is not needed.
    """
    return command("statistics", *(data["name"] for data in record["datasets"]))


def maps_command(name: str, record: Record, root: Path) -> str:
    """`sirec attentionmaps` on the runs of a record.

    Args:
        name: name of the table.
        record: its record.
        root: the results folder, which is not needed.
    """
    ids = [RunFolder(Path(run["link"])).id for run in record["runs"]]
    options = ["--seed", record["seed"]] if record["seed"] else []
    usual = f"attentionmaps_{record['data']}" + f"_seed{record['seed']}" * bool(record["seed"])
    if name != usual:
        options += ["--name", name]
    return command("attentionmaps", *ids, *options)


def analysis_command(name: str, record: Record, root: Path) -> str | None:
    """`sirec rankcheck` or `sirec correlation` on the runs of a record.

    The runs are chosen by the study that has them under the same labels, or by their ids.

    Args:
        name: name of the table.
        record: its record.
        root: the results folder.
    """
    kind = name.partition("_")[0]
    choice = _choice(record, root)
    users, seed, data = record["users"], record["seed"], record["data"]
    options = [*_options_of_choice(choice, data), "--users", str(users), "--seed", str(seed)]
    if name != analysis_name(kind, data, choice, users, seed):
        options += ["--name", name]
    return command(kind, *options)


def _table_of_paper(experiment: str) -> str | None:
    """What `sirec ablate` calls the papers' tables that an experiment is one of."""
    for table, experiments in TABLES.items():
        if experiment in experiments:
            return table
    return None


def _options_of_ablate(name: str, plan: Record, usual: Experiment) -> list[str]:
    """Options that only `sirec ablate` has."""
    options: list[str] = []
    for key, value in (("protocol", usual.protocol), ("profile", usual.profile)):
        if plan[key] != value:
            options += [f"--{key}", plan[key]]
    if name.endswith(MASKED):
        options += ["--history", "mask"]
    return options


def _options(plan: Record, experiment: Experiment, *, with_data: bool) -> list[str]:
    """Options for what a plan has otherwise than the experiment, and the data if wanted."""
    usual = experiment.plan()
    options: list[str] = []
    if with_data or plan["datasets"] != usual["datasets"]:
        for data in plan["datasets"]:
            options += ["--data", data]
    if plan["seeds"] != usual["seeds"]:
        options += ["--seeds", ",".join(map(str, plan["seeds"]))]
    for key, value in plan["set"].items():
        if key not in usual["set"] or usual["set"][key] != value:
            options += ["--set", f"{key}={to_line(value)}"]
    return options


def _options_of_choice(choice: RunSelection, data: str) -> list[str]:
    """A choice of runs as it is typed."""
    if choice.study is None:
        return list(choice.ids)
    models = ["--models", ",".join(choice.models)] if choice.models else []
    return ["--study", choice.study, *models, "--data", data]


def _choice(record: Record, root: Path) -> RunSelection:
    """What selects the runs of a record: a study that has them under the same labels, or ids."""
    wanted: list[RecordedRun] = []
    for run in record["runs"]:
        address = f"runs/{run['link'].partition('runs/')[2]}"
        wanted.append(RecordedRun(run["label"], address))
    runs: list[RunFolder] = []
    models: dict[str, None] = {}
    for recorded in wanted:
        run_folder = recorded.open(root)
        runs.append(run_folder)
        models[run_folder.model] = None
    for path in sorted((root / "studies").glob("*.json")):
        for some in ([], list(models)):
            if _runs_with_attention(path.stem, root, record["data"], some) == wanted:
                return RunSelection(path.stem, some)
    return RunSelection(ids=[run.id for run in runs])


def _runs_with_attention(
    study: str, root: Path, data: str, models: Sequence[str]
) -> list[RecordedRun]:
    """The runs with attention that the options select; none where they are refused."""
    try:
        found = select_by_study(study, root, data=data, models=models)
    except SirecError:
        return []
    runs: list[RecordedRun] = []
    for run in found:
        if issubclass(model_class(run.model), TransformerConfig):
            runs.append(run.recorded(root))
    return runs
