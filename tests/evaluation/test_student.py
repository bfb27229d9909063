"""Student's t distribution beside that of `scipy.stats`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from sirec.evaluation.student import quantile, upper_tail

DEGREES = st.one_of(st.integers(1, 50_000), st.floats(0.5, 500))


@given(st.floats(0.0001, 0.9999), DEGREES)
def test_quantiles_are_those_of_scipy_stats_to_the_bit(probability: float, degrees: float) -> None:
    assert quantile(probability, degrees) == t.ppf(probability, degrees)


@given(st.floats(-40, 40), DEGREES)
def test_tails_are_those_of_scipy_stats_to_the_bit(value: float, degrees: float) -> None:
    assert upper_tail(value, degrees) == t.sf(value, degrees)


@pytest.mark.parametrize("module", ["sirec.evaluation.paired_means", "sirec.studies.claims"])
def test_what_draws_tables_does_not_import_scipy_stats(module: str) -> None:
    code = f"import sys, {module}; print('scipy.stats' in sys.modules, 'scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
