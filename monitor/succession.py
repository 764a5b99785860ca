"""Detections to beats: what each owes to the one before it, and which leads were good when it was found."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.detect import Detection
from monitor.events import Beat
from monitor.quality import good_leads
from monitor.stage import State

__all__ = ["Succession"]


class Succession:
    """The beats of one bed, one after the other.

    Parameters
    ----------
    n_leads
        Number of columns of the codes.
    start
        Absolute index of the first sample to come.
    """

    def __init__(self, *, n_leads: int, start: int = 0) -> None:
        self.n_leads = n_leads
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything; the next sample has index ``start``, and the next beat has no RR."""
        self._now = start
        self._last: int | None = None
        self._holes: tuple[int, int] | None = None
        self._good = tuple(range(self.n_leads))

    def push(self, detections: Sequence[Detection], codes: NDArray[np.int8]) -> list[Beat]:
        """Return the beats that the next samples brought.

        Parameters
        ----------
        detections
            Ascending; one decided earlier than these samples goes by the last codes before them.
        codes
            The leads' states at these samples (`monitor.quality.Quality.push`).
        """
        start, self._now = self._now, self._now + len(codes)
        beats = []
        for sample, decided, confidence in detections:
            rr = self._rr(sample)
            self._last = sample
            if decided >= start:
                self._good = good_leads(codes[decided - start])
            beats.append(Beat(sample=sample, decided=decided, rr=rr, confidence=confidence, leads=self._good))
        if len(codes):
            self._good = good_leads(codes[-1])
        return beats

    def flush(self, detections: Sequence[Detection]) -> list[Beat]:
        """Return the beats that the end of the stream brought."""
        return self.push(detections, np.empty((0, self.n_leads), np.int8))

    def miss(self, start: int) -> None:
        """Learn of a hole in the signal from ``start`` on: a beat may hide in it, so no RR spans it."""
        self._holes = (start, start) if self._holes is None else (self._holes[0], start)

    def _rr(self, sample: int) -> int | None:
        """Return the RR of a beat, None where it has none: of the first, and of the first behind a hole."""
        hidden = False
        if self._holes is not None and self._holes[0] <= sample:
            hidden, last = True, self._holes[1]
            self._holes = (last, last) if last > sample else None
        return None if self._last is None or hidden else sample - self._last

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"now": self._now, "last": self._last, "good": self._good, "holes": self._holes}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._now, self._last, self._good = state["now"], state["last"], tuple(state["good"])
        self._holes = None if state["holes"] is None else (state["holes"][0], state["holes"][1])
