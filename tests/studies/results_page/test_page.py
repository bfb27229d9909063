"""The report holds every table with how it was made, leads to each, and is the same for the same
results.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from record import needs_record

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.run.config import resolve
from sirec.run.records import replace_record
from sirec.run.store import RunFolder, Store
from sirec.studies.results_page.artefact import SECTIONS, Artefact
from sirec.studies.results_page.page import report, write_report
from sirec.studies.results_page.reproduce import experiment_command
from sirec.studies.results_page.summary import summary
from sirec.studies.spec.library import read_experiment, shipped_experiments

pytestmark = pytest.mark.usefixtures("runs_of_any_name")

TABLE = (
    "# {title}\n\n### {title}: test\n\n| model | Recall@20 |\n|:--|--:|\n| A | 0.1 |\n\n"
    "- a note\n\nA sentence on A.\n"
)
FINGERPRINT = "00ffee"
ROOT = Path(__file__).parents[3]


def read_pages(root: Path) -> list[bytes]:
    """What both pages of a folder hold when they are written now."""
    return [path.read_bytes() for path in write_report(root)]


@pytest.fixture
def results(tiny: Dataset, tmp_path: Path) -> Path:
    """Two tables of the same two runs, drawn by different commands, a figure, and a table without a
    record.
    """
    store = Store(tmp_path / "results")
    lines = []
    for seed in (3, 4):
        run = store.folder("tiny", "comif", f"{seed}" * 12)
        run.path.mkdir(parents=True)
        run.write_config(replace(resolve("comif", tiny), seed=seed), FINGERPRINT)
        seconds = {"train_seconds": [1800, 1800], "valid_seconds": [0, 360]}
        others = {"epochs": 2, "evaluation_seconds": 1.5, "parameters": 9}
        run.write_json("timings.json", seconds | others)
        run.write_json("metrics.json", {})
        lines.append({"label": f"COMIF {seed}", "run": run.path.relative_to(store.root).as_posix()})
    plan = read_experiment(shipped_experiments()["quickstart"]).plan() | {
        "datasets": ["tiny"],
        "seeds": [3, 4],
    }
    for folder, name, record in (
        ("studies", "quickstart_on_tiny_seeds_3_4", {"plan": plan, "runs": lines}),
        ("coldstart", "coldstart_tiny", {"runs": lines}),
    ):
        (store.root / folder).mkdir()
        replace_record(store.root / folder / f"{name}.json", record)
    (store.root / "tables").mkdir()
    for name, title in (
        ("quickstart_on_tiny_seeds_3_4", "Models"),
        ("coldstart_tiny", "Bins"),
        ("by_hand", "Mine"),
    ):
        (store.root / "tables" / f"{name}.md").write_text(TABLE.format(title=title))
    (store.root / "figures").mkdir()
    for ending in ("svg", "csv"):
        (store.root / "figures" / f"coldstart_tiny_length.{ending}").write_bytes(b"")
    return store.root


def test_every_table_is_there_with_how_it_was_made(results: Path) -> None:
    """Command, budget, seeds, data and runs of each; a table without a record says that it has
    none.
    """
    text = write_report(results)[1].read_text()
    parts = dict(re.findall(r'<a id="(\w+)"></a>\n\n(.*?)(?=<a id|\Z)', text, flags=re.DOTALL))
    assert set(parts) == {path.stem for path in (results / "tables").glob("*.md")}
    study, bins = parts["quickstart_on_tiny_seeds_3_4"], parts["coldstart_tiny"]
    assert "- Command: `sirec study quickstart --data tiny --seeds 3,4`\n" in study
    assert "- Command: `sirec coldstart --name coldstart_tiny --render-only`\n" in bins
    for part in (study, bins):
        assert "Spent: 2 trained runs, 4 epochs, 2.2 hours." in part
        assert "at most 200 epochs of 512 targets a step, patience 10" in part
        assert "- Seeds: 3, 4\n" in part
        assert f"- Data: tiny `{FINGERPRINT}`\n" in part
        assert "[COMIF 4](runs/tiny/comif/444444444444)" in part
    assert "- No record" in parts["by_hand"]
    assert "Command" not in parts["by_hand"]
    for part in parts.values():
        assert "| A | 0.1 |" in part
        assert "A sentence on A." in part


def test_links_of_a_table_lead_on_from_the_report(results: Path) -> None:
    """What leads to runs from a table does so from the report, but once: where a record lists them,
    the line is left out.
    """
    for path in (results / "tables").glob("*.md"):
        path.write_text(f"{path.read_text()}\nRuns: [COMIF 3](../runs/tiny/comif/{'3' * 12}).\n")
    text = write_report(results)[1].read_text()
    parts = dict(re.findall(r'<a id="(\w+)"></a>\n\n(.*?)(?=<a id|\Z)', text, flags=re.DOTALL))
    assert f"Runs: [COMIF 3](runs/tiny/comif/{'3' * 12})." in parts["by_hand"]
    for part in parts.values():
        assert part.count("(runs/tiny/comif/333333333333)") == 1
        assert "](../" not in part


def test_tables_of_one_title_are_told_apart(results: Path) -> None:
    """In the contents each has what only its name has beside the title, or the title of the
    experiment of that name; a title of its own (control) stands alone.
    """
    for name in ("by_foot", "by_overall"):
        shutil.copy(results / "tables" / "by_hand.md", results / "tables" / f"{name}.md")
    text = write_report(results)[1].read_text()
    assert "- [Mine (foot)](#by_foot)" in text
    assert "- [Mine (hand)](#by_hand)" in text
    assert "- [Mine (Overall comparison)](#by_overall)" in text
    assert "- [Bins](#coldstart_tiny)" in text


def test_a_measurement_names_the_command_that_measures(results: Path) -> None:
    """On the study that has the runs under the same names, or, where none has them so (control), on
    the runs by id.
    """
    (results / "measurements").mkdir()
    for run in results.glob("runs/tiny/*/*"):
        RunFolder(run).finish()
    shutil.copy(results / "tables" / "by_hand.md", results / "tables" / "rankcheck_tiny.md")
    path = results / "studies" / "quickstart_on_tiny_seeds_3_4.json"
    record = json.loads(path.read_text())
    replace_record(path, record | {"runs": [line | {"row": "COMIF"} for line in record["runs"]]})
    study = "--study quickstart_on_tiny_seeds_3_4 --data tiny"
    for labels, chosen in (
        (("COMIF 3", "COMIF 4"), study),
        (("COMIF 3", "other"), "333333333333 444444444444"),
    ):
        runs = [
            {"label": label, "link": f"results/runs/tiny/comif/{n * 12}"}
            for label, n in zip(labels, "34", strict=True)
        ]
        measured = {"data": "tiny", "users": 50, "seed": 7, "runs": runs}
        replace_record(results / "measurements" / "rankcheck_tiny.json", measured)
        text = write_report(results)[1].read_text()
        assert (
            f"- Command: `sirec rankcheck {chosen} --users 50 --seed 7 --name rankcheck_tiny`\n"
            in text
        )
        assert "- Drawn anew: `sirec rankcheck --name rankcheck_tiny --render-only`\n" in text


def test_what_only_ablate_can_ask_is_asked_of_ablate() -> None:
    """A paper's table by another protocol, profile or history rule is `sirec ablate`'s, as it is
    (control) `sirec study`'s.
    """
    name = "comif_table6_modules"
    plan = read_experiment(shipped_experiments()[name]).plan()
    elsewhere = plan | {
        "datasets": ["shop"],
        "set": plan["set"] | {"data.attributes": ["a b"], "rate": 1e-05},
    }
    settings = "--set 'data.attributes=[a b]' --set rate=1.0e-05"
    for suffix, asked, command in (
        ("", plan, f"sirec study {name}"),
        ("_on_shop", elsewhere, f"sirec study {name} --data shop {settings}"),
        ("_history_mask", plan, "sirec ablate modules --data beauty --history mask"),
        (
            "_difsr",
            plan | {"protocol": "difsr"},
            "sirec ablate modules --data beauty --protocol difsr",
        ),
        (
            "_on_shop_published",
            elsewhere | {"profile": "published"},
            f"sirec ablate modules --data shop {settings} --profile published",
        ),
    ):
        assert experiment_command(name + suffix, {"plan": asked}, ROOT) == command
    assert experiment_command("a_file_of_mine", {"plan": plan}, ROOT) is None


@needs_record
def test_the_committed_report_is_what_its_records_say() -> None:
    """Made anew from committed tables and records it has the same bytes; whatever table the
    documents point to is in it.

    If this fails after tables have changed: `sirec report`.
    """
    committed = (ROOT / "results" / "report.md").read_text(encoding="utf-8")
    names = sorted(re.findall(r'^<a id="([^"]+)"></a>$', committed, flags=re.MULTILINE))
    found = [Artefact(ROOT / "results", name) for name in names]
    lines = summary(found)
    assert report(found, lines) == committed
    assert report(found[1:], lines) != committed  # control
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    cited = {
        name
        for path in documents
        for name in re.findall(r"results/tables/([\w-]+)\.md", path.read_text(encoding="utf-8"))
    }
    assert {"overall", "coldstart_beauty", "rankcheck_beauty_overall"} <= cited <= set(names)


def test_links_lead_somewhere(results: Path) -> None:
    """Contents lead to anchors, all other links to files below the folder; every figure is shown
    once.
    """
    text = write_report(results)[1].read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    anchors = set(re.findall(r'<a id="(\w+)">', text))
    assert {link[1:] for link in links if link.startswith("#")} == anchors
    files = [link for link in links if not link.startswith("#")]
    assert files
    assert all((results / link).exists() for link in files)
    assert text.count("(figures/coldstart_tiny_length.svg)") == 1


def test_sections_have_an_order(results: Path) -> None:
    """Overall tables come before bins, whatever their names; what fits nowhere comes last."""
    shutil.copy(results / "tables" / "by_hand.md", results / "tables" / "overall.md")
    found = re.findall(r"^## (.*)", write_report(results)[1].read_text(), flags=re.MULTILINE)
    known = [section.heading for section in SECTIONS]
    headings = [heading for heading in found if heading in known]
    assert headings == [heading for heading in known if heading in headings]
    assert [headings[0], headings[-1]] == ["All models", "Further comparisons"]


def test_the_same_results_give_the_same_bytes(results: Path, tmp_path: Path) -> None:
    """Written again, and from a copy elsewhere, the bytes agree; another table (control) gives
    others.
    """
    first = read_pages(results)
    copy = shutil.copytree(results, tmp_path / "elsewhere")
    (copy / "report.md").unlink()
    assert read_pages(results) == read_pages(copy) == first
    (copy / "tables" / "by_hand.md").write_text(TABLE.format(title="Other"))
    assert read_pages(copy) != first


def test_a_report_of_nothing_is_refused(results: Path, tmp_path: Path) -> None:
    """No tables, or a run that a record names and that is gone: one line, and no report."""
    with pytest.raises(SirecError, match="tables: no tables"):
        write_report(tmp_path / "nowhere")
    shutil.rmtree(results / "runs" / "tiny" / "comif" / ("3" * 12))
    with pytest.raises(SirecError, match=r"333333333333/config\.yaml: no such file"):
        write_report(results)
    assert not (results / "report.md").exists()
