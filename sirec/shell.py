"""Commands and options as messages print them: ready to be pasted into a shell."""

from __future__ import annotations

import shlex


def command(*words: object) -> str:
    """A command of `sirec`, with quotes around every word that a shell would read otherwise.

    >>> command("prepare", "table", "--raw", "my shop/one.zip")
    "sirec prepare table --raw 'my shop/one.zip'"

    Args:
        words: the name of the command and its arguments.
    """
    return f"sirec {arguments(*words)}"


def arguments(*words: object) -> str:
    r"""Options and their values, quoted as in a command; a tab is written as the option reads it.

    >>> print(arguments("--delimiter", "\t"))
    --delimiter '\t'

    Args:
        words: options and values, in order.
    """
    return " ".join(_quoted(str(word).replace("\t", "\\t")) for word in words)


def _quoted(word: str) -> str:
    """A word as `shlex` quotes it; one with a per cent sign always, as formats of times are."""
    quoted = shlex.quote(word)
    return f"'{word}'" if quoted == word and "%" in word else quoted
