"""Arbitrary text and bytes for the loader of configurations: a value or one clear error, in time.

`fuzz_loader(examples)` runs all properties; it raises the first failure. A property returns whether
the input was refused.
"""

from __future__ import annotations

import math
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from faults.law import Tally
from sirec.config import (
    MalformedTextError,
    dump,
    parse_assignments,
    parse_json,
    parse_yaml,
    read_json,
    read_yaml,
    to_yaml,
)
from sirec.config.plain_values import MOST_DEPTH
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.run.config import resolve
from sirec.testing.models import small_dataset

SECONDS = 2  # of the processor, that one input may take
PROPERTIES = 5

# Pieces from which wrong files are made; each stands for a mistake that parsers know.
PIECES = (
    *"[]{}:,-?&*!|>'\"%@`#~=<",
    *("\n", "  ", "\t", ": ", "- ", "? ", "\r\n", "\0", "\ufeff", "\u2028", "\x85", "\\"),
    *("---\n", "...\n", "&a ", "*a", "<<: ", "<<: *a", "\\ud800", "! "),
    *("!!python/object:os.system ", "!!int ", "!!binary ", "!!set "),
    *("0x", "0x_", "0b_", "0o8", "010", "1:30", "1_000", ".inf", ".nan", "-.inf", "-0"),
    *("1e400", "1.0e+400", "NaN", "Infinity", "9" * 30, "9" * 5000),
    *("2024-13-45", "2024-01-01", "yes", "no", "on", "off", "true", "null"),
    *("name", "task", "seed", "model", "stages", "a", "b", "é", "😀"),
)
soups = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
depths = st.integers(0, 5000)
openings = st.sampled_from(
    ["[", "{", "{a: ", '{"a":', "- ", "? ", "'", '"', "[[", "&a [", "!!set {"]
)
nested = st.builds(lambda opening, depth: opening * depth, openings, depths)
texts = st.one_of(soups, nested, st.text(max_size=200), st.builds("{}{}".format, nested, soups))
contents = st.one_of(
    texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
    texts.map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.binary(max_size=200),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**90), 10**90),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["yes", "010", "1:30", "2024-01-01", "1e-3", "0x_", "", "=", "<<", "null", "08"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.fixed_dictionaries({"name": inner})
    ),
    max_leaves=8,
)


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value is made of texts, numbers, true, false, null, lists and mappings alone."""
    if depth > MOST_DEPTH:
        return False
    if isinstance(value, dict):
        keys_are_texts = all(type(key) is str for key in value)
        return keys_are_texts and all(is_plain(each, depth + 1) for each in value.values())
    if isinstance(value, list):
        return all(is_plain(each, depth + 1) for each in value)
    return value is None or type(value) in (bool, int, float, str)


def check_message(message: str, beginning: str = "") -> None:
    """A message is one line that says where the mistake is, and stays short."""
    assert message.startswith(beginning)
    assert "\n" not in message
    assert len(message) < 1000


def check_text(text: str) -> bool:
    """Each format gives plain values or says what is wrong, on one line."""
    refused = 0
    for parse in (parse_yaml, parse_json):
        try:
            value = parse(text)
        except MalformedTextError as error:
            check_message(error.problem)
            refused += 1
            continue
        assert is_plain(value), (parse, value)
    return refused == 2


def check_file(content: bytes) -> bool:
    """Each format gives the mapping in a file, or an error that begins with the file."""
    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        for read in (read_yaml, read_json):
            try:
                value = read(path)
            except SirecError as error:
                check_message(error.message, str(path))
                refused += 1
                continue
            assert type(value) is dict
            assert is_plain(value)
    return refused == 2


def check_round_trip(value: Any) -> bool:
    """What is written is read again as the same value, or not at all."""
    try:
        again = parse_yaml(to_yaml(value))
    except MalformedTextError:
        return True
    assert _same(again, value), (again, value)
    return False


def check_setting(data: Dataset, model: str, path: str, value: Any) -> bool:
    """A setting leads to a configuration that can be written, or to an error with the key."""
    try:
        config = resolve(model, data, assignments={path: value}, where="--set")
    except SirecError as error:
        check_message(error.message)
        return True
    assert is_plain(dump(config))
    return False


def check_assignment(data: Dataset, path: str, text: str) -> bool:
    """The same from a text, as the command line has it."""
    try:
        assignments = parse_assignments([f"{path}={text}"])
        resolve("comif", data, assignments=assignments, where="--set")
    except SirecError as error:
        check_message(error.message)
        return True
    return False


def fuzz_loader(examples: int, tally: Tally) -> None:
    """Run every property on this many inputs; the first failure is raised as an AssertionError.

    Args:
        examples: inputs for each property.
        tally: counts what was tried and refused.
    """
    data = small_dataset()
    paths = st.sampled_from(
        (
            "seed",
            "heads",
            "task",
            "objectives",
            "with",
            "learning_rate",
            "stages",
            "model",
            "data.attributes",
            "model.name",
            "max_length",
            "precision",
            "stages.train.objectives.item",
        )
    )
    models = st.sampled_from(list(MODELS))
    checks: list[tuple[Callable[..., bool], tuple[Any, ...]]] = [
        (check_text, (texts,)),
        (check_file, (contents,)),
        (check_round_trip, (values,)),
        (check_setting, (st.just(data), models, paths, values)),
        (check_assignment, (st.just(data), paths, texts)),
    ]
    for check, strategies in checks:
        configured = settings(
            max_examples=examples,
            deadline=None,  # it would count the time of other programs, too
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        configured(given(st.tuples(*strategies))(_counted(check, tally)))()


def _counted(check: Callable[..., bool], tally: Tally) -> Callable[[tuple[Any, ...]], None]:
    """The check of one input, which also fails where it takes too much of the processor."""

    def counted(values: tuple[Any, ...]) -> None:
        tally.tried += 1
        begin = time.process_time()
        tally.refused += check(*values)
        seconds = time.process_time() - begin
        assert seconds <= SECONDS, f"{seconds:.1f} s of the processor"
        tally.note_memory(
            repr(values)[:200], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        )

    return counted


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal in value and type; NaN equals NaN."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
