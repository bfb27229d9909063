"""The page of all commands, from the command line's declarations."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import click
import typer.main

EXAMPLE = re.compile(r"(?:Examples?: )?(sirec .*)")
INTRODUCTION = """# Commands

`sirec COMMAND --help` prints the same. Tables (or `--json`) go to stdout, progress bars and remarks
to stderr. A mistake gets an error, a hint and exit code 2. Ctrl-C, or a kill at any moment, loses
at most the epoch in progress."""


def commands_page() -> str:
    """Every command with its help, examples and options, as Markdown."""
    from sirec.cli.app import app

    group: Any = typer.main.get_command(app)
    parts = [INTRODUCTION]
    for name, command in group.commands.items():
        parts += [f"## sirec {name}", *_help(command.help or ""), _parameters(command)]
    return "\n\n".join(parts) + "\n"


def _help(text: str) -> Iterator[str]:
    """Paragraphs of a help text; commands become code."""
    for paragraph in text.split("\n\n"):
        line = " ".join(paragraph.split())
        example = EXAMPLE.match(line)
        if example:
            yield f"```console\n$ {example[1]}\n```"
        elif line:
            yield line


def _parameters(command: click.Command) -> str:
    lines = ["| argument or option | what it is | default |", "|---|---|---|"]
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            words = " ".join((getattr(parameter, "help", None) or "").split())
            help_text = html.escape(words, quote=False).replace("|", "\\|")  # `<br>` is a text
            cells = (_spelling(parameter), help_text, _default(parameter))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spelling(parameter: click.Parameter) -> str:
    """How a person types it."""
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name or '').upper()}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: click.Parameter) -> str:
    """The default; empty where there is none, or an empty list, or a switch that is off."""
    value = parameter.default
    is_shown = getattr(parameter, "show_default", True) and not callable(value)
    return f"`{value}`" if is_shown and value not in (None, False, (), [], "") else ""
