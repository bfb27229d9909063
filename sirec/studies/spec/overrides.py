"""An experiment on other data, with other seeds or settings: another study, under a name of its
own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sirec.run.config import Profile
from sirec.studies.spec.experiment import Experiment

NAMED = 3  # so many settings are spelt out in a name; more are told by some digits


@dataclass(frozen=True, kw_only=True)
class Variation:
    """What a person asks for over an experiment file; None keeps what the file says.

    `set` joins what rows share: it reaches every row that has the key, but not what a row sets
    itself, which is what that row is about. What is set is not searched.
    """

    data: str | None = None
    seeds: tuple[int, ...] | None = None
    protocol: str | None = None
    profile: Profile | None = None
    set: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, experiment: Experiment) -> Experiment:
        """The experiment as it is asked for."""
        datasets = experiment.datasets if self.data is None else (self.data,)
        return replace(
            experiment,
            datasets=datasets,
            unavailable=experiment.unavailable if datasets == experiment.datasets else {},
            seeds=self.seeds or experiment.seeds,
            protocol=self.protocol or experiment.protocol,
            profile=self.profile or experiment.profile,
            set={**experiment.set, **self.set},
            search={
                key: values for key, values in experiment.search.items() if key not in self.set
            },
        )

    def name(self, name: str, experiment: Experiment) -> str:
        """What record and tables are called: the file's name, and whatever differs from the file.

        The file's own study keeps its name, so nothing that is asked for besides can replace its
        tables.
        """
        asked = self.apply(experiment)
        settings = [
            (key, value) for key, value in self.set.items() if experiment.set.get(key) != value
        ]
        if len(settings) > NAMED:
            settings = [
                ("set", hashlib.sha256(repr(sorted(map(repr, settings))).encode()).hexdigest()[:8])
            ]
        facts = (
            (asked.datasets != experiment.datasets, "on", *asked.datasets),
            (asked.seeds != experiment.seeds, "seeds", *asked.seeds),
            (asked.protocol != experiment.protocol, asked.protocol),
            (asked.profile != experiment.profile, asked.profile),
            *((True, *setting) for setting in settings),
        )
        return "_".join([name, *(_slug(*words) for differs, *words in facts if differs)])


def _slug(*words: object) -> str:
    """Words as a part of a file name."""
    first, *others = (re.sub(r"[^\w.]+", "-", str(word)).strip("-") for word in words)
    return f"{first}_{'-'.join(others)}" if others else first
