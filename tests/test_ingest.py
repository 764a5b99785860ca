"""The receiving thread over real loopback sockets: complete, in order, bounded, and never silent."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import zmq
from numpy.testing import assert_array_equal

from monitor import wire
from monitor.errors import FeedError
from monitor.ingest import Closed, Fault, Ingest, Item, Lost, Opened, Samples
from monitor.settings import FeedSettings
from monitor.wire import Bye, Hello, Packet

_ANY_PORT = "tcp://127.0.0.1:*"


class _Device:
    """A device in a few lines: it knows when somebody listens."""

    def __init__(self, endpoint: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.socket.setsockopt(zmq.RCVTIMEO, 5000)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 10)
        self.socket.connect(endpoint)
        self.await_listener()

    def await_listener(self) -> None:
        assert self.socket.recv() == b"\x01"

    def send(self, *messages: wire.Message) -> None:
        for message in messages:
            self.socket.send_multipart(wire.encode(message))

    def send_raw(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)

    def close(self) -> None:
        self.socket.close(linger=2000)
        self.context.term()


def _hello(bed: str = "b", **changes: Any) -> Hello:
    fields: dict[str, Any] = {
        "stream": 1,
        "fs": 250.0,
        "leads": ("II",),
        "gain": (1.0,),
        "baseline": (0,),
        "sequence": 0,
        "index": 0,
    }
    return Hello(bed=bed, **(fields | changes))


def _packets(n: int, bed: str = "b", *, start: int = 0, stream: int = 1) -> Iterator[Packet]:
    for sequence in range(start, start + n):
        samples = (sequence * 10 + np.arange(10, dtype=np.int64)) % 30_000
        yield Packet(
            bed=bed,
            stream=stream,
            sequence=sequence,
            index=sequence * 10,
            device_time_ns=time.time_ns(),
            samples=samples.astype(np.int16)[:, np.newaxis],
        )


def _bye(total: int, bed: str = "b", stream: int = 1) -> Bye:
    return Bye(bed=bed, stream=stream, total=total)


def _take_until(ingest: Ingest, done: Callable[[list[Item]], bool], seconds: float = 10.0) -> list[Item]:
    """Take as an engine does, woken by the socket, until ``done``; fail when nothing comes any more."""
    items: list[Item] = []
    while not done(items):
        assert ingest.wake.poll(int(seconds * 1000)), f"nothing came for {seconds:g} s; so far {items[-3:]}"
        items += ingest.take(100)
    return items


def _closed(count: int = 1) -> Callable[[list[Item]], bool]:
    return lambda items: sum(isinstance(item, Closed) for item in items) >= count


def _until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Look again and again until a counter says so; fail when it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[Ingest, _Device]]]:
    """Return a function that starts an ingest on a free port and a device that it hears."""
    opened: list[Ingest | _Device] = []

    def begin(**settings: Any) -> tuple[Ingest, _Device]:
        ingest = Ingest([_ANY_PORT], bind=True, settings=FeedSettings(**settings))
        opened.append(ingest)
        ingest.start()
        device = _Device(ingest.endpoints[0])
        opened.append(device)
        return ingest, device

    yield begin
    for one in reversed(opened):
        one.close()


def _spans(items: Sequence[Item], bed: str = "b") -> list[tuple[str, int, int]]:
    """Return samples and gaps of a bed as spans, adjoining ones of a kind joined."""
    spans: list[tuple[str, int, int]] = []
    for item in items:
        if isinstance(item, Samples) and item.bed == bed:
            span = ("samples", item.block.start, item.block.stop)
        elif isinstance(item, Lost) and item.bed == bed:
            span = (item.gap.reason, item.gap.sample, item.gap.stop)
        else:
            continue
        if spans and spans[-1][0] == span[0] and spans[-1][2] == span[1]:
            span = (span[0], spans.pop()[1], span[2])
        spans.append(span)
    return spans


def test_everything_arrives_in_order(start: Callable[..., tuple[Ingest, _Device]]) -> None:
    """Two beds interleaved on one socket: each complete, in order, its values exact."""
    ingest, device = start()
    device.send(_hello("a"), _hello("b"))
    for pair in zip(_packets(400, "a"), _packets(400, "b"), strict=True):
        device.send(*pair)
    device.send(_bye(4000, "a"), _bye(4000, "b"))
    items = _take_until(ingest, _closed(2))
    for bed in "ab":
        assert _spans(items, bed) == [("samples", 0, 4000)]
        blocks = [item.block.samples for item in items if isinstance(item, Samples) and item.bed == bed]
        assert_array_equal(np.concatenate(blocks)[:, 0], np.arange(4000))
        assert ingest.counters[bed].packets == 400


def test_loss_and_disorder_on_the_wire_are_accounted_for(
    start: Callable[..., tuple[Ingest, _Device]],
) -> None:
    """Law 4 over a socket: samples plus gaps are everything, whatever is dropped, doubled or swapped."""
    ingest, device = start()
    rng = np.random.default_rng(3)
    sent = []
    for k, packet in enumerate(_packets(500)):
        if rng.random() > 0.1:
            sent += [(k + 3 * (rng.random() < 0.2), packet)] * (1 + (rng.random() < 0.1))
    device.send(_hello(), *(packet for _, packet in sorted(sent, key=lambda entry: entry[0])), _bye(5000))
    items = _take_until(ingest, _closed())
    at = 0
    for kind, first, last in _spans(items):
        assert (kind in ("samples", "lost"), first) == (True, at)
        at = last
    assert at == 5000
    counters = ingest.counters["b"]
    assert counters.samples + counters.lost == 5000
    assert counters.lost > 0
    assert counters.duplicates > 0
    assert counters.reordered > 0
    assert not any(isinstance(item, Fault) for item in items)


def test_full_queue_becomes_a_gap_and_the_end_still_comes(
    start: Callable[..., tuple[Ingest, _Device]],
) -> None:
    """Law 4: nobody takes for longer than the queue holds, 2 s here; another bed is not harmed."""
    ingest, device = start(queue_s=2.0)
    device.send(_hello("a"), _hello("b"), *_packets(100, "b"), *_packets(5, "a"))
    _until(lambda: ingest.counters.get("a") is not None and ingest.counters["a"].packets == 5)
    items = ingest.take()
    device.send(*_packets(1, "b", start=100), _bye(1010), _bye(50, "a"))
    items += _take_until(ingest, _closed(2))
    assert _spans(items) == [("samples", 0, 500), ("overflow", 500, 1000), ("samples", 1000, 1010)]
    assert _spans(items, "a") == [("samples", 0, 50)]
    assert ingest.counters["b"].overflow == 500


def test_overflow_is_told_even_if_the_bed_falls_silent(
    start: Callable[..., tuple[Ingest, _Device]],
) -> None:
    """A gap does not wait for the bed's next packet."""
    ingest, device = start(queue_s=2.0)
    device.send(_hello(), *_packets(100))
    _until(lambda: ingest.counters.get("b") is not None and ingest.counters["b"].packets == 100)
    items = ingest.take()
    items += _take_until(ingest, lambda items: any(isinstance(item, Lost) for item in items))
    assert _spans(items) == [("samples", 0, 500), ("overflow", 500, 1000)]


def test_tiny_packets_cannot_fill_the_memory(start: Callable[..., tuple[Ingest, _Device]]) -> None:
    """The number of items is bounded too, not only the seconds."""
    ingest, device = start(queue_items=20)
    device.send(_hello(), *_packets(100))
    _until(lambda: ingest.counters.get("b") is not None and ingest.counters["b"].packets == 100)
    assert len(ingest.take()) == 20


def test_malformed_frames_are_told_once_a_second_and_harm_nobody(
    start: Callable[..., tuple[Ingest, _Device]],
) -> None:
    """Law 5 and bounded complaints: a flood of rubbish between good packets."""
    ingest, device = start()
    device.send(_hello())
    rubbish = itertools.cycle(
        [[b"b", b"BL\x02S"], [b"zzz", b"hello"], [b"b"], [b"", b"", b"", b""], [b"x" * 300]]
    )
    for packet in _packets(200):
        device.send(packet)
        for _ in range(10):
            device.send_raw(*next(rubbish))
    device.send(_bye(2000))
    items = _take_until(ingest, _closed())
    faults = [item for item in items if isinstance(item, Fault)]
    assert _spans(items) == [("samples", 0, 2000)]
    assert ingest.malformed == 2000
    assert 2 <= len(faults) <= 40
    assert {fault.bed for fault in faults} == {None, "b"}
    assert any("unknown protocol version: expected 1, received 2" in fault.text for fault in faults)


def test_oversized_frames_do_not_end_the_feed(start: Callable[..., tuple[Ingest, _Device]]) -> None:
    """Too long for the protocol: told. Too long for the socket: the connection is dropped and comes back."""
    ingest, device = start()
    device.send(_hello(), *_packets(2))
    device.send_raw(b"b", b"BL\x01S" + bytes(100_000))
    _until(lambda: ingest.malformed == 1)
    device.send_raw(b"b", bytes(5_000_000))
    device.await_listener()
    device.send(*_packets(2, start=2), _bye(40))
    items = _take_until(ingest, _closed())
    assert _spans(items) == [("samples", 0, 40)]
    assert [item.text for item in items if isinstance(item, Fault)] == [
        "bed b: frame too long: expected at most 48040 bytes, received 100004"
    ]


def test_beds_are_bounded_and_those_that_left_make_room(
    start: Callable[..., tuple[Ingest, _Device]],
) -> None:
    """Memory stays bounded however many names arrive."""
    ingest, device = start(max_beds=2)
    device.send(_hello("a"), _hello("b"), _hello("c"), _bye(0, "a"), _hello("d"), _bye(0, "d"))
    items = _take_until(ingest, _closed(2))
    assert [item.bed for item in items if isinstance(item, Opened)] == ["a", "b", "d"]
    assert [item.text for item in items if isinstance(item, Fault)] == [
        "bed c refused: expected at most 2 beds (feed.max_beds)"
    ]


def test_streams_that_open_without_end_are_refused(start: Callable[..., tuple[Ingest, _Device]]) -> None:
    """Openings are not samples, yet they take room."""
    ingest, device = start()
    device.send(*(_hello(stream=k) for k in range(1, 500)), _hello("z"))
    _until(lambda: "z" in ingest.counters)
    assert sum(isinstance(item, Opened) and item.bed == "b" for item in ingest.take()) <= 66


def test_packets_before_the_hello_wait_for_it_unsaid(start: Callable[..., tuple[Ingest, _Device]]) -> None:
    """Joining late is no fault."""
    ingest, device = start()
    device.send(*_packets(3), _hello(sequence=3, index=30), *_packets(2, start=3), _bye(50))
    items = _take_until(ingest, _closed())
    assert [type(item) for item in items] == [Opened, Samples, Samples, Closed]
    assert _spans(items) == [("samples", 30, 50)]


def test_a_bed_that_sends_on_without_a_hello_is_told(
    start: Callable[..., tuple[Ingest, _Device]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would see that a device is there which never says, or does not repeat, what it sends."""
    monkeypatch.setattr("monitor.ingest._HELLO_NS", 20_000_000)
    ingest, device = start(max_beds=2)
    packets = itertools.chain.from_iterable(_packets(1, f"b{k % 3 + 1}", start=k) for k in itertools.count())
    device.send(next(packets))
    only = _packets(2000, "b")
    while not ingest.wake.poll(2):
        device.send(next(only))
    (fault,) = ingest.take()
    text = "bed b cannot be shown: expected a hello each second, received none"
    assert fault == Fault(None, text)
    device.send(*itertools.islice(packets, 30), _hello("b9"), _bye(0, "b9"))
    items = _take_until(ingest, _closed())
    assert [type(item) for item in items if not isinstance(item, Fault)] == [Opened, Closed]


def test_take_is_bounded_and_the_rest_still_wakes(start: Callable[..., tuple[Ingest, _Device]]) -> None:
    """The wake socket stays readable while there is something to take, and no longer."""
    ingest, device = start()
    device.send(_hello(), *_packets(50), _bye(500))
    _until(lambda: ingest.counters.get("b") is not None and ingest.counters["b"].packets == 50)
    items: list[Item] = []
    while not _closed()(items):
        assert ingest.wake.poll(5000)
        taken = ingest.take(7)
        assert len(taken) <= 7
        items += taken
    assert ingest.take() == []
    assert not ingest.wake.poll(0)


def test_thread_that_dies_is_reported_after_what_it_received(
    start: Callable[..., tuple[Ingest, _Device]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 8: never a silent end; nothing already received is lost."""
    ingest, device = start()
    device.send(_hello(), *_packets(3))
    _until(lambda: ingest.counters.get("b") is not None and ingest.counters["b"].packets == 3)

    def broken(frames: Sequence[bytes]) -> wire.Message:
        raise MemoryError("no room")

    monkeypatch.setattr(wire, "decode", broken)
    device.send(*_packets(1, start=3))
    items: list[Item] = []
    while len(items) < 4:
        assert ingest.wake.poll(5000)
        items += ingest.take()
    assert ingest.wake.poll(5000)
    with pytest.raises(FeedError, match=r"receiving has stopped: MemoryError\('no room'\)"):
        ingest.take()
    assert _spans(items) == [("samples", 0, 30)]


def test_port_in_use_is_an_error_that_names_it() -> None:
    """What bad input gets: one clear line."""
    first = Ingest([_ANY_PORT], bind=True, settings=FeedSettings())
    first.start()
    second = Ingest(first.endpoints, bind=True, settings=FeedSettings())
    try:
        with pytest.raises(FeedError, match=rf"cannot bind to {first.endpoints[0]}.*in use"):
            second.start()
    finally:
        second.close()
        first.close()


@pytest.mark.parametrize(
    "endpoint",
    ["nonsense", "tcp://127.0.0.1:notaport", "tcp://127.0.0.1:70000", "gopher://x:1", "tcp://*", ""],
)
@pytest.mark.parametrize("bind", [True, False])
def test_bad_endpoint_is_an_error_that_names_it(endpoint: str, bind: bool) -> None:
    """What bad input gets: one clear line."""
    ingest = Ingest([endpoint], bind=bind, settings=FeedSettings())
    try:
        with pytest.raises(FeedError, match="cannot be used: expected one such as"):
            ingest.start()
    finally:
        ingest.close()


def test_monitor_can_connect_to_a_device_that_binds() -> None:
    """Both sides can bind or connect."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.XPUB)
    socket.setsockopt(zmq.RCVTIMEO, 5000)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    ingest = Ingest([f"tcp://127.0.0.1:{port}"], bind=False, settings=FeedSettings())
    ingest.start()
    assert socket.recv() == b"\x01"
    messages: list[wire.Message] = [_hello(), *_packets(3), _bye(30)]
    for message in messages:
        socket.send_multipart(wire.encode(message))
    assert _spans(_take_until(ingest, _closed())) == [("samples", 0, 30)]
    ingest.close()
    socket.close(linger=0)
    context.term()


def test_closing_twice_or_before_the_start_is_harmless() -> None:
    """Shutdown paths meet."""
    ingest = Ingest([_ANY_PORT], bind=True, settings=FeedSettings())
    ingest.close()
    ingest.close()
    started = Ingest([_ANY_PORT], bind=True, settings=FeedSettings())
    started.start()
    started.close()
    started.close()
