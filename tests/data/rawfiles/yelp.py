"""Yelp's reviews and businesses in the distributed schema, every key of it, and the archives in
which they come.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

Record = dict[str, Any]
REVIEWS, BUSINESSES = "yelp_academic_dataset_review.json", "yelp_academic_dataset_business.json"
FIRST, LAST = 1_533_081_600, 1_577_836_799  # 2018-08-01 to 2019-12-31 UTC
CITIES = ("Las Vegas", "Montréal", "  Tempe ", "", None)
CATEGORIES = ("Restaurants", "Bars", "Men's Clothing", "Beauty & Spas", "Cafés", "Coffee & Tea")
TEXTS = (
    "Great!",
    'She said "wow"\n\nand left',
    "crème brûlée",
    "\\",
    "{not json",
    '"user_id": "x"',
    "a, b",
    " ",
)


def review(
    user: str,
    business: str,
    stars: float = 4.0,
    date: str = "2019-03-01 12:00:00",
    text: str = "Great!",
) -> Record:
    """A review; its id says nothing."""
    return {
        "review_id": "lWC-xP3rd6obsecCYsGZRg",
        "user_id": user,
        "business_id": business,
        "stars": stars,
        "useful": 1,
        "funny": 0,
        "cool": 0,
        "text": text,
        "date": date,
    }


def business(
    name: str,
    title: str | None = "A place",
    city: str | None = "Tempe",
    categories: str | None = None,
) -> Record:
    """A business; without categories the key is null, as in the files."""
    return {
        "business_id": name,
        "name": title,
        "address": "1 Main St",
        "city": city,
        "state": "AZ",
        "postal_code": "85281",
        "latitude": 33.4,
        "longitude": -111.9,
        "stars": 4.0,
        "review_count": 5,
        "is_open": 1,
        "attributes": {"WiFi": "u'no'", "BusinessParking": "{'garage': False}"} if title else None,
        "categories": categories,
        "hours": {"Monday": "7:0-20:0"} if city else None,
    }


def random_records(
    seed: int, *, days: bool = False, whole: bool = False
) -> tuple[list[Record], list[Record]]:
    """Reviews and businesses; `days` as older dumps date them, `whole` stars as older dumps write
    them.
    """
    rng = np.random.default_rng(seed)
    users, places = (
        [f"u{number:021}" for number in range(40)],
        [f"-b_{number:019}" for number in range(25)],
    )
    businesses = [
        business(
            name,
            ["A place", 'The "Best"', "Café", None][rng.integers(4)],
            CITIES[rng.integers(len(CITIES))],
            [None, ", ".join(rng.choice(CATEGORIES, rng.integers(1, 5), replace=False))][
                int(rng.random() < 0.8)
            ],
        )
        for name in places
    ]
    reviews = []
    for _ in range(400):
        moment = datetime.fromtimestamp(int(rng.integers(FIRST, LAST)) // 3_600 * 3_600, UTC)
        stars = int(rng.integers(1, 6)) if whole else float(rng.integers(1, 6))
        date = moment.strftime("%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S")
        text = TEXTS[rng.integers(len(TEXTS))]
        reviews.append(review(users[rng.integers(40)], places[rng.integers(25)], stars, date, text))
    return reviews, businesses


def lines(records: list[Record], *, end: str = "\n", ascii_only: bool = False) -> bytes:
    """Records as JSON lines."""
    return "".join(json.dumps(record, ensure_ascii=ascii_only) + end for record in records).encode()


def contents(reviews: list[Record], businesses: list[Record]) -> dict[str, bytes]:
    """The two files by name."""
    return {BUSINESSES: lines(businesses), REVIEWS: lines(reviews)}


def tar(members: Mapping[str, bytes], mode: str = "w") -> bytes:
    """A tar of members; `mode` `w:gz` compresses it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip of members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def surrounded(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files among what else archives hold: folders, other files, macOS's copies, and a name
    that leads outside.
    """
    junk = b"\x00\x05\x16\x07Mac OS X"
    return {
        "../evil": b"gotcha",
        "/tmp/evil-of-the-yelp-test": b"gotcha",
        "Dataset_User_Agreement.pdf": b"%PDF",
        **{f"__MACOSX/._{name}": junk for name in (*files, "yelp_dataset.tar")},
        **files,
        "yelp_academic_dataset_tip.json": (
            b'{"user_id": "u", "business_id": "b", "date": "2019-01-01"}\n'
        ),
    }


def _renamed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name.removeprefix("yelp_academic_dataset_"): data for name, data in files.items()}


def _mac_zip(files: Mapping[str, bytes], mode: str) -> dict[str, bytes]:
    inner = {
        "Yelp JSON/yelp_dataset.tar": tar(surrounded(files), mode),
        "__MACOSX/Yelp JSON/._yelp_dataset.tar": b"Mac OS X",
    }
    return {"Yelp-JSON.zip": zipped(inner)}


PACKINGS: dict[str, Callable[[Mapping[str, bytes]], dict[str, bytes]]] = {
    "loose": dict,
    "short names": _renamed,
    "gzipped one by one": lambda files: {
        f"{name}.gz": gzip.compress(data) for name, data in files.items()
    },
    "bzip2 one by one": lambda files: {
        f"{name}.bz2": bz2.compress(data) for name, data in files.items()
    },
    "gzipped under the plain name": lambda files: {
        name: gzip.compress(data) for name, data in files.items()
    },
    "a folder": lambda files: {f"yelp_dataset/{name}": data for name, data in files.items()},
    "tar": lambda files: {"yelp_dataset.tar": tar(surrounded(files))},
    "tgz": lambda files: {"yelp_dataset.tgz": tar(surrounded(files), "w:gz")},
    "tar.bz2 with a folder": lambda files: {
        "y.tar.bz2": tar({f"yelp/{name}": data for name, data in files.items()}, "w:bz2")
    },
    "gzip under the name of a tar": lambda files: {
        "yelp_dataset.tar": tar(surrounded(files), "w:gz")
    },
    "zip": lambda files: {"yelp.zip": zipped(surrounded(files))},
    "zip with a tar": lambda files: _mac_zip(files, "w"),
    "zip with a compressed tar": lambda files: _mac_zip(files, "w:gz"),
}
"""How the files may lie in the folder: from their contents to the files on disk."""


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
