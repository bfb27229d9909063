"""The table of protocols, from the papers' declarations."""

from __future__ import annotations

from sirec.config import to_line
from sirec.papers import PROTOCOLS


def protocols_table() -> str:
    """Every protocol with its source, its attributes and its settings, as Markdown."""
    lines = ["| protocol | whose settings | attributes | settings |", "|---|---|---|---|"]
    for name, protocol in PROTOCOLS.items():
        settings = [f"`{key}={to_line(value)}`" for key, value in protocol.assignments.items()]
        source = protocol.source.replace("|", "\\|")
        attributes = ", ".join(protocol.attributes)
        lines.append(f"| `{name}` | {source} | {attributes} | {' '.join(settings)} |")
    return "\n".join(lines)
