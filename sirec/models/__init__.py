"""Every model, by name. A new model is one file in this package; `MODELS` finds it there."""

from __future__ import annotations

from sirec.config import open_kind
from sirec.models.declaration import Declaration
from sirec.registry import Registry

MODELS: Registry[type[Declaration]] = Registry("model", Declaration, "sirec.models")
open_kind(Declaration, MODELS)


def model_class(name: str) -> type[Declaration]:
    """The declaration of a model.

    Args:
        name: the model's name, for example `dif-sr`.

    Raises:
        SirecError: if no model has that name; the message has the nearest one.

    """
    return MODELS[name]
