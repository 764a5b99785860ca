"""Where a rhythm that comes and goes begins and ends, by the evidence of each beat: two sums in turn.

A stretch ends where the sum of evidence is largest, once it has fallen far enough below that and for long
enough; another begins where it is least, once it has risen far enough again: the cumulative sum test of Page
(1954), either way in turn. What a beat says may change while later ones come, so each step looks at all of
the last stretch again.

Source
------
Page, *Continuous inspection schemes*, Biometrika 41:100, 1954.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.stage import State
from monitor.turns import MAX_EVIDENCE, Turn

__all__ = ["BEFORE", "FIRST", "SAMPLE", "SECOND", "Stretches"]

SAMPLE, BEFORE, FIRST, SECOND = range(4)
"""Columns of a pair of neighbouring RR: R peaks at the ends of the second one, the later and the earlier, and
the RR, all in samples."""

_FALLEN: Final = 1.5
"""A stretch is over once the sum has fallen by so much: two beats with a P wave, six regular ones ..."""
_PAUSE_S: Final = 3.0
"""... and so long ago: three alike RR by chance are no other rhythm ..."""
_RISEN: Final = 1.5
"""... and another has begun once it has risen by so much."""


class Stretches:
    """The stretches of one rhythm of one bed.

    Parameters
    ----------
    kind
        The `Turn.kind` of what is told.
    fs
        Sampling rate in Hz.
    delay
        After so many samples without a beat that speaks for it a stretch is over too.

    Attributes
    ----------
    since
        Where the stretch that lasts began, in samples; None if none does.
    until
        The last beat of the last stretch.
    """

    def __init__(self, kind: str, *, fs: float, delay: int) -> None:
        self.since: int | None = None
        self.until = -1
        self._kind = kind
        self._fs = fs
        self._pause = round(_PAUSE_S * fs)
        self._delay = delay

    def first(self, pairs: NDArray[np.float64]) -> int:
        """Return the place of the first pair that can belong to the stretch that lasts, or to the next."""
        sample = self.until if self.since is None else self.since
        return int(np.count_nonzero(pairs[:, BEFORE] < sample))

    def begin(self, pairs: NDArray[np.float64], decided: int) -> Turn:
        """Let a stretch begin with the first of these pairs and last up to the last one."""
        self.since, self.until = int(pairs[0, BEFORE]), int(pairs[-1, SAMPLE])
        peaks = tuple(int(sample) for sample in pairs[-MAX_EVIDENCE:, SAMPLE])
        bpm = 60 * self._fs / float(pairs[:, SECOND].mean())
        return Turn(self._kind, "start", self.since, decided, peaks, bpm)

    def follow(
        self, pairs: NDArray[np.float64], evidence: NDArray[np.float64], *, now: int, decided: int
    ) -> list[Turn]:
        """End a stretch, begin another, or neither.

        Parameters
        ----------
        pairs
            Of shape (n_pairs, 4): as many as are looked at, oldest first.
        evidence
            Of shape (n_pairs,): nats for the rhythm of each.
        now
            The sample up to which that is.
        decided
            Where the label that decides it takes effect.
        """
        first = self.first(pairs)
        sums = np.concatenate([[0.0], np.cumsum(evidence[first:])])
        if self.since is None:
            least = int(np.argmin(sums))
            risen = sums[-1] - sums[least] >= _RISEN
            return [self.begin(pairs[first + least :], decided)] if risen else []
        best = int(np.argmax(sums))
        if best > 0:
            self.until = int(pairs[first + best - 1, SAMPLE])
        silent = now - self.until
        fallen = sums[best] - sums[-1] >= _FALLEN and silent >= self._pause
        return self.end(decided) if fallen or silent >= self._delay else []

    def end(self, decided: int) -> list[Turn]:
        """End the stretch, if one lasts."""
        if self.since is None:
            return []
        self.since = None
        return [Turn(self._kind, "end", self.until, decided)]

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"since": self.since, "until": self.until}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self.since, self.until = state["since"], state["until"]
