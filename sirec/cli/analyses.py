"""What the commands of analyses share: the options, a bar, and what is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sirec.api import load
from sirec.cli.console import StudyBars, progress, say, say_next, show
from sirec.shell import command
from sirec.studies.analyses.base import ANALYSES, AnalysisRequest, DrawnAnalysis
from sirec.studies.analyses.names import check_name
from sirec.studies.compare.select_runs import RunChoice


@dataclass(frozen=True)
class MeasurementOptions:
    """The options of a command that measures finished runs, as they were typed.

    Attributes:
        runs: run folders, first digits of ids, or models, which mean their newest run.
        study: name of a recorded study.
        models: names of models, separated by commas.
        data: name of a data set.
        users: how many test users are drawn at most.
        seed: of the draw.
        name: what record, tables and figures are called.
    """

    runs: tuple[str, ...]
    study: str | None
    models: str | None
    data: str | None
    users: int
    seed: int
    name: str | None = None

    def request(self, analysis: str, results: Path, data_root: Path) -> AnalysisRequest:
        """The measurement that is asked for.

        Args:
            analysis: name of the analysis.
            results: the results folder.
            data_root: the folder of prepared data sets.
        """
        choice = RunChoice(self.runs, self.study, comma_separated(self.models), self.data, say)
        name = check_name(self.name)
        return AnalysisRequest(
            ANALYSES[analysis], choice, results, data_root, self.users, self.seed, name
        )


def run_measurement(
    analysis: str,
    options: MeasurementOptions,
    results: Path,
    data_root: Path,
    *,
    render_only: bool,
    as_json: bool,
    full: bool = False,
) -> None:
    """Measure what is asked, keep the record, and draw it; or draw what was measured before.

    Args:
        analysis: name of the analysis.
        options: what is measured, and on which runs.
        results: the results folder.
        data_root: the folder of prepared data sets.
        render_only: draw a record that there is, without measuring.
        as_json: print JSON instead of tables.
        full: print all tables with their notes.
    """
    request = options.request(analysis, results, data_root)
    usual_data = default_data(data_root)
    if render_only:
        name = request.recorded_name(usual_data)
    else:
        runs = request.runs(usual_data)
        with progress() as bars:
            task = bars.add_task(analysis, total=2 * len(runs), note="")

            def tell(what: str) -> None:
                bars.update(task, advance=1, description=what)

            path = request.measure(runs, tell)
        say(f"measured: {path}")
        name = path.stem
    print_drawn(request.draw(name), results, name, as_json=as_json, full=full)


def print_drawn(
    drawn: DrawnAnalysis, results: Path, name: str, *, as_json: bool, full: bool = False
) -> None:
    """Write tables and figures, then print the tables.

    Args:
        drawn: tables and figures.
        results: the results folder.
        name: what the files are called.
        as_json: print JSON instead of tables.
        full: print all tables with their notes.
    """
    for remark in drawn.remarks:
        say(remark)
    written = drawn.write(results, name)  # before printing: a closed pipe ends the command
    afterwards = 2 + len(drawn.remarks) + bool(drawn.figures)
    show(drawn.comparison, as_json=as_json, full=full, afterwards=afterwards)
    tables, *figures = written
    say(f"written: {tables}")
    if figures:
        others = f" and {len(figures) - 1} more" if len(figures) > 1 else ""
        say(f"look at: {figures[0]}{others}")
    say_next(command("report"))


def default_data(data_root: Path) -> Callable[[], str]:
    """Chooses the data set where none is named, and says so."""
    return lambda: load(data_root=data_root, watcher=StudyBars()).name


def comma_separated(text: str | None) -> tuple[str, ...]:
    """`a,b` as ("a", "b")."""
    names = (text or "").split(",")
    return tuple(name.strip() for name in names if name.strip())
