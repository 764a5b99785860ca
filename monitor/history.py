"""The last labelled beats of a bed, as state tables look at them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from monitor.events import LabelledBeat, Rhythm
from monitor.stage import State

__all__ = ["Found", "Heard", "History"]

_N_BEATS: Final = 64
"""Enough for the widest pattern: two shapes within 31 beats."""
_MINUTE_S: Final = 60.0
_N_MEAN: Final = 12
"""The mean RR is taken over so many, as the heart rate is ..."""
_FEWEST: Final = 4
"""... and unknown before there are so many."""


class Heard(NamedTuple):
    """One labelled beat: R peak, class, RR before it in samples, number of its shape (V only)."""

    sample: int
    label: str
    rr: int | None
    form: int | None = None


class Found(NamedTuple):
    """A condition that the last beats show: its onset, the beats that show it, what was measured."""

    onset: int
    evidence: tuple[int, ...]
    value: float | None = None


class History:
    """The last beats without a gap between them, and the ventricular ones of the last minute.

    Parameters
    ----------
    fs
        Sampling rate in Hz.

    Attributes
    ----------
    beats
        The last 64, oldest first; a beat without RR (the first after a start or gap) begins anew.
    minute
        R peaks of the V beats up to a minute before the last beat, oldest first.
    """

    def __init__(self, *, fs: float) -> None:
        self.fs = fs
        self.beats: list[Heard] = []
        self.minute: list[int] = []
        self._told: list[tuple[int, int, bool]] = []
        self._tachycardias: list[tuple[int, int | None]] = []

    def observe(self, rhythms: Sequence[Rhythm]) -> None:
        """Take rhythms of provisional labels; each is known to the beats that take effect after it."""
        self._told += [(r.decided, r.sample, r.state == "start") for r in rhythms if r.rhythm == "(VT"]

    def push(self, beat: LabelledBeat, form: int | None = None) -> None:
        """Take the next beat, in beat order."""
        if beat.rr is None:
            self.beats = []
        self.beats = [*self.beats, Heard(beat.sample, beat.label, beat.rr, form)][-_N_BEATS:]
        since = beat.sample - _MINUTE_S * self.fs
        new = [beat.sample] if beat.label == "V" else []
        self.minute = [sample for sample in self.minute if sample > since] + new
        while self._told and self._told[0][0] <= beat.decided:
            _, at, starts = self._told.pop(0)
            known = self._tachycardias
            self._tachycardias = [*known, (at, None)] if starts else [*known[:-1], (known[-1][0], at)]
        first = self.beats[0].sample
        self._tachycardias = [one for one in self._tachycardias if one[1] is None or one[1] > first]

    def told(self, first: int, last: int) -> bool:
        """Tell whether, as the last beat takes effect, provisional labels told of VT among these."""
        return any(start <= last and (stop is None or stop > first) for start, stop in self._tachycardias)

    def after(self, sample: int) -> int:
        """Return the first R peak after a sample, of the last beat where there is none."""
        return next((beat.sample for beat in self.beats if beat.sample > sample), self.beats[-1].sample)

    def mean_rr(self, skip: int) -> float | None:
        """Return the mean of the 12 RR before the last ``skip``, samples; None where there are under 4."""
        rr = [beat.rr for beat in self.beats[: len(self.beats) - skip][-_N_MEAN:] if beat.rr is not None]
        return sum(rr) / len(rr) if len(rr) >= _FEWEST else None

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "beats": [list(beat) for beat in self.beats],
            "minute": list(self.minute),
            "told": [list(row) for row in self._told],
            "tachycardias": [list(row) for row in self._tachycardias],
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self.beats = [Heard(*row) for row in state["beats"]]
        self.minute = list(state["minute"])
        self._told = [(decided, at, starts) for decided, at, starts in state["told"]]
        self._tachycardias = [(start, stop) for start, stop in state["tachycardias"]]
