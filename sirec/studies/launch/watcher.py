"""Who is told how the training of several runs goes: bars on a terminal, a notebook, nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sirec.run.store import RunFolder
from sirec.run.watcher import Silent, Watcher


class StudyWatcher(Protocol):
    """Is told of remarks, and of each run of a list of runs.

    The calls for one list are `begin`, then for each run `run_begins` (left out for a run that was
    trained before) and `run_ends`, then `end`, which comes also after an error.
    """

    def remark(self, text: str) -> None:
        """A sentence for a person."""

    def begin(self, epochs: Mapping[str, int]) -> None:
        """A list of runs begins.

        Args:
            epochs: label -> about how many epochs each run has, in the order of the list; 0 for a
                model that is not trained.
        """

    def run_begins(self, label: str) -> Watcher:
        """A run is about to be trained.

        Returns:
            who is told of its stages, steps and epochs.
        """
        ...

    def run_ends(self, label: str, folder: RunFolder, *, was_trained_before: bool) -> None:
        """A run has finished.

        Args:
            label: the name of its row, with its seed where the list has several.
            folder: the folder of the run.
            was_trained_before: whether it had finished before this list began.
        """

    def run_dies(self, label: str) -> None:
        """The process that trained a run has died, and another process will go on with it."""

    def end(self) -> None:
        """The list has ended."""


class SilentStudy:
    """Tells nobody. A watcher that is interested in one event overrides its method."""

    def remark(self, text: str) -> None:
        """Drop a remark."""

    def begin(self, epochs: Mapping[str, int]) -> None:
        """Do nothing."""

    def run_begins(self, label: str) -> Watcher:
        """A watcher of the run that tells nobody either."""
        return Silent()

    def run_ends(self, label: str, folder: RunFolder, *, was_trained_before: bool) -> None:
        """Do nothing.

        Args:
            label: the name of its row.
            folder: the folder of the run.
            was_trained_before: whether it had finished before this list began.
        """

    def run_dies(self, label: str) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""
