"""Downloads: what arrives is what the server has, whatever happens on the way; what was used once
stays as it was.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sirec.data.download import fetch as module
from sirec.data.download.fetch import Remote, download, verify
from sirec.data.download.partial_file import PartialFile
from sirec.data.locks import hold_or_refuse, wait_and_hold
from sirec.errors import SirecError

OLD = bytes(range(256)) * 40
NEW = OLD[::-1]
EVERYTHING = 1 << 30


@dataclass
class Shop:
    """What a server has and how it behaves; `breaks` are the bytes after which the answers in turn
    end too early.
    """

    content: bytes = OLD
    tag: str | None = '"old"'
    changed: str | None = None  # Last-Modified
    ranges: bool = True
    conditions: bool = True  # whether If-Range is obeyed
    tells_version: bool = True  # whether a partial answer says which version it is of
    shift: int = 0  # how many bytes before the wanted ones a partial answer begins
    claims: int | None = None  # a length that is not the true one
    framing: str = "length"  # how the end is told: length, chunks, or nothing
    status: list[int] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    hard: bool = False  # a break resets the connection
    stall: threading.Event | None = None  # after a break the connection stays open until then
    moved: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def ranges_asked(self) -> list[str | None]:
        """The Range headers of the requests so far."""
        return [headers.get("Range") for headers in self.asked]

    def remote(self, name: str = "file.bin") -> Remote:
        """The file this server has."""
        return Remote(name, f"http://127.0.0.1:{self.port}/{quote(name)}")


class Handler(BaseHTTPRequestHandler):
    """Answers as its `Shop` says."""

    shop: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        shop = self.shop
        shop.asked.append(dict(self.headers))
        if shop.status:
            return self.send_error(shop.status.pop(0))
        if shop.moved is not None and self.path != "/moved":
            self.send_response(302)
            self.send_header("Location", shop.moved)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.close_connection = True
        start = self.start()
        if start > len(shop.content) - 1 and start:
            return self.send_error(416)
        self.head(start)
        end = shop.breaks.pop(0) if shop.breaks else EVERYTHING
        self.body(shop.content[start : start + end])
        if end < EVERYTHING and shop.stall is not None:
            self.wfile.flush()
            shop.stall.wait(20)
        if end < EVERYTHING and shop.hard:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if end == EVERYTHING and shop.framing == "chunks":
            self.wfile.write(b"0\r\n\r\n")
        return None

    def start(self) -> int:
        """The first byte to send."""
        shop, wanted = self.shop, self.headers["Range"]
        known = self.headers["If-Range"] in (None, shop.tag, shop.changed) or not shop.conditions
        return (
            int(wanted.removeprefix("bytes=").rstrip("-")) - shop.shift
            if shop.ranges and wanted and known
            else 0
        )

    def head(self, start: int) -> None:
        shop = self.shop
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(shop.content) - 1}/{len(shop.content)}"
            )
        if shop.framing == "length":
            self.send_header(
                "Content-Length",
                str(shop.claims if shop.claims is not None else len(shop.content) - start),
            )
        if shop.framing == "chunks":
            self.send_header("Transfer-Encoding", "chunked")
        for name, value in (("ETag", shop.tag), ("Last-Modified", shop.changed)):
            if value is not None and (shop.tells_version or not start):
                self.send_header(name, value)
        self.end_headers()

    def body(self, block: bytes) -> None:
        if self.shop.framing == "chunks" and block:
            block = b"%x\r\n%s\r\n" % (len(block), block)
        self.wfile.write(block)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A server on this machine; no pause is made between attempts."""
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    shop = Shop()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"shop": shop}))
    shop.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield shop
    server.shutdown()
    thread.join()
    server.server_close()


def sums(folder: Path) -> str:
    return (folder / "SHA256SUMS").read_text()


def line(content: bytes, name: str = "file.bin") -> str:
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n"


def stop_after(count: int) -> Any:
    """A progress that behaves like Ctrl-C as soon as that many bytes are there."""

    def progress(stage: str, done: int, total: int) -> None:
        if done >= count and stage.startswith("downloading"):
            raise KeyboardInterrupt

    return progress


def assert_whole(folder: Path, content: bytes, name: str = "file.bin") -> None:
    """The file has these bytes, its digest is recorded, and nothing else is left."""
    assert (folder / name).read_bytes() == content
    assert line(content, name) in sums(folder)
    assert not [
        path.name for path in folder.iterdir() if ".part" in path.name or ".new" in path.name
    ]


@pytest.mark.parametrize("content", [OLD, b"", b"x"], ids=["some", "none", "one"])
def test_what_arrives_is_what_the_server_has(shop: Shop, tmp_path: Path, content: bytes) -> None:
    """Bytes and digest are the file's, its progress is told, and a file that is there is not asked
    for again.
    """
    shop.content, heard = content, list[tuple[str, int, int]]()
    folder = tmp_path / "raw" / "files"
    paths = download([shop.remote()], folder, lambda *report: heard.append(report))
    assert paths == (folder / "file.bin",)
    assert_whole(folder, content)
    done = [count for stage, count, _ in heard if stage == "downloading file.bin"]
    assert done == sorted(done)
    assert ("downloading file.bin", len(content), len(content)) in heard
    assert re.fullmatch(r"sirec/\d.*", shop.asked[0]["User-Agent"])
    assert download([shop.remote()], folder) == paths
    assert len(shop.asked) == 1


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs the tool sha256sum")
def test_the_digests_are_a_list_for_sha256sum(shop: Shop, tmp_path: Path) -> None:
    """`sha256sum -c` accepts the list of several files, and notices a change (the control)."""
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    download([shop.remote("a.gz"), shop.remote("b c.gz")], tmp_path)
    assert subprocess.run(check, cwd=tmp_path).returncode == 0
    (tmp_path / "a.gz").write_bytes(NEW)
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 1


CUTS = [1, 255, 4096, len(OLD) // 2, len(OLD) - 1]


@pytest.mark.parametrize("hard", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("cut", [0, *CUTS])
def test_after_a_dropped_connection_only_the_rest_is_asked_for(
    shop: Shop, tmp_path: Path, cut: int, hard: bool
) -> None:
    """The next request names the first byte that is missing and the version it must be of; the
    bytes end up equal.
    """
    shop.breaks, shop.hard = [cut], hard
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    first, second = shop.asked
    assert "Range" not in first
    if hard:  # what the system had not handed over is lost with a reset
        assert cut == 0 or "Range" not in second or int(second["Range"][6:-1]) <= cut
    else:
        assert (second.get("Range"), second.get("If-Range")) == (
            (f"bytes={cut}-", '"old"') if cut else (None, None)
        )


def test_many_drops_are_survived_while_each_attempt_gets_further(
    shop: Shop, tmp_path: Path
) -> None:
    """The number of attempts is limited only for those that gain nothing."""
    shop.breaks = [len(OLD) // 20] * 19
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert shop.ranges_asked == [None, *(f"bytes={len(OLD) // 20 * k}-" for k in range(1, 20))]


@pytest.mark.parametrize("cut", CUTS)
def test_an_interrupted_process_loses_no_byte(shop: Shop, tmp_path: Path, cut: int) -> None:
    """Stopped after any byte, the next call asks for the following one."""
    shop.breaks = [cut]
    with pytest.raises(KeyboardInterrupt):
        download([shop.remote()], tmp_path, stop_after(cut))
    assert (tmp_path / "file.bin.part").read_bytes() == OLD[:cut]
    assert not (tmp_path / "file.bin").exists()
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert shop.ranges_asked == [None, f"bytes={cut}-"]


def test_a_killed_process_loses_no_byte(shop: Shop, tmp_path: Path) -> None:
    """The same after a real SIGKILL, which gives no chance to tidy up."""
    shop.breaks, shop.stall = [4096], threading.Event()
    remote = shop.remote()
    program = (
        "import sys, pathlib; from sirec.data.download.fetch import Remote, download;"
        "download([Remote(*sys.argv[1:3])], pathlib.Path(sys.argv[3]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, remote.name, remote.url, str(tmp_path)]
    )
    part = tmp_path / "file.bin.part"
    deadline = time.monotonic() + 30
    while (not part.exists() or part.stat().st_size < 4096) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    shop.stall.set()
    download([remote], tmp_path)
    assert_whole(tmp_path, OLD)
    assert shop.ranges_asked == [None, "bytes=4096-"]


def test_a_process_killed_before_the_last_rename_needs_no_server(
    shop: Shop, tmp_path: Path
) -> None:
    """A part that is complete gets its name without another byte from the server."""
    with pytest.raises(KeyboardInterrupt):
        download([shop.remote()], tmp_path, stop_after(len(OLD)))
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert len(shop.asked) == 1


def change(shop: Shop, content: bytes = NEW, **version: str | None) -> None:
    """Another version of the file at the same address."""
    shop.content = content
    for name, value in ({"tag": '"new"'} | version).items():
        setattr(shop, name, value)


def date(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


def interrupted(shop: Shop, folder: Path, cut: int = 4096) -> None:
    """A first attempt that ends after `cut` bytes of the old version."""
    shop.breaks = [cut]
    with pytest.raises(KeyboardInterrupt):
        download([shop.remote()], folder, stop_after(cut))
    shop.breaks = []


@pytest.mark.parametrize(
    "content", [NEW, NEW[:5000], NEW[:100], NEW * 2], ids=["equal", "shorter", "shortest", "longer"]
)
@pytest.mark.parametrize("conditions", [True, False], ids=["obeys", "ignores"])
def test_versions_are_never_glued(
    shop: Shop, tmp_path: Path, content: bytes, conditions: bool
) -> None:
    """When the file changes between two attempts, the new version arrives whole, whether the server
    obeys If-Range or not.
    """
    interrupted(shop, tmp_path)
    change(shop, content)
    shop.conditions = conditions
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, content)
    assert shop.asked[1]["Range"] == "bytes=4096-"


def test_versions_told_apart_by_date_are_never_glued(shop: Shop, tmp_path: Path) -> None:
    """A date of change serves where there is no tag, or only a weak one; an unchanged file is
    continued.
    """
    shop.tag, shop.changed = 'W/"weak"', date(-100)
    interrupted(shop, tmp_path)
    assert shop.asked[0].get("If-Range") is None
    interrupted(shop, tmp_path)  # the control: unchanged, it goes on
    assert shop.asked[1]["If-Range"] == shop.changed
    change(shop, tag=None, changed=date(-50))
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, NEW)


@pytest.mark.parametrize(
    ("tag", "changed"), [(None, None), ('W/"weak"', None), (None, 0.0), (None, 1e5)]
)
def test_without_a_way_to_tell_versions_apart_all_is_fetched_anew(
    shop: Shop, tmp_path: Path, tag: str | None, changed: float | None
) -> None:
    """No tag, a weak one, or a date so recent that a second change might share it: nothing is
    continued.
    """
    shop.tag, shop.changed = tag, None if changed is None else date(changed)
    interrupted(shop, tmp_path)
    change(shop, tag=tag)
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, NEW)
    assert shop.ranges_asked == [None, None]


def test_gluing_would_be_noticed(shop: Shop, tmp_path: Path) -> None:
    """The control: a server that ignores the condition and hides the version makes a glued file,
    and that is told from both.
    """
    interrupted(shop, tmp_path)
    change(shop)
    shop.conditions = shop.tells_version = False
    (path,) = download([shop.remote()], tmp_path)
    assert path.read_bytes() == OLD[:4096] + NEW[4096:]
    with pytest.raises(AssertionError):
        assert_whole(tmp_path, NEW)


@pytest.mark.parametrize("content", [NEW[:5000], NEW * 2], ids=["shorter", "longer"])
def test_another_length_is_another_version(shop: Shop, tmp_path: Path, content: bytes) -> None:
    """The same server is found out when the file's length has changed."""
    interrupted(shop, tmp_path)
    change(shop, content)
    shop.conditions = shop.tells_version = False
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, content)


def test_an_answer_from_another_byte_is_not_appended(shop: Shop, tmp_path: Path) -> None:
    """Where a server sends another part than the one asked for, all is fetched anew."""
    interrupted(shop, tmp_path)
    shop.shift, shop.breaks = 96, [len(OLD) - 4096]  # so many bytes that the length would be right
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert shop.ranges_asked == [None, "bytes=4096-", None]


def test_another_address_is_another_file(shop: Shop, tmp_path: Path) -> None:
    """A part that came from elsewhere is not continued, even where the tags agree by chance."""
    interrupted(shop, tmp_path)
    shop.content = NEW
    download([Remote("file.bin", f"{shop.remote().url}?mirror")], tmp_path)
    assert_whole(tmp_path, NEW)


def test_a_server_without_ranges_starts_over(shop: Shop, tmp_path: Path) -> None:
    """An answer with the whole file replaces the part."""
    shop.ranges = False
    interrupted(shop, tmp_path)
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert shop.ranges_asked == [None, "bytes=4096-"]


def test_a_server_that_never_ends_is_given_up(shop: Shop, tmp_path: Path) -> None:
    """Attempts that get no further are few; the error says how far it got, that nothing is lost,
    and what to do.
    """
    shop.ranges, shop.breaks = False, [4096] * 50
    with pytest.raises(SirecError) as caught:
        download([shop.remote()], tmp_path)
    assert len(shop.asked) == 1 + len(module.PAUSES)
    part = tmp_path / "file.bin.part"
    assert "ended after 4,096 of 10,240 bytes" in caught.value.message
    assert f"4,096 bytes are kept in {part}" in caught.value.message
    assert caught.value.hint is not None
    assert "run the same command" in caught.value.hint
    assert f"save {shop.remote().url} as {tmp_path / 'file.bin'}" in caught.value.hint
    assert part.read_bytes() == OLD[:4096]


def test_a_length_that_is_not_true_is_noticed(shop: Shop, tmp_path: Path) -> None:
    """A file shorter than its Content-Length is not taken for whole."""
    shop.claims, shop.ranges = len(OLD) + 10, False
    with pytest.raises(SirecError, match=r"ended after 10,240 of 10,250 bytes"):
        download([shop.remote()], tmp_path)
    assert not (tmp_path / "file.bin").exists()


def test_chunks_tell_their_end(shop: Shop, tmp_path: Path) -> None:
    """Without a length, the end of the chunks tells a whole file from a cut one."""
    shop.framing, shop.breaks = "chunks", [4096]
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert shop.ranges_asked == [None, "bytes=4096-"]


def test_a_file_without_an_end_is_refused(shop: Shop, tmp_path: Path) -> None:
    """Without length and chunks a cut file could pass for whole, so none is taken."""
    shop.framing = "nothing"
    with pytest.raises(SirecError, match="does not say how long the file is"):
        download([shop.remote()], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_longer_than_the_file_starts_over(shop: Shop, tmp_path: Path) -> None:
    """Where nothing is left to ask for (416), what is there is of no use."""
    shop.framing = "chunks"
    interrupted(shop, tmp_path, len(OLD))
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert shop.ranges_asked == [None, f"bytes={len(OLD)}-", None]


def test_a_busy_server_is_asked_again(shop: Shop, tmp_path: Path) -> None:
    """503 and its like may pass; what does not exist will not come."""
    shop.status = [503, 429]
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert len(shop.asked) == 3
    shop.status = [404]
    with pytest.raises(SirecError):
        download([shop.remote("other.bin")], tmp_path)
    assert len(shop.asked) == 4


def test_redirects_are_followed_and_continued(shop: Shop, tmp_path: Path) -> None:
    """Behind a redirect the rest is asked for as well."""
    shop.moved = "/moved"
    interrupted(shop, tmp_path)
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    assert shop.ranges_asked == [None, None, "bytes=4096-", "bytes=4096-"]


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def unresolved(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


TROUBLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "not there": (
        {"status": [404]},
        "http://127.0.0.1:{port}/x",
        "the server answers 404 Not Found",
    ),
    "not allowed": (
        {"status": [403]},
        "http://127.0.0.1:{port}/x",
        "the server answers 403 Forbidden",
    ),
    "always busy": (
        {"status": [503] * 9},
        "http://127.0.0.1:{port}/x",
        "the server answers 503 Service Unavailable",
    ),
    "refused": ({}, "http://127.0.0.1:{closed}/x", "the server refuses the connection"),
    "no TLS": ({}, "https://127.0.0.1:{port}/x", "no secure connection"),
    "elsewhere": (
        {"moved": "ftp://127.0.0.1/x"},
        "http://127.0.0.1:{port}/x",
        "unknown url type: ftp",
    ),
    "a file": (
        {"moved": "file:///etc/hostname"},
        "http://127.0.0.1:{port}/x",
        "the server answers 302",
    ),
    "a circle": ({"moved": "/x"}, "http://127.0.0.1:{port}/x", "the server answers 302"),
    "no name": ({}, "http://no.such.host.invalid/x", "the name of the server cannot be resolved"),
    "silence": (
        {"breaks": [0] * 9, "stall": threading.Event()},
        "http://127.0.0.1:{port}/x",
        "the server does not answer",
    ),
}


@pytest.mark.parametrize("case", TROUBLE)
def test_trouble_is_one_line_with_a_way_out(
    shop: Shop, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of trouble names the address and says how to put the file there by hand; nothing is
    left behind.
    """
    settings, pattern, message = TROUBLE[case]
    for name, value in settings.items():
        setattr(shop, name, list(value) if isinstance(value, list) else value)
    if case == "no name":
        monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    remote = Remote("x", pattern.format(port=shop.port, closed=closed_port()))
    with pytest.raises(SirecError) as caught:
        download([remote], tmp_path)
    assert caught.value.message.startswith(f"{remote.url}: {message}")
    assert f"save {remote.url} as {tmp_path / 'x'}, then run the same command" in str(
        caught.value.hint
    )
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == []
    if shop.stall is not None:
        shop.stall.set()


def test_a_full_disk_is_told_and_survived(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written stays, and the next call goes on from there."""
    interrupted(shop, tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(PartialFile, "append", full)
        with pytest.raises(
            SirecError, match="could not be written: No space left on device"
        ) as caught:
            download([shop.remote()], tmp_path)
    assert shop.remote().url in caught.value.message
    assert "or save" in str(caught.value.hint)
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)


def test_a_folder_that_cannot_be_is_told(shop: Shop, tmp_path: Path) -> None:
    """A folder that cannot be made is an error with the file's path, before anything is asked
    for.
    """
    (tmp_path / "file").write_text("")
    with pytest.raises(SirecError, match=r"could not be written: (Not a directory|File exists)"):
        download([shop.remote()], tmp_path / "file")
    assert shop.asked == []


def test_two_processes_do_not_write_one_part(shop: Shop, tmp_path: Path) -> None:
    """A part that another process holds is left alone; once it lets go, the download goes on."""
    interrupted(shop, tmp_path)
    with (
        hold_or_refuse(tmp_path / "file.bin.part"),
        pytest.raises(SirecError, match="another process is downloading it"),
    ):
        download([shop.remote()], tmp_path)
    assert (tmp_path / "file.bin.part").read_bytes() == OLD[:4096]
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)


def test_a_note_that_was_changed_is_named(shop: Shop, tmp_path: Path) -> None:
    """A part whose version cannot be read is neither continued nor thrown away."""
    interrupted(shop, tmp_path)
    note = tmp_path / "file.bin.part.yaml"
    note.write_text(note.read_text().replace("length", "lenth"))
    with pytest.raises(SirecError, match=r"file\.bin\.part\.yaml: 'lenth' is not a key") as caught:
        download([shop.remote()], tmp_path)
    assert caught.value.hint == f"delete it and {tmp_path / 'file.bin.part'} to begin anew"
    assert (tmp_path / "file.bin.part").read_bytes() == OLD[:4096]


def test_a_lock_belongs_to_the_name(tmp_path: Path) -> None:
    """Who waits for a file that its holder renames gets the new file of that name."""
    path, order = tmp_path / "file", list[str]()

    def second() -> None:
        with wait_and_hold(path), path.open("ab") as file:
            order.append("second")
            file.write(b"second")

    thread = threading.Thread(target=second)
    with wait_and_hold(path), path.open("ab") as file:
        thread.start()
        file.write(b"first")
        time.sleep(0.1)
        order.append("first")
        file.close()
        path.rename(tmp_path / "renamed")
    thread.join()
    assert order == ["first", "second"]
    assert ((tmp_path / "renamed").read_bytes(), path.read_bytes()) == (b"first", b"second")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "renamed"]


def test_a_changed_file_is_an_error_with_both_digests(shop: Shop, tmp_path: Path) -> None:
    """A file that is not what it was at its first use is refused until it is deleted, or its line
    is.
    """
    (path,) = download([shop.remote()], tmp_path)
    path.write_bytes(NEW)
    for use in (lambda: download([shop.remote()], tmp_path), lambda: verify([path])):
        with pytest.raises(SirecError) as caught:
            use()
        assert all(
            hashlib.sha256(content).hexdigest() in caught.value.message for content in (OLD, NEW)
        )
        assert "delete it to fetch it again, or delete its line" in str(caught.value.hint)
    path.unlink()
    download([shop.remote()], tmp_path)
    assert_whole(tmp_path, OLD)
    path.write_bytes(NEW)
    (tmp_path / "SHA256SUMS").unlink()
    download([shop.remote()], tmp_path)
    assert sums(tmp_path) == line(NEW)


def test_a_file_that_changed_at_its_address_is_an_error_too(shop: Shop, tmp_path: Path) -> None:
    """Fetched again, a file is still held to the digest of its first use."""
    (path,) = download([shop.remote()], tmp_path)
    path.unlink()
    change(shop)
    with pytest.raises(SirecError, match="changed since its first use"):
        download([shop.remote()], tmp_path)


def test_a_file_put_there_by_hand_is_recorded(shop: Shop, tmp_path: Path) -> None:
    """Without a network: the file is not asked for, and its digest is recorded beside the others,
    whose lines stay.
    """
    (tmp_path / "SHA256SUMS").write_text(f"# kept\n{line(NEW, 'other.bin')}".rstrip("\n"))
    (tmp_path / "file.bin").write_bytes(OLD)
    download([shop.remote()], tmp_path)
    assert shop.asked == []
    assert sums(tmp_path) == f"# kept\n{line(NEW, 'other.bin')}{line(OLD)}"


def test_files_recorded_at_the_same_moment_are_all_recorded(tmp_path: Path) -> None:
    """Several uses at once lose no line and repeat none."""
    paths = [tmp_path / f"{k}.bin" for k in range(8)]
    for path in paths:
        path.write_bytes(path.name.encode())
    threads = [threading.Thread(target=verify, args=([path],)) for path in [*paths, *paths]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sums(tmp_path).splitlines()) == sorted(
        line(p.name.encode(), p.name).rstrip() for p in paths
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no digest  file.bin\n", r"SHA256SUMS:1: 'no digest  file\.bin' is not a sha256"),
        (line(OLD) + line(NEW), r"SHA256SUMS:2: file\.bin is listed twice"),
        (b"\xff\n", r"SHA256SUMS: not UTF-8 text at byte 0"),
    ],
)
def test_a_broken_list_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    """A list of digests that cannot be read is an error with the line; it is not written over."""
    (tmp_path / "file.bin").write_bytes(OLD)
    verify([tmp_path / "file.bin"])  # the control: its own list is read
    verify([tmp_path / "file.bin"])
    broken = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "SHA256SUMS").write_bytes(broken)
    with pytest.raises(SirecError, match=message):
        verify([tmp_path / "file.bin"])
    assert (tmp_path / "SHA256SUMS").read_bytes() == broken


def test_a_file_that_is_not_there_cannot_be_verified(tmp_path: Path) -> None:
    """What is to be checked must be there and be a file."""
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(SirecError, match=re.escape(str(path))):
            verify([path])


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "a\nb",
        "a\0b",
        "SHA256SUMS",
        "a.part",
        "a.part.yaml",
    ],
)
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    """A name cannot lead out of the folder, nor be one that means something else in it."""
    with pytest.raises(SirecError, match="cannot be the name of a downloaded file"):
        Remote(name, "https://example.org/x")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http://",
        "http://a b/",
        "http://a..b/",
        "http://a:b/",
        "http://a/\n",
        "http://ä/",
    ],
)
def test_addresses_that_are_not_http_are_refused(url: str) -> None:
    """Only http and https, spelt as they travel."""
    Remote("x", "HTTPS://example.org:8443/a%20b?c=d")  # the control
    with pytest.raises(SirecError, match="is not an address to download x from"):
        Remote("x", url)


def test_two_files_of_one_name_are_refused(shop: Shop, tmp_path: Path) -> None:
    """Two addresses cannot share a file."""
    with pytest.raises(SirecError, match=r"two files to download are called file\.bin"):
        download([shop.remote(), shop.remote()], tmp_path)
    assert shop.asked == []


def test_a_part_is_not_readable_as_a_file(shop: Shop, tmp_path: Path) -> None:
    """Until it is complete there is no file of the name, and its mode is the one of other new files
    afterwards.
    """
    interrupted(shop, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "file.bin.part",
        "file.bin.part.yaml",
    ]
    (path,) = download([shop.remote()], tmp_path)
    (tmp_path / "other").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode
