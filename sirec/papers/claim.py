"""Claims as data: what a paper says its numbers show, and what decides whether they show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sirec.config import load, read_yaml
from sirec.errors import SirecError

Asserts = Literal["better", "equal", "not worse", "larger effect", "printed", "measured"]
Needs = Literal["every cell", "one cell", "one cell a data set"]
Grouped = Literal["popularity", "length"]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that follows from printed tables.

    Attributes:
        table: name of a published table; without one the quantity is `value`.
        row: column -> value, which select one line of the table.
        over: columns in which a second line differs: the quantity is the gain over it in percent.
        column: the column that is read.
        above: lines (as `row`) that are counted where they exceed `row` in all its cells.
        value: a constant, in the unit of what it is compared with.
    """

    table: str | None = None
    row: Mapping[str, Any] = field(default_factory=dict)
    over: Mapping[str, Any] = field(default_factory=dict)
    column: str = "value"
    above: tuple[Mapping[str, Any], ...] = ()
    value: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PrintedFact:
    """A comparison of two numbers that follow from printed tables.

    Attributes:
        left: the first number.
        relation: how it is to stand to the second.
        right: the second number.
        tolerance: by how much equal numbers may differ, or what a larger one has to exceed by, as
            the cells are rounded.
    """

    left: Quantity
    relation: Literal["equals", "exceeds"]
    right: Quantity
    tolerance: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim.

    Attributes:
        name: short name.
        text: the claim, in one sentence.
        where: section, table or figure of the paper.
        asserts: what is asserted of each pair of rows: that the first is `better`, `equal` or `not
            worse`; that the effect of the first pair (its first row minus its second) is the
            `larger effect`; or `printed`, of the paper's own numbers. `measured` is what no
            ranking decides.
        pairs: pairs of rows, by their names in experiment files.
        datasets: the data sets that it speaks of.
        metrics: the metrics in which it is to hold.
        studies: the studies whose rows are meant; without any, all that have both rows.
        groups: what users are divided by, if it is to hold in each group of them.
        only_groups: the groups that it speaks of, by the names that tables give them; all if empty.
        needs: what is needed for it to hold, of its cells: a data set, metric, pair and group each.
        margin: what does not matter, in percent of the second row's mean. For a difference of
            effects, in percentage points.
        printed: for `printed`: what has to follow from the tables, all of it.
        unavailable: data set -> why it cannot be decided there.
        is_core: whether the paper's argument stands on it.
        note: what to know when the verdict is read.
    """

    name: str
    text: str
    where: str
    asserts: Asserts = "better"
    pairs: tuple[tuple[str, ...], ...] = ()
    datasets: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("Recall@20",)
    studies: tuple[str, ...] = ()
    groups: Grouped | None = None
    only_groups: tuple[str, ...] = ()
    needs: Needs = "every cell"
    margin: float = 0.0
    printed: tuple[PrintedFact, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    is_core: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a claim that nothing could decide or refute."""
        if self.asserts == "printed" and not self.printed:
            raise SirecError(f"{self.name}: printed is empty", "say what has to follow from tables")
        if self.asserts in ("printed", "measured"):
            return
        if not self.datasets:
            raise SirecError(f"{self.name}: datasets is empty", "name a data set")
        if self.margin <= 0:
            raise SirecError(
                f"{self.name}: margin: {self.margin:g} is not above 0",
                "without a margin of equivalence no result could speak against it",
            )
        for pair in self.pairs:
            if len(pair) != 2:
                raise SirecError(f"{self.name}: pairs: {list(pair)} are not two rows", "name two")
        if self.asserts == "larger effect" and len(self.pairs) != 2:
            raise SirecError(f"{self.name}: a larger effect is one of two pairs", "name two")


@dataclass(frozen=True, kw_only=True)
class ClaimFile:
    """The claims of one paper.

    Attributes:
        claims: the claims.
    """

    claims: tuple[Claim, ...]


def read_claims(path: Path) -> tuple[Claim, ...]:
    """Read the claims that a YAML file lists.

    Args:
        path: the file.

    Raises:
        SirecError: naming file and key of the first mistake, or a name that is there twice.
    """
    claims = load(ClaimFile, read_yaml(path), str(path)).claims
    names = [claim.name for claim in claims]
    for name in names:
        if names.count(name) > 1:
            raise SirecError(f"{path}: the claim {name} is there twice", "give it another name")
    return claims
