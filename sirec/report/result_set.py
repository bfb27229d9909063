"""Finished runs grouped by data set, row and seed, and what they have in common.

All tables group their runs here, so that rows and seeds mean the same in each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sirec.errors import SirecError
from sirec.report.results import AS_THERE, ResultRow, Rows, RunResult
from sirec.report.words import listed

UNSTATED = "unstated"
MANY = 3  # from this number of rows on, rows that share the usual value are not listed one by one


@dataclass(frozen=True)
class SettingValue:
    """One setting's value in one row.

    Attributes:
        dataset: name of the data set.
        label: label of the row.
        value: the value, as text.
    """

    dataset: str
    label: str
    value: str


@dataclass(frozen=True)
class SettingValues:
    """One setting's values in all rows that have the setting.

    Attributes:
        found: the values, each once per row, in the order of the rows. There is at least one.
    """

    found: tuple[SettingValue, ...]

    def first(self) -> str:
        """The first row's value."""
        return self.found[0].value

    def all_equal(self) -> bool:
        """Whether all rows have the same value."""
        return len({each.value for each in self.found}) == 1

    def constant_within_datasets(self) -> bool:
        """Whether all rows of a data set have the same value, for each data set."""
        by_dataset = self._values_by(lambda each: each.dataset)
        return max(map(len, by_dataset.values())) == 1

    def constant_within_labels(self) -> bool:
        """Whether rows with the same label have the same value on all data sets."""
        by_label = self._values_by(lambda each: each.label)
        return max(map(len, by_label.values())) == 1

    def listed_by_dataset(self) -> str:
        """The values with the data sets that have them: `50 (beauty); 20 (yelp)`."""
        return listed((each.value, each.dataset) for each in self.found)

    def listed_by_row(self) -> str:
        """The values with the rows that have them: `50 (SASRec, NOVA); 7 (DIF-SR)`.

        A value that most rows share, and at least `MANY`, comes last: `7 (DIF-SR); 50 (all
        others)`. A row is named with its data set where its value depends on the data set.
        """
        pairs = list(dict.fromkeys(self._values_with_rows()))
        usual, count = Counter(value for value, _ in pairs).most_common(1)[0]
        unusual = [pair for pair in pairs if pair[0] != usual]
        if count < MANY or count <= len(unusual):
            return listed(pairs)
        return f"{listed(unusual)}; {usual} (all others)"

    def _values_by(self, key: Callable[[SettingValue], str]) -> dict[str, set[str]]:
        """The distinct values of the rows with the same key."""
        values: dict[str, set[str]] = {}
        for each in self.found:
            values.setdefault(key(each), set()).add(each.value)
        return values

    def _values_with_rows(self) -> Iterator[tuple[str, str]]:
        is_label_enough = self.constant_within_labels()
        for each in self.found:
            if is_label_enough:
                yield each.value, each.label
            else:
                yield each.value, f"{each.label} on {each.dataset}"


class ResultSet:
    """Finished runs, grouped by data set, row and seed.

    Data sets and rows keep the order in which they were given; the runs of a row are ordered by
    seed. Iterating gives the runs in the order in which they were given.
    """

    def __init__(self, runs: Iterable[RunResult]) -> None:
        """Group runs.

        Args:
            runs: finished runs, at least one.

        Raises:
            SirecError: if there is no run, if a row has a seed twice, or if runs of one data set
                were made on different versions of its data.
        """
        self._runs = tuple(runs)
        if not self._runs:
            raise SirecError("there is nothing to compare", "train or select at least one run")
        self._check_fingerprints()
        self._by_dataset = self._grouped()

    def __iter__(self) -> Iterator[RunResult]:
        """The runs, in the order in which they were given."""
        return iter(self._runs)

    def __len__(self) -> int:
        """The number of runs."""
        return len(self._runs)

    def datasets(self) -> list[str]:
        """Names of the data sets."""
        return list(self._by_dataset)

    def by_dataset(self) -> dict[str, Rows]:
        """Data set -> label -> row."""
        return dict(self._by_dataset)

    def rows(self) -> list[ResultRow]:
        """All rows, data set by data set."""
        found: list[ResultRow] = []
        for rows in self._by_dataset.values():
            found += rows.values()
        return found

    def trained_rows(self) -> list[ResultRow]:
        """The rows that are no training-free baselines."""
        return [row for row in self.rows() if not row.is_training_free]

    def seeds(self) -> dict[str, tuple[int, ...]]:
        """Name of each trained row -> its seeds. Where there are several data sets the name of a
        row has its data set, too.
        """
        return {self.name(row): row.seeds for row in self.trained_rows()}

    def name(self, row: ResultRow) -> str:
        """A row's label, with its data set if there are several."""
        return row.label if len(self._by_dataset) == 1 else f"{row.label} on {row.dataset}"

    def has_choice(self) -> bool:
        """Whether a data set has two rows or more, which can be compared."""
        return any(len(rows) > 1 for rows in self._by_dataset.values())

    def protocol_settings(self) -> list[str]:
        """Names of the settings that trained runs state, details included, in their order."""
        names: dict[str, None] = {}
        for run in self._stating_runs():
            names |= dict.fromkeys((*run.protocol, *run.details))
        return list(names)

    def is_detail(self, setting: str) -> bool:
        """Whether a setting is mentioned only where rows differ in it."""
        return any(setting in run.details for run in self._stating_runs())

    def values_of(self, setting: str) -> SettingValues:
        """A setting's value in every trained row whose protocol is known.

        A row that lacks a detail has no part in it, as its model may have nothing of the kind. A
        row that lacks any other setting has the value `UNSTATED`.
        """
        is_detail = self.is_detail(setting)
        found: dict[SettingValue, None] = {}
        for run in self._stating_runs():
            stated = run.details if is_detail else run.protocol
            if setting in stated or not is_detail:
                value = stated.get(setting, UNSTATED)
                found[SettingValue(run.dataset, run.label, value)] = None
        return SettingValues(tuple(found))

    def departed_settings(self) -> list[str]:
        """Names of the settings in which some run departs from its protocol, in their order."""
        names: dict[str, None] = {}
        for run in self._stating_runs():
            for setting, text in run.departures.items():
                if text != AS_THERE:
                    names[setting] = None
        return list(names)

    def departures_of(self, setting: str) -> SettingValues:
        """How each trained row that has the setting departs from its protocol in it."""
        found: dict[SettingValue, None] = {}
        for run in self._stating_runs():
            if setting in run.departures:
                text = run.departures[setting]
                found[SettingValue(run.dataset, run.label, text)] = None
        return SettingValues(tuple(found))

    def _stating_runs(self) -> Iterator[RunResult]:
        """Trained runs whose protocol is known, which that of another tool's run is not."""
        for run in self._runs:
            if run.protocol and not run.is_training_free:
                yield run

    def _check_fingerprints(self) -> None:
        first: dict[str, str | None] = {}
        for run in self._runs:
            expected = first.setdefault(run.dataset, run.fingerprint)
            if run.fingerprint != expected:
                raise SirecError(
                    f"{run.dataset}: '{run.label}' was made on other data than the rows before it",
                    f"fingerprints {expected} and {run.fingerprint}: train it again",
                )

    def _grouped(self) -> dict[str, dict[str, ResultRow]]:
        collected: dict[tuple[str, str], list[RunResult]] = {}
        for run in self._runs:
            collected.setdefault((run.dataset, run.label), []).append(run)
        grouped: dict[str, dict[str, ResultRow]] = {}
        for (dataset, label), runs in collected.items():
            runs.sort(key=lambda run: run.seed)
            row = ResultRow(label, dataset, tuple(runs))
            for seed, count in Counter(row.seeds).items():
                if count > 1:
                    raise SirecError(
                        f"{dataset}: '{label}' has seed {seed} twice",
                        "give different settings different labels",
                    )
            grouped.setdefault(dataset, {})[label] = row
        return grouped
