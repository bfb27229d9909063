"""Which fields of a data set a model reads: those that a person names, and what is said where
nobody names any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sirec.data.dataset import Dataset
from sirec.data.fields import POSITION
from sirec.errors import SirecError, unknown
from sirec.models import model_class
from sirec.run.config import RunConfig, default_attributes, protocol_named
from sirec.shell import arguments

ATTRIBUTES, BEHAVIOURS = "data.attributes", "data.behaviours"
SHORT = {ATTRIBUTES: "attributes", BEHAVIOURS: "behaviours"}


def field_settings(
    data: Dataset, fields: Sequence[str], settings: Mapping[str, object] | None = None
) -> dict[str, list[str]]:
    """The settings of a run that reads these fields, in this order, and the position.

    Args:
        data: the prepared data set.
        fields: names of attributes and of behaviours; the position needs no mention.
        settings: other settings, which may not name fields as well.

    Raises:
        SirecError: for a name that the data do not have, or that is there twice.
    """
    for path, short in SHORT.items():
        if path in (settings or {}) or short in (settings or {}):
            raise SirecError(f"fields and {path} say the same", "leave one of them out")
    kinds = {field.name: field.kind for field in data.fields}
    chosen: dict[str, list[str]] = {"attribute": [], "behaviour": [POSITION]}
    seen: set[str] = set()
    for name in fields:
        if name != POSITION and name not in kinds:
            raise unknown("field", name, [*kinds, POSITION], data.name)
        if name in seen:
            raise SirecError(f"fields: {name} is there twice", "leave one of them out")
        seen.add(name)
        if name != POSITION:
            chosen[kinds[name]].append(name)
    return {ATTRIBUTES: chosen["attribute"], BEHAVIOURS: chosen["behaviour"]}


def vectors_remark(config: RunConfig, data: Dataset) -> str | None:
    """The sentence on attributes of vectors that losses over values leave out beside others.

    Args:
        config: configuration of a run.
        data: the prepared data set.

    Returns:
        None where there is no such loss, or its attributes are named.
    """
    names = config.data.attributes
    vectors: list[str] = []
    for field in data.fields:
        if field.form == "vector" and (names is None or field.name in names):
            vectors.append(field.name)
    losses: dict[str, None] = {}
    for stage in config.stages:
        for objective in stage.objectives:
            if objective.needs_values and getattr(objective, "attributes", None) is None:
                losses[objective.name] = None
    if not vectors or not losses:
        return None
    verb = "leaves" if len(losses) == 1 else "leave"
    return f"the model reads vectors ({', '.join(vectors)}); {', '.join(losses)} {verb} them out"


def default_fields_remark(
    data: Dataset, protocol: str, model: str, settings: Mapping[str, object]
) -> str | None:
    """The sentence on the attributes that a model reads because nobody names any.

    Args:
        data: the prepared data set.
        protocol: name of the protocol.
        model: name of the model.
        settings: what is set; it may name attributes.

    Returns:
        None where the model reads no attributes, where they are named, and where there is no
        choice among them.
    """
    attributes = [field.name for field in data.fields if field.kind == "attribute"]
    is_named = ATTRIBUTES in settings or SHORT[ATTRIBUTES] in settings
    if is_named or len(attributes) < 2 or not model_class(model)().reads("attribute"):
        return None
    read = default_attributes(protocol_named(protocol), data)
    left = [name for name in attributes if name not in read]
    if not left:
        some = attributes[0]
        return (
            f"attributes: {', '.join(read)}, which are all of {data.name}; "
            f"fewer: {arguments('--set', f'{ATTRIBUTES}=[{some}]')}"
        )
    every = ", ".join(attributes)
    return (
        f"attributes: {', '.join(read)}, as protocol {protocol} has it, without "
        f"{', '.join(left)}; all: {arguments('--set', f'{ATTRIBUTES}=[{every}]')}"
    )
