"""Generated interactions with planted structure, to try everything on without a download.

Items live on 28 shelves of 7 departments; their popularity has a long tail. Most have a brand;
`category` is the path department, shelf and for half of the items a size. Users favour a few
departments and a few brands. One step of a user whose last two items a, b (b the later) are in
departments x, y, all of the probabilities being constants of this module:

    department  D = (x + 2y + 3) mod 7      with probability ORDER      the order rule: (x, y) and (y, x) lead to different D,
                                                                        and neither x nor y alone
                                                                        says anything about D
                D = y                       with probability BROWSE
                D ~ own taste               otherwise                   taste_u ~ Dirichlet(TASTE)
    shelf       the next one after b's      with probability CHAIN, if D = y
                the user's own in D         with probability LOYAL, else any of D
    item        P(i) ∝ popularity_i · exp(OWN·[brand_i a favourite of u] + SAME·[brand_i = brand_b] + PAIR·[i = partner_b])

`partner` gives each item a follower on the next shelf of its department: item-to-item transitions
inside a category path. The popularity of the item of rank r on its shelf is r^-TAIL. An item that
the user has had is REPEAT times as likely. The first step follows an item drawn uniformly, which
stands for both a and b and is not recorded; at the second, a = b.

Lengths are 5 plus a geometric number, at most 40; days between interactions are geometric too and
may be 0, so that some last pairs are tied. A rating is 4, one more for a favourite brand, plus
noise. With `shuffle_attributes` the same interactions come with the attributes of permuted items:
what attributes still gain then is not information.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.download.fetch import Remote
from sirec.data.progress import ProgressCallback
from sirec.data.reading.context import ReadingContext
from sirec.data.sources.base import RawData, Source
from sirec.errors import SirecError

ORDER, BROWSE, CHAIN, LOYAL = 0.45, 0.2, 0.7, 0.6
OWN, SAME, PAIR, TAIL, REPEAT = 2.0, 1.5, 2.0, 0.8, 0.01
TASTE, FAVOURITES, BRANDLESS, STOP = 0.4, 3, 0.1, 0.25
SHORTEST, LONGEST, ITEMS_PER_BRAND = 5, 40, 20
START, DAY = 1_640_995_200, 86_400  # 2022-01-01 UTC

DEPARTMENTS = {
    "bath": ("soap", "shampoo", "sponge", "bath salt"),
    "skin": ("day cream", "night cream", "face mask", "toner"),
    "make-up": ("lipstick", "mascara", "powder", "nail polish"),
    "hair": ("hair spray", "hair dye", "comb", "curler"),
    "fragrance": ("perfume", "cologne", "deodorant", "candle"),
    "tools": ("mirror", "brush", "tweezers", "clipper"),
    "shaving": ("razor", "shaving foam", "after shave", "beard oil"),
}
SIZES = ("travel size", "family size")
SHELVES = 4
DemoCodes = NDArray[np.int64]


@dataclass(frozen=True)
class DemoSource(Source):
    """The generated data set; equal options give equal data."""

    name: ClassVar[str] = "demo"
    needs_files: ClassVar[bool] = False

    users: int = 2_500
    items: int = 800
    seed: int = 0
    shuffle_attributes: bool = False

    def __post_init__(self) -> None:
        """Every shelf needs an item."""
        if self.items < len(DEPARTMENTS) * SHELVES or self.users < 1:
            raise SirecError(
                f"the demo data needs at least 1 user and {len(DEPARTMENTS) * SHELVES} items, "
                f"got users={self.users} items={self.items}"
            )

    def remotes(self) -> tuple[Remote, ...]:
        """None: there are no files."""
        return ()

    def instructions(self) -> str:
        """Nothing has to be fetched."""
        return "no files: the data is generated"

    def home(self) -> str:
        """Its own."""
        return self.name

    def read(self, place: Path | None = None, reading: ReadingContext | None = None) -> RawData:
        """Generate the data; `place` is not looked at."""
        progress = (reading or ReadingContext()).progress
        rng = np.random.default_rng(self.seed)
        world = _World.create(self.users, self.items, rng)
        steps = world.walk(rng, progress)
        order = np.arange(self.items)
        if self.shuffle_attributes:  # with a generator of its own: the interactions stay the same
            np.random.default_rng([self.seed, 1]).shuffle(order)
        names = np.array([f"D{item + 1:05d}" for item in range(self.items)], dtype=object)
        return RawData(
            interactions=_interactions(world, steps, names, rng),
            attributes={
                "brand": _brands(world, names, order),
                "category": _categories(world, names, order),
            },
            titles=pd.DataFrame(
                {"item": names, "title": [world.title(item) for item in range(self.items)]},
                dtype=object,
            ),
            source={"name": self.name, **{key: str(value) for key, value in asdict(self).items()}},
        )


@dataclass(frozen=True, eq=False)
class _World:
    """Items and users before anything happens. Shelf s belongs to department s // SHELVES; brand 0
    is none.
    """

    shelf: DemoCodes  # [V]
    brand: DemoCodes  # [V]
    size: DemoCodes  # [V], 0 is none
    partner: DemoCodes  # [V]
    popularity: NDArray[np.float64]  # [V]
    taste: NDArray[np.float64]  # [U, departments]
    own_shelf: DemoCodes  # [U, departments], 0..SHELVES-1
    favours: NDArray[np.bool_]  # [U, brands]
    lengths: DemoCodes  # [U]

    @classmethod
    def create(cls, users: int, items: int, rng: np.random.Generator) -> _World:
        departments, brands = len(DEPARTMENTS), max(items // ITEMS_PER_BRAND, 2)
        shelf = np.arange(items) % (departments * SHELVES)
        brand = np.where(rng.random(items) < BRANDLESS, 0, rng.integers(1, brands + 1, items))
        favourites = rng.random((users, brands)).argsort(axis=1)[:, :FAVOURITES] + 1
        favours = np.zeros((users, brands + 1), dtype=np.bool_)
        np.put_along_axis(favours, favourites, values=True, axis=1)
        return cls(
            shelf=shelf,
            brand=brand,
            size=np.where(rng.random(items) < 0.5, 0, rng.integers(1, len(SIZES) + 1, items)),
            partner=_partners(shelf, rng),
            popularity=np.power(
                1.0 + np.arange(items) // (departments * SHELVES), -TAIL, dtype=np.float64
            ),
            taste=rng.dirichlet(np.full(departments, TASTE), users),
            own_shelf=rng.integers(0, SHELVES, (users, departments)),
            favours=favours,
            lengths=np.minimum(SHORTEST - 1 + rng.geometric(STOP, users), LONGEST),
        )

    @cached_property
    def by_shelf(self) -> list[DemoCodes]:
        return [np.flatnonzero(self.shelf == shelf) for shelf in range(len(DEPARTMENTS) * SHELVES)]

    def walk(self, rng: np.random.Generator, progress: ProgressCallback) -> DemoCodes:
        """[U, LONGEST]: the items of each user's steps; those beyond the user's length mean
        nothing.
        """
        steps = np.zeros((len(self.lengths), LONGEST), dtype=np.int64)
        had = np.zeros((len(self.lengths), len(self.shelf)), dtype=np.bool_)
        for step in range(int(self.lengths.max())):
            progress("generating", step, int(self.lengths.max()))
            active = np.flatnonzero(self.lengths > step)
            last = (
                steps[active, step - 1] if step else rng.integers(0, len(self.shelf), len(active))
            )
            before = steps[active, step - 2] if step > 1 else last
            chosen = self._items(active, last, self._shelves(active, before, last, rng), had, rng)
            steps[active, step] = chosen
            had[active, chosen] = True
        return steps

    def _shelves(
        self, users: DemoCodes, before: DemoCodes, last: DemoCodes, rng: np.random.Generator
    ) -> DemoCodes:
        x, y = self.shelf[before] // SHELVES, self.shelf[last] // SHELVES
        reached = rng.random((len(users), 1)) < self.taste[users].cumsum(axis=1)
        by_taste = np.where(reached.any(axis=1), reached.argmax(axis=1), len(DEPARTMENTS) - 1)
        lot = rng.random(len(users))
        department = np.where(
            lot < ORDER,
            (x + 2 * y + 3) % len(DEPARTMENTS),
            np.where(lot < ORDER + BROWSE, y, by_taste),
        )
        usual = self.own_shelf[users, department]
        place = np.where(
            rng.random(len(users)) < LOYAL, usual, rng.integers(0, SHELVES, len(users))
        )
        chained = (department == y) & (rng.random(len(users)) < CHAIN)
        return department * SHELVES + np.where(chained, (self.shelf[last] + 1) % SHELVES, place)

    def _items(
        self,
        users: DemoCodes,
        last: DemoCodes,
        shelves: DemoCodes,
        had: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> DemoCodes:
        chosen = np.zeros(len(users), dtype=np.int64)
        for shelf, items in enumerate(self.by_shelf):
            rows = np.flatnonzero(shelves == shelf)
            who, brands, after = users[rows, None], self.brand[items], last[rows, None]
            energy = np.log(self.popularity[items]) + OWN * self.favours[who, brands]
            energy = (
                energy
                + SAME * ((brands == self.brand[after]) & (brands > 0))
                + PAIR * (items == self.partner[after])
            )
            energy = energy + np.log(REPEAT) * had[who, items]
            # The largest of energies with Gumbel noise is a draw in proportion to their
            # exponentials.
            chosen[rows] = items[(energy + rng.gumbel(size=energy.shape)).argmax(axis=1)]
        return chosen

    def path(self, item: int) -> list[str]:
        """List the category path: department, shelf, and a size if the item has one."""
        department, shelves = list(DEPARTMENTS.items())[self.shelf[item] // SHELVES]
        shelf = shelves[self.shelf[item] % SHELVES]
        return [
            department,
            shelf,
            *([f"{shelf}, {SIZES[self.size[item] - 1]}"] if self.size[item] else []),
        ]

    def title(self, item: int) -> str:
        """Name the true brand, shelf and number, whatever the attributes are made to say."""
        brand = f"Brand {self.brand[item]} " if self.brand[item] else ""
        return f"{brand}{self.path(item)[1]} {item // (len(DEPARTMENTS) * SHELVES) + 1}"


def _partners(shelf: DemoCodes, rng: np.random.Generator) -> DemoCodes:
    following = shelf // SHELVES * SHELVES + (shelf + 1) % SHELVES
    return np.array([rng.choice(np.flatnonzero(shelf == wanted)) for wanted in following])


def _interactions(
    world: _World, steps: DemoCodes, names: NDArray[np.object_], rng: np.random.Generator
) -> pd.DataFrame:
    real = np.arange(steps.shape[1]) < world.lengths[:, None]
    user, items = np.nonzero(real)[0], steps[real]
    days = rng.integers(0, 365, (len(steps), 1)) + (rng.geometric(0.08, steps.shape) - 1).cumsum(
        axis=1
    )
    liking = world.favours[user, world.brand[items]]
    rating = np.clip(np.rint(4 + liking + rng.normal(-0.3, 0.9, len(items))), 1, 5).astype(np.int64)
    user_names = np.array([f"user {number + 1:05d}" for number in range(len(steps))], dtype=object)
    return pd.DataFrame(
        {
            "user": user_names[user],
            "item": names[items],
            "timestamp": START + DAY * days[real],
            "rating": rating,
        }
    )


def _brands(world: _World, names: NDArray[np.object_], order: DemoCodes) -> pd.DataFrame:
    brand = world.brand[order]
    values = [f"Brand {number}" for number in brand[brand > 0]]
    return pd.DataFrame({"item": names[brand > 0], "value": values}, dtype=object)


def _categories(world: _World, names: NDArray[np.object_], order: DemoCodes) -> pd.DataFrame:
    rows = [
        (name, value)
        for name, item in zip(names, order, strict=True)
        for value in world.path(int(item))
    ]
    return pd.DataFrame(rows, columns=["item", "value"], dtype=object)
