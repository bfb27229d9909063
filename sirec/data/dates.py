"""Points in time as a person writes them: a day, a minute or a second, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sirec.data.times import NANOSECONDS
from sirec.errors import SirecError

# How a moment may be written, and how many seconds it lasts.
FORMS = {"%Y-%m-%d": 86_400, "%Y-%m-%dT%H:%M": 60, "%Y-%m-%dT%H:%M:%S": 1}
FRACTION = re.compile(r"(.*:\d{2}:\d{2})\.(\d{1,9})")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds_of(what: str, text: str) -> range:
    """All nanoseconds since 1970 that a moment has: `2019-12-31` a whole day, `2019-12-31T22:00` a
    minute, with `:30` one second, with `:30.5` a tenth of one.

    Args:
        what: what the message calls the text.
        text: the moment.

    Raises:
        SirecError: for anything else.

    >>> nanoseconds_of("since", "1970-01-01T00:00:01")
    range(1000000000, 2000000000)
    """
    whole, digits = text, ""
    if fraction := FRACTION.fullmatch(text):
        whole, digits = fraction[1], fraction[2]
    for form, lasts in FORMS.items():
        try:
            moment = datetime.strptime(whole, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        start = round((moment - EPOCH) / timedelta(seconds=1)) * NANOSECONDS
        if not digits:
            return range(start, start + lasts * NANOSECONDS)
        start += int(digits.ljust(9, "0"))
        return range(start, start + NANOSECONDS // 10 ** len(digits))
    raise SirecError(
        f"{what}: '{text}' is not a date",
        "expected a day or a time in UTC, for example 2019-12-31 or 2019-12-31T22:00",
    )


def written(ticks: int, per_second: int = 1) -> str:
    """A moment as the shortest of these forms that says it exactly.

    Args:
        ticks: ticks since 1970.
        per_second: ticks a second.

    >>> written(86_400), written(86_460), written(86_461), written(86_461_500, 1000)
    ('1970-01-02', '1970-01-02T00:01', '1970-01-02T00:01:01', '1970-01-02T00:01:01.5')
    """
    seconds, rest = divmod(ticks, per_second)
    moment = EPOCH + timedelta(seconds=seconds)
    if rest:
        digits = f"{rest * (NANOSECONDS // per_second):09d}".rstrip("0")
        return f"{moment.replace(tzinfo=None).isoformat()}.{digits}"
    form = next(form for form, lasts in FORMS.items() if seconds % lasts == 0)
    # `strftime` does not pad the years before 1000.
    return moment.strftime(form.replace("%Y", f"{moment.year:04d}"))
