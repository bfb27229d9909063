"""What is shown to a person as a line instead of a traceback: the one error, and remarks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sirec.plain_text import in_message

LISTED = 30  # names in a hint; a longer list hides what it is about


class SirecError(Exception):
    """Something the user can put right: what is wrong and where, and what would be right.

    The command line prints it as `error: …` and `hint: …` and exits with code 2; anything else is a
    bug and keeps its traceback.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = in_message(message)
        self.hint = None if hint is None else in_message(hint)
        super().__init__(self.message)


class Remark(UserWarning):
    """Something that a person should know and that stops nothing, such as a file without digests.

    It is given with `warnings.warn`. Python shows each text once in a process, so that what holds
    for many runs is said once; the command line prints it as `remark: …`.
    """


def unknown(what: str, given: str, known: Iterable[str], where: str | None = None) -> SirecError:
    """An error for a name that is not in a list of names, with the nearest one and the list itself.

    >>> unknown("model", "sasrek", ["sasrec", "comif"]).hint
    "did you mean 'sasrec'? models: comif, sasrec"
    >>> many = [f"r{number:02}" for number in range(90)]
    >>> unknown("run", "x", many).hint.endswith("r29 and 60 more")
    True

    Args:
        what: what kind of name it is, for example `model`.
        given: the name that was given.
        known: the names that there are.
        where: the file and key in which the name stands, if any.
    """
    names = sorted(known)
    spelt = {name.lower(): name for name in names}
    near = [spelt[name] for name in difflib.get_close_matches(given.lower(), spelt, n=1)]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    choices = f"{plural(what)}: {', '.join(names[:LISTED]) or 'none yet'}{more}"
    prefix = f"{where}: " if where else ""
    article = "an" if what[0] in "aeio" else "a"
    return SirecError(
        f"{prefix}'{given}' is not {article} {what}",
        f"did you mean '{near[0]}'? {choices}" if near else choices,
    )


def plural(noun: str) -> str:
    """The plural of a regular English noun.

    >>> plural("key"), plural("category"), plural("switch")
    ('keys', 'categories', 'switches')
    """
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
