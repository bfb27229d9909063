"""Legal settings that make a training slow are told before it begins."""

from __future__ import annotations

import os
import warnings

import pytest

from sirec.config import check_numbers, unusual_numbers
from sirec.data.dataset import Dataset
from sirec.errors import Remark
from sirec.models import MODELS
from sirec.run.config import resolve
from sirec.run.slow_settings import remark_slow_settings


def told(tiny: Dataset, **settings: object) -> list[str]:
    """What is said of a run of SASRec."""
    config = resolve("sasrec", tiny, assignments={"threads": 1, **settings})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Remark)
        remark_slow_settings(config)
    return [str(each.message) for each in caught]


def test_sizes_that_nobody_takes_and_idle_threads_are_told(tiny: Dataset) -> None:
    """Control: those of the papers need no word, and neither do as many threads as cores."""
    cores = os.cpu_count() or 1
    assert told(tiny, threads=min(cores, 256)) == []
    layers = "layers: 17, and up to 16 layers are usual: a step may take minutes"
    assert told(tiny, layers=17) == [layers]
    assert told(tiny, layers=16) == []
    [threads] = told(tiny, threads=cores + 1)
    assert f"there are {cores} cores: fewer threads are faster" in threads


@pytest.mark.parametrize("name", MODELS)
def test_what_is_usual_is_what_models_take(name: str) -> None:
    """No model's own numbers are called unusual. Control: they are looked at."""
    config = MODELS[name]()
    check_numbers(config)
    assert unusual_numbers(config) == []
