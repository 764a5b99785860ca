"""Ventricular beats come in fast runs: what the beats beside one say of it.

A tachycardia may have two shapes in turn, one of them close to the patient's own (223), and of a run in
fibrillation one beat may be told N (203). But between two ventricular beats there is no room for a
conducted one at a rate above the patient's own: it would need the sinus node, or a pause. So a beat with
a ventricular one on either side, and RR on both sides shorter than the patient's mean, is ventricular too,
unless the network is sure that it is conducted. One called Q, which is to say no beat at all, is believed
in if it lies about halfway: a false detection would split an RR unevenly.

Above 133 beats a minute, and well above the patient's own rate, a run that has begun goes on: the longer it
is, the surer the network has to be of a beat that would end it. There, too, what could not be told at all
but looks more ventricular than anything else begins one. For the same reason one that has no ventricular
neighbour is believed in only if it stands out a little. Chosen on DS1 and `svdb`: see docs/label-runs.md.

It makes confirmed labels alone: of the next beat the provisional label is asked, and only if it was decided
when the beat is confirmed, so that nothing waits longer (law 2).
"""

import math
from collections import deque
from typing import Final

from monitor.events import CLASSES, Label, LabelledBeat
from monitor.stage import State
from monitor.usual import UsualRR

__all__ = ["Runs"]

_SURE: Final = math.exp(-2.5)
"""The network is sure when V has less than this share of the probability of what it tells."""
_EVEN: Final = (2 / 3, 3 / 2)
"""Ratios of two RR between which a beat lies about halfway."""
_FAST_S: Final = 0.45
"""RR of a fast run are shorter than this ..."""
_WELL_SHORT: Final = 0.8
"""... and than this share of the mean."""
_GOES_ON: Final = (math.exp(-0.5), math.exp(-2.0))
"""It goes on, after one V and after more, if V has this share of the probability of N and S together ..."""
_BEGINS: Final = math.e
"""... and begins with what is called Q if V has so many times theirs."""
_ALONE: Final = math.exp(0.3)
"""A V without neighbours has so many times the probability of any other class."""
_N, _S, _V = (CLASSES.index(label) for label in ("N", "S", "V"))


class Runs:
    """What is known of the beats around the one that is to be confirmed.

    Parameters
    ----------
    fs
        Sampling rate in Hz.
    """

    def __init__(self, *, fs: float) -> None:
        self.fs = fs
        self._usual = UsualRR()
        self._run = 0
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
        label = beat.label if doubtful else self._judged(beat, rr)
        self._usual.push(rr)
        self._run = self._run + 1 if label == "V" else 0
        return label

    def _judged(self, beat: LabelledBeat, rr: int) -> Label:
        told = beat.probabilities
        if told is None:
            return beat.label
        if beat.label != "V":
            within = self._run > 0 and self._usual.short(rr) and self._runs_on(beat.decided)
            return "V" if (within and self._possible(beat)) or self._goes_on(beat, rr) else beat.label
        others = {name: p for name, p in zip(CLASSES, told, strict=True) if name != "V"}
        likeliest = max(others, key=others.__getitem__)
        alone = not self._run and not self._next_ventricular(beat.decided)
        return likeliest if alone and told[_V] < _ALONE * others[likeliest] else "V"

    def _goes_on(self, beat: LabelledBeat, rr: int) -> bool:
        """Whether a beat at a high rate belongs to the run before it, or, called Q, begins one."""
        told = beat.probabilities
        fast = self._usual.short(rr, _WELL_SHORT) and rr < _FAST_S * self.fs
        if told is None or not fast:
            return False
        if not self._run:
            return beat.label == "Q" and told[_V] > _BEGINS * (told[_N] + told[_S])
        return told[_V] > _GOES_ON[min(self._run, len(_GOES_ON)) - 1] * (told[_N] + told[_S])

    def _runs_on(self, decided: int) -> bool:
        """Whether the next beat was called ventricular by then, and follows after a short RR."""
        return self._next_ventricular(decided) and self._usual.short(self._told[0][2])

    def _next_ventricular(self, decided: int) -> bool:
        """Whether the next beat was called ventricular by then."""
        return bool(self._told) and self._told[0][3] and self._told[0][1] <= decided

    def _possible(self, beat: LabelledBeat) -> bool:
        """Whether the network leaves room for V."""
        told = beat.probabilities
        if told is None or beat.rr is None:
            return False
        halfway = _EVEN[0] < self._told[0][2] / beat.rr < _EVEN[1]
        return told[_V] >= _SURE * max(told) or (beat.label == "Q" and halfway)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "usual": self._usual.snapshot(),
            "run": self._run,
            "told": list(self._told),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._usual.restore(state["usual"])
        self._run = state["run"]
        self._told = deque(tuple(row) for row in state["told"])
