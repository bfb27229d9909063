"""Side-information sequential recommendation: prepare, train, evaluate, compare.

The functions of `sirec.api` are loaded when they are first used, and torch with them: importing
`sirec` is quick and changes nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sirec.api import (
        ablate,
        claims,
        compare,
        evaluate,
        load,
        prepare,
        run_study,
        train,
        verify,
        worth,
    )
    from sirec.api_config import train_config
    from sirec.api_copy import copy_runs
    from sirec.api_export import export
    from sirec.api_new_items import newitems
    from sirec.api_recommend import explain, recommend
    from sirec.api_refit import refit
    from sirec.api_sweep import sweep
    from sirec.studies.spec.experiment import Experiment
    from sirec.studies.spec.row import RowPlan

__all__ = [
    "Experiment",
    "RowPlan",
    "ablate",
    "claims",
    "compare",
    "copy_runs",
    "evaluate",
    "explain",
    "export",
    "load",
    "newitems",
    "prepare",
    "recommend",
    "refit",
    "run_study",
    "sweep",
    "train",
    "train_config",
    "verify",
    "worth",
]
_DECLARED = "sirec.studies.spec.experiment"
_HOMES = {
    "Experiment": _DECLARED,
    "RowPlan": "sirec.studies.spec.row",
    "copy_runs": "sirec.api_copy",
    "explain": "sirec.api_recommend",
    "export": "sirec.api_export",
    "train_config": "sirec.api_config",
    "newitems": "sirec.api_new_items",
    "recommend": "sirec.api_recommend",
    "refit": "sirec.api_refit",
    "sweep": "sirec.api_sweep",
}


def __getattr__(name: str) -> Any:
    """A public name, from its module, which is loaded now.

    Raises:
        AttributeError: for any other name.
    """
    if name not in __all__:
        raise AttributeError(f"module 'sirec' has no attribute '{name}'")
    value = getattr(import_module(_HOMES.get(name, "sirec.api")), name)
    if not isinstance(value, type):
        value = import_module("sirec.api_errors").with_notes(value)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
