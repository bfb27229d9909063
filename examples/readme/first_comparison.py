"""Does side information help on these data? The library instead of the command line.

    python examples/readme/first_comparison.py

Data are written to `data/`, runs and tables to `results/`, below the working directory. Small
models and few epochs, so that it takes a minute.
"""

from __future__ import annotations

import sirec

SETTINGS = {
    "data.attributes": ["brand", "category"],
    "width": 32,
    "layers": 1,
    "heads": 2,
    "inner": 64,
    "learning_rate": 0.003,
    "epochs": 20,
    "threads": 1,
}


def main() -> None:
    """Prepare the demo data, train two models with three seeds each, and compare them."""
    prepared = sirec.prepare("demo")
    print(prepared.to_frame())

    runs = []
    for model in ("sasrec", "comif"):
        runs += sirec.train(model, "demo", seeds=[0, 1, 2], set=SETTINGS)

    comparison = sirec.evaluate(runs, against="sasrec", name="first")
    print(comparison.to_frame())
    print(comparison.sentences[-1])


if __name__ == "__main__":
    main()
