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
            rr = None if self._last is None else sample - self._last
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

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"now": self._now, "last": self._last, "good": self._good}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._now, self._last, self._good = state["now"], state["last"], tuple(state["good"])
