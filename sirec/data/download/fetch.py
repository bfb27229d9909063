"""Public files over HTTP, fetched once and continued where they stopped.

A complete file is not fetched again, but held to the sha256 of its first use (`checksums.py`); an
incomplete one lies beside its place with what is known of its version (`partial.py`). The rest is
asked for on condition that it is the rest of the same version (`If-Range`, RFC 9110 §13.1.5), and
an answer that belongs to another one is never appended: then all of it is fetched anew.

It is the standard library's urllib and not pooch, because pooch cannot ask for the rest of a file:
it would fetch all of it again after every interruption.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from importlib.metadata import version
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from sirec.data.download.checksums import SUMS, verify
from sirec.data.download.partial_file import ENDINGS, PartialFile, Version, part_of
from sirec.data.progress import ProgressCallback
from sirec.errors import SirecError

__all__ = ["Remote", "download", "verify"]

TIMEOUT = 30.0  # seconds without a byte
PAUSES = (
    1.0,
    3.0,
    9.0,
)  # seconds before each further attempt while none gets further than those before
BLOCK = 1 << 18
BUSY = frozenset({408, 429, 500, 502, 503, 504})  # answers that may be others a little later
TAKEN = (SUMS, *ENDINGS)  # ends of names that mean something else here
CONTENT_RANGE = re.compile(r"bytes (?P<first>\d+)-\d+/(?P<length>\d+)")
HANDLERS = (
    ProxyHandler,  # the environment's
    HTTPHandler,
    HTTPSHandler,
    HTTPRedirectHandler,
    HTTPErrorProcessor,
    HTTPDefaultErrorHandler,
    UnknownHandler,  # urllib's usual handlers would follow a redirect to ftp
)
CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "the name of the server cannot be resolved; is there a network?"),
    (ConnectionRefusedError, "the server refuses the connection"),
    (ConnectionError, "the connection was lost"),
    (IncompleteRead, "the connection was lost"),
    (ssl.SSLError, "no secure connection"),
    (TimeoutError, "the server does not answer"),
    (OSError, "no connection"),
    (HTTPException, "the answer is not HTTP"),
)


@dataclass(frozen=True)
class Remote:
    """A file at a public address, and the name it gets in the folder.

    `instead` are files or folders there, such as what it unpacks into, any of which does in its
    place. Raises `SirecError` for a name that is not a plain file name and for an address that is
    not http or https.
    """

    name: str
    url: str
    instead: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would be written elsewhere or fetched by other means."""
        if (
            self.name in ("", ".", "..")
            or re.search(r"[/\\]", self.name)
            or not self.name.isprintable()
        ):
            raise SirecError(
                f"'{self.name}' cannot be the name of a downloaded file",
                "a name of a file, without folders",
            )
        if self.name.endswith(TAKEN):
            raise SirecError(
                f"'{self.name}' cannot be the name of a downloaded file",
                f"one not ending in {', '.join(TAKEN)}",
            )
        if not _is_address(self.url):
            raise SirecError(
                f"'{self.url}' is not an address to download {self.name} from",
                "expected http://… or https://…",
            )


def download(
    remotes: Sequence[Remote], folder: Path, progress: ProgressCallback | None = None
) -> tuple[Path, ...]:
    """Fetch what is not yet in `folder` and check what is; the paths, in order.

    Interrupted at any moment, the same call goes on where it stopped. `progress` hears of
    "downloading NAME" and "checking NAME", in bytes. Raises `SirecError` with the address where a
    file cannot be had, with both digests where one has changed since its first use, and where the
    disk refuses.
    """
    report = progress or (lambda stage, done, total: None)
    names = [remote.name for remote in remotes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SirecError(
            f"two files to download are called {twice}", "every file needs a name of its own"
        )
    paths = tuple(folder / name for name in names)
    for index, (remote, path) in enumerate(zip(remotes, paths, strict=True)):
        if not path.exists():
            _fetch(remote, path, report, _by_hand(remotes[index:], folder))
        verify([path], progress)
    return paths


def _by_hand(remotes: Sequence[Remote], folder: Path) -> str:
    """What a person without a network does, for all files that are still to come."""
    saves = (
        f"{remote.url} as {folder / remote.name}"
        for remote in remotes
        if not (folder / remote.name).exists()
    )
    return f"save {' and '.join(saves)}, then run the same command"


class _AttemptError(Exception):
    """Why an attempt did not end with the whole file.

    `passing`: it may go better next time. `stale`: the bytes so far are of no use.
    """

    def __init__(self, what: str, *, passing: bool, stale: bool = False) -> None:
        super().__init__(what)
        self.passing, self.stale = passing, stale


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        plain = url.isascii() and url.isprintable() and " " not in url and parts.port != 0
    except ValueError:
        return False
    return plain and parts.scheme in ("http", "https") and host != b""


def _fetch(remote: Remote, target: Path, report: ProgressCallback, by_hand: str) -> None:
    """Bring a file to its end and give it its name; `by_hand` says what else a person can do."""
    try:
        with part_of(target) as part:
            try:
                _insist(remote, part, report)
            except _AttemptError as error:
                goes_on = part.rest_of(remote.url) is not None
                kept = f"; {part.size:,} bytes are kept in {part.path}" if goes_on else ""
                resumes = ", it goes on where it stopped" if goes_on else ""
                again = f"run the same command again{resumes}; or "
                raise SirecError(
                    f"{remote.url}: {error}{kept}", (again if error.passing else "") + by_hand
                ) from error
            part.finish(target)
    except BlockingIOError:
        raise SirecError(
            f"{target}: another process is downloading it", "wait for it, then run the same command"
        ) from None
    except OSError as error:
        reason = error.strerror or error
        what = f"{target}: could not be written: {reason}; its address is {remote.url}"
        raise SirecError(
            what,
            f"is the disk full or read-only? Put it right and run the same command, or {by_hand}",
        ) from error


def _insist(remote: Remote, part: PartialFile, report: ProgressCallback) -> None:
    """Attempt for as long as attempts get further, and a few times more."""
    pauses, furthest = iter(PAUSES), part.size
    while True:
        try:
            return _attempt(remote, part, report)
        except _AttemptError as error:
            if part.size > furthest:
                pauses, furthest = iter(PAUSES), part.size
            if error.stale:
                part.clear()
            pause = next(pauses, None) if error.passing else None
            if pause is None:
                raise
        time.sleep(pause)


def _attempt(remote: Remote, part: PartialFile, report: ProgressCallback) -> None:
    """One request, after which the part is the whole file. Raises `_AttemptError` where it is
    not.
    """
    size, wanted = part.size, part.rest_of(remote.url)
    if wanted is not None and wanted.length == size:
        return  # a process ended before it gave the file its name
    with _ask(remote.url, wanted, size) as response:
        if wanted is not None and response.status == HTTPStatus.PARTIAL_CONTENT:
            length: int | None = _continues(response.headers, wanted, size)
        elif response.status == HTTPStatus.OK:
            part.begin(_version(remote.url, response))
            length = response.length
        else:
            raise _AttemptError(
                f"the server answers {response.status} {response.reason}", passing=False
            )
        report(f"downloading {remote.name}", part.size, length or 0)
        for block in _blocks(response):
            part.append(block)
            report(f"downloading {remote.name}", part.size, length or 0)
    if length is not None and part.size != length:
        what = f"the answer ended after {part.size:,} of {length:,} bytes"
        raise _AttemptError(what, passing=True, stale=part.size > length)


def _ask(url: str, wanted: Version | None, size: int) -> HTTPResponse:
    """The answer, its body still to come; for the rest after `size` bytes of a version, if one is
    wanted.
    """
    headers = {"User-Agent": f"sirec/{version('sirec')}"}
    if wanted is not None:
        headers |= {"Range": f"bytes={size}-", "If-Range": str(wanted.validator)}
    opener = OpenerDirector()
    for handler in HANDLERS:
        opener.add_handler(handler())
    try:
        response: HTTPResponse = opener.open(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        beyond = error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        what = f"the server answers {error.code} {_one_line(error.reason)}"
        raise _AttemptError(what, passing=beyond or error.code in BUSY, stale=beyond) from None
    except URLError as error:
        raise _AttemptError(_cause(error.reason), passing=False) from error
    except (
        OSError,
        HTTPException,
        UnicodeError,
    ) as error:  # the last from a redirect to a name that cannot be one
        raise _AttemptError(_cause(error), passing=True) from error
    return response


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    """The bytes as they arrive, so that those before a broken connection are not lost with it."""
    while True:
        try:
            block = response.read1(BLOCK)
        except (OSError, HTTPException) as error:
            raise _AttemptError(_cause(error), passing=True) from error
        if not block:
            return
        yield block


def _version(url: str, response: HTTPResponse) -> Version:
    if response.length is None and not response.chunked:
        raise _AttemptError(
            "the server does not say how long the file is, so a cut one could pass for whole",
            passing=False,
        )
    return Version(url, _validator(response.headers), response.length)


def _validator(headers: Message) -> str | None:
    """What tells this version from every other: a strong ETag, else a date of change that a later
    change cannot share.
    """
    tag, changed = headers["ETag"], headers["Last-Modified"]
    if tag is not None and tag.startswith('"'):  # a weak one (W/"…") does not promise equal bytes
        return str(tag)
    moments = _moment(changed), _moment(headers["Date"])
    return (
        str(changed)
        if moments[0] is not None and moments[1] is not None and moments[0] < moments[1]
        else None
    )


def _moment(text: str | None) -> datetime | None:
    try:
        return (
            None if text is None else parsedate_to_datetime(text).replace(tzinfo=UTC)
        )  # HTTP's dates are in GMT
    except ValueError:
        return None


def _continues(headers: Message, wanted: Version, size: int) -> int:
    """The length in all. Raises `_AttemptError` where an answer is not the rest of that version,
    whatever was asked for.
    """
    given = CONTENT_RANGE.fullmatch(headers["Content-Range"] or "")
    if (
        given is None
        or int(given["first"]) != size
        or int(given["length"]) != (wanted.length or int(given["length"]))
    ):
        sent = headers["Content-Range"]
        what = f"the server was asked for the rest after {size:,} bytes and sends '{sent}'"
        raise _AttemptError(what, passing=True, stale=True)
    current = headers["ETag" if str(wanted.validator).startswith('"') else "Last-Modified"]
    if current not in (None, wanted.validator):
        raise _AttemptError(
            "the server sends the rest of another version", passing=True, stale=True
        )
    return int(given["length"])


def _cause(error: BaseException | str) -> str:
    """What happened, in words, and what the system says of it."""
    detail = _one_line(error) or type(error).__name__
    words = next((text for kind, text in CAUSES if isinstance(error, kind)), None)
    return f"{words} ({detail})" if words else detail


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
