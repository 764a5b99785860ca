"""When each beat of a stream came through the line: from the packet that showed it to its labels."""

import msgspec

from monitor.events import Beat, BeatWindow, LabelledBeat
from monitor.link import Timing

__all__ = ["Stopwatch"]


class Stopwatch:
    """Wall-clock times of the beats that wait for their labels.

    Parameters
    ----------
    asks_next
        Whether the model asks for the next beat too: then each beat is labelled in two windows, else the
        provisional answer is the confirmed one.
    """

    def __init__(self, *, asks_next: bool) -> None:
        self._asks_next = asks_next
        self._timings: dict[tuple[int, bool], Timing] = {}
        self._detected: dict[int, tuple[int, int, int]] = {}

    def beat(self, beat: Beat, *, received: int, now: int) -> None:
        """Take the time of a detection, by a packet that was received then."""
        self._detected[beat.sample] = (beat.decided, received, now)

    def window(self, window: BeatWindow, *, captured: int, received: int, now: int) -> None:
        """Take the time of a window, completed by a packet that was captured and received then."""
        known = self._detected.get(window.sample, (window.decided, received, now))
        timing = Timing(*known, captured, received, now, 0)
        self._timings[window.sample, window.provisional] = timing
        if not self._asks_next:
            self._timings[window.sample, False] = timing
        if not (window.provisional and self._asks_next):
            self._detected.pop(window.sample, None)

    def labelled(self, beat: LabelledBeat, *, now: int) -> Timing | None:
        """Return the whole way of a beat whose label has come, None where nobody answered."""
        known = self._timings.pop((beat.sample, beat.provisional), None)
        if known is None or beat.probabilities is None:
            return None
        return msgspec.structs.replace(known, labelled=now)

    def reset(self) -> None:
        """Forget all: a new stream counts its samples anew."""
        self._timings.clear()
        self._detected.clear()
