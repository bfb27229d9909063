"""The runs of a report in HTML: each with its configuration, its metrics and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sirec.report.render.html_table import escape
from sirec.run.store import RunFolder

SHOWN = ("Recall@10", "Recall@20", "NDCG@10", "NDCG@20")
CONFIG = "config.yaml"
REVISIONS = "revisions:"  # in the same file; runs of version 0.2 have none until they are sealed
SECONDS_A_MINUTE = 60


def run_list(runs: Mapping[str, RunFolder]) -> str:
    """A folded element for each run, with the id `run-<id>`.

    Args:
        runs: id -> the run.

    Raises:
        SirecError: if a file of a run is missing or damaged.
    """
    return "\n".join(_card(run) for run in runs.values())


def _card(run: RunFolder) -> str:
    config = run.config()
    text = run.checked_file(CONFIG).read_text(encoding="utf-8")
    lines = [line for line in text.strip().splitlines() if not line.startswith(REVISIONS)]
    shown = "\n".join(map(escape, lines))
    name = f"{run.model} on {run.dataset}, seed {config.seed}"
    told = _metrics(run.metrics()) if run.is_done else "not finished"
    facts = " · ".join([told, *_costs(run.timings())])
    return (
        f'<details class="run" id="run-{escape(run.id)}"><summary>{escape(name)} '
        f"<code>{escape(run.id)}</code></summary>\n<p>{escape(facts)}</p>\n"
        f"<pre>{shown}</pre>\n</details>"
    )


def _metrics(metrics: Mapping[str, Any]) -> str:
    """Test metrics with the history kept, as far as they are known."""
    known = metrics.get("test", {}).get("keep", {})
    told = [f"{name} {known[name]:.4f}" for name in SHOWN if name in known]
    return f"test, history kept: {', '.join(told)}" if told else "no test metrics"


def _costs(timings: Mapping[str, Any]) -> list[str]:
    spent = sum(timings["train_seconds"]) + sum(timings["valid_seconds"])
    facts = [f"{timings['parameters']:,} parameters"]
    if timings["epochs"]:
        facts.append(f"{timings['epochs']} epochs in {spent / SECONDS_A_MINUTE:.1f} minutes")
    return facts
