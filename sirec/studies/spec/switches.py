"""The parts that `sirec ablate` can switch off, and what that means for each model.

No model is imported, so that the command line's help is fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Edit:
    """What becomes of a model whose part is switched off.

    Attributes:
        without: objectives that are left out.
        set: settings that are changed.
        model: another model that takes its place and keeps its objectives.
    """

    without: tuple[str, ...] = ()
    set: Mapping[str, object] = field(default_factory=dict)
    model: str | None = None


@dataclass(frozen=True)
class Switch:
    """A part that can be switched off.

    Attributes:
        name: name of the switch.
        part: the part as labels of rows name it.
        meaning: what is left out, as help and notes say it.
        edits: model -> what becomes of it; the model that the part belongs to comes first.
    """

    name: str
    part: str
    meaning: str
    edits: Mapping[str, Edit]

    @property
    def flag(self) -> str:
        """The option of the command line."""
        return f"--no-{self.name}"


_ALL = (
    Switch(
        "upa",
        "UPA",
        "COMIF's user-preference alignment is left out",
        {"comif": Edit(without=("upa",))},
    ),
    Switch(
        "iaa",
        "IAA",
        "COMIF's item-attribute alignment is left out",
        {"comif": Edit(without=("iaa",))},
    ),
    Switch(
        "embedding-fusion",
        "embedding fusion",
        "attributes score at the attention instead of joining the item, "
        "and candidates are bare items",
        {"comif": Edit(set={"attribute": "attention", "candidates": "id"})},
    ),
    Switch(
        "attention-fusion",
        "attention fusion",
        "behaviours are added to the item instead of scoring at the attention",
        {
            "comif": Edit(set={"behaviour": "embedding"}),
            "dif-sr": Edit(set={"behaviour": "embedding"}),
        },
    ),
    Switch(
        "aap",
        "AAP",
        "DIF-SR's attribute prediction is left out",
        {"dif-sr": Edit(without=("aap",))},
    ),
    Switch(
        "dif",
        "DIF",
        "without decoupled attention DIF-SR is SASRecF, trained by the same losses",
        {"dif-sr": Edit(model="sasrecf")},
    ),
)
SWITCHES: Mapping[str, Switch] = {switch.name: switch for switch in _ALL}

SIDE_INFORMATION = "side-info"
# The papers' ablation tables by their names in `sirec ablate` -> experiment files.
TABLES: Mapping[str, tuple[str, ...]] = {
    "modules": ("comif_table6_modules",),
    "fusion": ("comif_table4_fusion",),
    SIDE_INFORMATION: ("comif_table5_side_information",),
    "dif": ("difsr_table4_ablation", "difsr_table5_side_information"),
}
DEFAULT_TABLE = "modules"
