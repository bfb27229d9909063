"""What proposes the settings of a search: random draws, or Optuna's estimator of Parzen trees.

A proposal follows from the seed, the number of the trial and the trials before it. So a search that
was stopped goes on with the same proposals, whatever stopped it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sirec.config import to_line
from sirec.disk import make_folder
from sirec.errors import SirecError, unknown
from sirec.studies.spec.tuning import Choices, Interval, Space

STARTUP = 3  # trials, the declared setting among them, before trees propose


@dataclass(frozen=True)
class Told:
    """A trial that has finished.

    Attributes:
        setting: what was tried.
        value: its value on validation.
    """

    setting: Mapping[str, Any]
    value: float


class Sampler(ABC):
    """Proposes the next setting of a row.

    Attributes:
        name: the name in experiment files.
        learns: whether proposals depend on the trials before them.
    """

    name: str
    learns: bool

    @abstractmethod
    def propose(
        self, space: Space, told: Sequence[Told], number: int, seed: int, journal: Path
    ) -> dict[str, Any]:
        """The setting of a trial.

        Args:
            space: what is searched.
            told: the finished trials of the row.
            number: number of the trial, counted from 0 for the declared setting.
            seed: seed of the search.
            journal: file of the row's search, for samplers that keep one.
        """

    def keep(self, space: Space, told: Sequence[Told], journal: Path) -> None:
        """Note the finished trials of a row whose search has ended.

        Args:
            space: what was searched.
            told: all trials of the row.
            journal: file of the row's search.
        """
        return


class RandomSampler(Sampler):
    """Every value is equally likely, or its logarithm."""

    name = "random"
    learns = False

    def propose(
        self, space: Space, told: Sequence[Told], number: int, seed: int, journal: Path
    ) -> dict[str, Any]:
        """Draw each key by itself, with a generator of the seed and the number of the trial.

        Arguments as of `Sampler.propose`: `space`, `told`, `number`, `seed`, `journal`.
        """
        rng = np.random.default_rng([seed, number])
        setting: dict[str, Any] = {}
        for key, dimension in space.items():
            if isinstance(dimension, Choices):
                setting[key] = dimension.values[int(rng.integers(len(dimension.values)))]
            else:
                setting[key] = _drawn(dimension, float(rng.random()))
        return setting


class TpeSampler(Sampler):
    """Optuna's TPE; its trials are kept in a journal that Optuna's tools read."""

    name = "tpe"
    learns = True

    def propose(
        self, space: Space, told: Sequence[Told], number: int, seed: int, journal: Path
    ) -> dict[str, Any]:
        """Ask Optuna, which knows the finished trials.

        Arguments as of `Sampler.propose`: `space`, `told`, `number`, `seed`, `journal`.
        """
        optuna = _optuna()
        search = _journal_study(optuna, journal, [seed, number])
        running = _tell(optuna, search, space, told)
        if running is None:
            running = search.ask(_distributions(optuna, space))
        return _from_params(space, running.params)

    def keep(self, space: Space, told: Sequence[Told], journal: Path) -> None:
        """Write the last trial into the journal: `space`, `told` and `journal` as of `Sampler`."""
        optuna = _optuna()
        _tell(optuna, _journal_study(optuna, journal, [0]), space, told)


SAMPLERS: Mapping[str, Sampler] = {
    sampler.name: sampler for sampler in (TpeSampler(), RandomSampler())
}


def sampler_named(name: str) -> Sampler:
    """The sampler of that name. Raises `SirecError` with the nearest one if there is none."""
    if name not in SAMPLERS:
        raise unknown("sampler", name, SAMPLERS, "tune")
    return SAMPLERS[name]


def check_sampler(name: str) -> None:
    """Raise `SirecError` for an unknown sampler, and where Optuna is needed and not there."""
    if isinstance(sampler_named(name), TpeSampler):
        _optuna()


def _drawn(interval: Interval, share: float) -> float:
    """The number at a share of an interval, of three significant digits."""
    low, high = interval.low, interval.high
    if interval.log:
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    else:
        value = low + share * (high - low)
    return min(max(float(f"{value:.3g}"), low), high)


def _optuna() -> Any:
    """Optuna, which says nothing; raises `SirecError` if it is not installed."""
    try:
        import optuna
    except ImportError:
        raise SirecError(
            "the sampler tpe needs Optuna",
            "pip install 'sirec[search]', or say sampler: random",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _journal_study(optuna: Any, journal: Path, seeds: Sequence[int]) -> Any:
    """The row's search in its journal, with a sampler of these seeds."""
    import warnings

    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    make_folder(journal.parent)
    seed = int(np.random.SeedSequence(seeds).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parts of Optuna call themselves experimental
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(journal))),
            study_name=journal.stem,
            direction="maximize",
            sampler=sampler,
            load_if_exists=True,
        )


def _tell(optuna: Any, search: Any, space: Space, told: Sequence[Told]) -> Any:
    """Bring the journal up to the finished trials; returns one that was asked and not trained."""
    state = optuna.trial.TrialState
    known = search.get_trials(deepcopy=False, states=(state.COMPLETE,))
    waiting = list(search.get_trials(deepcopy=False, states=(state.RUNNING,)))
    distributions = _distributions(optuna, space)
    for trial in told[len(known) :]:
        params = _to_params(space, trial.setting)
        asked = [each for each in waiting if each.params == params]
        if asked:
            search.tell(asked[0].number, trial.value)
            waiting.remove(asked[0])
        else:
            search.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=distributions, value=trial.value
                )
            )
    return waiting[0] if waiting else None


def _distributions(optuna: Any, space: Space) -> dict[str, Any]:
    """The space as Optuna has it; values stand there as text, since its files hold plain values."""
    found: dict[str, Any] = {}
    for key, dimension in space.items():
        if isinstance(dimension, Choices):
            texts = tuple(map(to_line, dimension.values))
            found[key] = optuna.distributions.CategoricalDistribution(texts)
        else:
            low, high = dimension.low, dimension.high
            found[key] = optuna.distributions.FloatDistribution(low, high, log=dimension.log)
    return found


def _to_params(space: Space, setting: Mapping[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for key, dimension in space.items():
        value = setting[key]
        params[key] = to_line(value) if isinstance(dimension, Choices) else float(value)
    return params


def _from_params(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    setting: dict[str, Any] = {}
    for key, dimension in space.items():
        if isinstance(dimension, Choices):
            for value in dimension.values:
                if to_line(value) == params[key]:
                    setting[key] = value
        else:
            setting[key] = float(params[key])
    return setting
