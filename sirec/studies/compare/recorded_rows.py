"""The runs that the record of a study lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirec.errors import SirecError
from sirec.run.records import read_record
from sirec.run.store import RecordedRun, RunFolder
from sirec.shell import command


@dataclass(frozen=True)
class RecordedRow:
    """A run that a study's record lists.

    Attributes:
        run: the run, under the label of its row.
        is_plain: whether its row names the model and changes nothing of it.
    """

    run: RunFolder
    is_plain: bool

    @property
    def model(self) -> str:
        """Name of the run's model."""
        return self.run.model


def study_records(out: Path) -> dict[str, Path]:
    """Name -> record of every study of a results folder."""
    return {path.stem: path for path in sorted((out / "studies").glob("*.json"))}


def recorded_rows(path: Path, data: str | None) -> list[RecordedRow]:
    """The runs that a study's record lists.

    Args:
        path: the record.
        data: name of the only data set to list runs of.

    Raises:
        SirecError: if the record is damaged. It may hold the very runs that are wanted, so it is
            not passed over.
    """
    hint = f"make it anew: {command('study', path.stem)}, or delete it"
    found: list[RecordedRow] = []
    try:
        stored: Mapping[str, Any] = read_record(path, hint)
        for line in stored["runs"]:
            run = RecordedRun(line["label"], line["run"], line.get("digest")).open(path.parents[1])
            is_plain = stored["plan"]["rows"][line["row"]].keys() == {"model"}
            if data in (None, run.dataset):
                found.append(RecordedRow(run, is_plain))
    except SirecError as error:
        raise SirecError(error.message, hint) from None
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        raise SirecError(f"{path}: not the record of a study", hint) from None
    return found
