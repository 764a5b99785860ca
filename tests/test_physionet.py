"""Downloads, against a server on the loopback."""

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from monitor import physionet
from monitor.errors import SourceError
from monitor.physionet import DATABASES, DS1, DS2, PACED, attribution, fetch


class Server:
    """A PhysioNet of a few small files that can be made to misbehave."""

    def __init__(self) -> None:
        self.files = {f"208{suffix}": suffix.encode() * 20_000 for suffix in (".dat", ".atr", ".hea")}
        self.sums = {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}
        self.cut: set[str] = set()
        self.asked: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/files"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Send what is asked for, from where it is asked for, or half of it."""
        name = handler.path.removeprefix("/files/mitdb/1.0.0/")
        asked_range = handler.headers["Range"]
        self.asked.append((name, asked_range))
        if name == "SHA256SUMS.txt":
            content = "".join(f"{digest} {file}\n" for file, digest in self.sums.items()).encode()
        elif name in self.files:
            content = self.files[name]
        else:
            handler.send_error(404)
            return
        start = int(asked_range.removeprefix("bytes=").removesuffix("-")) if asked_range else 0
        if start >= len(content):
            handler.send_error(416)
            return
        handler.send_response(206 if asked_range else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start : len(content) // 2 if name in self.cut else None])


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def test_a_record_arrives_whole_and_the_attribution_is_shown(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All files are there under their names, nothing else is, and a pipe sees no escape code."""
    folder = fetch("mitdb", ["208"], folder=tmp_path / "new", base_url=server.url)

    shown = capsys.readouterr()
    assert server.files == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert "Moody GB, Mark RG" in shown.err
    assert "Open Data Commons Attribution" in shown.err
    assert "\x1b" not in shown.err
    assert shown.out == ""


def test_all_records_are_fetched_when_none_is_named(server: Server, tmp_path: Path) -> None:
    """``fetch(database)`` takes what the sums list, and only signals, annotations and headers of it."""
    server.files["208.xws"] = b"not ours"
    server.sums["208.xws"] = hashlib.sha256(b"not ours").hexdigest()

    fetch("mitdb", folder=tmp_path, base_url=server.url)

    assert {path.name for path in tmp_path.iterdir()} == {"208.dat", "208.atr", "208.hea"}


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    """A second run asks for the sums alone; a damaged file is replaced."""
    fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)
    server.asked.clear()
    (tmp_path / "208.atr").write_bytes(b"damaged")

    fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)

    assert [name for name, _ in server.asked] == ["SHA256SUMS.txt", "208.atr"]
    assert (tmp_path / "208.atr").read_bytes() == server.files["208.atr"]


def test_half_a_file_is_an_error_and_never_under_its_name(server: Server, tmp_path: Path) -> None:
    """What came is kept aside, and the next run goes on from there."""
    server.cut = {"208.dat"}
    with pytest.raises(SourceError, match=r"208.dat was cut short: expected 80000 bytes, received 40000"):
        fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)
    assert [path.name for path in tmp_path.iterdir()] == ["208.dat.part"]

    server.cut = set()
    fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)

    assert ("208.dat", "bytes=40000-") in server.asked
    assert (tmp_path / "208.dat").read_bytes() == server.files["208.dat"]
    assert not list(tmp_path.glob("*.part"))


def test_a_wrong_hash_is_an_error_that_leaves_nothing(server: Server, tmp_path: Path) -> None:
    """The message gives both hashes; the next run begins anew and succeeds."""
    right, server.sums["208.dat"] = server.sums["208.dat"], "0" * 64
    with pytest.raises(SourceError, match=f"wrong hash: expected {'0' * 64}, received {right}"):
        fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)
    assert list(tmp_path.iterdir()) == []

    server.sums["208.dat"] = right
    fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)
    assert (tmp_path / "208.dat").read_bytes() == server.files["208.dat"]


def test_a_left_over_longer_than_the_file_is_dropped(server: Server, tmp_path: Path) -> None:
    """A server that cannot go on from there (416) costs one try, not all."""
    (tmp_path / "208.dat.part").write_bytes(b"x" * 100_000)
    with pytest.raises(SourceError, match="416"):
        fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)

    fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)
    assert (tmp_path / "208.dat").read_bytes() == server.files["208.dat"]


def test_a_file_that_the_server_lacks_is_an_error(server: Server, tmp_path: Path) -> None:
    """An answer of 404 becomes one line that names the server and the reason."""
    del server.files["208.atr"]
    with pytest.raises(SourceError, match=r"cannot download mitdb from http://127.*404"):
        fetch("mitdb", ["208"], folder=tmp_path, base_url=server.url)


def test_an_unknown_record_is_refused_before_any_connection(tmp_path: Path) -> None:
    """We know the records of mitdb; the message says what there is."""
    with pytest.raises(SourceError, match=r"expected one of 100 \.\.\. 234 \(48 records\), received '999'"):
        fetch("mitdb", ["999"], folder=tmp_path, base_url="http://127.0.0.1:9")


def test_an_unknown_database_is_refused(tmp_path: Path) -> None:
    """The message says which there are."""
    with pytest.raises(SourceError, match=r"expected one of mitdb, svdb, vfdb, nstdb .*, received 'nodb'"):
        fetch("nodb", folder=tmp_path)
    with pytest.raises(SourceError, match="received 'nodb'"):
        attribution("nodb")


def test_a_refused_connection_is_a_clear_error(tmp_path: Path) -> None:
    """No server, no traceback: one line with the address, and nothing on disk."""
    with pytest.raises(SourceError, match=r"cannot download mitdb from http://127.0.0.1:9/.*refused"):
        fetch("mitdb", ["208"], folder=tmp_path / "new", base_url="http://127.0.0.1:9")
    assert not (tmp_path / "new").exists()


def test_a_network_that_never_answers_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit holds for name look-up and connection together, however long the system would take."""
    released = threading.Event()

    def connect(*_: object, **__: object) -> None:
        released.wait()
        raise OSError

    monkeypatch.setattr(physionet, "create_connection", connect)
    monkeypatch.setattr(physionet, "_CONNECT_S", 0.2)
    begun = time.monotonic()
    with pytest.raises(SourceError, match=re.escape("no connection to example.invalid within 0.2 s")):
        fetch("mitdb", ["208"], folder=tmp_path, base_url="https://example.invalid/files")
    assert time.monotonic() - begun < 2
    released.set()


def test_a_cache_that_cannot_be_written_is_a_clear_error(server: Server, tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(SourceError, match=r"cannot download mitdb .* to .*taken"):
        fetch("mitdb", ["208"], folder=tmp_path / "taken", base_url=server.url)


def test_the_sets_are_de_chazals() -> None:
    """22 and 22 records that share none, and four paced ones: all 48."""
    assert (len(DS1), len(DS2)) == (22, 22)
    assert DATABASES["mitdb"].records == tuple(sorted({*DS1, *DS2, *PACED}))
    assert len(DATABASES["mitdb"].records) == 48


@pytest.mark.parametrize("name", DATABASES)
def test_every_database_says_whose_it_is(name: str) -> None:
    """Version, licence and both citations."""
    text = attribution(name)
    assert "1.0.0, PhysioNet, Open Data Commons Attribution License v1.0" in text
    assert "doi:10.13026/" in text
    assert "Goldberger" in text
