"""Papers and protocols are read from files, and plugins add their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec import registry as registry_module
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.models import MODELS
from sirec.papers import PAPERS, PROTOCOLS, registries
from sirec.papers.paper import Paper, read_paper
from sirec.registry import load_plugin_file
from sirec.report.published import PrintedRow, covers, proposing, published
from sirec.resources import experiments_root
from sirec.run.config import resolve
from sirec.studies.spec.library import shipped_experiments

FILES = sorted((Path(str(experiments_root())) / "papers").glob("*.yaml"))
PAPER = """
name: mine
label: MINE
title: A paper of one's own
authors: A, B
citation: A and B, 2026
doi: 10.0000/mine
proposal: sasrec
datasets: [shop]
main_table: mine_table1_overall
tables:
  mine_table1_overall: {number: 1, rows: [model], columns: metric, caption: {dataset: shop}}
history_masked: [Popularity]
protocols:
- {name: mine-small, source: "§5", attributes: [brand], assignments: {width: 16}}
"""
VALUES = "model,Recall@10,NDCG@10\nSASRec,0.5,0.25\nPopularity,0.125,0.0625\n"
PLUGIN = """
from pathlib import Path
from sirec.papers.paper import read_paper
from sirec.papers.protocol import Protocol

PAPER = read_paper(Path(__file__).parent / "mine.yaml")
WIDE = Protocol(name="mine-wide", source="§6", attributes=(), assignments={"width": 48})
"""


@pytest.fixture(autouse=True)
def _registries_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds is taken out again."""
    for registry in (PAPERS, PROTOCOLS):
        monkeypatch.setattr(registry, "_components", dict(registry))
        monkeypatch.setattr(registry, "_providers", dict(registry._providers))
    monkeypatch.setattr(registry_module, "_plugin_files", dict(registry_module._plugin_files))


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin file with a paper in YAML and a protocol in Python."""
    (tmp_path / "mine.yaml").write_text(PAPER)
    (tmp_path / "mine_table1_overall.csv").write_text(VALUES)
    (tmp_path / "plugin.py").write_text(PLUGIN)
    return tmp_path / "plugin.py"


def test_every_file_of_the_folder_is_a_paper() -> None:
    """Each file has the name of its paper, and they come in the order of their names."""
    own = [name for name in PAPERS if PAPERS.provider(name).is_sirec]
    assert own == [path.stem for path in FILES]


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_a_paper_speaks_of_what_there_is(name: str) -> None:
    """Its proposal and its protocols' models are models, its captions' metrics are metrics."""
    paper = PAPERS[name]
    assert paper.proposal in MODELS
    assert paper.doi.startswith("10.")
    for protocol in paper.protocols:
        assert PROTOCOLS[protocol.name] is protocol
        assert {*protocol.exceptions, *protocol.tuned} <= set(MODELS)
    for layout in paper.tables.values():
        if "metric" in layout.caption:
            assert parse_metric(layout.caption["metric"]).name == layout.caption["metric"]
    for claim in paper.claims():
        assert set(claim.studies) <= set(shipped_experiments())


def test_an_installation_without_papers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken for an empty list of papers; the shipped folder (control) has some."""
    assert PAPERS.own_components()
    monkeypatch.setattr(registries, "experiments_root", lambda: tmp_path)
    with pytest.raises(SirecError, match="lacks the published numbers"):
        PAPERS.own_components()


def test_a_plugin_adds_a_paper_and_its_protocols(plugin: Path, tiny: Dataset) -> None:
    """Its printed values, its proposal and its protocols are found like the shipped ones."""
    assert "mine" not in PAPERS  # control
    assert not published("shop", "sasrec", "Recall@10")
    load_plugin_file(plugin)
    [found] = published("shop", "sasrec", "Recall@10")
    assert (found.value, found.history) == (0.5, "keep")
    assert found.source == "Table 1 of A and B, 2026"
    [masked] = published("shop", "popularity", "NDCG@10")
    assert (masked.value, masked.history) == (0.0625, "mask")
    assert covers("mine", "shop")
    assert proposing("sasrec") == ["mine"]
    for protocol, width in (("mine-small", 16), ("mine-wide", 48)):
        assert getattr(resolve("sasrec", tiny, protocol=protocol).model, "width") == width  # noqa: B009
        assert PROTOCOLS.provider(protocol).package == "plugin.py"


def test_a_table_without_its_file_is_named(plugin: Path) -> None:
    """The message has the file; with the file (control) the value is found."""
    load_plugin_file(plugin)
    row = PrintedRow("mine_table1_overall", {"model": "SASRec"})
    (plugin.parent / "mine_table1_overall.csv").unlink()
    with pytest.raises(SirecError, match=r"mine_table1_overall\.csv: no such file"):
        row.check()


def test_a_taken_name_is_refused(plugin: Path) -> None:
    """A plugin's protocol cannot be called as one of sirec is; both are named, nothing is added."""
    changed = plugin.read_text().replace("mine-wide", "difsr")
    plugin.write_text(changed)
    with pytest.raises(SirecError, match="two protocols are called 'difsr': one of sirec") as error:
        load_plugin_file(plugin)
    assert "one of plugin.py" in error.value.message
    assert "mine" not in PAPERS
    assert "mine-small" not in PROTOCOLS


@pytest.mark.parametrize(
    ("changed", "to", "message"),
    [
        ("name: mine\n", "name: other\n", r"tables\.mine_table1_overall: .* 'other_'"),
        (
            "main_table: mine_table1",
            "main_table: mine_table2",
            "is not a table of metrics by model",
        ),
        ("rows: [model]", "rows: [modell]", "is not a table of metrics by model"),
        (", rows: [model]", "", "a table of metrics names its rows"),
        ("columns: metric", "columns: metrics", "'metrics' is not a choice"),
        ("doi:", "dio:", "'dio' is not a key"),
    ],
)
def test_a_mistake_in_a_paper_is_named_with_its_file(
    changed: str, to: str, message: str, tmp_path: Path
) -> None:
    """The message has the file and the key; the paper as it was (control) is read."""
    path = tmp_path / "mine.yaml"
    path.write_text(PAPER)
    assert isinstance(read_paper(path), Paper)
    assert PAPER.count(changed) == 1
    path.write_text(PAPER.replace(changed, to))
    with pytest.raises(SirecError, match=message) as error:
        read_paper(path)
    assert error.value.message.startswith(str(path))
