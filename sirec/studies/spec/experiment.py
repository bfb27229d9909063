"""What an experiment file declares: which models, on which data, with which settings.

title: Models compared with each other
datasets: [beauty]
seeds: [0]
set: {learning_rate: 0.001}                # for every row that has the key
search: {learning_rate: [0.001, 0.0003]}   # every row tries all; validation decides
tune: {trials: 8}                          # or: eight trials for every row, in its model's space
against: SASRec                            # a row or a model; `previous`: the row above
rows:
  SASRec: {model: sasrec}
  SASRecF and AAP: {model: sasrecf, with: [{name: aap, weight: 5.0}]}
  COMIF without UPA: {model: comif, without: [upa], set: {heads: 2}, against: SASRecF and AAP}
  "COMIF, {1}": {model: comif, attributes: [brand|city|*]}   # see `attributes.py`
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sirec.config import check_numbers, dump
from sirec.config.quantities import SeedNumber
from sirec.errors import SirecError
from sirec.evaluation.list_metrics import split_metrics
from sirec.models import model_class
from sirec.report.differences import find_label
from sirec.report.published import PrintedRow, is_compared
from sirec.report.results import PREVIOUS
from sirec.run.config import Profile
from sirec.studies.spec.row import RowPlan
from sirec.studies.spec.tuning import Tuning

LEAST_ALONG = 3  # values of a setting that make a curve


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Rows to train on data sets with seeds, and how they are compared; see the module's example.

    Attributes:
        title: what tables are called.
        rows: label -> row, in the order of the table.
        datasets: names of the data sets.
        seeds: seeds of every row; a training-free baseline runs once.
        protocol: name of the protocol under which all rows are trained.
        profile: whether rows follow the papers or their authors' code.
        set: settings for every row that has the key and does not set it itself.
        search: key -> values to try. Every row that has the key, and neither sets it itself nor
            finds it in `set`, tries all combinations (see `grid.py`).
        tune: equal numbers of trials for every row, in the space of its model (see `tuning.py`).
        against: the row or model that rows are compared with; `previous` compares each row with
            the one above it. Without it, the best row on validation is the baseline.
        proposals: rows or models that are each compared with their best baseline, in a table of
            their own.
        published: name of the published table from which rows' `printed` select. Without it, the
            papers' main tables are shown next to rows, by model.
        along: name of the one setting in which rows differ, whose value each says as `at`: results
            are then drawn along it as a curve, too.
        metrics: the metrics of the tables (`Recall@20`, `MAP@10`), and of stored lists
            (`Coverage@10`, `Diversity(brand)@10`), which have a table of their own; without any the
            usual ones.
        notes: notes below every table.
        notes_on: data set -> notes below tables that have it.
        unavailable: data set that the question is about -> why it is not among `datasets`.
    """

    title: str
    rows: Mapping[str, RowPlan]
    datasets: tuple[str, ...] = ()
    seeds: tuple[SeedNumber, ...] = (0,)
    protocol: str = "comif"
    profile: Profile = "intended"
    set: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    tune: Tuning | None = None
    against: str | None = None
    proposals: tuple[str, ...] = ()
    published: str | None = None
    along: str | None = None
    metrics: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    notes_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could not be trained, compared or drawn."""
        if not self.rows or not self.seeds:
            raise SirecError("an experiment needs at least one row and one seed")
        check_numbers(self)
        _refuse_repeats("datasets", self.datasets)
        _refuse_repeats("seeds", self.seeds)
        self._check_search()
        self._check_printed()
        self._check_baselines()
        self._check_proposals()
        self._check_along()
        split_metrics(self.metrics)  # refuses what is none

    def _check_search(self) -> None:
        if self.search and self.tune is not None:
            raise SirecError("search and tune are two searches", "leave one of them out")
        for key, values in self.search.items():
            _refuse_repeats(f"search.{key}", values)
            if not values:
                raise SirecError(
                    f"search.{key} has no values to try", f"for example: {key}: [0.001, 0.0003]"
                )
            if key in self.set:
                raise SirecError(f"{key} is under set and under search", "leave one of them out")

    def _check_printed(self) -> None:
        for row in self.rows.values():
            if row.printed and self.published is None:
                raise SirecError(
                    "rows name printed values, but the experiment names no published table",
                    "say published: TABLE",
                )
            if row.printed and self.published is not None:
                PrintedRow(self.published, row.printed).check()

    def _check_baselines(self) -> None:
        if PREVIOUS in self.rows:
            raise SirecError(
                f"a row is called {PREVIOUS}, which means the row above", "call it otherwise"
            )
        if self.against == PREVIOUS and len(self.rows) == 1:
            raise SirecError(
                f"against: {PREVIOUS}, but there is one row, and none above it", "leave it out"
            )
        if self.against is not None:
            self.named(self.against, "against")
        first = next(iter(self.rows))
        for label, row in self.rows.items():
            where = f"rows.{label}.against"
            if row.against == PREVIOUS and label == first:
                raise SirecError(
                    f"{where}: {PREVIOUS}, but it is the first row", "name another row"
                )
            if row.against is not None and self.named(row.against, where) == label:
                raise SirecError(f"{where}: the row itself", "name another row, or leave it out")

    def _check_proposals(self) -> None:
        if self.proposals and self.published is not None:
            raise SirecError(
                f"proposals: rows beside {self.published} are parts of models",
                "leave proposals or published out",
            )
        models = {label: row.model for label, row in self.rows.items() if row.is_whole}
        labels: list[str] = []
        for name in self.proposals:
            if name in self.rows and name not in models:
                raise SirecError(
                    f"proposals: '{name}' is not a model as its paper has it", "name another row"
                )
            labels.append(find_label(models, name, "proposals"))
        _refuse_repeats("proposals", labels)
        for label in labels:
            _check_has_baseline(models[label], models.values())

    def _check_along(self) -> None:
        values = [row.at for row in self.rows.values() if row.at is not None]
        if values and self.along is None:
            raise SirecError(
                "rows say at which value of a setting they are, and the experiment does not say of "
                "which",
                "say along: SETTING, for example along: aap.weight",
            )
        if self.along is not None and len(set(values)) < LEAST_ALONG:
            raise SirecError(
                f"along: {self.along}, but rows are at {len(set(values))} of its values",
                f"say at: VALUE in {LEAST_ALONG} rows or more",
            )
        _refuse_repeats("at", values)

    def baseline(self, row: str) -> str | None:
        """The label of the row that a row is compared with.

        Returns:
            `previous` for the row above; None where validation decides.
        """
        against = self.rows[row].against or self.against
        return self.named(against, f"rows.{row}.against") if against else None

    def named(self, against: str, where: str) -> str:
        """The label of the row that a name means; `previous` stays.

        Args:
            against: a label, a model, or `previous`.
            where: the key in which it stands, for messages.

        Raises:
            SirecError: if no row is meant, or several are.
        """
        if against == PREVIOUS:
            return against
        return find_label(self._models(), against, where)

    def plan(self) -> dict[str, Any]:
        """What decides its runs, as plain values: rows, seeds and settings.

        Titles, notes and printed values are left out.
        """
        values: dict[str, Any] = dump(self)
        keys = ["datasets", "seeds", "protocol", "profile", "set"]
        if self.search:
            keys.append("search")
        if self.tune is not None:
            keys.append("tune")
        plan = {key: values[key] for key in keys}
        plan["rows"] = {label: row.deciding() for label, row in self.rows.items()}
        return plan

    def only(self, labels: Sequence[str]) -> Experiment:
        """The experiment with these rows alone, compared with nothing.

        Args:
            labels: labels of rows, or models that one row alone has.

        Raises:
            SirecError: for a name that means no row, or several.
        """
        models = self._models()
        rows: dict[str, RowPlan] = {}
        for name in labels:
            label = find_label(models, name, "--only")
            rows[label] = replace(self.rows[label], against=None, at=None)
        return replace(self, rows=rows, against=None, proposals=(), along=None)

    def _models(self) -> dict[str, str]:
        return {label: row.model for label, row in self.rows.items()}


def _check_has_baseline(proposal: str, models: Iterable[str]) -> None:
    """Raise `SirecError` unless one of the models is a baseline of the proposed one."""
    for model in models:
        is_baseline = model_class(model).is_training_free or is_compared(proposal, model)
        if model != proposal and is_baseline:
            return
    raise SirecError(
        f"proposals: no row is a baseline of {proposal}",
        "add a training-free baseline, or a model that its paper compares with",
    )


def _refuse_repeats(key: str, values: Sequence[object]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise SirecError(f"{key}: {value} is there twice", "leave one of them out")
