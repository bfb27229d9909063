"""`rankcheck` and `correlation`: from finished runs to tables, and from their record without
weights.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import SMALL, Call

MODELS = ("sasrecf", "dif-sr")
FIGURES = {"rankcheck": ("padded", "summed", "real", "visible"), "correlation": ()}
COMMANDS = {
    "rankcheck": "Rank of attention scores, shop",
    "correlation": "Correlation of items and side information, shop",
}

# Ranks take 3 s a call, so that the gate asks both questions of `correlation` alone.
EACH = [pytest.param("rankcheck", marks=pytest.mark.slow), "correlation"]


@pytest.fixture
def measured(sirec: Call, prepared: Path) -> Path:
    """A results folder of its own with a run of each model, trained once for this file."""
    out = prepared / "measured"
    for model in MODELS:
        assert sirec("train", model, "--data", "shop", "--out", str(out), *SMALL).code == 0
    return out


@pytest.mark.parametrize("command", EACH)
def test_tables_of_models_and_again_without_weights(
    sirec: Call, measured: Path, command: str
) -> None:
    """By models, by run folders and drawn anew after the weights are gone: the same tables; files
    lie where they are said.
    """
    common = ["--users", "30", "--out", str(measured)]
    by_model = sirec(command, "--data", "shop", "--models", ",".join(MODELS), *common)
    assert by_model.code == 0, by_model.err
    assert by_model.out.startswith(COMMANDS[command])
    runs = [str(next((measured / "runs" / "shop" / model).iterdir())) for model in MODELS]
    assert sirec(command, *runs, *common).out == by_model.out
    assert sirec(command, *runs, *common, "--seed", "1").out != by_model.out  # control: other users
    assert sirec(command, *runs, *common).code == 0
    ids = "_".join(Path(run).name[:6] for run in runs)
    asked = {
        f"{command}_shop_{'_'.join(MODELS)}_users30",
        f"{command}_shop_{ids}_users30",
        f"{command}_shop_{ids}_users30_seed1",
    }
    assert asked <= {
        path.stem for path in (measured / "measurements").glob("*.json")
    }  # none replaced another
    bare = measured.parent / "bare"
    shutil.copytree(measured, bare, ignore=shutil.ignore_patterns("*.safetensors"))
    before = {path.name: path.read_bytes() for path in (bare / "tables").glob("*.*")}
    shutil.rmtree(bare / "tables")
    again = sirec(
        command,
        "--data",
        "shop",
        "--models",
        ",".join(MODELS),
        "--users",
        "30",
        "--render-only",
        "--out",
        str(bare),
    )
    assert again.out == by_model.out
    written = {path.name: path.read_bytes() for path in (bare / "tables").glob("*.*")}
    assert {name.partition(".")[0] for name in written} == {
        f"{command}_shop_{'_'.join(MODELS)}_users30"
    }
    assert len(written) == 3
    assert written.items() <= before.items()
    pictures = {path.name: path.read_bytes() for path in (bare / "figures").glob(f"{command}_*")}
    assert pictures == {
        path.name: path.read_bytes() for path in (measured / "figures").glob(f"{command}_*")
    }
    assert {name for name in pictures if name.endswith(".svg") and MODELS[0] in name} == {
        f"{command}_shop_{'_'.join(MODELS)}_users30_{part}.svg" for part in FIGURES[command]
    }
    refused = sirec(command, "--data", "shop", "--models", "dif-sr", "--out", str(bare))
    shutil.rmtree(bare)
    assert refused.code == 2
    assert "model.safetensors: the weights of this run were not kept" in " ".join(
        refused.err.split()
    )
    assert "--again" in refused.err


def test_json_carries_every_figure(sirec: Call, measured: Path) -> None:
    """With --json: rows trained and fresh of both models, with fusion, ranks and bound; DIF-SR's
    gate has none.
    """
    call = [
        "rankcheck",
        "--data",
        "shop",
        "--models",
        ",".join(MODELS),
        "--users",
        "20",
        "--out",
        str(measured),
        "--json",
    ]
    table = json.loads(sirec(*call).out)["tables"][0]
    rows = {(row["group"], row["label"]): row["cells"] for row in table["rows"]}
    assert {label for _, label in rows} == {"SASRecF", "DIF-SR"}
    assert len(rows) == 4
    early, late = rows["trained", "SASRecF"], rows["trained", "DIF-SR"]
    assert early["rank at 1e-6"]["value"] <= early["bound"]["value"] == early["d_h"]["value"] == 4
    assert late["fusion"]["value"] == "gate, masked"
    assert "value" not in late["bound"]


@pytest.mark.parametrize("name", EACH)
def test_a_measurement_is_a_study_too(sirec: Call, measured: Path, name: str) -> None:
    """`study correlation` draws what `correlation` measured; what only a training has is
    refused.
    """
    common = ["--data", "shop", "--out", str(measured)]
    drawn = sirec(
        name, "--models", ",".join(MODELS), "--users", "30", "--name", f"{name}_shop", *common
    )
    assert sirec("study", name, "--render-only", *common).out == drawn.out
    refused = sirec("study", name, "--jobs", "2", *common)
    assert refused.code == 2
    assert f"{name} measures finished runs and trains none" in refused.err


def test_a_measurement_has_a_name_of_its_own(sirec: Call, measured: Path) -> None:
    """--name is what files are called, also to draw anew; a name that leads elsewhere is refused,
    and nothing is written.
    """
    common = ["--models", "dif-sr", "--data", "shop", "--users", "9", "--out", str(measured)]
    drawn = sirec("correlation", *common, "--name", "mine")
    assert drawn.code == 0, drawn.err
    assert (measured / "measurements" / "mine.json").exists()
    assert (
        sirec("correlation", "--name", "mine", "--render-only", "--out", str(measured)).out
        == drawn.out
    )
    for odd in ("../mine", "a/b", ""):
        refused = sirec("correlation", *common, "--name", odd)
        assert refused.code == 2
        assert "is not a plain name" in " ".join(refused.err.split())
    assert not (measured / "mine.json").exists()
