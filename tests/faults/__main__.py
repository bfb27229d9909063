"""`python -m tests.faults`: all experiments, and a table of what became of them."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.law import Tally

TESTS = Path(__file__).parents[1]
SHOWN = 20
SECONDS_BETWEEN_NEWS = 60


@contextmanager
def telling(tally: Tally) -> Iterator[None]:
    """Say every minute how much has been tried, and what has broken, on standard error."""
    ended = threading.Event()

    def tell() -> None:
        told = 0
        while not ended.wait(SECONDS_BETWEEN_NEWS):
            for line in tally.broken[told:]:
                print(line.encode("ascii", "backslashreplace").decode(), file=sys.stderr)
                told += 1
            counts = f"{tally.tried} tried, {tally.refused} refused, {len(tally.broken)} broken"
            print(f"{tally.what}: {counts}", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def main() -> int:
    """Carry the experiments out; returns 1 where the law was broken."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for folder in (TESTS.parent, TESTS):
        sys.path.insert(0, str(folder))  # as pytest has it
    from faults.experiments import EXPERIMENTS, carry_out
    from faults.law import Tally
    from faults.small import make_world

    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--short", action="store_true", help="some seconds")
    size.add_argument("--long", action="store_true", help="some minutes")
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS))
    chosen = parser.parse_args()
    broken: list[str] = []
    print(f"{'':45}{'tried':>8}{'refused':>9}{'broken':>8}{'seconds':>9}{'MB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder) / "world")
        for name in chosen.only:
            tally = Tally(EXPERIMENTS[name].what)
            with telling(tally):
                carry_out(name, world, Path(folder) / name, tally, is_long=chosen.long)
            counts = f"{tally.tried:>8}{tally.refused:>9}{len(tally.broken):>8}"
            print(f"{tally.what:45}{counts}{tally.seconds:>9.0f}{tally.peak:>7}", flush=True)
            broken += [f"{name}: {line}" for line in tally.broken]
    for line in broken[:SHOWN]:
        print(line.encode("ascii", "backslashreplace").decode())
    if len(broken) > SHOWN:
        print(f"and {len(broken) - SHOWN} more")
    return int(bool(broken))


if __name__ == "__main__":
    begun = time.monotonic()
    code = main()
    print(f"{time.monotonic() - begun:.0f} s; the law was {'broken' if code else 'kept'}")
    sys.exit(code)
