"""The command that makes a table, from the table's name and its record alone.

A record says what was asked for: a study's plan, or the runs, users and seed of a measurement. What
that has over an experiment file, or over a model with parts switched off, is said as options.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sirec.core.transformer import TransformerConfig
from sirec.errors import SirecError
from sirec.models import model_class
from sirec.run.store import RecordedRun, RunFolder
from sirec.studies.analyses.names import RunSelection, analysis_name
from sirec.studies.compare.select_runs import select_by_study
from sirec.studies.spec.ablation import ablation
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import known_experiments, read_experiment
from sirec.studies.spec.switches import SWITCHES, TABLES

MASKED = "_history_mask"  # how names end that `sirec ablate --history mask` gives
ONE_LINE = 10**6  # no value is wider
Record = Mapping[str, Any]


def of_an_experiment(name: str, record: Record, root: Path) -> str | None:
    """`sirec study`, or `sirec ablate` where an option is asked for that only that has; None for a
    file of a person's own.
    """
    shipped = known_experiments()
    found = [known for known in shipped if name == known or name.startswith(f"{known}_")]
    if not found or "plan" not in record:
        return None
    experiment = max(found, key=len)
    plan = read_experiment(shipped[experiment])
    table = next((table for table, files in TABLES.items() if experiment in files), None)
    extra = _of_ablations(name, record["plan"], plan)
    words = ["sirec", "ablate", table] if table and extra else ["sirec", "study", experiment]
    return shlex.join(
        [*words, *_options(record["plan"], plan, says_data=words[1] == "ablate"), *extra]
    )


def of_switches(name: str, record: Record, root: Path) -> str | None:
    """`sirec ablate` with the switches that the name begins with:
    `ablate_comif_no-upa_no-iaa_on_shop`.
    """
    _, model, *words = name.removesuffix(MASKED).split("_")
    off = [word.removeprefix("no-") for word in words if word.removeprefix("no-") in SWITCHES]
    if not off or "plan" not in record:
        return None
    whole = next(iter(ablation(None, off).rows.values())).model
    plan = ablation(model, off)
    named = [] if model == whole else ["--model", model]
    extra = _of_ablations(name, record["plan"], plan)
    flags = [SWITCHES[switch].flag for switch in off]
    return shlex.join(
        ["sirec", "ablate", *flags, *named, *_options(record["plan"], plan, says_data=True), *extra]
    )


def of_a_measurement(name: str, record: Record, root: Path) -> str | None:
    """`sirec rankcheck` or `sirec correlation` on the study that has these runs under these names,
    or on the runs by id.
    """
    kind, choice = name.partition("_")[0], _choice(record, root)
    users, seed, data = record["users"], record["seed"], record["data"]
    sample = ["--users", str(users), "--seed", str(seed)]
    named = [] if name == analysis_name(kind, data, choice, users, seed) else ["--name", name]
    return shlex.join(["sirec", kind, *_chosen(choice, data), *sample, *named])


def _of_ablations(name: str, plan: Record, experiment: Experiment) -> list[str]:
    """Options that `sirec ablate` alone has."""
    wanted = {"protocol": experiment.protocol, "profile": experiment.profile}
    options = [
        word
        for key, usual in wanted.items()
        if plan[key] != usual
        for word in (f"--{key}", plan[key])
    ]
    return [*options, *(["--history", "mask"] if name.endswith(MASKED) else [])]


def _options(plan: Record, experiment: Experiment, *, says_data: bool) -> Iterator[str]:
    """What a plan has over an experiment."""
    usual = experiment.plan()
    if says_data or plan["datasets"] != usual["datasets"]:
        for data in plan["datasets"]:
            yield from ("--data", data)
    if plan["seeds"] != usual["seeds"]:
        yield from ("--seeds", ",".join(map(str, plan["seeds"])))
    for key, value in plan["set"].items():
        if key not in usual["set"] or usual["set"][key] != value:
            yield from ("--set", f"{key}={_text(value)}")


def _text(value: object) -> str:
    """A value as it is typed behind --set."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=ONE_LINE)
    return text.removesuffix("...\n").strip()


def _chosen(choice: RunSelection, data: str) -> list[str]:
    """A choice of runs as it is typed."""
    if choice.study is None:
        return list(choice.ids)
    return [
        "--study",
        choice.study,
        *(["--models", ",".join(choice.models)] if choice.models else []),
        "--data",
        data,
    ]


def _choice(record: Record, root: Path) -> RunSelection:
    """What chooses these runs, labels included: rows of a study where there are such, else the runs
    by id.
    """
    data, wanted = record["data"], []
    for run in record["runs"]:
        address = f"runs/{run['link'].partition('runs/')[2]}"
        wanted.append(RecordedRun(run["label"], address))
    models = list(dict.fromkeys(run.open(root).model for run in wanted))
    for path in sorted((root / "studies").glob("*.json")):
        for some in ([], models):
            if _of_study(path.stem, root, data, some) == wanted:
                return RunSelection(path.stem, some)
    return RunSelection(ids=[run.open(root).id for run in wanted])


def _of_study(name: str, root: Path, data: str, models: Sequence[str]) -> list[RecordedRun]:
    """The runs with attention that the options choose; none where they are refused."""
    try:
        found = select_by_study(name, root, data=data, models=models)
    except SirecError:
        return []
    return [run.recorded(root) for run in found if _has_attention(run)]


def _has_attention(run: RunFolder) -> bool:
    return issubclass(model_class(run.model), TransformerConfig)
