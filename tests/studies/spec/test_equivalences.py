"""Rows of the papers' ablation tables that are the same model have the same bits; others do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sirec.cli.commands.ablate import TableName
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.run.config import RunConfig, resolve
from sirec.run.execute import execute
from sirec.run.identity import run_id
from sirec.run.store import Store
from sirec.studies.spec.ablation import ablation, switched_off
from sirec.studies.spec.library import find_experiment, read_experiment
from sirec.studies.spec.plan import planned_runs, without_objective
from sirec.studies.spec.row import RowPlan
from sirec.studies.spec.switches import SWITCHES
from sirec.studies.spec.switches import TABLES as COMMAND_TABLES

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
FUSION = "comif_table4_fusion"
SIDE = "comif_table5_side_information"
MODULES = "comif_table6_modules"
ABLATION = "difsr_table4_ablation"
DIFSR_SIDE = "difsr_table5_side_information"
TABLES = (FUSION, SIDE, MODULES, ABLATION, DIFSR_SIDE)

NO_ATTRIBUTES = {"data.attributes": [], "attribute": "none", "candidates": "id"}
ALL_AT_EMBEDDING = {
    "attribute": "embedding",
    "attribute_fusion": "concat",
    "behaviour": "embedding",
}
CONCATENATED = {"score_fusion": "concat"}


def row(data: Dataset, table: str, number: int) -> RunConfig:
    """A row of a shipped table, small, by its number from 1."""
    plan = read_experiment(find_experiment(table))
    label = list(plan.rows)[number - 1]
    [run] = planned_runs(replace(plan.only([label]), set=SMALL), data)
    return run.config


def model(
    data: Dataset, name: str, settings: dict[str, Any], without: tuple[str, ...] = ()
) -> RunConfig:
    """A model, small, with settings of its own and without some objectives."""
    assignments = {"data.attributes": ["brand"], **SMALL, **settings}
    config = resolve(name, data, assignments=assignments)
    for objective in without:
        config = without_objective(config, objective)
    return config


def trained(config: RunConfig, data: Dataset, out: Path) -> tuple[str, bytes]:
    """Losses and validation by epoch, and every user's ranks."""
    folder = execute(config, data, Store(out))
    return (folder.path / "epochs.jsonl").read_text(), (folder.path / "ranks.parquet").read_bytes()


@pytest.mark.parametrize("table", TABLES)
def test_rows_of_a_table_are_different_models(tiny: Dataset, tmp_path: Path, table: str) -> None:
    """Control of all that follows: no two rows have the same losses or the same ranks."""
    count = len(read_experiment(find_experiment(table)).rows)
    losses, ranks = set(), set()
    for number in range(1, count + 1):
        row_losses, row_ranks = trained(row(tiny, table, number), tiny, tmp_path)
        losses.add(row_losses)
        ranks.add(row_ranks)
    assert len(losses) == len(ranks) == count == 4


@pytest.mark.parametrize(
    ("table", "number", "name", "settings", "without"),
    [
        (FUSION, 3, "comif", {**NO_ATTRIBUTES, "behaviour": "embedding"}, ("iaa", "upa")),
        (FUSION, 4, "dif-sr", {**NO_ATTRIBUTES, **CONCATENATED}, ("aap",)),
        (SIDE, 1, "sasrec", {"behaviour": "none"}, ()),
        (SIDE, 2, "comif", NO_ATTRIBUTES, ("iaa",)),
        (MODULES, 1, "dif-sr", CONCATENATED, ("aap",)),
        (ABLATION, 1, "dif-sr", ALL_AT_EMBEDDING, ("aap",)),
        (ABLATION, 2, "dif-sr", ALL_AT_EMBEDDING, ()),
        (DIFSR_SIDE, 1, "dif-sr", NO_ATTRIBUTES, ("aap",)),
    ],
)
def test_the_same_model_in_other_words_has_the_same_bits(
    tiny: Dataset,
    tmp_path: Path,
    table: str,
    number: int,
    name: str,
    settings: dict[str, Any],
    without: tuple[str, ...],
) -> None:
    """COMIF without side information is SASRec, and with all sources at the attention DIF-SR.

    DIF-SR with everything at the embedding is SASRecF with the same objectives.
    """
    other = model(tiny, name, settings, without)
    expected = trained(row(tiny, table, number), tiny, tmp_path / "row")
    assert trained(other, tiny, tmp_path / "other") == expected


@pytest.mark.parametrize(
    ("table", "number", "other_table", "other_number"),
    [
        (SIDE, 3, MODULES, 4),  # COMIF with its one attribute
        (DIFSR_SIDE, 3, ABLATION, 4),  # DIF-SR with the same attribute, here the brand
    ],
)
def test_rows_that_tables_share_are_one_run(
    tiny: Dataset, table: str, number: int, other_table: str, other_number: int
) -> None:
    """Such a row is trained once; the next row (control) is another run."""
    shared = run_id(row(tiny, other_table, other_number), tiny.fingerprint())
    assert run_id(row(tiny, table, number), tiny.fingerprint()) == shared
    assert run_id(row(tiny, table, number + 1), tiny.fingerprint()) != shared


def test_position_at_the_attention_is_position_alone_without_its_loss(tiny: Dataset) -> None:
    """COMIF Table 5's second row without UPA is Table 4's fourth; with it (control) it is not."""
    alone = row(tiny, SIDE, 2)
    assert without_objective(alone, "upa") == row(tiny, FUSION, 4)
    assert alone != row(tiny, FUSION, 4)


def switched(data: Dataset, name: str, *off: str) -> RunConfig:
    """A model without parts, small."""
    plan = ablation(name, off)
    last = list(plan.rows)[-1]
    [run] = planned_runs(replace(plan.only([last]), set=SMALL), data)
    return run.config


@pytest.mark.parametrize(
    ("name", "off", "table", "number"),
    [
        ("comif", ["upa"], MODULES, 3),
        ("comif", ["upa", "iaa"], MODULES, 2),
        ("comif", ["upa", "iaa", "embedding-fusion"], MODULES, 1),
        ("dif-sr", ["aap"], ABLATION, 3),
        ("dif-sr", ["dif"], ABLATION, 2),
        ("dif-sr", ["dif", "aap"], ABLATION, 1),
        ("dif-sr", ["aap", "dif"], ABLATION, 1),
    ],
)
def test_switches_lead_to_the_rows_of_the_papers_tables(
    tiny: Dataset, name: str, off: list[str], table: str, number: int
) -> None:
    """Parts switched off together give the row itself; the whole model (control) is another."""
    config = switched(tiny, name, *off)
    assert config == row(tiny, table, number)
    assert config != row(tiny, table, 4)


def test_without_attention_fusion_behaviours_join_the_item(tiny: Dataset) -> None:
    """COMIF keeps its losses; without both fusions attributes score at the attention."""
    settings = {"behaviour": "embedding"}
    assert switched(tiny, "comif", "attention-fusion") == model(tiny, "comif", settings)
    both = switched(tiny, "comif", "attention-fusion", "embedding-fusion")
    settings |= {"attribute": "attention", "candidates": "id"}
    assert both == model(tiny, "comif", settings)


def test_objectives_that_another_model_keeps_obey_shared_settings(tiny: Dataset) -> None:
    """A weight set for DIF-SR reaches SASRecF with DIF-SR's objective as well."""
    plan = replace(ablation("dif-sr", ["dif"]), set={**SMALL, "aap.weight": 3.0})
    weights = [run.config.stages[0].objectives[-1].weight for run in planned_runs(plan, tiny)]
    assert weights == [3.0, 3.0]


@pytest.mark.parametrize("switch", SWITCHES.values(), ids=lambda switch: switch.name)
def test_a_switch_changes_each_model_it_is_for(tiny: Dataset, switch: Any) -> None:
    """No switch is without effect on a model that has its part."""
    for name in switch.edits:
        whole = RowPlan(model=name)
        assert switched_off(whole, [switch]) != replace(whole, is_variant=True)
        assert switched(tiny, name, switch.name) != model(tiny, name, {})


def test_every_table_of_the_command_is_an_ablation_table() -> None:
    """The command knows the declared names and no others, and they lead to all these files."""
    assert [name.value for name in TableName] == list(COMMAND_TABLES)
    files: list[str] = []
    for group in COMMAND_TABLES.values():
        files += group
    assert sorted(files) == sorted(TABLES)


def test_a_protocol_that_tunes_one_of_two_models_is_refused_with_fair_ones() -> None:
    """Without DIF the model is SASRecF, which `difsr-paper` does not tune."""
    assert len(ablation("dif-sr", ["dif"], "difsr").rows) == 2  # control
    with pytest.raises(SirecError, match="settings tuned for dif-sr that sasrecf") as error:
        ablation("dif-sr", ["dif"], "difsr-paper")
    assert error.value.hint == "use --protocol comif or --protocol difsr"
