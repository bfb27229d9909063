"""Does `sirec worth` find planted fields, and no others? Trained generations of a small demo.

    python benchmarks/worth_generations.py --work generations

Each generation is a demo shop of its own (600 users, 150 items), drawn with another seed, in which
brand and category decide what is bought next, and colour and weather mean nothing. The study of
each is `sirec worth` with placebos and three seeds: 18 trainings. What is trained is not trained
again, so that a stopped script goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sirec.process  # isort: skip

if __name__ == "__main__":  # before torch is loaded, as the command line does
    sirec.process.configure()

from scipy.stats import ttest_1samp
from tabulate import tabulate

import sirec
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.report.table import Cell
from sirec.run.files import replace_text
from sirec.studies.worth.effects import SIGNIFICANCE

USERS, ITEMS = 600, 150
FIRST_SEED = 100
PLANTED, DECOYS = ("brand", "category"), ("colour", "weather")
SETTINGS = {
    "model.width": 24,
    "model.layers": 1,
    "model.inner": 24,
    "model.dropout": 0.2,
    "epochs": 12,
    "patience": 12,
    "learning_rate": 0.006,
}


@dataclass(frozen=True)
class Generation:
    """What a study says of one generation.

    Attributes:
        number: its number, from 0.
        cells: field -> worth in customers of 1,000, marked where it is significant.
    """

    number: int
    cells: Mapping[str, Cell]

    def mistakes(self) -> list[str]:
        """Decoys that are called useful or harmful, and other fields that are called harmful."""
        found: list[str] = []
        for name, cell in self.cells.items():
            if cell.mark and (name in DECOYS or value_of(cell) < 0):
                found.append(name)
        return found


def value_of(cell: Cell) -> float:
    """The worth in a cell."""
    assert isinstance(cell.value, float)
    return cell.value


def chance_of(values: Sequence[float]) -> float:
    """How probable values are as large on average, if a field is worth nothing (one-sided t)."""
    return float(ttest_1samp(values, 0, alternative="greater").pvalue)


def study(number: int, folder: Path) -> Generation:
    """Prepare a generation, train what is missing of its study, and read the first table."""
    name = f"generation{number}"
    source = DemoSource(users=USERS, items=ITEMS, seed=FIRST_SEED + number, decoys=True)
    if not (folder / "data" / name).exists():
        storage.write(folder / "data", prepare(source.read(), name))
    drawn = sirec.worth(
        name,
        quick=True,
        seeds=[0, 1, 2],
        set=SETTINGS,
        results=folder / "results",
        data_root=folder / "data",
    )
    cells = {row.label: row.cells[0] for row in drawn.comparison.tables[0].rows}
    return Generation(number, cells)


def to_markdown(generations: Sequence[Generation]) -> str:
    """A row a generation, and what they say together."""
    fields = (*PLANTED, *DECOYS)
    rows: list[list[str]] = []
    for generation in generations:
        rows.append([str(generation.number)])
        for field in fields:
            cell = generation.cells[field]
            low, high = cell.interval or (0.0, 0.0)
            rows[-1].append(f"{value_of(cell):+.0f} [{low:+.0f}, {high:+.0f}]{cell.mark}")
    called = ["called"]
    means = ["mean"]
    chances = ["p of the mean"]
    for field in fields:
        cells = [generation.cells[field] for generation in generations]
        values = list(map(value_of, cells))
        marked = sum(bool(cell.mark) for cell in cells)
        called.append(f"{marked} of {len(cells)}")
        means.append(f"{sum(values) / len(values):+.1f}")
        chances.append(f"{chance_of(values):.2g}" if len(values) > 1 else "–")
    table = tabulate([*rows, called, means, chances], ["generation", *fields], "pipe")
    wrong = sum(bool(generation.mistakes()) for generation in generations)
    settings = ", ".join(f"{key} {value}" for key, value in SETTINGS.items())
    number = len(generations)
    return f"""# Worth of fields in trained generations

`sirec worth` with placebos and three seeds on {number} demo shops of {USERS} users and {ITEMS}
items, each drawn with a seed of its own. Brand and category decide what is bought next; colour and
weather mean nothing. Numbers are customers of 1,000 with intervals of 95 %; † means significant,
corrected over the fields of a generation.

{table}

Generations with a mistake, which is a decoy called useful or harmful, or another field called
harmful: {wrong} of {number}. The level of 5 % allows {SIGNIFICANCE * number:g} of {number} on
average. p of the mean: one-sided t test over generations.

Settings: {settings}. Made by `benchmarks/worth_generations.py`.
"""


def main() -> None:
    """Study the generations one after the other, and write the table after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generations", type=int, default=10)
    parser.add_argument("--work", type=Path, required=True, help="folder of data and runs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/worth_generations.md"))
    given = parser.parse_args()
    generations: list[Generation] = []
    for number in range(given.generations):
        generations.append(study(number, given.work))
        replace_text(given.out, to_markdown(generations))
        print(f"generation {number}: {generations[-1].mistakes() or 'no mistake'}", flush=True)


if __name__ == "__main__":
    main()
