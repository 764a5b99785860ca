"""Beats that wait for the end of their windows, and the wave that these are cut from."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.events import Beat
from monitor.stage import State

__all__ = ["LOOKBACK_S", "PendingBeats", "leads_of"]

LOOKBACK_S = 4.0
"""How long after R a detector may still decide a beat (search-back)."""


class PendingBeats:
    """What a cutter of beat windows keeps: a little of the wave, and the beats not yet cut.

    Parameters
    ----------
    fs
        Sampling frequency of the wave, Hz.
    n_leads
        Columns of the wave.
    before, post
        Samples before and after R that a window needs of the wave.

    Attributes
    ----------
    wave
        The latest samples, of shape (n_samples, n_leads).
    stop
        Absolute index of the next sample to come.
    """

    def __init__(self, *, fs: float, n_leads: int, before: int, post: int) -> None:
        self._n_leads = n_leads
        self._post = post
        self._lookback = round(LOOKBACK_S * fs)
        self._history = max(self._lookback, post) + before + 1
        self.reset(0)

    def reset(self, start: int) -> None:
        """Forget everything; the next sample pushed has index ``start``."""
        self.wave = np.zeros((0, self._n_leads))
        self.stop = start
        self._beats: list[Beat] = []

    @property
    def first(self) -> Beat | None:
        """The first beat that waits."""
        return self._beats[0] if self._beats else None

    def push(self, wave: NDArray[np.float64], beats: Sequence[Beat]) -> None:
        """Take the next samples of the wave and the beats decided within them.

        Raises
        ------
        ValueError
            The wave has another number of leads, or a beat was decided later after R than any
            search-back may.
        """
        if wave.shape[1:] != (self._n_leads,):
            raise ValueError(f"wave: expected {self._n_leads} leads, received an array of shape {wave.shape}")
        for beat in beats:
            if beat.decided - beat.sample > self._lookback:
                raise ValueError(
                    f"beat at {beat.sample}: expected to be decided within {self._lookback} samples, "
                    f"received {beat.decided - beat.sample}"
                )
        self.wave = np.concatenate([self.wave, wave])
        self.stop += len(wave)
        self._beats.extend(beats)

    def complete(self) -> Iterator[tuple[Beat, int]]:
        """Hand out the beats whose windows are complete, with the samples that these are decided at."""
        while self._beats and self._beats[0].sample + self._post < self.stop:
            beat = self._beats.pop(0)
            yield beat, max(beat.sample + self._post, beat.decided)

    def rest(self, beats: Sequence[Beat]) -> Iterator[tuple[Beat, int]]:
        """Hand out all that wait, then ``beats``: the end of the stream decides them at the earliest."""
        waiting, self._beats = [*self._beats, *beats], []
        for beat in waiting:
            yield beat, max(self.stop - 1, beat.decided)

    def place(self, sample: int) -> int:
        """Return the row of `wave` that an absolute index is at."""
        return sample - (self.stop - len(self.wave))

    def trim(self) -> None:
        """Let go of what no window can need any more."""
        if len(self.wave) > self._history:
            self.wave = self.wave[-self._history :].copy()

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "wave": self.wave.copy(),
            "stop": self.stop,
            "beats": [msgspec.structs.asdict(beat) for beat in self._beats],
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self.wave = state["wave"].copy()
        self.stop = state["stop"]
        self._beats = [Beat(**beat) for beat in state["beats"]]


def leads_of(beat: Beat, n_used: int) -> list[int]:
    """Return which of the first leads a beat is described by: the good ones, or all where none is."""
    used = range(n_used)
    return [lead for lead in used if beat.leads is None or lead in beat.leads] or list(used)
