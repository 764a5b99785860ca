"""Screens and engine: pulls are answered, nothing queues up, bad bytes hurt nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from monitor import link
from monitor.errors import FeedError, WireError
from monitor.events import Notice
from monitor.link import Acknowledge, Client, Config, Entry, EventLog, Pull, Stop, Update
from monitor.settings import Settings


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
    assert socket.poll(2000)
    asked = link.next_request(socket)
    assert asked is not None
    who, request = asked
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
    assert link.next_request(socket) is None
    client.close()


def test_commands_arrive(engine_end: tuple["zmq.Socket[bytes]", str]) -> None:
    """Acknowledge and stop need no answer."""
    socket, address = engine_end
    client = Client(address)
    client.tell(Acknowledge(bed="3"))
    client.tell(Stop())
    received: list[link.Request] = []
    while len(received) < 2 and socket.poll(2000):
        asked = link.next_request(socket)
        assert asked is not None
        received.append(asked[1])
    assert received == [Acknowledge(bed="3"), Stop()]
    client.close()


@pytest.mark.parametrize("bytes_", [b"", b"\x00", b"\xc1", b"{}", b"\x81\xa4type\xa4pull", b"x" * 4000])
def test_what_is_no_request_is_a_wire_error(
    engine_end: tuple["zmq.Socket[bytes]", str], bytes_: bytes
) -> None:
    """Law 5: bad bytes are WireError, and the next request is served."""
    socket, address = engine_end
    raw: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    raw.setsockopt(zmq.LINGER, 0)
    raw.connect(address)
    raw.send(bytes_)
    assert socket.poll(2000)
    with pytest.raises(WireError, match="screen request"):
        link.next_request(socket)
    client = Client(address)
    client.tell(Stop())
    assert socket.poll(2000)
    asked = link.next_request(socket)
    assert asked is not None
    assert asked[1] == Stop()
    raw.close()
    client.close()


def test_an_address_that_cannot_be_bound_is_named() -> None:
    """A fault of the world: one clear line."""
    with pytest.raises(FeedError, match="ipc:///nowhere/at/all"):
        link.listen("ipc:///nowhere/at/all")


def test_a_config_survives_its_way_to_the_engine(tmp_path: Path) -> None:
    """The engine is told everything as JSON."""
    import msgspec

    told = Config(endpoints=("tcp://127.0.0.1:5600",), bind=True, settings=Settings(), folder=str(tmp_path))
    assert msgspec.json.decode(msgspec.json.encode(told), type=Config) == told
    assert told.link == f"ipc://{tmp_path}/link"
