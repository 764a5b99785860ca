"""When packets are due: absolute deadlines, so that no error adds up, and a clock that tests can turn."""

import time
from collections.abc import Callable
from typing import Final, Protocol

__all__ = ["Clock", "ManualClock", "Pacer", "PacingError", "SystemClock"]

_SPIN_NS: Final = 3_000_000
"""Below this a wait is one sleep: a poll counts in whole milliseconds and rounds up."""


class Clock(Protocol):
    """A steady clock in nanoseconds, and a way to wait on it."""

    def now_ns(self) -> int:
        """Return the time now."""

    def wait(self, until_ns: int, poll: Callable[[int], bool]) -> bool:
        """Wait until ``until_ns``, or until ``poll(milliseconds)`` says that something has come.

        Returns
        -------
        bool
            Whether something came before the time was over.
        """


class SystemClock:
    """The machine's monotonic clock."""

    def now_ns(self) -> int:
        """Return the time now."""
        return time.monotonic_ns()

    def wait(self, until_ns: int, poll: Callable[[int], bool]) -> bool:
        """Wait; the last few milliseconds are slept, which is exact to some 0.1 ms."""
        while True:
            left_ns = until_ns - time.monotonic_ns()
            if left_ns <= 0:
                return False
            if left_ns < _SPIN_NS:
                time.sleep(left_ns / 1e9)
            elif poll((left_ns - 1_000_000) // 1_000_000):
                return True


class ManualClock:
    """A clock that stands still but for waits, which are over at once: for tests."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self.late_ns = 0

    def now_ns(self) -> int:
        """Return the time now."""
        return self._now_ns

    def wait(self, until_ns: int, poll: Callable[[int], bool]) -> bool:
        """Go on to ``until_ns``, and ``late_ns`` past it."""
        if until_ns > self._now_ns:
            if poll(0):
                return True
            self._now_ns = until_ns + self.late_ns
        return False


class Pacer:
    """Says when sample ``n`` after the start is over, from ``n`` alone.

    Parameters
    ----------
    start_ns
        When sample 0 begins.
    fs
        Sampling rate in Hz.
    speed
        Signal seconds per second.
    drift_ppm
        How much faster than it says the device's clock runs, in parts per million.
    """

    def __init__(self, start_ns: int, *, fs: float, speed: float = 1.0, drift_ppm: float = 0.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed: expected more than 0, received {speed:g}")
        self._start_ns = start_ns
        self._sample_ns = 1e9 / (fs * speed * (1.0 + drift_ppm * 1e-6))

    def due_ns(self, n_samples: int) -> int:
        """Return the time at which ``n_samples`` samples have passed."""
        return self._start_ns + round(n_samples * self._sample_ns)

    def samples_until(self, end_ns: int) -> int:
        """Return how many samples are over by ``end_ns``."""
        return max(0, int((end_ns - self._start_ns) / self._sample_ns + 1e-6))


class PacingError:
    """How late packets left, kept as a histogram of 50 us: bounded, however long the run."""

    _WIDTH_NS: Final = 50_000
    _BINS: Final = 40_000

    def __init__(self) -> None:
        self.count = 0
        self.max_ns = 0
        self._bins = [0] * self._BINS

    def add(self, late_ns: int) -> None:
        """Count one packet that left ``late_ns`` after its time (before it: counts as in time)."""
        late_ns = max(late_ns, 0)
        self.count += 1
        self.max_ns = max(self.max_ns, late_ns)
        self._bins[min(late_ns // self._WIDTH_NS, self._BINS - 1)] += 1

    def percentile_ms(self, percent: float) -> float:
        """Return the upper edge, in ms, of the bin in which this share of packets is reached."""
        wanted = self.count * percent / 100.0
        seen = 0
        for number, count in enumerate(self._bins):
            seen += count
            if count and seen >= wanted:
                return min((number + 1) * self._WIDTH_NS, self.max_ns) / 1e6
        return 0.0

    def summary(self) -> dict[str, float]:
        """Return p50, p99 and max in milliseconds."""
        return {
            "p50": self.percentile_ms(50),
            "p99": self.percentile_ms(99),
            "max": round(self.max_ns / 1e6, 3),
        }
