"""Generated interactions with planted structure, to try everything on without a download.

Items are on 28 shelves of 7 departments, and their popularity has a long tail. Most have a brand;
`category` is the path of department, shelf and, for half of the items, a size. Users favour a few
departments and a few brands. Let a and b be the last two items of user u (b the later one) and x
and y their departments. One step draws a department, a shelf in it, and an item on it; the words in
capitals are constants of this module:

    department  D = (x + 2y + 3) mod 7     with probability ORDER: the order rule. (x, y) and (y, x)
                                           lead to different D, and neither x nor y alone says
                                           anything about D
                D = y                      with probability BROWSE
                D ~ taste_u                otherwise, where taste_u ~ Dirichlet(TASTE)
    shelf       the one after b's          with probability CHAIN, if D = y
                u's own shelf in D         otherwise with probability LOYAL
                any shelf of D             otherwise
    item        P(i) ∝ popularity_i · exp(OWN·[brand_i is a favourite of u]
                                          + SAME·[brand_i = brand_b] + PAIR·[i = partner_b])

`partner` gives each item a follower on the next shelf of its department: transitions from item to
item inside a category path. The popularity of the item of rank r on its shelf is r^-TAIL. An item
that the user has had is REPEAT times as likely. The first step follows an item drawn uniformly,
which stands for both a and b and is not recorded; at the second step a = b.

Lengths are 5 plus a geometric number, at most 40. The days between interactions are geometric, too,
and may be 0, so that some last pairs are tied. A rating is 4, one more for a favourite brand, plus
noise. With `shuffle_attributes` the same interactions come with the attributes of permuted items:
what a model gains from attributes then is not their information. With `decoys` items have a colour
and interactions a weather as well, which are drawn without regard to anything: whoever finds them
useful is mistaken. The interactions stay the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.config import check_numbers
from sirec.config.quantities import ItemCount, SeedNumber, UserCount
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
COLOURS = ("black", "blue", "brown", "gold", "green", "grey", "pink", "red", "silver", "white")
COLOURLESS = 0.1
WEATHERS = ("clouds", "rain", "snow", "sun", "wind")
SHELVES = 4
DemoCodes = NDArray[np.int64]


@dataclass(frozen=True)
class DemoSource(Source):
    """The generated data set; equal options give equal data.

    Attributes:
        users: number of users.
        items: number of items.
        seed: seed of the generator.
        shuffle_attributes: whether items get the attributes of permuted items.
        decoys: whether there are an attribute and a behaviour that mean nothing.
    """

    name: ClassVar[str] = "demo"
    needs_files: ClassVar[bool] = False
    is_own: ClassVar[bool] = False

    users: UserCount = 2_500
    items: ItemCount = 800
    seed: SeedNumber = 0
    shuffle_attributes: bool = False
    decoys: bool = False

    def __post_init__(self) -> None:
        """Refuse fewer items than shelves."""
        check_numbers(self)
        if self.items < len(DEPARTMENTS) * SHELVES:
            raise SirecError(
                f"the demo data needs at least {len(DEPARTMENTS) * SHELVES} items, got {self.items}"
            )

    def instructions(self) -> str:
        """Nothing has to be fetched."""
        return "no files: the data is generated"

    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Generate the data.

        Args:
            folder: not used: there are no files.
            context: receives the progress.
        """
        context = context or ReadingContext()
        rng = np.random.default_rng(self.seed)
        world = _World.create(self.users, self.items, rng)
        steps = world.walk(rng, context.progress)
        order = np.arange(self.items)
        if self.shuffle_attributes:  # with its own generator, so that the interactions stay equal
            np.random.default_rng([self.seed, 1]).shuffle(order)
        names = np.array([f"D{item + 1:05d}" for item in range(self.items)], dtype=object)
        titles = list(map(world.title, range(self.items)))
        source = {"name": self.name}
        for key, value in asdict(self).items():
            if key != "decoys" or self.decoys:
                source[key] = str(value)
        interactions = _interactions(world, steps, names, rng)
        attributes = {
            "brand": _brands(world, names, order),
            "category": _categories(world, names, order),
        }
        if self.decoys:
            chance = np.random.default_rng([self.seed, 2])
            attributes["colour"] = _colours(names, chance)
            interactions["weather"] = np.array(WEATHERS, dtype=object)[
                chance.integers(0, len(WEATHERS), len(interactions))
            ]
        return RawData(
            interactions=interactions,
            attributes=attributes,
            titles=pd.DataFrame({"item": names, "title": titles}, dtype=object),
            source=source,
        )


@dataclass(frozen=True, eq=False)
class _World:
    """Items and users before anything happens.

    Shapes: V items, U users. Shelf s belongs to department s // SHELVES; brand 0 and size 0 mean
    none.
    """

    shelf: DemoCodes  # [V]
    brand: DemoCodes  # [V]
    size: DemoCodes  # [V]
    partner: DemoCodes  # [V], an item on the next shelf
    popularity: NDArray[np.float64]  # [V]
    taste: NDArray[np.float64]  # [U, departments], probabilities
    own_shelf: DemoCodes  # [U, departments], 0..SHELVES-1
    favours: NDArray[np.bool_]  # [U, brands]
    lengths: DemoCodes  # [U], steps of each user

    @classmethod
    def create(cls, users: int, items: int, rng: np.random.Generator) -> _World:
        """Draw a world of `users` users and `items` items."""
        departments = len(DEPARTMENTS)
        brands = max(items // ITEMS_PER_BRAND, 2)
        rank = np.arange(items) // (departments * SHELVES)  # on the item's shelf, from 0
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
            popularity=np.power(1.0 + rank, -TAIL, dtype=np.float64),
            taste=rng.dirichlet(np.full(departments, TASTE), users),
            own_shelf=rng.integers(0, SHELVES, (users, departments)),
            favours=favours,
            lengths=np.minimum(SHORTEST - 1 + rng.geometric(STOP, users), LONGEST),
        )

    @cached_property
    def by_shelf(self) -> list[DemoCodes]:
        """The items on each shelf."""
        return [np.flatnonzero(self.shelf == shelf) for shelf in range(len(DEPARTMENTS) * SHELVES)]

    def walk(self, rng: np.random.Generator, progress: ProgressCallback) -> DemoCodes:
        """Draw the steps of all users.

        Args:
            rng: source of the draws.
            progress: receives how many steps are done.

        Returns:
            Int64[U, LONGEST], the items of each user's steps; items beyond a user's length have no
            meaning.
        """
        steps = np.zeros((len(self.lengths), LONGEST), dtype=np.int64)
        had = np.zeros((len(self.lengths), len(self.shelf)), dtype=np.bool_)
        for step in range(int(self.lengths.max())):
            progress("generating", step, int(self.lengths.max()))
            active = np.flatnonzero(self.lengths > step)
            if step == 0:
                last = rng.integers(0, len(self.shelf), len(active))
            else:
                last = steps[active, step - 1]
            before = steps[active, step - 2] if step > 1 else last
            shelves = self._shelves(active, before, last, rng)
            chosen = self._items(active, last, shelves, had, rng)
            steps[active, step] = chosen
            had[active, chosen] = True
        return steps

    def _shelves(
        self, users: DemoCodes, before: DemoCodes, last: DemoCodes, rng: np.random.Generator
    ) -> DemoCodes:
        """The shelf of the next item of each of `users`, given the two items before it."""
        x = self.shelf[before] // SHELVES
        y = self.shelf[last] // SHELVES
        reached = rng.random((len(users), 1)) < self.taste[users].cumsum(axis=1)
        by_taste = np.where(reached.any(axis=1), reached.argmax(axis=1), len(DEPARTMENTS) - 1)
        draw = rng.random(len(users))
        by_order = (x + 2 * y + 3) % len(DEPARTMENTS)
        without_order = np.where(draw < ORDER + BROWSE, y, by_taste)
        department = np.where(draw < ORDER, by_order, without_order)
        own = self.own_shelf[users, department]
        is_loyal = rng.random(len(users)) < LOYAL
        chosen = np.where(is_loyal, own, rng.integers(0, SHELVES, len(users)))
        is_chained = (department == y) & (rng.random(len(users)) < CHAIN)
        following = (self.shelf[last] + 1) % SHELVES
        return department * SHELVES + np.where(is_chained, following, chosen)

    def _items(
        self,
        users: DemoCodes,
        last: DemoCodes,
        shelves: DemoCodes,
        had: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> DemoCodes:
        """The next item of each of `users`, on the shelves that were drawn for them."""
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
        """The category path of an item: department, shelf, and a size if the item has one."""
        department, shelves = list(DEPARTMENTS.items())[self.shelf[item] // SHELVES]
        shelf = shelves[self.shelf[item] % SHELVES]
        path = [department, shelf]
        if self.size[item]:
            path.append(f"{shelf}, {SIZES[self.size[item] - 1]}")
        return path

    def title(self, item: int) -> str:
        """True brand, shelf and number of an item, whatever its shuffled attributes say."""
        brand = f"Brand {self.brand[item]} " if self.brand[item] else ""
        return f"{brand}{self.path(item)[1]} {item // (len(DEPARTMENTS) * SHELVES) + 1}"


def _partners(shelf: DemoCodes, rng: np.random.Generator) -> DemoCodes:
    """A random item on the next shelf of the same department, for each item."""
    following = shelf // SHELVES * SHELVES + (shelf + 1) % SHELVES
    return np.array([rng.choice(np.flatnonzero(shelf == wanted)) for wanted in following])


def _interactions(
    world: _World, steps: DemoCodes, names: NDArray[np.object_], rng: np.random.Generator
) -> pd.DataFrame:
    """The table of interactions; `steps` is [U, LONGEST]."""
    real = np.arange(steps.shape[1]) < world.lengths[:, None]
    user = np.nonzero(real)[0]
    items = steps[real]
    first_day = rng.integers(0, 365, (len(steps), 1))
    days_between = rng.geometric(0.08, steps.shape) - 1
    days = first_day + days_between.cumsum(axis=1)
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
    """The table of brands, where item i has the brand of `order[i]`."""
    brand = world.brand[order]
    values = [f"Brand {number}" for number in brand[brand > 0]]
    return pd.DataFrame({"item": names[brand > 0], "value": values}, dtype=object)


def _categories(world: _World, names: NDArray[np.object_], order: DemoCodes) -> pd.DataFrame:
    """The table of categories, where item i has the categories of `order[i]`."""
    rows: list[tuple[str, str]] = []
    for name, item in zip(names, order, strict=True):
        for value in world.path(int(item)):
            rows.append((name, value))
    return pd.DataFrame(rows, columns=["item", "value"], dtype=object)


def _colours(names: NDArray[np.object_], rng: np.random.Generator) -> pd.DataFrame:
    """The table of colours, drawn for each item that has one."""
    drawn = np.array(COLOURS, dtype=object)[rng.integers(0, len(COLOURS), len(names))]
    is_known = rng.random(len(names)) >= COLOURLESS
    return pd.DataFrame({"item": names[is_known], "value": drawn[is_known]}, dtype=object)
