"""A protocol: the settings under which a paper trained its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A paper's settings: assignments over a run's configuration, by dotted path.

    Attributes:
        name: what `--protocol` calls it.
        source: where the paper says so, and the settings in a few words.
        attributes: names of attributes in order of preference; a run uses the first that the data
            have, and all attributes where the data have none of these.
        assignments: settings for every model that has the key.
        exceptions: model -> settings that hold for it instead.
        tuned: model -> data set -> settings that the paper chose for this model on these data.
    """

    name: str
    source: str
    attributes: tuple[str, ...]
    assignments: Mapping[str, Any] = field(default_factory=dict)
    exceptions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tuned: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    def settings_of(self, model: str, dataset: str) -> dict[str, Any]:
        """Settings for one model alone, which it must have: exceptions, then what was tuned.

        Args:
            model: name of the model.
            dataset: name of the data set.
        """
        tuned = self.tuned.get(model, {}).get(dataset, {})
        return {**self.exceptions.get(model, {}), **tuned}
