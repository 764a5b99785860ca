"""Which beats lean towards V: told otherwise, but not surely, right behind a ventricular one.

A tachycardia may have two shapes in turn, one of them close to the patient's own (mitdb 223): every second
beat is told N, and no run of V comes together. Provisional labels know nothing of the next beat, so what
`monitor.runs` does for confirmed ones cannot be done here. But a beat that follows a V after a short RR, and
of which V is nearly as probable as what it is told, is more likely of the run than conducted. Never two of
them in a row: of five beats that make a tachycardia three are told V at least.

Chosen on DS1, `svdb` and `vfdb` (docs/alarm-runs.md).
"""

from typing import Final

from monitor.events import CLASSES, LabelledBeat
from monitor.stage import State
from monitor.usual import UsualRR

__all__ = ["Leaning"]

_SHARE: Final = 0.3
"""V has at least this share of the greatest probability. From 0.22 to 0.37 all is the same; from 0.14 down
there are more false tachycardias in `vfdb`."""
_V: Final = CLASSES.index("V")


class Leaning:
    """What is known of the beats before."""

    def __init__(self) -> None:
        self._usual = UsualRR()
        self._after_ventricular = False

    def push(self, beat: LabelledBeat) -> bool:
        """Take the next beat, in beat order; return whether it leans. Q, which may be no beat, does not."""
        rr = beat.rr or 0
        told = beat.probabilities
        leans = (
            beat.label not in ("V", "Q")
            and self._after_ventricular
            and self._usual.short(rr)
            and told is not None
            and told[_V] >= _SHARE * max(told)
        )
        self._usual.push(rr)
        self._after_ventricular = beat.label == "V"
        return leans

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"usual": self._usual.snapshot(), "after_ventricular": self._after_ventricular}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._usual.restore(state["usual"])
        self._after_ventricular = state["after_ventricular"]
