"""What a model needs of memory is known before it is taken, and what does not fit is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sirec.core import memory as core_memory
from sirec.core.memory import kept_bytes, weight_bytes, without_content
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.memory import memory_size
from sirec.models import MODELS
from sirec.run import fits_memory
from sirec.run.config import resolve
from sirec.run.fits_memory import refuse_beyond_memory
from sirec.testing.models import WINDOW

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_counted_without_building_them(name: str, tiny: Dataset) -> None:
    """Four copies of what is trained and one of the rest, and no random number is drawn."""
    config = resolve(name, tiny)
    schema = tiny.schema(WINDOW, with_position=True)
    state = torch.get_rng_state()
    without = without_content(lambda: config.model.build(schema))
    assert without is not None
    model = config.model.build(schema)
    expected = 0
    for tensor in [*model.parameters(), *model.buffers()]:
        copies = 4 if tensor.requires_grad else 1
        expected += copies * tensor.numel() * tensor.element_size()
    assert expected <= weight_bytes(without).total <= 1.01 * expected  # some share a buffer
    torch.set_rng_state(state)
    without_content(lambda: config.model.build(schema))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", [name for name in MODELS if not MODELS[name].is_training_free])
def test_what_backpropagation_keeps_is_counted_without_content(name: str, tiny: Dataset) -> None:
    """Never more than a pass over real numbers keeps, and most of it; nothing is drawn."""
    config = resolve(name, tiny, assignments={"max_length": WINDOW, "width": 32})
    schema = tiny.schema(WINDOW, with_position=True)
    stage = config.stages[-1]
    without = without_content(lambda: config.model.build(schema))
    assert without is not None
    state = torch.get_rng_state()
    batch = fits_memory._batch(tiny, stage, 8, WINDOW)
    counted = kept_bytes(without, lambda: without.encode(batch))  # type: ignore[operator]
    assert torch.equal(torch.get_rng_state(), state)

    model = config.model.build(schema)
    model.fit_statistics(tiny)
    ones = torch.ones((8, WINDOW), dtype=torch.long)
    real = replace(
        batch,
        users=torch.arange(1, 9),
        items=ones,
        behaviours=dict.fromkeys(batch.behaviours, ones),
        targets=ones,
        read=torch.full((8,), WINDOW - 1),
    )
    measured = kept_bytes(model, lambda: model.encode(real))  # type: ignore[operator]
    assert 0.6 * measured < counted <= measured


def test_a_model_that_does_not_fit_is_refused_before_it_is_built(tiny: Dataset) -> None:
    """At once, with the largest table and the key to change; a small one (control) passes."""
    small = resolve("sasrec", tiny, assignments={"width": 8})
    refuse_beyond_memory(small, tiny, CPU)
    large = resolve("sasrec", tiny, assignments={"width": 65_536, "inner": 65_536})
    with pytest.raises(SirecError) as error:
        refuse_beyond_memory(large, tiny, CPU)
    assert error.value.message.startswith("sasrec: weights, gradients and the optimiser's")
    assert "[65,536 × 65,536] alone 69 GB) need about" in error.value.message
    assert "and this machine has" in error.value.message
    assert error.value.hint == "make width or inner smaller"


def test_a_step_that_does_not_fit_is_refused_before_the_model_is_built(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 100 kB of memory; with that of this machine (control) it is not even looked at."""
    config = resolve("sasrec", tiny, assignments={"width": 16, "inner": 16})
    refuse_beyond_memory(config, tiny, CPU)
    for module in (core_memory, fits_memory):
        monkeypatch.setattr(module, "device_memory", lambda device: 10**5)
    with pytest.raises(SirecError) as error:
        refuse_beyond_memory(config, tiny, CPU)
    expected = r"stage train: \d+ rows of \d+ slots a step \(512 targets\) need about"
    assert re.match(expected, error.value.message)
    assert "budget" in str(error.value.hint)


@pytest.mark.parametrize(
    ("own_groups", "files", "size"),
    [
        ("0::/job/step\n", {"job/memory.max": "1000\n", "job/step/memory.max": "max\n"}, 1000),
        ("0::/job/step\n", {"job/step/memory.max": "500\n", "memory.max": "800\n"}, 500),
        ("4:memory:/job\n3:cpu:/\n", {"memory/job/memory.limit_in_bytes": "700\n"}, 700),
        ("3:cpu:/job\n", {"memory/job/memory.limit_in_bytes": "700\n"}, None),
        ("0::/\n", {"memory.max": "nonsense\n"}, None),
        ("nonsense\n\n", {}, None),
    ],
)
def test_limits_of_control_groups_hold(
    own_groups: str, files: dict[str, str], size: int | None, tmp_path: Path
) -> None:
    """Those of the own group and of the groups around it; without one the machine's size."""
    machine = memory_size(tmp_path / "none", tmp_path / "none")
    (tmp_path / "own").write_text(own_groups)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert memory_size(tmp_path / "groups", tmp_path / "own") == (size or machine)
