"""Figures of studies show their data: differences, training curves, costs and grids."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sirec.report.answer import Along, Answer, RowVerdict, read_answer
from sirec.report.figures.learning import LearningCurve, LearningFigure
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.compare.along_figure import along_figure
from sirec.studies.compare.grid_figures import grid_figure
from sirec.studies.compare.study_figures import differences_figure
from sirec.studies.spec.grid import Trial

ROWS = tuple(TableRow(name, (Cell(0.1),), model=name) for name in ("sasrec", "comif"))


def answer() -> Answer:
    """Two rows, of which one is better than the other."""
    table = ResultTable("t", (TableColumn("Recall@20"),), ROWS)
    better = RowVerdict(
        "shop", "comif", "sasrec", "Recall@20", "better", 0.02, 0.01, 0.03, 0.2, 1, False, True
    )
    return Answer("t", table, (), (), (better,))


def trials(**space: list[float]) -> list[Trial]:
    """A trial for each combination of two settings, the values all distinct."""
    found: list[Trial] = []
    for first in space["a"]:
        for second in space.get("b", [1.0]):
            setting = {"a": first} | ({"b": second} if "b" in space else {})
            value = first + second / 10
            run = "results/runs/shop/comif/1"
            found.append(Trial("comif", setting, run, "Recall@20", value, is_chosen=first == 2))
    return found


def test_differences_are_drawn_with_their_intervals() -> None:
    """The point and its bar are the verdict's; the point is filled, which an open one is not."""
    figure = differences_figure(answer())
    [panel] = figure.draw().get_axes()
    bar, point = panel.get_lines()[:2]
    assert list(bar.get_xdata()) == [0.01, 0.03]
    assert list(point.get_xdata()) == [0.02]
    filled = point.get_markerfacecolor()
    undecided = replace(answer().verdicts[0], differs=False)
    [panel] = differences_figure(replace(answer(), verdicts=(undecided,))).draw().get_axes()
    assert panel.get_lines()[1].get_markerfacecolor() != filled
    assert figure.axis == "difference from sasrec"


def test_a_training_curve_is_its_epochs() -> None:
    """Each panel has its own row's curve and the reference's; the data have every epoch once."""
    curves = []
    for number, row in enumerate(ROWS):
        values = (0.1 + number, 0.2 + number)
        curves.append(LearningCurve(row, "shop", 0, (1, 2), (5.0, 9.5), values, 1))
    figure = LearningFigure("t", "Recall@20", tuple(curves), "sasrec")
    first, second = figure.draw().get_axes()
    assert [list(line.get_ydata()) for line in first.get_lines()] == [[0.1, 0.2], [0.2]]
    assert [list(line.get_ydata()) for line in second.get_lines()] == [
        [0.1, 0.2],
        [1.1, 1.2],
        [1.2],
    ]
    lines = list(csv.DictReader(io.StringIO(figure.data())))
    assert [(line["row"], line["epoch"], line["is_best"]) for line in lines] == [
        ("sasrec", "1", "0"),
        ("sasrec", "2", "1"),
        ("comif", "1", "0"),
        ("comif", "2", "1"),
    ]


def test_one_setting_is_a_curve_and_two_are_a_map() -> None:
    """Values stand in the order of the settings; three settings, or none, have no figure."""
    curve = grid_figure(trials(a=[3.0, 1.0, 2.0]), answer())
    assert curve is not None
    [panel] = curve.draw().get_axes()
    assert list(panel.get_lines()[-1].get_ydata()) == pytest.approx([1.1, 2.1, 3.1])
    plane = grid_figure(trials(a=[1.0, 2.0], b=[5.0, 6.0, 7.0]), answer())
    assert plane is not None
    [panel] = plane.draw().get_axes()
    [image] = panel.get_images()
    expected = [[1.5, 2.5], [1.6, 2.6], [1.7, 2.7]]
    assert np.asarray(image.get_array()).tolist() == pytest.approx(np.array(expected))
    assert len(panel.texts) == 6
    assert grid_figure([], answer()) is None
    assert grid_figure(trials(a=[1.0]), answer()) is None


def test_rows_along_a_setting_are_a_curve_for_each_metric(tmp_path: Path) -> None:
    """In the order of the values, whatever that of the rows; a row without a value is left out."""
    columns = (TableColumn("NDCG@20"), TableColumn("Recall@20"), TableColumn("Recall@10"))
    rows = []
    for number, label in enumerate(("λ 10", "SASRec", "λ 0", "λ 5")):
        cells = tuple(Cell(number + part) for part in (0.1, 0.2, 0.3))
        rows.append(TableRow(label, cells, model="dif-sr"))
    along = Along("aap.weight", {"λ 10": 10.0, "λ 0": 0.0, "λ 5": 5.0})
    verdict = replace(answer().verdicts[0], label="λ 5", baseline="λ 10")
    study = Answer("t", ResultTable("t", columns, tuple(rows)), (), (), (verdict,), None, along)
    path = tmp_path / "t.json"
    path.write_text(json.dumps(study.to_dict()))
    assert read_answer(path).along == along  # as it is stored
    figure = along_figure(study, along)
    panels = figure.draw().get_axes()
    assert [panel.get_title(loc="left") for panel in panels] == ["Recall@20", "NDCG@20"]
    assert list(panels[0].get_lines()[-1].get_ydata()) == pytest.approx([2.2, 3.2, 0.2])
    assert list(panels[1].get_lines()[-1].get_ydata()) == pytest.approx([2.1, 3.1, 0.1])
    sizes = [line.get_markersize() for line in panels[0].get_lines()[:3]]
    assert sizes[2] > sizes[0] == sizes[1]  # the baseline's point
    assert "compared with" in figure.caption
    absent = Along("aap.weight", {"λ −1": -1.0, **along.values})  # a row that the screen leaves out
    [first, _] = along_figure(replace(study, along=absent), absent).draw().get_axes()
    assert list(first.get_lines()[-1].get_ydata()) == pytest.approx([2.2, 3.2, 0.2])
