"""How long the RR of a patient usually are, and which are short: what tells a run from a rhythm.

A mean, not a median: in bigeminy, where every second RR is short, half of them shall be.
"""

from typing import Final

from monitor.stage import State

__all__ = ["UsualRR"]

_SHORT: Final = 0.97
"""RR below this share of the mean are short."""
_N_MEAN: Final = 128.0
"""The mean is a running one over about so many RR."""
_FEW: Final = 8
"""Before so many RR nothing is short."""


class UsualRR:
    """The running mean of RR, in samples."""

    def __init__(self) -> None:
        self._mean = 0.0
        self._n = 0

    def push(self, rr: int) -> None:
        """Take the next RR, in samples; 0, that of a beat after a gap, is none."""
        if rr:
            self._n += 1
            self._mean += (rr - self._mean) / min(self._n, _N_MEAN)

    def short(self, rr: int, share: float = _SHORT) -> bool:
        """Tell whether an RR is short beside those before it: below ``share`` of their mean."""
        return self._n >= _FEW and 0 < rr < share * self._mean

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"mean": self._mean, "n": self._n}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._mean = state["mean"]
        self._n = state["n"]
