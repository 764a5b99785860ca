"""Which shape a ventricular beat has: a number for each that was seen lately.

Only ventricular beats are compared (`monitor.likeness`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.events import LabelledBeat
from monitor.likeness import SAME, Likeness
from monitor.stage import State

__all__ = ["Forms"]

_N_FORMS: Final = 6
"""So many shapes are kept, those seen last."""
_RATE: Final = 1 / 4
"""A known shape moves so far towards a beat that has it."""


class Forms:
    """The shapes of one bed's ventricular beats.

    Parameters
    ----------
    likeness
        The shapes of the bed's beats. Their state is not kept here.
    """

    def __init__(self, likeness: Likeness) -> None:
        self._likeness = likeness
        self._shapes: list[tuple[int, NDArray[np.float64]]] = []
        self._n_seen = 0

    def of(self, beat: LabelledBeat) -> int | None:
        """Return the number of a beat's shape, None where it is not ventricular or its shape unknown.

        Beats come in order, each once.
        """
        shape = self._likeness.shape(beat.sample)
        if beat.label != "V" or shape is None:
            return None
        fits = [self._likeness.of(shape, known) for _, known in self._shapes]
        best = max(range(len(fits)), key=fits.__getitem__, default=None)
        if best is None or fits[best] < SAME:
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
            "shapes": [(number, shape.copy()) for number, shape in self._shapes],
            "n_seen": self._n_seen,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._shapes = [(number, shape.copy()) for number, shape in state["shapes"]]
        self._n_seen = state["n_seen"]
