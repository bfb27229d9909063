"""What several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import tiny as builders
import torch
from hypothesis import HealthCheck, settings

from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.run import store
from sirec.studies.launch import at_once

# How fast a machine is at the moment decides no test, and no command under test remarks on it.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
settings.register_profile("any load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any load")


@pytest.fixture(autouse=True)
def threads_of_the_session() -> Iterator[None]:
    """Give torch back its number of threads: a command that is tested sets its own, and waiting
    threads would slow down every test behind it.
    """
    before = torch.get_num_threads()
    yield
    if torch.get_num_threads() != before:
        torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def one_run_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test says nothing, runs are trained in its own process, on whatever machine."""
    monkeypatch.setattr(at_once, "usable_cores", lambda: 1)


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept between calls is kept here, and not in the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    """Thirty users, forty items; brand, category, rating."""
    return builders.dataset()


@pytest.fixture(scope="session")
def schema(tiny: Dataset) -> Schema:
    """What a model of `tiny` is built for: a window of twelve, position among the behaviours."""
    return tiny.schema(builders.WINDOW, with_position=True)


@pytest.fixture
def runs_of_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test call the folders of its runs what it likes, and not by their ids."""
    monkeypatch.setattr(store, "check_identity", lambda *arguments: [])
