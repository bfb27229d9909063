"""What `sirec models` shows of the models, as plain values that are kept between calls.

This module imports neither torch nor a model; what computes the values does, where they are not
kept (see `code_facts`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sirec.studies.code_facts import kept

if TYPE_CHECKING:
    from sirec.data.dataset import Dataset


@dataclass(frozen=True)
class ModelListing:
    """A model's line in the list.

    Attributes:
        name: the model's name.
        places: where attributes and behaviours enter and what fuses them, as text.
        facts: all that the declaration says of it, for JSON.
    """

    name: str
    places: Mapping[str, str]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class ShownSetting:
    """A setting of a model's page.

    Attributes:
        path: the dotted path of the key.
        texts: the value as `--set` takes it, by column: `declared`, `intended`, `published`; a
            dash where a column lacks it.
        values: the values that there are, by column.
        takes: which values it may have; empty for a text.
    """

    path: str
    texts: Mapping[str, str]
    values: Mapping[str, Any]
    takes: str


@dataclass(frozen=True)
class ModelPage:
    """A model's page, under a protocol and without data.

    Attributes:
        text: its equations and departures, as its module tells them.
        source: the publication.
        checked: the result of the comparison with the authors' module.
        no_graph: what keeps it from being exported; empty where nothing does.
        switches: settings of the profile `published`.
        printed: what papers print for it, a row for each paper and data set.
        settings: every setting of a run.
        search: key -> what a search tries of it where nobody names a space, in words.
    """

    text: str
    source: str
    checked: str
    no_graph: str
    switches: Mapping[str, Any]
    printed: tuple[Mapping[str, Any], ...]
    settings: tuple[ShownSetting, ...]
    search: Mapping[str, str]


def model_listings() -> list[ModelListing]:
    """The lines of all models, training-free baselines first."""
    found = kept("listings of the models", _computed_listings)
    return [ModelListing(**values) for values in found]


def model_listing(name: str) -> ModelListing:
    """The line of one model.

    Args:
        name: the model's name.

    Raises:
        SirecError: if no model has that name.
    """
    for listing in model_listings():
        if listing.name == name:
            return listing
    from sirec.models import model_class

    model_class(name)  # raises, with the nearest name
    raise AssertionError(name)


def model_page(name: str, protocol: str, data: Dataset | None = None) -> ModelPage:
    """The page of a model.

    Args:
        name: the model's name.
        protocol: the protocol that its settings are shown under.
        data: the data set, whose tuned settings a protocol may have; None for no data set.

    Raises:
        SirecError: if no model, or no protocol, has that name.
    """
    if data is not None:
        return _read_page(_computed_page(name, protocol, data))
    return _read_page(
        kept(f"page of {name} under {protocol}", lambda: _computed_page(name, protocol))
    )


def _read_page(values: Mapping[str, Any]) -> ModelPage:
    """A page from its plain values."""
    settings: list[ShownSetting] = []
    for setting in values["settings"]:
        settings.append(ShownSetting(**setting))
    known = {**values, "printed": tuple(values["printed"]), "settings": tuple(settings)}
    return ModelPage(**known)


def _computed_listings() -> list[dict[str, Any]]:
    """Plain values of the lines of all models."""
    from sirec.studies.analyses.model_cards import entries

    listings: list[dict[str, Any]] = []
    for card in entries():
        places: dict[str, str] = {}
        for kind, place in card.places.items():
            places[kind] = place.text
        listings.append(asdict(ModelListing(card.model.name, places, card.as_dict())))
    return listings


def _computed_page(name: str, protocol: str, data: Dataset | None = None) -> dict[str, Any]:
    """Plain values of a model's page."""
    from sirec.models import model_class
    from sirec.studies.analyses.model_cards import READINGS, printed, search_space, settings

    model = model_class(name)
    shown: list[ShownSetting] = []
    for key in settings(model, data, protocol):
        texts: dict[str, str] = {}
        values: dict[str, object] = {}
        for column in READINGS:
            texts[column] = key.text(column)
            if column in key.values:
                values[column] = key.values[column]
        shown.append(ShownSetting(key.path, texts, values, key.takes))
    page = ModelPage(
        text=inspect.getdoc(inspect.getmodule(model)) or "",
        source=model.source,
        checked=model.checked,
        no_graph=model.no_graph,
        switches=dict(model.published),
        printed=tuple(printed(model)),
        settings=tuple(shown),
        search=search_space(model, protocol),
    )
    return asdict(page)
