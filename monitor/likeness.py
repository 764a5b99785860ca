"""How much alike two beats are: the QRS complexes of the windows that a network is shown, compared.

So a shape is known wherever a label is, whatever the model, and its scaling does not matter.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.events import BeatWindow
from monitor.measures import compare_kernel, scale_kernel
from monitor.window import MAX_LAG_S, QRS_S, WindowSpec

__all__ = ["SAME", "Likeness"]

SAME = 0.8
"""Correlation from which on two beats have one shape; as in `monitor.shape_clusters`."""
_FEWEST = 8
"""A window with fewer points of the QRS complex tells no shape."""


class Likeness:
    """Where the QRS complex lies in a window, and how two of them compare.

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

    def shape(self, window: BeatWindow) -> NDArray[np.float64] | None:
        """Return the shape of a beat, of shape (n_points, n_leads); None where the window tells none."""
        if self._qrs[1] - self._qrs[0] < _FEWEST:
            return None
        shape = np.ascontiguousarray(window.window[self._cut, : self._n_leads], dtype=np.float64)
        return shape if shape.any() else None

    def of(self, shape: NDArray[np.float64], known: NDArray[np.float64]) -> float:
        """Return the correlation of two shapes over all leads, the best at small lags."""
        scale = np.empty(self._n_leads)
        scale_kernel(known, self._qrs, scale)
        return compare_kernel(shape, known, self._qrs, scale)
