"""The command that trains a model as the rows of a study were trained, on some of their fields."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from sirec.config import assign, dump, overlap, to_line
from sirec.data.dataset import Dataset
from sirec.data.fields import POSITION
from sirec.run.config import resolve
from sirec.shell import command
from sirec.studies.worth.design import NONE, WorthDesign, WorthQuestion

WITHOUT_FIELDS = "sasrec"  # where the model of the study needs a field


@dataclass(frozen=True, kw_only=True)
class NextTraining:
    """What a command says, besides the fields, so that its run is that of the study's row.

    Attributes:
        model: name of the model; a model that reads no field where it needs one and has none.
        options: options and their values: protocol, first seed, and settings that are not usual.
        with_losses: the fields of which one must be read for all losses of the model to be defined.
        losses: options that name the losses that are left where none of these is read.
        needs_field: whether the model cannot be built without any.
    """

    model: str
    options: tuple[str, ...] = ()
    with_losses: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    needs_field: bool = False

    def command(self, data: str, fields: Sequence[str]) -> str:
        """The command, ready to be pasted.

        Args:
            data: name of the data set.
            fields: the fields to read; none for the position alone.
        """
        if self.needs_field and not fields:
            return command("train", WITHOUT_FIELDS, "--data", data)
        words = [self.model, "--data", data, "--fields", ",".join(fields) or POSITION]
        losses = () if set(fields) & set(self.with_losses) else self.losses
        return command("train", *words, *self.options, *losses)


def next_training(question: WorthQuestion, made: WorthDesign, data: Dataset) -> NextTraining:
    """What trains a model as the rows of a study were trained.

    Args:
        question: what was asked.
        made: its rows.
        data: the prepared data set.
    """
    seed = made.experiment.seeds[0]
    options: list[str] = []
    if question.protocol != WorthQuestion().protocol:
        options += ["--protocol", question.protocol]
    if seed != 0:
        options += ["--seed", str(seed)]
    return NextTraining(
        model=question.model,
        options=(*options, *_settings(question, made, data)),
        with_losses=made.with_losses,
        losses=_losses(question, made, data),
        needs_field=NONE not in made.experiment.rows,
    )


def _settings(question: WorthQuestion, made: WorthDesign, data: Dataset) -> list[str]:
    """`--set` for every setting of the rows that is not usual anyway."""
    usual = dump(resolve(question.model, data, protocol=question.protocol))
    keys = list(made.experiment.set)
    words: list[str] = []
    for index, key in enumerate(keys):
        value = made.experiment.set[key]
        last = key.rpartition(".")[2]
        changed = deepcopy(usual)
        assign(changed, key, value, "worth")
        is_set_again = False
        for other in keys[index + 1 :]:
            if other.rpartition(".")[2] == last and overlap(usual, key, other):
                is_set_again = True
        if changed != usual and not is_set_again:
            words += ["--set", f"{key}={to_line(value)}"]
    return words


def _losses(question: WorthQuestion, made: WorthDesign, data: Dataset) -> tuple[str, ...]:
    """`--set` for the losses of each stage that lacks some of them where no field defines them."""
    config = resolve(question.model, data, protocol=question.protocol, shared=made.experiment.set)
    words: list[str] = []
    for stage in config.stages:
        left: list[object] = []
        for objective in stage.objectives:
            if objective.name not in made.undefined:
                left.append(dump(objective, defaults=False))
        if len(left) < len(stage.objectives):
            key = "objectives" if len(config.stages) == 1 else f"stages.{stage.title}.objectives"
            words += ["--set", f"{key}={to_line(left)}"]
    return tuple(words)
