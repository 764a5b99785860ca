"""Which shape a ventricular beat has: a number for each that was seen lately.

A beat's QRS complex is taken from the window that the network is shown, so a shape is known wherever a label
is. Only the ventricular ones are compared, by correlation over all leads at small lags.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.events import BeatWindow, LabelledBeat
from monitor.measures import compare_kernel, scale_kernel
from monitor.stage import State
from monitor.window import MAX_LAG_S, QRS_S, WindowSpec

__all__ = ["Forms"]

_N_FORMS: Final = 6
"""So many shapes are kept, those seen last."""
_SAME: Final = 0.8
"""Correlation from which on two beats have one shape; as in `monitor.shape_clusters`."""
_RATE: Final = 1 / 4
"""A known shape moves so far towards a beat that has it."""
_FEWEST: Final = 8
"""A window with fewer points of the QRS complex tells no shape."""


class Forms:
    """The shapes of one bed's ventricular beats.

    Parameters
    ----------
    spec
        What the network is shown of a beat.
    """

    def __init__(self, spec: WindowSpec) -> None:
        lag = round(MAX_LAG_S * spec.fs)
        first = max(spec.n_pre + round(QRS_S[0] * spec.fs) - lag, 0)
        stop = min(spec.n_pre + round(QRS_S[1] * spec.fs) + 1 + lag, spec.n_points)
        self._cut = slice(first, stop)
        self._qrs = (lag, stop - first - lag, lag)
        self._n_leads = spec.n_leads
        self._waiting: dict[int, NDArray[np.float64]] = {}
        self._shapes: list[tuple[int, NDArray[np.float64]]] = []
        self._n_seen = 0

    def observe(self, windows: Sequence[BeatWindow]) -> None:
        """Take windows as they are handed out; each beat's shape waits for its label."""
        if self._qrs[1] - self._qrs[0] < _FEWEST:
            return
        for window in windows:
            if window.provisional:
                shape = window.window[self._cut, : self._n_leads]
                self._waiting[window.sample] = np.ascontiguousarray(shape, dtype=np.float64)

    def of(self, beat: LabelledBeat) -> int | None:
        """Return the number of a beat's shape, None where it is not ventricular or its shape unknown.

        Beats come in order, each once.
        """
        shape = self._waiting.pop(beat.sample, None)
        if beat.label != "V" or shape is None or not shape.any():
            return None
        fits = [self._alike(shape, known) for _, known in self._shapes]
        best = max(range(len(fits)), key=fits.__getitem__, default=None)
        if best is None or fits[best] < _SAME:
            self._n_seen += 1
            number = self._n_seen
        else:
            number, known = self._shapes.pop(best)
            shape = known + _RATE * (shape - known)
        self._shapes = [*self._shapes, (number, shape)][-_N_FORMS:]
        return number

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "waiting": [(sample, shape.copy()) for sample, shape in self._waiting.items()],
            "shapes": [(number, shape.copy()) for number, shape in self._shapes],
            "n_seen": self._n_seen,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._waiting = {sample: shape.copy() for sample, shape in state["waiting"]}
        self._shapes = [(number, shape.copy()) for number, shape in state["shapes"]]
        self._n_seen = state["n_seen"]

    def _alike(self, shape: NDArray[np.float64], known: NDArray[np.float64]) -> float:
        scale = np.empty(self._n_leads)
        scale_kernel(known, self._qrs, scale)
        return compare_kernel(shape, known, self._qrs, scale)
