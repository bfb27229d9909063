"""Every number of a configuration declares its range and unit, wherever its value comes from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import numpy as np
import pytest

from sirec.config import Range, check_number, check_numbers, load
from sirec.config.quantities import JobCount
from sirec.config.ranges import declared_range, field_types, is_numeric
from sirec.data.dataset import Dataset
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.sources import SOURCES
from sirec.data.split import Split
from sirec.data.tasks import TASKS
from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.models import MODELS
from sirec.objectives import OBJECTIVES
from sirec.objectives.stage import Stage
from sirec.run.config import DataConfig, RunConfig, resolve
from sirec.studies.spec.experiment import Experiment

OTHERS = (Stage, DataConfig, RunConfig, PrepareOptions, Experiment, *get_args(Split))


def configurations() -> Iterator[type]:
    """Every dataclass of which a person writes the fields."""
    yield from OTHERS
    for registry in (MODELS, OBJECTIVES, TASKS, SOURCES):
        for name in registry:
            if registry.provider(name).is_sirec and dataclasses.is_dataclass(registry[name]):
                yield registry[name]


def numeric_fields(cls: type) -> Iterator[tuple[dataclasses.Field[Any], Range | None]]:
    """Each numeric field of a class, with the range that it declares."""
    for field in dataclasses.fields(cls):
        kind = field_types(cls)[field.name]
        if is_numeric(kind):
            yield field, declared_range(kind)


def fault(field: dataclasses.Field[Any], range_: Range | None) -> str | None:
    """What a field's declaration lacks; None if nothing."""
    if range_ is None:
        return "no range: annotate it with one of sirec/config/quantities.py"
    if not range_.unit:
        return "a range without a unit"
    if not (range_.is_finite and math.isfinite(range_.minimum) and math.isfinite(range_.maximum)):
        return "a range without bounds"
    if isinstance(field.default, int | float) and field.default not in range_:
        return "a default outside its range"
    return None


def test_every_number_declares_its_range_and_unit() -> None:
    """More than a hundred and thirty numbers, those of models counted for each model."""
    count = 0
    for cls in configurations():
        for field, range_ in numeric_fields(cls):
            count += 1
            assert fault(field, range_) is None, f"{cls.__name__}.{field.name}"
    assert count > 130


@dataclass
class Faulty:
    bare: int = 1
    repeated: tuple[float, ...] = ()
    unlimited: Annotated[float, Range(unit="metres")] = 1.0
    without_unit: Annotated[int, Range(1, 2)] = 1
    outside: Annotated[int, Range(1, 2, "pieces")] = 3
    right: Annotated[int, Range(1, 2, "pieces")] = 2
    text: str = ""


def test_a_number_without_a_range_is_found() -> None:
    """Control of the law: each fault is told, and a right field has none."""
    faults = {field.name: fault(field, range_) for field, range_ in numeric_fields(Faulty)}
    assert [name for name, found in faults.items() if found is None] == ["right"]
    assert "text" not in faults


def test_a_number_outside_its_range_is_refused_by_the_class_too() -> None:
    """A caller who builds an object gets the same line as one who loads it from a file."""
    for cls in configurations():
        if any(map(_is_required, dataclasses.fields(cls))):
            continue
        for field, range_ in numeric_fields(cls):
            if range_ is None or not isinstance(field.default, int | float):
                continue
            for wrong in (math.nan, math.inf, range_.minimum - 1, range_.maximum + 1, 10**400):
                with pytest.raises(SirecError, match=rf"{field.name} must be .*, got "):
                    cls(**{field.name: wrong})


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


@dataclass(frozen=True, kw_only=True)
class Parent:
    size: Annotated[int, Range(1, 10, "pieces")] = 2
    shares: tuple[Annotated[float, Range(0, 1, "share", maximum_excluded=True)], ...] = ()
    limit: Annotated[float, Range(0, 5, "metres")] | None = None

    def __post_init__(self) -> None:
        """Check them."""
        check_numbers(self)


@dataclass(frozen=True, kw_only=True)
class Child(Parent):
    """Another default, and a number without a range."""

    size: int = 3
    limit: float | None = 1.0
    free: float = 0.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, "x.size must be from 1 to 10 pieces, got 0"),
        ({"size": 11}, "x.size must be from 1 to 10 pieces, got 11"),
        ({"size": 10**5000}, "x.size must be from 1 to 10 pieces, got a number of more than 100"),
        ({"size": 2.0}, "x.size: expected a whole number, got 2.0"),
        ({"size": True}, "x.size: expected a whole number, got true"),
        ({"shares": [0.5, 1]}, r"x.shares.1 must be at least 0 and below 1, got 1"),
        ({"limit": -1}, "x.limit must be from 0 to 5 metres, got -1"),
        ({"limit": math.nan}, "x.limit must be from 0 to 5 metres, got nan"),
        ({"limit": math.inf}, "x.limit must be from 0 to 5 metres, got inf"),
        ({"free": math.nan}, "x.free must be a finite number, got nan"),
        ({"free": -math.inf}, "x.free must be a finite number, got -inf"),
        ({"free": 10**400}, "x.free: expected a number below 1.8e308, got a number of more than"),
    ],
)
def test_a_range_holds_for_the_class_and_for_those_that_inherit_it(
    values: dict[str, object], message: str
) -> None:
    """Also where the child class gives another default; the bounds themselves (control) load."""
    bounds = {"size": 10, "shares": [0, 0.5], "limit": 5, "free": -1e300}
    assert load(Child, bounds, "x").shares == (0.0, 0.5)
    with pytest.raises(SirecError, match=message):
        load(Child, values, "x")


def test_a_number_that_is_text_is_answered_with_how_to_write_it() -> None:
    """As an option of a command gives it; another text (control) is no number."""
    hints = []
    for text in ("60", "sixty"):
        with pytest.raises(SirecError, match="expected a whole number") as caught:
            load(Child, {"size": text}, "x")
        hints.append(caught.value.hint)
    assert hints == ["it is text here; as a number: --set size=60", None]


def test_numbers_of_numpy_become_pythons() -> None:
    """As loops over `np.arange` give them; their truth values are none."""
    loaded = load(Child, {"size": np.int64(4), "limit": np.float32(0.5), "free": np.int8(1)}, "x")
    assert list(map(type, (loaded.size, loaded.limit, loaded.free))) == [int, float, float]
    with pytest.raises(SirecError, match="expected a whole number"):
        load(Child, {"size": np.bool_(True)}, "x")


@pytest.mark.parametrize("wrong", [0, -1, 10**30, 1.5, True, math.nan, "2"])
def test_a_number_that_is_no_field_is_checked_alike(wrong: object) -> None:
    """Of jobs, for example; 1 (control) passes."""
    check_number("jobs", 1, JobCount)
    with pytest.raises(SirecError, match="jobs must be from 1 to 1024 jobs, got "):
        check_number("jobs", wrong, JobCount)


@pytest.mark.parametrize(
    ("model", "key", "wrong", "right"),
    [
        ("comif", "seed", 99999999999999999999, 2**63 - 1),
        ("comif", "weight_decay", math.nan, 0.1),
        ("comif", "weight_decay", -1, 0),
        ("comif", "learning_rate", 0, 10),
        ("comif", "threads", 100_000, 256),
        ("comif", "layers", 100_000, 256),
        ("comif", "max_length", 100_000_000, 100_000),
        ("comif", "budget", 0, 1),
        ("comif", "patience", -1, 1),
        ("comif", "model.dropout", 1.0, 0.999),
        ("comif", "attribute_std", -1, 0),
        ("mssr", "temperature", 0, 0.01),
        ("s3-rec", "pretrain.task.mask_ratio", 0, 1),
        ("bsarec", "alpha", 1.5, 1),
        ("caser", "vertical", 10**9, 1),
        ("esasrec", "negatives", 10**9, None),
    ],
)
def test_settings_have_ranges(
    tiny: Dataset, model: str, key: str, wrong: float, right: float | None
) -> None:
    """The message names the whole path and the range; a number at the bound (control) is taken."""
    resolve(model, tiny, assignments={key: right})
    with pytest.raises(SirecError, match=rf"{key.rsplit('.')[-1]} must be .*, got "):
        resolve(model, tiny, assignments={key: wrong})


@pytest.mark.parametrize("cutoff", ["0", "1000001", "9" * 5000, "٠"])
def test_a_cutoff_has_a_range(cutoff: str) -> None:
    """The largest (control) is taken."""
    assert parse_metric("Recall@1000000").cutoff == 1_000_000
    with pytest.raises(SirecError, match="cutoff"):
        parse_metric(f"Recall@{cutoff}")
