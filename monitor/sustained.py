"""A ventricular tachycardia that has lasted goes on for as long as nothing changes.

What a beat is told rests on what is usual in this patient, and that is learned from the beats themselves:
after a minute or two of tachycardia its beats are the usual ones, and are told S or N at an unchanged rate
and in an unchanged shape. A new run of the monitor has never seen anything else. But a tachycardia does not
turn into another rhythm unnoticed: it ends with another rate, another shape, or a pause. So once a run of
ventricular beats has lasted, what follows at its rate and in its shape is ventricular too, whatever else it
is told. What does not fit (a capture, a false detection) keeps its label, and the run is forgotten once
nothing has fitted for ten seconds; those in which nothing could be heard do not count. Until then eight beats
in a row, alike and at just that rate, are the run again: R was found on another deflection.

Both label lanes are judged so, each for itself. What stood when the monitor was started anew is taken for a
run that has lasted, of the rate that it had; its shape is that of the first beats that fit.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.events import Alarm, Label, LabelledBeat
from monitor.likeness import SAME, Likeness
from monitor.stage import State

__all__ = ["Sustained"]

_LASTED: Final = 20
"""So many ventricular beats in a row have lasted: 12 s at 100 beats a minute."""
_STEADY: Final = (0.8, 1.25)
"""An RR that is such a share of the run's is still its rate."""
_SAME_RATE: Final = (0.94, 1 / 0.94)
"""An RR that is such a share of the run's is its rate without doubt ..."""
_AGAIN: Final = 8
"""... and so many of them in a row, alike, are the run in another shape."""
_FORGOTTEN_S: Final = 10.0
"""After so long without a beat that fits, it is over."""
_RATE: Final = 1 / 8
"""RR and shape of the run move so far towards a beat that belongs to it."""


class Sustained:
    """The run of one bed, as one label lane sees it.

    Parameters
    ----------
    likeness
        The shapes of the bed's beats. Their state is not kept here.
    fs
        Sampling rate in Hz.
    slowest_bpm
        A run that is slower is no tachycardia: its beats keep their labels.
    """

    def __init__(self, likeness: Likeness, *, fs: float, slowest_bpm: float) -> None:
        self._likeness = likeness
        self._patience = _FORGOTTEN_S * fs
        self._minute = 60 * fs
        self._longest = self._minute / slowest_bpm
        self._run = 0
        self._rr = 0.0
        self._shape: NDArray[np.float64] | None = None
        self._other: list[NDArray[np.float64]] = []
        self._last: int | None = None
        self._missing: list[tuple[int, int]] = []

    def take_up(self, standing: Sequence[Alarm]) -> None:
        """Take a tachycardia that stood before for a run that has lasted, of the rate that it had."""
        for alarm in standing:
            if alarm.kind == "ventricular_tachycardia" and alarm.state != "end" and alarm.value:
                self._run, self._rr = _LASTED, self._minute / alarm.value
                self._shape = self._last = None

    def miss(self, start: int, stop: int) -> None:
        """Learn that samples from ``start`` up to ``stop`` will never come, before any beat behind them."""
        self._missing.append((start, stop))

    def confirm(self, beat: LabelledBeat, *, doubtful: bool) -> Label:
        """Return the label to tell; beats come in order.

        A ``doubtful`` beat, found while no lead was good, keeps its own.
        """
        shape = self._likeness.shape(beat.sample)
        lasts = self._run >= _LASTED and self._silence(beat.sample) <= self._patience
        if doubtful or beat.rr is None:
            self._last = beat.sample if lasts or self._last is None else self._last
            return "V" if lasts and not doubtful and self._alike(shape) else beat.label
        if self._last is None:
            self._last = beat.sample
        belongs = self._belongs(beat.rr, shape) or (lasts and self._again(beat.rr, shape))
        label: Label = "V" if lasts and belongs else beat.label
        if label == "V" and belongs:
            self._learn(beat.sample, beat.rr, shape)
        elif not lasts:
            self._run, self._shape = 0, None
            if label == "V":
                self._rr = float(beat.rr)
                self._learn(beat.sample, beat.rr, shape)
        return label

    def _silence(self, sample: int) -> int:
        """Return how long ago the last beat of the run is, without what was missing in between."""
        last = sample if self._last is None else self._last
        self._missing = [(start, stop) for start, stop in self._missing if stop > last]
        return sample - last - sum(stop - max(start, last) for start, stop in self._missing if stop <= sample)

    def _belongs(self, rr: int, shape: NDArray[np.float64] | None) -> bool:
        """Whether a beat has the rate and the shape of the run."""
        steady = rr < self._longest and _STEADY[0] * self._rr < rr < _STEADY[1] * self._rr
        return steady and self._alike(shape)

    def _alike(self, shape: NDArray[np.float64] | None) -> bool:
        """Whether a beat has the shape of the run, which may not be known yet."""
        if self._shape is None:
            return True
        return shape is not None and self._likeness.of(shape, self._shape) >= SAME

    def _again(self, rr: int, shape: NDArray[np.float64] | None) -> bool:
        """Whether the run has another shape since some beats: if so, take it for its own."""
        steady = _SAME_RATE[0] * self._rr < rr < _SAME_RATE[1] * self._rr
        alike = shape is not None and all(self._likeness.of(shape, one) >= SAME for one in self._other[-1:])
        self._other = [*(self._other if steady and alike else []), *([] if shape is None else [shape])]
        if len(self._other) < _AGAIN:
            return False
        self._shape = np.mean(self._other, axis=0)
        return True

    def _learn(self, sample: int, rr: int, shape: NDArray[np.float64] | None) -> None:
        """Let the run go on with a beat."""
        self._run += 1
        self._other = []
        self._last = sample
        self._rr += _RATE * (rr - self._rr)
        if shape is not None:
            self._shape = shape if self._shape is None else self._shape + _RATE * (shape - self._shape)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "run": self._run,
            "rr": self._rr,
            "shape": None if self._shape is None else self._shape.copy(),
            "other": [shape.copy() for shape in self._other],
            "last": self._last,
            "missing": list(self._missing),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._run = state["run"]
        self._rr = state["rr"]
        self._shape = None if state["shape"] is None else state["shape"].copy()
        self._other = [shape.copy() for shape in state["other"]]
        self._last = state["last"]
        self._missing = [(start, stop) for start, stop in state["missing"]]
