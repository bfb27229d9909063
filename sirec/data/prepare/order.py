"""The order of a user's interactions: by time, and what decides where times are equal.

    ties     of interactions of a user with equal times, the earlier one is
    file     the one that stands earlier in the files
    random   drawn: the one with the smaller hash of seed, user, time and item, so that neither the
             order of the files nor other users have a part in it
    item     the one whose raw id is smaller: whole numbers by their value, before all other ids

Without times all interactions of a user count as tied: the order of the files is then all there is,
or there is none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sirec.data.times import NANOSECONDS

Ties = Literal["file", "random", "item"]
TIES_IN_WORDS = {"file": "file", "random": "chance (seed {seed})", "item": "item"}
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,40}")

OrderArray = NDArray[np.int64]
HashArray = NDArray[np.uint64]


def order_in_words(time_column: str | None, *, has_times: bool, ties: Ties, seed: int) -> str:
    """What decides the order, for people: `time (column date), then file`, `file (no times)`.

    Args:
        time_column: the column with the times, where it has a name.
        has_times: whether times are known.
        ties: what decides where times are equal.
        seed: the seed of the rule `random`.
    """
    rest = TIES_IN_WORDS[ties].format(seed=seed)
    if not has_times:
        return f"{rest} (no times)"
    return f"time (column {time_column}), then {rest}" if time_column else f"time, then {rest}"


def interaction_order(
    users: OrderArray,
    items: OrderArray,
    times: OrderArray,
    names: tuple[Sequence[str], Sequence[str]],
    *,
    per_second: int = 1,
    ties: Ties = "file",
    seed: int = 0,
) -> OrderArray:
    """The places of interactions, sorted by user, time and what decides ties.

    Args:
        users: Int[N], codes from 0, in the order of the files.
        items: Int[N], codes from 0.
        times: Int[N], in ticks since 1970; all equal where times are not known.
        names: the raw ids of the users' codes, and those of the items' codes.
        per_second: ticks a second.
        ties: what decides where times are equal.
        seed: the seed of the rule `random`.

    Returns:
        Int[N]. Interactions that are equal in all that decides keep the order of the files.
    """
    user_names, item_names = names
    if ties == "item":
        return np.lexsort((ranks_of_ids(item_names)[items], times, users))
    if ties == "random":
        # In one unit for all data, since the precision of another user's times changes the ticks.
        moments = times.astype(np.uint64) * np.uint64(NANOSECONDS // per_second)
        drawn = mixed(_hashes(user_names, seed)[users], moments)
        drawn = mixed(drawn, _hashes(item_names, seed)[items])
        order = np.lexsort((drawn, times, users))
        # Equal rows have one hash, and would always stand side by side.
        drawn[order] = mixed(drawn[order], _occurrences(users[order], times[order], drawn[order]))
        return np.lexsort((drawn, times, users))
    return np.lexsort((times, users))  # a stable sort


def ranks_of_ids(names: Sequence[str], *, as_texts: bool = False) -> OrderArray:
    """Each raw id's place among all of them.

    Args:
        names: distinct ids.
        as_texts: whether whole numbers are compared as texts, `10` before `9`; else by their
            value, before all other ids.
    """
    key = str if as_texts else _natural
    ascending = sorted(range(len(names)), key=lambda code: key(names[code]))
    ranks = np.empty(len(names), dtype=np.int64)
    ranks[ascending] = np.arange(len(names))
    return ranks


def has_number(names: Iterable[str]) -> bool:
    """Whether an id is a whole number."""
    return any(map(WHOLE_NUMBER.fullmatch, names))


def _natural(name: str) -> tuple[bool, int, str]:
    is_number = WHOLE_NUMBER.fullmatch(name) is not None
    return not is_number, int(name) if is_number else 0, name


def _hashes(names: Sequence[str], seed: int) -> HashArray:
    """64 bits of each name, which depend on nothing but the name and the seed."""
    key = seed.to_bytes(8, "little")
    digests: list[bytes] = []
    for name in names:
        digests.append(hashlib.blake2b(name.encode(), digest_size=8, key=key).digest())
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def mixed(state: HashArray, value: HashArray) -> HashArray:
    """Hash two arrays into one: the finalizer of SplitMix64 (Steele et al., OOPSLA 2014).

    Args:
        state: the hash so far [N].
        value: what is added to it [N].
    """
    bits = (state ^ value) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _occurrences(users: OrderArray, times: OrderArray, hashes: HashArray) -> HashArray:
    """How many rows before a row are equal to it, of sorted rows; all arrays are [N]."""
    is_equal = np.zeros(len(users), dtype=np.bool_)
    is_equal[1:] = (
        (users[1:] == users[:-1]) & (times[1:] == times[:-1]) & (hashes[1:] == hashes[:-1])
    )
    places = np.arange(len(users))
    begins = np.maximum.accumulate(np.where(is_equal, 0, places))
    return (places - begins).astype(np.uint64)
