"""Options that mean the same in every command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sirec.errors import SirecError
from sirec.studies.analyses.names import SAMPLED_USERS as SAMPLED_USERS


class History(StrEnum):
    """Whether items of the history take part in the ranking."""

    keep = "keep"
    mask = "mask"


class ProfileName(StrEnum):
    """Which reading of a paper."""

    intended = "intended"
    published = "published"


class PrecisionName(StrEnum):
    """In which numbers a model is trained."""

    fp32 = "fp32"
    bf16 = "bf16"


def complete_model(beginning: str) -> list[str]:
    """Model names for the shell's completion."""
    from sirec.studies.analyses.model_facts import model_listings

    names = [listing.name for listing in model_listings()]
    return [name for name in names if name.startswith(beginning)]


Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="Prepared data set; without it the last prepared one, else the demo.",
        show_default=False,
    ),
]
DataRoot = Annotated[Path, typer.Option(help="Folder of prepared data sets.")]
Out = Annotated[Path, typer.Option("--out", help="Results folder.")]
FieldNames = Annotated[
    str | None,
    typer.Option(
        "--fields",
        help="Attributes and behaviours to read besides the position, separated by commas.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all random draws.")]
Seeds = Annotated[
    str | None,
    typer.Option(
        help="Seeds, separated by commas; two or more speak of the method, not of checkpoints.",
        show_default=False,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="How many runs to train at a time, each in a process of its own; without it as many as"
        " cores and memory allow.",
        show_default=False,
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Ray cluster to train on, --jobs runs at a time: auto (the one this machine belongs"
        " to), HOST:PORT, or local (one for this command).",
        show_default=False,
    ),
]
RenderOnly = Annotated[
    bool, typer.Option("--render-only", help="Draw from stored ranks; train nothing.")
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Train nothing; say which runs there are, which are missing and how long they take.",
    ),
]
Threads = Annotated[
    int, typer.Option(help="CPU threads; part of a run's identity, because rounding depends on it.")
]
Device = Annotated[str, typer.Option(help="Device to compute on: cpu, cuda, cuda:1, auto.")]
PrecisionOption = Annotated[PrecisionName, typer.Option(help="fp32, or bf16 autocast.")]
ProtocolName = Annotated[
    str, typer.Option(help="Whose settings: comif, difsr, difsr-paper or difsr-release.")
]
ProfileOption = Annotated[
    ProfileName, typer.Option(help="intended: what the paper says; published: what its code did.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one setting: KEY=VALUE; repeatable.", show_default=False),
]
Full = Annotated[
    bool, typer.Option("--full", help="Print all tables with their notes, not one screen.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Again = Annotated[bool, typer.Option("--again", help="Train even if the run has finished.")]
HistoryOption = Annotated[
    History, typer.Option(help="Keep or mask items of the history in the ranking.")
]

SampledUsers = Annotated[int, typer.Option("--users", help="How many test users are drawn.")]

DATA_ROOT, RESULTS = Path("data"), Path("results")


def parse_names(text: str | None) -> tuple[str, ...] | None:
    """`brand,category` as names; None stays None, and an empty text is no name."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """`0,1,2` as numbers; None stays None.

    Raises:
        SirecError: for anything else.
    """
    if text is None:
        return None
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        from sirec.config import brief

        raise SirecError(
            f"--seeds {brief(text)}: expected whole numbers separated by commas",
            "for example: --seeds 0,1,2",
        ) from None
