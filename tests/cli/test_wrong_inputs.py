"""Bad input gets one clear line, a hint where one helps, exit code 2, and leaves nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sirec.run.store import RunFolder

from .conftest import SMALL, Call

MISTAKES = {
    "unknown model": (["train", "sasrek"], "'sasrek' is not a model", "did you mean 'sasrec'"),
    "unknown data set": (
        ["train", "comif", "--data", "shap"],
        "'shap' is not a data set",
        "did you mean 'shop'",
    ),
    "unknown key": (
        ["train", "comif", "--data", "shop", "--set", "heds=2"],
        "'heds' is not a key",
        "did you mean 'heads'",
    ),
    "no UTF-8": (
        ["rankcheck", "sasrec", "--data", "shop", "--name", "a\udcff"],
        r"'a\udcff' is not UTF-8",
        "say it in UTF-8",
    ),
    "no value": (
        ["train", "comif", "--data", "shop", "--set", "heads"],
        "expected KEY=VALUE",
        "--set heads=2",
    ),
    "text for a number": (
        ["train", "comif", "--data", "shop", "--set", "heads=two"],
        "heads: expected a whole number",
        "",
    ),
    "yaml's 1e-3": (
        ["train", "comif", "--data", "shop", "--set", "learning_rate=1e-3"],
        "'1e-3' is text",
        "1.0e-3",
    ),
    "heads do not divide": (
        ["train", "comif", "--data", "shop", "--set", "heads=3"],
        "width 128 is not a multiple",
        "",
    ),
    "dropout of 1": (
        ["train", "comif", "--data", "shop", "--set", "model.dropout=1.0"],
        "dropout must be at least 0 and below 1, got 1.0",
        "",
    ),
    "statistics of no data set": (
        ["statistics", "shap"],
        "'shap' is not a data set",
        "did you mean 'shop'",
    ),
    "attention of no run": (["attentionmaps", "nosuch"], "'nosuch' is not a run", ""),
    "a search of no model": (
        ["sweep", "sasrek", "--data", "shop"],
        "'sasrek' is not a model",
        "did you mean 'sasrec'",
    ),
    "no epochs": (
        ["train", "comif", "--data", "shop", "--set", "epochs=0"],
        "epochs must be from 1 to 1000000 epochs, got 0",
        "",
    ),
    "more negatives than items": (
        ["train", "esasrec", "--data", "shop", "--set", "sampled_softmax.negatives=100000"],
        "negatives 100000 of sampled_softmax: there are 98 items to draw from",
        "set sampled_softmax.negatives=null",
    ),
    "every position of a whole window": (
        ["train", "bsarec", "--data", "shop", "--set", "task=next_item"],
        "bsarec cannot train on task next_item: its states read the whole window",
        "set stages.train.task=last_item",
    ),
    "every position of histories from the left": (
        ["train", "caser", "--data", "shop", "--set", "align=left"],
        "caser cannot train on task next_item: its states read the whole window",
        "align=right",
    ),
    "masked items without a vector for them": (
        ["train", "gru4rec", "--data", "shop", "--set", "task=cloze"],
        "gru4rec cannot train on task cloze: it has no vector for a masked item",
        "set stages.train.task=last_item",
    ),
    "a seed of 20 digits": (
        ["train", "comif", "--data", "shop", "--seed", "99999999999999999999"],
        "seed must be from 0 to 9223372036854775807, got 99999999999999999999",
        "",
    ),
    "a hundred thousand threads": (
        ["train", "comif", "--data", "shop", "--threads", "100000"],
        "threads must be from 1 to 256 threads, got 100000",
        "",
    ),
    "a name that is a list": (
        ["train", "comif", "--data", "shop", "--set", "task={name: [a]}"],
        "stages.train.task.name: expected text, got ['a']",
        "",
    ),
    "a model of 826 GB": (
        ["train", "sasrec", "--data", "shop", "--set", "width=65536", "--set", "inner=65536"],
        "[65,536 × 65,536] alone 69 GB) need about",
        "make width or inner smaller",
    ),
    "negative seed": (
        ["train", "comif", "--data", "shop", "--seed", "-1"],
        "seed must be from 0 to 9223372036854775807, got -1",
        "",
    ),
    "unknown level": (
        ["train", "nova", "--data", "shop", "--set", "attribute=non"],
        "'non' is not a choice",
        "did you mean 'none'",
    ),
    "unknown attribute": (
        ["train", "comif", "--data", "shop", "--set", "data.attributes=[brnd]"],
        "'brnd' is not an attribute",
        "brand",
    ),
    "unknown behaviour": (
        ["train", "comif", "--data", "shop", "--set", "behaviours=[time]"],
        "'time' is not a behaviour",
        "rating",
    ),
    "unknown metric": (
        ["train", "comif", "--data", "shop", "--set", "metric=Recal@20"],
        "'Recal@20' is not a metric",
        "Recall@20",
    ),
    "unknown protocol": (
        ["train", "comif", "--data", "shop", "--protocol", "dif"],
        "'dif' is not a protocol",
        "difsr",
    ),
    "unknown profile": (
        ["train", "comif", "--data", "shop", "--profile", "paper"],
        "paper",
        "intended",
    ),
    "a protocol by the back door": (
        ["train", "dif-sr", "--data", "shop", "--set", "protocol=difsr"],
        "protocol cannot be set",
        "--protocol",
    ),
    "another name for the data": (
        ["train", "sasrec", "--data", "shop", "--set", "data.name=beauty"],
        "data.name cannot be set",
        "--data",
    ),
    "an ambiguous weight": (
        ["train", "comif", "--data", "shop", "--set", "weight=0.8"],
        "the key is ambiguous",
        "iaa.weight",
    ),
    "a field twice": (
        ["train", "comif", "--data", "shop", "--set", "data.attributes=[brand, brand]"],
        "one is listed twice",
        "",
    ),
    "no stages": (
        ["train", "comif", "--data", "shop", "--set", "stages=[]"],
        "would not be trained",
        "",
    ),
    "a metric in small letters": (
        ["train", "comif", "--data", "shop", "--set", "metric=recall@20"],
        "is written Recall@20",
        "",
    ),
    "a typo in an ablation": (
        ["ablate", "--no-upa", "--data", "shop", "--set", "widht=8"],
        "'widht' is not a key",
        "did you mean 'width'",
    ),
    "no such device": (
        ["train", "comif", "--data", "shop", "--device", "tpu9"],
        "'tpu9' is not a device",
        "cpu",
    ),
    "an objective without its field": (
        ["train", "comif", "--data", "shop", "--set", "data.attributes=[]"],
        "objective iaa needs an attribute",
        "",
    ),
    "a leaking combination": (
        ["train", "comif", "--data", "shop", "--set", "fusion_form=reference"],
        "targets would leak",
        "last_item",
    ),
    "unknown run": (["evaluate", "feedbeef"], "'feedbeef' is not a run", ""),
    "a comparison with nothing": (
        ["compare", "feedbeef", "feedbeef"],
        "'feedbeef' is not a run",
        "",
    ),
    "nothing to evaluate": (["evaluate"], "there is nothing to compare", "at least one run"),
    "lists that are not there": (
        ["evaluate", "--recommendations", "nobodys.csv", "--data", "shop"],
        "nobodys.csv: no such file",
        "user, item and rank or score",
    ),
    "lists of no format": (
        ["evaluate", "--recommendations", "data", "--data", "shop"],
        "data: no such file",
        "",
    ),
    "an order of nothing": (
        ["evaluate", "--order", "codes", "--data", "shop"],
        "there is none",
        "--recommendations FILE.npy",
    ),
    "a report of nothing": (
        ["report", "--out", "nowhere"],
        "nowhere/tables: no tables",
        "sirec quickstart",
    ),
    "unknown experiment": (
        ["study", "quickstrat"],
        "'quickstrat' is not an experiment",
        "quickstart",
    ),
    "a seed twice": (["study", "quickstart", "--seeds", "0,0"], "seeds: 0 is there twice", ""),
    "only a row that is none": (
        ["study", "quickstart", "--only", "SASRek"],
        "'SASRek' is not a row",
        "did you mean 'SASRec'",
    ),
    "unknown source": (["prepare", "x", "--source", "s3rek"], "'s3rek' is not a source", "s3rec"),
    "a licence to accept first": (
        ["prepare", "yelp"],
        "there are no raw files in raw/yelp",
        "--raw",
    ),
    "missing raw files": (["prepare", "beauty", "--raw", "nowhere"], "nowhere", ""),
    "a date that is none": (["prepare", "demo", "--since", "2019-13-01"], "2019-13-01", ""),
    "a filter that leaves nothing": (
        ["prepare", "demo", "--since", "2090-01-01"],
        "leaves none of",
        "loosen it",
    ),
    "an audit of nothing": (["audit", "shpo"], "'shpo' is not a data set", "did you mean 'shop'"),
    "a minute that is none": (
        ["prepare", "demo", "--until", "2019-12-31T25:00"],
        "'2019-12-31T25:00' is not a date",
        "T22:00",
    ),
    "an unknown split": (
        ["prepare", "demo", "--split", "tempral"],
        "'tempral' is not a name",
        "did you mean 'temporal'",
    ),
    "half a temporal split": (
        ["prepare", "demo", "--split", "temporal", "--valid-from", "2022-03-01"],
        "split: test_from is missing",
        "both valid_from and test_from",
    ),
    "an empty period": (
        [
            "prepare",
            "demo",
            "--split",
            "temporal",
            "--valid-from",
            "2022-02-01",
            "--test-from",
            "2090-01-01",
        ],
        "the test period (from 2090-01-01) has no interaction",
        "other shares or dates",
    ),
    "days for leave-one-out": (
        ["prepare", "demo", "--split", "leave-one-out", "--valid-from", "2022-02-01"],
        "'valid_from' is not a key",
        "",
    ),
    "nothing switched off": (
        ["ablate", "--model", "comif", "--data", "shop"],
        "nothing is switched off",
        "--no-upa",
    ),
    "a table and a switch": (
        ["ablate", "modules", "--no-upa", "--data", "shop"],
        "modules and --no-upa",
        "switch parts off",
    ),
    "switches of two models": (
        ["ablate", "--no-upa", "--no-aap", "--data", "shop"],
        "no model has all of: aap, upa",
        "one by one",
    ),
    "a switch that changes a tuned model": (
        ["ablate", "--no-dif", "--protocol", "difsr-paper", "--data", "shop"],
        "tuned for dif-sr that sasrecf would not get",
        "--protocol comif or --protocol difsr",
    ),
    "a table that was not run": (
        ["ablate", "modules", "--render-only", "--data", "shop"],
        "comif_table6_modules_on_shop.json: no such file",
        "without --render-only",
    ),
    "a switch the model lacks": (
        ["ablate", "--no-upa", "--model", "sasrec", "--data", "shop"],
        "--no-upa: SASRec has no such part",
        "models: comif",
    ),
    "ranks of a floor": (
        ["rankcheck", "--models", "popularity", "--data", "shop"],
        "popularity has no attention",
        "sasrec",
    ),
    "ranks of an unknown model": (
        ["rankcheck", "--models", "sasrek", "--data", "shop"],
        "'sasrek' is not a model",
        "did you mean 'sasrec'",
    ),
    "ranks of nothing trained": (
        ["rankcheck", "--data", "shop", "--out", "nowhere"],
        "no finished run of sasrecf on shop",
        "sirec train sasrecf --data shop",
    ),
    "ranks of an unknown run": (["rankcheck", "feedbeef"], "'feedbeef' is not a run", ""),
    "ranks never measured": (
        ["rankcheck", "--render-only", "--data", "nowhere"],
        "rankcheck_nowhere.json: no such file",
        "without --render-only",
    ),
    "terms of a floor": (
        ["correlation", "--models", "transitions", "--data", "shop"],
        "transitions has no attention",
        "comif",
    ),
    "terms of nothing trained": (
        ["correlation", "--data", "shop", "--out", "nowhere"],
        "no finished run of",
        "sirec train",
    ),
    "seeds that are none": (
        ["ablate", "--no-upa", "--seeds", "one", "--data", "shop"],
        "expected whole numbers",
        "0,1,2",
    ),
    "cold start of an unknown model": (
        ["coldstart", "--data", "shop", "--models", "sasrek,comif"],
        "'sasrek' is not a model",
        "did you mean 'sasrec'",
    ),
    "cold start without runs": (
        ["coldstart", "--data", "shap", "--models", "sasrec,comif"],
        "no finished run of sasrec on shap",
        "sirec train sasrec --data shap",
    ),
    "cold start of an unknown study": (
        ["coldstart", "--study", "overal"],
        "'overal' is not a study",
        "studies:",
    ),
    "bins that overlap": (
        ["coldstart", "--data", "shop", "--bins", "popularity=5,10,8"],
        "bins of popularity: 5,10,8: they overlap",
        "rising from 0",
    ),
    "bins that are no numbers": (
        ["coldstart", "--data", "shop", "--bins", "length=1-5,5-10"],
        "expected whole numbers, the last value of each bin",
        "popularity=5,10,20,50",
    ),
    "bins of nothing known": (
        ["coldstart", "--bins", "age=20"],
        "'age' is not a grouping",
        "popularity",
    ),
    "training what is named": (
        ["coldstart", "abc", "--train"],
        "--train and run folders: there is nothing to train",
        "",
    ),
    "training to draw anew": (
        ["coldstart", "--train", "--render-only"],
        "--train and --render-only: there is nothing",
        "",
    ),
    "jobs for no training": (
        ["coldstart", "--jobs", "2", "--data", "shop"],
        "nothing is trained",
        "say --train",
    ),
    "training a model that a study lacks": (
        [
            "coldstart",
            "--train",
            "--study",
            "comif_table6_modules",
            "--models",
            "nova",
            "--data",
            "shop",
        ],
        "no row of nova",
        "models with one: comif",
    ),
    "training an unknown study": (
        ["coldstart", "--train", "--study", "overal", "--data", "shop"],
        "'overal' is not an experiment",
        "did you mean 'overall'",
    ),
    "runs and models at once": (
        ["coldstart", "abc", "--models", "sasrec"],
        "leave nothing for",
        "one or the other",
    ),
}


# Experiment files that are refused before anything is trained.
WRONG_EXPERIMENTS = {
    "a row twice": (
        "rows:\n  A: {model: popularity}\n  A: {model: transitions}",
        "x.yaml:4:3: not valid YAML: 'A' is there twice",
        "",
    ),
    "a row that is no model": (
        "rows: {3: {model: sasrecc}}",
        "x.yaml.rows.3: 'sasrecc' is not a model",
        "mean 'sasrec'",
    ),
    "a baseline that is no row": (
        "against: nobody\nrows: {A: {model: popularity}}",
        "against: 'nobody' is not a row",
        "rows: A",
    ),
    "a row against itself": (
        "rows:\n  A: {model: popularity}\n  B: {model: transitions, against: B}",
        "x.yaml: rows.B.against: the row itself",
        "name another row",
    ),
    "nothing above the first": (
        "against: previous\nrows: {A: {model: popularity}}",
        "one row, and none above it",
        "leave it out",
    ),
    "a proposal that is no row": (
        "proposals: [zzz]\nrows: {A: {model: popularity}, B: {model: transitions}}",
        "x.yaml: proposals: 'zzz' is not a row",
        "rows: A, B",
    ),
    "a data set twice": (
        "datasets: [shop, shop]\nrows: {A: {model: popularity}}",
        "x.yaml: datasets: shop is there twice",
        "",
    ),
    "a seed twice": (
        "seeds: [1, 1]\nrows: {A: {model: popularity}}",
        "x.yaml: seeds: 1 is there twice",
        "",
    ),
    "a second data set that is none": (
        "datasets: [shop, shap]\nrows: {A: {model: popularity}}",
        "'shap' is not a data set",
        "did you mean 'shop'",
    ),
    "an objective the model lacks": (
        "datasets: [shop]\nrows:\n  A: {model: popularity}\n  C: {model: comif, without: [aap]}",
        "x: rows.C.without: comif: 'aap' is not an objective",
        "objectives: iaa, item, upa",
    ),
}


@pytest.mark.parametrize("mistake", WRONG_EXPERIMENTS)
def test_a_wrong_experiment_trains_nothing(sirec: Call, prepared: Path, mistake: str) -> None:
    """One line with the file and the place in it; no run, record or table is left, not even of the
    rows that are right.
    """
    text, message, hint = WRONG_EXPERIMENTS[mistake]
    (prepared / "x.yaml").write_text(f"title: x\n{text}\n")
    outcome = sirec("study", "x.yaml", "--out", "untouched")
    said = " ".join(outcome.err.split())
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert message in said
    assert hint in said
    assert not (prepared / "untouched").exists()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_line_and_code_2(sirec: Call, prepared: Path, mistake: str) -> None:
    """The message says what and where, the hint what would be right; stdout stays empty and no run
    is left.
    """
    arguments, message, hint = MISTAKES[mistake]
    before = sorted(prepared.rglob("DONE"))
    outcome = sirec(*arguments)
    said = " ".join(outcome.err.split())
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert message in said
    assert hint in said
    assert "Traceback" not in said
    assert sorted(prepared.rglob("DONE")) == before


def test_a_right_call_is_not_a_mistake(sirec: Call) -> None:
    """Control: the same call without the mistake trains and exits with 0."""
    outcome = sirec("train", "comif", "--data", "shop", *SMALL)
    assert outcome.code == 0
    assert "COMIF" in outcome.out


@pytest.mark.usefixtures("runs_of_any_name")
def test_a_run_on_changed_data_is_refused(sirec: Call, prepared: Path) -> None:
    """Weights are never ranked on data other than those they were trained on."""
    assert sirec("train", "sasrec", "--data", "shop", *SMALL).code == 0
    run = next((prepared / "results" / "runs" / "shop" / "sasrec").iterdir())
    assert sirec("evaluate", str(run), "--recompute").code == 0  # control: on its own data it works
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("fingerprint: ", "fingerprint: 0000"))
    RunFolder(run).finish()
    outcome = sirec("evaluate", str(run), "--recompute")
    assert outcome.code == 2
    assert "trained on data 0000" in " ".join(outcome.err.split())
    shutil.rmtree(run)


def test_a_damaged_snapshot_is_named(sirec: Call, prepared: Path) -> None:
    """A snapshot that cannot be read is an error with its path, not a silent new start."""
    arguments = ["train", "nova", "--data", "shop", *SMALL]
    assert sirec(*arguments).code == 0
    run = next((prepared / "results" / "runs" / "shop" / "nova").iterdir())
    (run / "DONE").unlink()
    (run / "snapshot.safetensors").write_bytes(b"not a snapshot")
    outcome = sirec(*arguments)
    assert outcome.code == 2
    assert "snapshot.safetensors: not a readable file of tensors" in " ".join(outcome.err.split())
    shutil.rmtree(run)


@pytest.mark.parametrize("command", ["evaluate", "coldstart", "rankcheck"])
@pytest.mark.parametrize(
    "name",
    ["../oops", "../../oops", "a/../b", "/tmp/oops", "a/b", "..", ".", ".hidden", "a\\b", ""],
)
def test_a_name_leads_to_no_other_folder(sirec: Call, command: str, name: str) -> None:
    """A path is refused before runs are looked for; a plain name (control) gets as far as that."""
    outcome = sirec(command, "feedbeef", "--name", name)
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert f"--name '{name}' is not a plain name" in " ".join(outcome.err.split())
    assert "'feedbeef' is not a run" in sirec(command, "feedbeef", "--name", "oops").err


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("place", ["results", "results/runs", "results/studies", "results/tables"])
def test_a_folder_that_cannot_be_made_is_named(
    sirec: Call, prepared: Path, tmp_path: Path, place: str, jobs: str
) -> None:
    """A file stands where results, runs, records or tables are to go; without it (control) the same
    call makes them.
    """
    (prepared / "rows.yaml").write_text(
        "title: x\nrows: {A: {model: popularity}, T: {model: transitions}}\n"
    )
    blocked = tmp_path / place
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("")
    call = (
        "study",
        "rows.yaml",
        "--data",
        "shop",
        "--out",
        str(tmp_path / "results"),
        "--jobs",
        jobs,
    )
    outcome = sirec(*call)
    said = " ".join(outcome.err.split())
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert f"error: {blocked}" in said
    assert "could not be written" in said
    assert "name another place" in said
    blocked.unlink()
    assert sirec(*call).code == 0


def test_ranks_that_are_gone_or_damaged_come_with_what_makes_them_anew(
    sirec: Call, prepared: Path
) -> None:
    """The hint is a command that helps: afterwards the table is the one that was (control) before
    the damage.
    """
    arguments = ["train", "sasrecf", "--data", "shop", *SMALL]
    assert sirec(*arguments).code == 0
    run = next((prepared / "results" / "runs" / "shop" / "sasrecf").iterdir())
    before = sirec("evaluate", str(run)).out
    for damage in (b"", b"no ranks", None):
        (run / "ranks.parquet").unlink()
        if damage is not None:
            (run / "ranks.parquet").write_bytes(damage)
        outcome = sirec("evaluate", str(run))
        assert (outcome.code, outcome.out) == (2, ""), damage
        hint = " ".join(outcome.err.split()).partition(
            "hint: rank anew with the stored weights: sirec "
        )[2]
        assert sirec(*hint.split()).code == 0
        assert sirec("evaluate", str(run)).out == before
    shutil.rmtree(run)


@pytest.mark.parametrize(
    "command", [["evaluate"], ["evaluate", "--recompute"], ["rankcheck"], ["coldstart"]]
)
def test_a_run_that_has_not_finished_is_no_row(
    sirec: Call, prepared: Path, command: list[str]
) -> None:
    """Ranks and weights that lie there are not taken for results, whoever asks; of a finished run
    (control) they are.
    """
    assert sirec("train", "sasrecf", "--data", "shop", *SMALL).code == 0
    run = next((prepared / "results" / "runs" / "shop" / "sasrecf").iterdir())
    assert sirec("evaluate", str(run)).code == 0
    (run / "DONE").rename(prepared / "aside")
    outcome = sirec(*command, str(run))
    (prepared / "aside").rename(run / "DONE")
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert f"{run.name}: this run has not finished" in " ".join(outcome.err.split())
