"""Runs of ventricular beats are not broken by one beat that is told otherwise.

A tachycardia may have two shapes in turn, one of them close to the patient's own (223), and of a run in
fibrillation one beat may be told N (203). But between two ventricular beats there is no room for a
conducted one at a rate above the patient's own: it would need the sinus node, or a pause. So a beat with
a ventricular one on either side, and RR on both sides shorter than the patient's mean, is ventricular too,
unless the network is sure that it is conducted. One called Q, which is to say no beat at all, is believed
in if it lies about halfway: a false detection would split an RR unevenly. Chosen on DS1 and `svdb`: see
docs/label-runs.md.

It makes confirmed labels alone: of the next beat the provisional label is asked, and only if it was decided
when the beat is confirmed, so that nothing waits longer (law 2).
"""

import math
from collections import deque
from typing import Final

from monitor.events import CLASSES, Label, LabelledBeat
from monitor.stage import State

__all__ = ["Runs"]

_SURE: Final = math.exp(-2.5)
"""The network is sure when V has less than this share of the probability of what it tells."""
_SHORT: Final = 0.97
"""RR below this share of the mean are short."""
_EVEN: Final = (2 / 3, 3 / 2)
"""Ratios of two RR between which a beat lies about halfway."""
_N_MEAN: Final = 128.0
"""The mean RR is a running one over about so many beats."""
_FEW: Final = 8
"""Before so many RR nothing is short."""
_V: Final = CLASSES.index("V")


class Runs:
    """What is known of the beats around the one that is to be confirmed."""

    def __init__(self) -> None:
        self._mean = 0.0
        self._n = 0
        self._after_ventricular = False
        self._told: deque[tuple[int, int, int, bool]] = deque()

    def observe(self, beat: LabelledBeat) -> None:
        """Take a provisional label; they come in the order of their beats."""
        self._told.append((beat.sample, beat.decided, beat.rr or 0, beat.label == "V"))

    def confirm(self, beat: LabelledBeat, *, doubtful: bool) -> Label:
        """Return the label to confirm; beats come in order, each after its provisional label.

        A ``doubtful`` beat, found while no lead was good, keeps its own.
        """
        while self._told and self._told[0][0] <= beat.sample:
            self._told.popleft()
        rr = beat.rr or 0
        label = beat.label
        if self._after_ventricular and self._short(rr) and self._runs_on(beat.decided) and not doubtful:
            label = "V" if self._possible(beat) else label
        if rr:
            self._n += 1
            self._mean += (rr - self._mean) / min(self._n, _N_MEAN)
        self._after_ventricular = label == "V"
        return label

    def _runs_on(self, decided: int) -> bool:
        """Whether the next beat was called ventricular by then, and follows after a short RR."""
        if not self._told:
            return False
        _, when, rr, ventricular = self._told[0]
        return ventricular and when <= decided and self._short(rr)

    def _possible(self, beat: LabelledBeat) -> bool:
        """Whether the network leaves room for V."""
        told = beat.probabilities
        if told is None or beat.rr is None:
            return False
        halfway = _EVEN[0] < self._told[0][2] / beat.rr < _EVEN[1]
        return told[_V] >= _SURE * max(told) or (beat.label == "Q" and halfway)

    def _short(self, rr: int) -> bool:
        return self._n >= _FEW and 0 < rr < _SHORT * self._mean

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "mean": self._mean,
            "n": self._n,
            "after_ventricular": self._after_ventricular,
            "told": list(self._told),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._mean = state["mean"]
        self._n = state["n"]
        self._after_ventricular = state["after_ventricular"]
        self._told = deque(tuple(row) for row in state["told"])
