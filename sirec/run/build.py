"""The model of a run, built for its data: untrained, or with the weights of a finished run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.fields import POSITION, Schema
from sirec.data.placebo import with_placebos
from sirec.data.tensors import check_tensors
from sirec.errors import SirecError
from sirec.run.config import RunConfig
from sirec.run.device import device_named
from sirec.run.store import RunFolder


@dataclass(eq=False)
class BuiltModel:
    """A model and the data that it was built for.

    Attributes:
        data: the data set with the fields that the model reads, on the model's device.
        schema: its sizes and fields, as the model knows them.
        model: the model.
        config: the configuration by which it was built.
    """

    data: Dataset
    schema: Schema
    model: Recommender
    config: RunConfig

    def on(self, data: Dataset) -> BuiltModel:
        """The same weights, in evaluation mode, where fields have other values.

        Args:
            data: the data set of this model, with other values of its fields.
        """
        with_position = POSITION in self.config.data.behaviours
        schema = data.schema(self.schema.max_length, with_position=with_position)
        model = self.config.model.build(schema).to(data.items.device)
        model.name = self.model.name
        model.fit_statistics(data)
        model.load_state_dict(self.model.state_dict())
        return BuiltModel(data, schema, model.eval(), self.config)


def set_up(config: RunConfig, data: Dataset, device: torch.device) -> BuiltModel:
    """Prepare torch for a run and build its model.

    It sets the number of threads, deterministic algorithms and the seed of torch, for the whole
    process (see `torch_state_restored`).

    Args:
        config: configuration of the run.
        data: the whole data set.
        device: where the run is computed.

    Returns:
        The untrained model, with the statistics that it takes from the data without gradient.

    Raises:
        SirecError: if the model does not fit the data.
    """
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    # Filling new memory would show who reads what nobody has written, for 7 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    selected = data.select(config.data.attributes, config.data.behaviours)
    chosen = with_placebos(selected, config.data.placebo, config.seed)
    if config.refit is not None:
        chosen = config.refit.data(chosen)
    chosen = chosen.to(device)
    with_position = POSITION in config.data.behaviours
    schema = chosen.schema(config.data.max_length, with_position=with_position)
    torch.manual_seed(config.seed)
    model = config.model.build(schema).to(device)
    model.name = config.model.name
    model.fit_statistics(chosen)
    return BuiltModel(chosen, schema, model, config)


def load_model(folder: RunFolder, data: Dataset, device: str = "cpu") -> BuiltModel:
    """The trained model of a run, in evaluation mode.

    Args:
        folder: the folder of the run.
        data: the whole data set that it was trained on.
        device: where the model is computed.

    Raises:
        SirecError: if the run has not finished, has no weights, or was trained on other data.
    """
    folder.check_finished()
    config = folder.config()
    check_data(folder, data)
    built = set_up(config, data, device_named(device))
    weights = folder.weights()
    check_tensors(
        weights,
        built.model.state_dict(),
        f"{folder.path}: the stored weights",
        "they are of another model or another version: train again with --again",
    )
    built.model.load_state_dict(weights)
    built.model.eval()
    return built


def check_data(folder: RunFolder, data: Dataset) -> None:
    """Check that a run was trained on a data set.

    Args:
        folder: the folder of the run.
        data: the whole data set.

    Raises:
        SirecError: if the run was trained on another one.
    """
    trained_on, found = folder.fingerprint(), data.fingerprint()
    if trained_on != found:
        raise SirecError(
            f"{folder.path}: trained on data {trained_on}, but {data.name} is now {found}",
            "prepare the data set with the settings it had, or train again",
        )


@contextmanager
def torch_state_restored() -> Iterator[None]:
    """Give back the global state of torch that was found, whatever is set within.

    This is the number of threads, whether algorithms are deterministic, whether new memory is
    filled, and the states of the random number generators of the CPU and of CUDA in use.
    """
    threads = torch.get_num_threads()
    is_deterministic = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    random_state = torch.get_rng_state()
    cuda_states: list[torch.Tensor] = []
    if torch.cuda.is_initialized():
        cuda_states = torch.cuda.get_rng_state_all()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(is_deterministic, warn_only=warns_only)
        torch.utils.deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
        torch.set_rng_state(random_state)
        if cuda_states:
            torch.cuda.set_rng_state_all(cuda_states)
