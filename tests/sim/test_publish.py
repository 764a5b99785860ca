"""Playing beds: everything at its time, announced to whoever joins, and ended with a bye."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from monitor import wire
from monitor.assemble import Assembler, Closed, Fault, Item, Lost, Opened, Samples
from monitor.errors import FeedError
from monitor.wire import Bye, Hello, Packet
from sim.faults import Transport
from sim.pacing import ManualClock
from sim.publish import Performance, Publisher, SimulatedBed
from sim.sources import RampSource


class _Listener:
    """Stands where the socket would, hears everything, and joins when told to."""

    def __init__(self, clock: ManualClock, joins_ns: Sequence[int] = ()) -> None:
        self.heard: list[tuple[int, wire.Message]] = []
        self._clock = clock
        self._joins_ns = list(joins_ns)

    def poll(self, _timeout_ms: int) -> bool:
        if self._joins_ns and self._clock.now_ns() >= self._joins_ns[0]:
            self._joins_ns.pop(0)
            return True
        return False

    def send(self, frames: Sequence[bytes]) -> None:
        self.heard.append((self._clock.now_ns(), wire.decode(frames)))


def _play(
    beds: Sequence[SimulatedBed], *, seconds: float | None = None, **options: Any
) -> tuple[_Listener, Performance]:
    clock = ManualClock()
    listener = _Listener(clock, options.pop("joins_ns", ()))
    performance = Performance(beds, cast("Publisher", listener), clock=clock, **options)
    performance.run(seconds)
    return listener, performance


def _bed(name: str = "b", **changes: Any) -> SimulatedBed:
    source = changes.pop("source", None) or RampSource(fs=360.0, n_samples=changes.pop("n_samples", 3600))
    return SimulatedBed(name=name, stream=1, source=source, **changes)


def _assembled(listener: _Listener, bed: str = "b") -> list[Item]:
    assembler = Assembler(bed)
    items = []
    for now_ns, message in listener.heard:
        if message.bed == bed:
            items += assembler.push(message, now_ns)
            items += assembler.expire(now_ns)
    return items


def test_ramp_is_played_complete_and_in_order() -> None:
    """Hello, 250 packets in 10 s, bye; every sample its own number."""
    listener, performance = _play([_bed()])
    items = _assembled(listener)
    samples = np.concatenate([item.block.samples for item in items if isinstance(item, Samples)])
    assert_array_equal(samples, RampSource(fs=360.0).read(0, 3600))
    assert isinstance(items[0], Opened)
    assert items[-1] == Closed("b", 3600)
    assert len(items) == 252
    stats = performance.stats()
    assert (stats.packets, stats.samples) == (250, 3600)
    assert stats.seconds == pytest.approx(10.0)


def test_each_packet_leaves_when_its_last_sample_is_captured() -> None:
    """Deadlines are exact under a manual clock, and the device time runs with them."""
    listener, _ = _play([_bed()], speed=2.0)
    packets = [(now, message) for now, message in listener.heard if isinstance(message, Packet)]
    for now_ns, packet in packets:
        last = packet.index + len(packet.samples)
        assert now_ns == pytest.approx(last / 360.0 / 2.0 * 1e9, abs=2)
    first, final = packets[0][1], packets[-1][1]
    elapsed_ns = packets[-1][0] - packets[0][0]
    assert final.device_time_ns - first.device_time_ns == pytest.approx(elapsed_ns, abs=2)


def test_beds_are_spread_over_the_length_of_a_packet() -> None:
    """Four beds: one packet every 10 ms, not four every 40."""
    listener, _ = _play([_bed(name) for name in "abcd"], seconds=2.0)
    times = [now for now, message in listener.heard if isinstance(message, Packet)]
    assert len(times) == 200
    assert np.diff(times[40:160]).max() < 14_000_000


def test_hello_comes_each_second_and_when_somebody_joins() -> None:
    """A late joiner gets going within a second; the hello says what comes next."""
    listener, _ = _play([_bed()], joins_ns=[4_500_000_000])
    hellos = [(now / 1e9, message) for now, message in listener.heard if isinstance(message, Hello)]
    assert [round(now, 1) for now, _ in hellos] == [0, 1, 2, 3, 4, 4.5, 5, 6, 7, 8, 9, 10][: len(hellos)]
    for position, (_, message) in enumerate(listener.heard[:-1]):
        following = listener.heard[position + 1][1]
        if isinstance(message, Hello) and isinstance(following, Packet):
            assert (message.sequence, message.index) == (following.sequence, following.index)


def test_run_of_so_many_seconds_has_so_many_samples() -> None:
    """By the wall clock, at any speed, whatever the phase."""
    listener, _ = _play([_bed("a"), _bed("b")], seconds=1.5, speed=4.0)
    byes = [message for _, message in listener.heard if isinstance(message, Bye)]
    assert [bye.total for bye in byes] == [2160, 2160]


def test_run_that_is_stopped_says_bye_with_what_was_sent() -> None:
    """Ctrl-C is a clean end: nothing is told as lost."""
    calls = iter(range(10**6))
    listener, _ = _play([_bed(), _bed("c")], stopped=lambda: next(calls) > 40)
    items = _assembled(listener)
    assert not any(isinstance(item, Lost | Fault) for item in items)
    last = [item for item in items if isinstance(item, Samples)][-1]
    assert items[-1] == Closed("b", last.block.stop)


def test_start_begins_there_with_index_and_all() -> None:
    """The index is that of the signal."""
    listener, _ = _play([_bed(start=3000)])
    items = _assembled(listener)
    assert isinstance(items[0], Opened)
    assert items[0].index == 3000
    assert next(item.block.start for item in items if isinstance(item, Samples)) == 3000
    assert items[-1] == Closed("b", 3600)


@pytest.mark.parametrize("seed", range(6))
def test_faulty_transport_is_accounted_for_exactly(seed: int) -> None:
    """Law 4, simulator and assembler together: samples and gaps are the whole ramp."""
    transport = Transport(drop=0.1, duplicate=0.1, reorder=0.2, late_ms=30.0, seed=seed)
    listener, performance = _play([_bed(transport=transport)])
    at = 0
    for item in _assembled(listener):
        if isinstance(item, Samples):
            assert item.block.start == at
            assert_array_equal(item.block.samples, RampSource(fs=360.0).read(at, item.block.stop))
            at = item.block.stop
        elif isinstance(item, Lost):
            assert item.gap.sample == at
            at = item.gap.stop
        else:
            assert not isinstance(item, Fault)
    assert at == 3600
    assert performance.stats().dropped > 0
    assert performance.stats().duplicated > 0


def test_address_that_cannot_be_used_is_an_error_that_names_it() -> None:
    """What bad input gets: one clear line."""
    first = Publisher("tcp://127.0.0.1:*", bind=True)
    try:
        with pytest.raises(FeedError, match=f"cannot bind to {first.endpoint}.*in use"):
            Publisher(first.endpoint, bind=True)
        with pytest.raises(FeedError, match="address 'nonsense' cannot be used"):
            Publisher("nonsense", bind=False)
    finally:
        first.close()
