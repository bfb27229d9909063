"""The papers' ablation tables share rows: what is said to be the same model is so to the last bit,
and nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sirec.cli.commands.ablate import TableName
from sirec.data.dataset import Dataset
from sirec.run.config import RunConfig, resolve
from sirec.run.execute import execute
from sirec.run.identity import run_id
from sirec.run.store import RunFolder, Store
from sirec.studies.spec.ablation import ablation, switched_off
from sirec.studies.spec.library import find_experiment, read_experiment
from sirec.studies.spec.plan import planned_runs, without_objective
from sirec.studies.spec.row import RowPlan
from sirec.studies.spec.switches import SWITCHES
from sirec.studies.spec.switches import TABLES as CALLED

SMALL = {
    "width": 8,
    "heads": 2,
    "layers": 1,
    "inner": 8,
    "epochs": 2,
    "budget": 64,
    "threads": 1,
    "learning_rate": 0.01,
}
TABLES = {
    "fusion": "comif_table4_fusion",
    "side": "comif_table5_side_information",
    "modules": "comif_table6_modules",
    "dif": "difsr_table4_ablation",
    "dif side": "difsr_table5_side_information",
}


def row(data: Dataset, table: str, number: int) -> RunConfig:
    """A row of a shipped table, small, by its number from 1."""
    plan = read_experiment(find_experiment(TABLES[table]))
    label = list(plan.rows)[number - 1]
    [run] = planned_runs(replace(plan.only([label]), set=SMALL), data)
    return run.config


def model(data: Dataset, name: str, without: tuple[str, ...] = (), **settings: object) -> RunConfig:
    """A model, small, with settings of its own."""
    assignments = {"data.attributes": ["brand"], **SMALL, **settings}
    config = resolve(
        name,
        data,
        assignments={key.replace("__", "."): value for key, value in assignments.items()},
    )
    for objective in without:
        config = without_objective(config, objective)
    return config


def trained(config: RunConfig, data: Dataset, out: Path) -> tuple[str, bytes]:
    """Losses and validation by epoch, and every user's ranks."""
    folder: RunFolder = execute(config, data, Store(out))
    return (folder.path / "epochs.jsonl").read_text(), (folder.path / "ranks.parquet").read_bytes()


@pytest.mark.parametrize(
    ("table", "rows"), [("fusion", 4), ("side", 4), ("modules", 4), ("dif", 4), ("dif side", 4)]
)
def test_rows_of_a_table_are_different_models(
    tiny: Dataset, tmp_path: Path, table: str, rows: int
) -> None:
    """Control of all that follows: within a table no two rows have the same losses or the same
    ranks.
    """
    found = [trained(row(tiny, table, number), tiny, tmp_path) for number in range(1, rows + 1)]
    assert len(read_experiment(find_experiment(TABLES[table])).rows) == rows
    assert len({losses for losses, _ in found}) == rows
    assert len({ranks for _, ranks in found}) == rows


NOTHING = {"data__attributes": [], "attribute": "none", "candidates": "id"}
AT_INPUT = {"attribute": "embedding", "attribute_fusion": "concat", "behaviour": "embedding"}


@pytest.mark.parametrize(
    ("table", "number", "other"),
    [
        (
            "fusion",
            3,
            lambda data: model(data, "comif", ("iaa", "upa"), **NOTHING, behaviour="embedding"),
        ),
        (
            "fusion",
            4,
            lambda data: model(data, "dif-sr", ("aap",), **NOTHING, score_fusion="concat"),
        ),
        ("side", 1, lambda data: model(data, "sasrec", behaviour="none")),
        ("side", 2, lambda data: model(data, "comif", ("iaa",), **NOTHING)),
        ("modules", 1, lambda data: model(data, "dif-sr", ("aap",), score_fusion="concat")),
        ("dif", 1, lambda data: model(data, "dif-sr", ("aap",), **AT_INPUT)),
        ("dif", 2, lambda data: model(data, "dif-sr", **AT_INPUT)),
        ("dif side", 1, lambda data: model(data, "dif-sr", ("aap",), **NOTHING)),
    ],
)
def test_the_same_model_said_differently_has_the_same_bits(
    tiny: Dataset, tmp_path: Path, table: str, number: int, other: Callable[[Dataset], RunConfig]
) -> None:
    """COMIF stripped of everything is SASRec, with all sources at the attention it is DIF-SR fused
    by concatenation; DIF-SR with everything at the embedding is SASRecF with the same objectives:
    equal losses, equal ranks.
    """
    assert trained(row(tiny, table, number), tiny, tmp_path / "row") == trained(
        other(tiny), tiny, tmp_path / "other"
    )


SAME = [
    (("side", 3), ("modules", 4)),  # COMIF with its one attribute
    (("dif side", 3), ("dif", 4)),  # DIF-SR with the same attribute, here the brand
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_rows_that_tables_share_are_one_run(
    tiny: Dataset, one: tuple[str, int], other: tuple[str, int]
) -> None:
    """The same configuration and so the same identity: such a row is trained once. Its neighbours
    (control) are other runs.
    """
    fingerprint = tiny.fingerprint()
    assert run_id(row(tiny, *one), fingerprint) == run_id(row(tiny, *other), fingerprint)
    assert run_id(row(tiny, one[0], one[1] + 1), fingerprint) != run_id(
        row(tiny, *other), fingerprint
    )


def test_position_at_the_attention_is_position_alone_without_its_loss(tiny: Dataset) -> None:
    """COMIF Table 5's second row without UPA is Table 4's fourth."""
    alone = row(tiny, "side", 2)
    assert without_objective(alone, "upa") == row(tiny, "fusion", 4)
    assert alone != row(tiny, "fusion", 4)  # control


def switched(data: Dataset, name: str, *off: str) -> RunConfig:
    """A model without parts, small."""
    plan = ablation(name, off)
    [run] = planned_runs(replace(plan.only([list(plan.rows)[-1]]), set=SMALL), data)
    return run.config


@pytest.mark.parametrize(
    ("name", "off", "table", "number"),
    [
        ("comif", ["upa"], "modules", 3),
        ("comif", ["upa", "iaa"], "modules", 2),
        ("comif", ["upa", "iaa", "embedding-fusion"], "modules", 1),
        ("dif-sr", ["aap"], "dif", 3),
        ("dif-sr", ["dif"], "dif", 2),
        ("dif-sr", ["dif", "aap"], "dif", 1),
        ("dif-sr", ["aap", "dif"], "dif", 1),
    ],
)
def test_switches_lead_to_the_tables_rows(
    tiny: Dataset, name: str, off: list[str], table: str, number: int
) -> None:
    """Parts switched off together give the very row of the paper's table; the whole model (control)
    is another.
    """
    config = switched(tiny, name, *off)
    assert config == row(tiny, table, number)
    assert config != row(tiny, table, 4)


def test_without_attention_fusion_behaviours_join_the_item(tiny: Dataset) -> None:
    """COMIF's position is added to the item then, and its losses stay; without both fusions
    attributes score alone.
    """
    off = switched(tiny, "comif", "attention-fusion")
    assert off == model(tiny, "comif", behaviour="embedding")
    both = switched(tiny, "comif", "attention-fusion", "embedding-fusion")
    assert both == model(
        tiny, "comif", behaviour="embedding", attribute="attention", candidates="id"
    )


def test_objectives_that_another_model_keeps_obey_shared_settings(tiny: Dataset) -> None:
    """A weight set for DIF-SR reaches SASRecF with DIF-SR's objective as well."""
    plan = replace(ablation("dif-sr", ["dif"]), set={**SMALL, "aap.weight": 3.0})
    weights = [run.config.stages[0].objectives[-1].weight for run in planned_runs(plan, tiny)]
    assert weights == [3.0, 3.0]


def test_every_switch_changes_each_model_it_is_for(tiny: Dataset) -> None:
    """No switch is without effect on a model that it says it is about."""
    for switch in SWITCHES.values():
        for name in switch.edits:
            assert switched_off(RowPlan(model=name), [switch]) != replace(
                RowPlan(model=name), is_variant=True
            )
            assert switched(tiny, name, switch.name) != model(tiny, name)


def test_every_table_is_called_by_a_name() -> None:
    """The command knows the declared names and no other, and they lead to all the ablation files
    there are.
    """
    assert [name.value for name in TableName] == list(CALLED)
    assert {file for files in CALLED.values() for file in files} == set(TABLES.values())
