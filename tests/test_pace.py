"""The pace of a feed: slow is what falls behind and stays so, and nothing else is."""

from collections.abc import Iterator

import numpy as np
import pytest

from monitor.assemble import Samples
from monitor.events import Block
from monitor.pace import Pace
from monitor.settings import FeedSettings

_FS, _N, _S = 250.0, 10, 1_000_000_000
_START = 1_790_000_000 * _S


def _packets(*stretches: tuple[float, float], start: int = 0) -> Iterator[tuple[float, Samples]]:
    """Return packets of 40 ms: each stretch is seconds of signal at a speed; 0: a stall of seconds."""
    wall_s, index = 0.0, start
    for seconds, speed in stretches:
        if speed == 0:
            wall_s += seconds
            continue
        for _ in range(round(seconds * _FS / _N)):
            wall_s += _N / _FS / speed
            now = _START + round(wall_s * _S)
            yield wall_s, Samples("7", Block(index, np.zeros((_N, 1))), now, now)
            index += _N


def _slow(*stretches: tuple[float, float]) -> list[float]:
    """Return the wall times at which the feed becomes slow and is so no longer."""
    pace, turns, slow = Pace(FeedSettings()), [], False
    for wall_s, packet in _packets(*stretches):
        pace.take(packet, fs=_FS)
        if pace.slow != slow:
            slow = pace.slow
            turns.append(round(wall_s, 1))
    return turns


@pytest.mark.parametrize("speed", [0.1, 0.2, 0.5, 0.75])
def test_a_slow_feed_is_told_within_ten_seconds_or_so(speed: float) -> None:
    """From its start: five seconds to see it, five in which it stays so."""
    (told_s,) = _slow((20, speed))
    assert 10.0 <= told_s <= 11.0


def test_it_is_over_once_the_feed_keeps_up() -> None:
    """Seen over five seconds."""
    started, ended = _slow((10, 0.5), (20, 1.0))
    assert 10.0 <= started <= 11.0
    assert 24.5 <= ended <= 25.5


@pytest.mark.parametrize(
    "stretches",
    [
        ((60, 1.0),),
        ((60, 0.999),),
        ((60, 0.85),),
        ((60, 20.0),),
        ((10, 1.0), (2.9, 0), (2.9, 1000.0), (20, 1.0)),
        ((10, 1.0), (2.9, 0), (20, 1.0)),
        ((10, 1.0), (60, 0), (20, 1.0)),
        ((10, 1.0), (60, 0), (60, 1000.0), (20, 1.0)),
        ((1, 0.3), (30, 1.0)),
        ((0.5, 1000.0), (30, 1.0)),
        tuple(step for _ in range(20) for step in ((2.0, 0), (2.0, 500.0), (1.0, 1.0))),
    ],
    ids=[
        "real time",
        "a slow clock",
        "nearly",
        "a replay",
        "a stall made up for",
        "a stall not made up for",
        "a device held",
        "a device held that makes up for it",
        "a slow start",
        "a burst",
        "stalls and bursts",
    ],
)
def test_no_other_feed_is_slow(stretches: tuple[tuple[float, float], ...]) -> None:
    """Of real time, faster, held or in bursts."""
    assert [] == _slow(*stretches)


def test_what_is_lost_counts_as_come() -> None:
    """Every second packet never came: a loss, which is told as one, and no slow feed."""
    pace = Pace(FeedSettings())
    for k, (_, packet) in enumerate(_packets((60, 1.0))):
        if k % 2:
            pace.take(packet, fs=_FS)
        assert not pace.slow


def test_a_new_stream_is_looked_at_anew() -> None:
    """Its samples are numbered from the beginning."""
    pace = Pace(FeedSettings())
    for k, (_, packet) in enumerate(_packets((40, 1.0))):
        block = Block(packet.block.start % 2000, packet.block.samples)
        pace.take(Samples("7", block, packet.captured_ns, packet.received_ns), fs=_FS)
        assert not pace.slow, k


@pytest.mark.parametrize(
    ("captured_ns", "latency_ms"), [(_START - 3_000_000, 3.0), (0, None), (2 * _START, None)]
)
def test_a_latency_that_cannot_be_is_none(captured_ns: int, latency_ms: float | None) -> None:
    """A device's clock that is not set says nothing of the way."""
    pace = Pace(FeedSettings())
    pace.take(Samples("7", Block(0, np.zeros((_N, 1))), captured_ns, _START), fs=_FS)
    assert latency_ms == pace.latency_ms
