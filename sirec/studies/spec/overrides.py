"""An experiment with other data, seeds or settings: another study, under a name of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sirec.run.config import Profile
from sirec.studies.spec.experiment import Experiment

NAMED = 3  # a name spells out at most so many settings; of more it has a digest
DIGEST_DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class Variation:
    """What a person changes of an experiment file; None keeps what the file says.

    Attributes:
        data: name of the data set.
        seeds: seeds of every row.
        protocol: name of the protocol.
        profile: name of the profile.
        set: settings that join those that rows share. They reach every row that has the key and
            does not set it itself, and they are not searched.
    """

    data: str | None = None
    seeds: tuple[int, ...] | None = None
    protocol: str | None = None
    profile: Profile | None = None
    set: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, experiment: Experiment) -> Experiment:
        """The experiment with these changes."""
        datasets, unavailable = experiment.datasets, experiment.unavailable
        if self.data is not None and datasets != (self.data,):
            datasets, unavailable = (self.data,), {}
        search = dict(experiment.search)
        for key in self.set:
            search.pop(key, None)
        return replace(
            experiment,
            datasets=datasets,
            unavailable=unavailable,
            seeds=self.seeds or experiment.seeds,
            protocol=self.protocol or experiment.protocol,
            profile=self.profile or experiment.profile,
            set={**experiment.set, **self.set},
            search=search,
        )

    def name(self, name: str, experiment: Experiment) -> str:
        """What the study's record and tables are called.

        The unchanged study has the file's name, so that no other one can replace its tables.

        Args:
            name: name of the experiment file.
            experiment: the experiment as the file has it.

        Returns:
            The file's name, followed by whatever differs from the file.
        """
        varied = self.apply(experiment)
        parts = [name]
        if varied.datasets != experiment.datasets:
            parts.append(slug("on", *varied.datasets))
        if varied.seeds != experiment.seeds:
            parts.append(slug("seeds", *varied.seeds))
        if varied.protocol != experiment.protocol:
            parts.append(slug(varied.protocol))
        if varied.profile != experiment.profile:
            parts.append(slug(varied.profile))
        for key, value in self._named_settings(experiment):
            parts.append(slug(key, value))
        return "_".join(parts)

    def _named_settings(self, experiment: Experiment) -> list[tuple[str, Any]]:
        """The settings that differ from the file's, or one digest of them if they are many."""
        differing: list[tuple[str, Any]] = []
        for key, value in self.set.items():
            if experiment.set.get(key) != value:
                differing.append((key, value))
        if len(differing) <= NAMED:
            return differing
        text = repr(sorted(map(repr, differing)))
        return [("set", hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS])]


def slug(*words: object) -> str:
    """Words as a part of a file name: the first, then all others joined by hyphens.

    >>> slug("on", "beauty"), slug("COMIF, brand")
    ('on_beauty', 'COMIF-brand')
    """
    first, *others = map(_without_spaces, words)
    return f"{first}_{'-'.join(others)}" if others else first


def _without_spaces(word: object) -> str:
    return re.sub(r"[^\w.]+", "-", str(word)).strip("-")
