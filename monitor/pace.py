"""How a bed's feed keeps time: whether signal comes as fast as it should, and how long it was on its way.

A feed that is slower than real time falls behind without a packet missing: what it shows is old, older by
the minute, and every alarm late by as much. It is told by the times at which packets were received, so
neither a busy monitor nor a device whose clock is wrong makes a feed slow. Nothing here reads a clock.
"""

from collections import deque
from typing import Final

from monitor.assemble import Samples
from monitor.settings import FeedSettings

__all__ = ["Pace"]

_STEP_NS: Final = 100_000_000
"""Signal and time are compared at steps of this, however small packets are."""
_CAUGHT_UP: Final = 0.95
"""A feed that was slow is no longer where it comes at this share of real time."""
_LATENCY_MS: Final = (-10_000.0, 3_600_000.0)
"""What a device's clock tells beyond these is no latency: it is not set, or not of this day."""


class Pace:
    """The pace of one bed's feed.

    Slow is a feed whose signal is less than ``slow_below`` of the time in which it came, over
    ``slow_after_s``, and still so for as long again. A stall that is made up for, or told as lost, is too
    short for that; one of ``lost_after_s`` is ``feed_lost``, and what comes behind it is looked at anew, as
    is a new stream.

    Parameters
    ----------
    settings
        ``slow_below``, ``slow_after_s`` and ``lost_after_s``.

    Attributes
    ----------
    slow
        Whether it is.
    latency_ms
        From the device to here, of the last packet; None where the device's clock says nothing of it.
    """

    def __init__(self, settings: FeedSettings) -> None:
        self.slow = False
        self.latency_ms: float | None = None
        self._below = settings.slow_below
        self._after_ns = round(settings.slow_after_s * 1e9)
        self._lost_ns = round(settings.lost_after_s * 1e9)
        self._points: deque[tuple[int, float]] = deque()
        self._last: tuple[int, float] | None = None
        self._slow_since: int | None = None

    def take(self, packet: Samples, *, fs: float) -> None:
        """Take a packet, sampled at ``fs`` Hz; what is lost needs no call, as the next one's index tells."""
        now_ns, until_s = packet.received_ns, packet.block.stop / fs
        latency_ms = (now_ns - packet.captured_ns) / 1e6
        self.latency_ms = latency_ms if _LATENCY_MS[0] <= latency_ms <= _LATENCY_MS[1] else None
        last_ns, last_s = self._last or (now_ns, until_s)
        if until_s < last_s or not 0 <= now_ns - last_ns < self._lost_ns:
            self._points.clear()
            self._slow_since = None
        self._last = now_ns, until_s
        if self._points and now_ns - self._points[-1][0] < _STEP_NS:
            return
        self._points.append((now_ns, until_s))
        while len(self._points) > 1 and self._points[1][0] <= now_ns - self._after_ns:
            self._points.popleft()
        self._judge(now_ns, until_s)

    def _judge(self, now_ns: int, until_s: float) -> None:
        """Compare signal and time since the oldest point, once that is old enough."""
        first_ns, first_s = self._points[0]
        if now_ns - first_ns < self._after_ns:
            return
        share = (until_s - first_s) / ((now_ns - first_ns) / 1e9)
        if share >= self._below:
            self._slow_since = None
        elif self._slow_since is None:
            self._slow_since = now_ns
        if self._slow_since is not None and now_ns - self._slow_since >= self._after_ns:
            self.slow = True
        elif share >= _CAUGHT_UP:
            self.slow = False
