"""Points in time as a person writes them: a day, a minute or a second, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from sirec.errors import SirecError

# How a moment may be written, and how many seconds it lasts.
FORMS = {"%Y-%m-%d": 86_400, "%Y-%m-%dT%H:%M": 60, "%Y-%m-%dT%H:%M:%S": 1}


def seconds_of(what: str, text: str) -> range:
    """All seconds since 1970 that a moment has: `2019-12-31` a whole day, `2019-12-31T22:00` a
    minute, with `:30` one second.

    Raises `SirecError`, which calls the text `what`, for anything else.

    >>> seconds_of("since", "1970-01-02T00:01")
    range(86460, 86520)
    """
    for form, lasts in FORMS.items():
        try:
            start = int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
        return range(start, start + lasts)
    raise SirecError(
        f"{what}: '{text}' is not a date",
        "expected a day or a time in UTC, for example 2019-12-31 or 2019-12-31T22:00",
    )


def written(seconds: int) -> str:
    """Seconds since 1970 as the shortest of these forms that says them exactly.

    >>> written(86_400), written(86_460), written(86_461)
    ('1970-01-02', '1970-01-02T00:01', '1970-01-02T00:01:01')
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    return next(moment.strftime(form) for form, lasts in FORMS.items() if seconds % lasts == 0)
