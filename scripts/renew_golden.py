"""Write the golden losses of models anew: `python scripts/renew_golden.py MODEL…`.

A golden loss is what a model has after two epochs of a tiny run on generated data; it stands in
`tests/run/golden.json` with the revisions of the run's components, and `tests/run/test_golden.py`
compares it. A new model gets its value by this script. A value that changed is written only if a
revision changed as well, since otherwise runs of the old and the new code would have one identity.
Where only random draws changed, `--same-revisions` permits it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.models import MODELS
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.identity import revisions
from sirec.run.store import Store

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "run" / "golden.json"
SIZES = {"width": 16, "layers": 1, "heads": 2, "inner": 16, "hidden": 16}  # where a model has them
SETTINGS = {**SIZES, "epochs": 2, "learning_rate": 0.005, "budget": 128, "threads": 1}
LOSS_TOLERANCE = 1e-4  # relative
NDCG_TOLERANCE = 2e-3  # absolute


@dataclass(frozen=True)
class Golden:
    """The revisions of a run's components, its loss and its validation NDCG@20."""

    revisions: str
    loss: float
    ndcg: float

    def agrees(self, other: Golden) -> bool:
        """Whether two measurements are equal up to what other processors round differently."""
        return (
            abs(self.loss - other.loss) <= LOSS_TOLERANCE * abs(other.loss)
            and abs(self.ndcg - other.ndcg) <= NDCG_TOLERANCE
        )


def measure(model: str, folder: Path) -> Golden:
    """Train a model for two epochs.

    Args:
        model: its name.
        folder: an empty folder for the run.
    """
    data = prepare(DemoSource(users=300, items=100).read(), "golden").dataset
    config = resolve(model, data, shared=SETTINGS)
    run = execute(config, data, Store(folder))
    last = json.loads((run.path / "epochs.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    parts = " ".join(sorted(set(revisions(config))))
    return Golden(parts, round(last["loss"], 6), round(last["valid"]["NDCG@20"], 5))


def read_golden(path: Path = GOLDEN) -> dict[str, Golden]:
    """Model -> its golden values."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {model: Golden(**values) for model, values in stored.items()}


def refusal(model: str, new: Golden, known: Mapping[str, Golden]) -> str | None:
    """Why a measurement may not replace the known one; None where it may.

    Args:
        model: its name.
        new: what was measured.
        known: the golden values so far.
    """
    old = known.get(model)
    if old is None or old.agrees(new) or old.revisions != new.revisions:
        return None
    return (
        f"{model}: loss {old.loss} is {new.loss} now, under the same revisions ({new.revisions}); "
        "raise the revision of the component that changed"
    )


def main() -> int:
    """Measure the named models, and write what may be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", choices=list(MODELS), metavar="MODEL")
    parser.add_argument("--same-revisions", action="store_true", help="only draws have changed")
    chosen = parser.parse_args()
    golden = read_golden()
    refused = False
    for model in chosen.models:
        with tempfile.TemporaryDirectory() as folder:
            new = measure(model, Path(folder))
        reason = None if chosen.same_revisions else refusal(model, new, golden)
        if reason:
            print(reason, file=sys.stderr)
            refused = True
        else:
            golden[model] = new
            print(f"{model}: loss {new.loss}, NDCG@20 {new.ndcg} ({new.revisions})")
    written = {model: asdict(golden[model]) for model in sorted(golden)}
    GOLDEN.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return int(refused)


if __name__ == "__main__":
    sys.exit(main())
