"""Screens and engine: pulls are answered, nothing queues up, bad bytes hurt nobody."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zmq

from monitor import link
from monitor.config import Config
from monitor.errors import FeedError, WireError
from monitor.events import Notice
from monitor.link import Acknowledge, Client, Entry, EventLog, Pull, Stop, Update
from monitor.settings import Settings
from monitor.vitals import KEEP_S


def entry(number: int) -> Entry:
    """Return a notice that carries its number."""
    return Entry(
        bed="1",
        record="",
        time_ns=number,
        fs=360.0,
        event=Notice(sample=number, decided=number, text=str(number)),
    )


@pytest.fixture
def engine_end(tmp_path: Path) -> Iterator[tuple["zmq.Socket[bytes]", str]]:
    """Yield a listening socket and its address."""
    address = link.endpoint(tmp_path, "link")
    socket = link.listen(address)
    yield socket, address
    socket.close(0)


def numbers(entries: list[Entry]) -> list[int]:
    """Return what `entry` was given."""
    return [entry.time_ns for entry in entries]


def received(socket: "zmq.Socket[bytes]") -> tuple[bytes, link.Request]:
    """Return who asks, and for what."""
    assert socket.poll(2000)
    message = link.next_message(socket)
    assert message is not None
    return message[0], link.requested(message[1])


def test_the_log_gives_what_came_after_a_number() -> None:
    """A client that asks after its last event misses nothing and gets nothing twice."""
    log = EventLog()
    for number in range(1, 6):
        log.append(entry(number))
    entries, last, missed = log.after(2, 10)
    assert (numbers(entries), last, missed) == ([3, 4, 5], 5, 0)
    entries, last, missed = log.after(5, 10)
    assert (entries, last, missed) == ([], 5, 0)


def test_the_log_hands_out_no_more_than_asked_for() -> None:
    """One answer stays small however much has come together."""
    log = EventLog()
    for number in range(1, 101):
        log.append(entry(number))
    entries, last, missed = log.after(0, 7)
    assert (numbers(entries), last, missed) == ([1, 2, 3, 4, 5, 6, 7], 7, 0)


def test_the_log_counts_what_it_forgot() -> None:
    """Law 4 for screens: memory is bounded, and what is gone is counted."""
    log = EventLog(size=3)
    for number in range(1, 11):
        log.append(entry(number))
    entries, last, missed = log.after(2, 10)
    assert (numbers(entries), last, missed) == ([8, 9, 10], 10, 5)


def test_a_pull_is_answered(engine_end: tuple["zmq.Socket[bytes]", str]) -> None:
    """What the engine says arrives whole and typed."""
    socket, address = engine_end
    client = Client(address)
    client.pull(Pull(after=3, seconds=6.0))
    client.pull(Pull(after=4))  # not sent: the first is not answered yet
    who, request = received(socket)
    assert request == Pull(after=3, seconds=6.0)
    update = Update(
        ward=b"",
        entries=[entry(4)],
        last=4,
        missed=0,
        first_sample_ns=None,
        classifier="loading",
        done=False,
        faults=0,
        cpu_s=0.5,
    )
    link.answer(socket, who, update)
    assert client.receive(2000) == update
    assert link.next_message(socket) is None
    client.close()


def test_commands_arrive(engine_end: tuple["zmq.Socket[bytes]", str]) -> None:
    """Acknowledge and stop need no answer."""
    socket, address = engine_end
    client = Client(address)
    client.tell(Acknowledge(bed="3"))
    client.tell(Stop())
    assert [Acknowledge(bed="3"), Stop()] == [received(socket)[1] for _ in range(2)]
    client.close()


def test_a_client_asks_again_after_a_pull_that_failed(engine_end: tuple["zmq.Socket[bytes]", str]) -> None:
    """The monitor said that no answer will come; a command that is refused leaves the pull awaited."""
    socket, address = engine_end
    client = Client(address)
    client.pull(Pull(after=0))
    who, _ = received(socket)
    for refused, waiting in ((link.Refused("not you"), True), (link.Refused("failed", pull=True), False)):
        link.answer(socket, who, refused)
        assert client.receive(2000) is None
        assert waiting == client.waiting
    client.close()


@pytest.mark.parametrize(
    "bytes_", [b"", b"\x00", b"\xc1", b"{}", b"\x81\xa4type\xa4pull", b"x" * 4000, b"\x91" * 4000]
)
def test_what_is_no_request_is_a_wire_error(bytes_: bytes) -> None:
    """Law 5: bad bytes are WireError, and nothing else."""
    with pytest.raises(WireError, match="request"):
        link.requested(bytes_)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "pull", "after": 0, "seconds": value}
        for value in (float("inf"), -float("inf"), float("nan"), -1.0, KEEP_S + 1, 1e308, "6")
    ]
    + [{"type": "pull", "after": after} for after in (-1, -(2**63), 2**63, 1.5)]
    + [{"type": "pull", "after": 0, "limit": limit} for limit in (-5, 0, 10**9)]
    + [
        {"type": "set_limits", "bed": "1", "limits": {"high_rate_bpm": value}}
        for value in (float("inf"), float("nan"), 1e300)
    ],
)
def test_a_figure_that_no_request_can_have_is_a_wire_error(fields: dict[str, object]) -> None:
    """Nothing that a client sends is counted with before it is known to be finite and in range."""
    with pytest.raises(WireError, match="Expected"):
        link.requested(msgspec.msgpack.encode(fields))


def test_an_address_that_cannot_be_bound_is_named() -> None:
    """A fault of the world: one clear line."""
    with pytest.raises(FeedError, match="ipc:///nowhere/at/all"):
        link.listen("ipc:///nowhere/at/all")


def test_a_config_survives_its_way_to_the_engine(tmp_path: Path) -> None:
    """The engine is told everything as JSON."""
    told = Config(endpoints=("tcp://127.0.0.1:5600",), bind=True, settings=Settings(), folder=str(tmp_path))
    assert msgspec.json.decode(msgspec.json.encode(told), type=Config) == told
    assert told.link == f"ipc://{tmp_path}/link"
