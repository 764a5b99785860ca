"""How much alike two beats are: the QRS complexes of the windows that a network is shown, compared.

So a shape is known wherever a label is, whatever the model, and its scaling does not matter. It is cut once,
when the window is handed out, and kept for all who ask for it until its beat has had its last label.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.events import BeatWindow
from monitor.measures import compare_kernel, scale_kernel
from monitor.stage import State
from monitor.window import MAX_LAG_S, QRS_S, WindowSpec

__all__ = ["SAME", "Likeness"]

SAME = 0.8
"""Correlation from which on two beats have one shape; as in `monitor.shape_clusters`."""
_FEWEST = 8
"""A window with fewer points of the QRS complex tells no shape."""


class Likeness:
    """The shapes of one bed's beats on their way to their labels, and how two shapes compare.

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
        self._shapes: dict[int, NDArray[np.float64]] = {}

    def observe(self, windows: Sequence[BeatWindow]) -> None:
        """Take provisional windows as they are handed out; a window may tell no shape."""
        if self._qrs[1] - self._qrs[0] < _FEWEST:
            return
        for window in windows:
            shape = np.ascontiguousarray(window.window[self._cut, : self._n_leads], dtype=np.float64)
            if shape.any():
                self._shapes[window.sample] = shape

    def shape(self, sample: int) -> NDArray[np.float64] | None:
        """Return the shape of the beat at ``sample``, of shape (n_points, n_leads); None where it has none.

        It is not to be written to.
        """
        return self._shapes.get(sample)

    def forget(self, sample: int) -> None:
        """Let go of the shapes of beats up to the one at ``sample``: nobody will ask for them any more."""
        for over in [known for known in self._shapes if known <= sample]:
            del self._shapes[over]

    def of(self, shape: NDArray[np.float64], known: NDArray[np.float64]) -> float:
        """Return the correlation of two shapes over all leads, the best at small lags."""
        scale = np.empty(self._n_leads)
        scale_kernel(known, self._qrs, scale)
        return compare_kernel(shape, known, self._qrs, scale)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"shapes": [(sample, shape.copy()) for sample, shape in self._shapes.items()]}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._shapes = {sample: shape.copy() for sample, shape in state["shapes"]}
