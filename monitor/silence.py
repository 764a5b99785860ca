"""The asystole clock: for how long no beat has come, as far as that could be seen."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from monitor.settings import AlarmSettings
from monitor.stage import State

__all__ = ["N_USUAL", "Silence", "pause_limit", "surely_quiet"]

N_USUAL: Final = 8
"""The usual RR is the median of so many."""
_SURELY: Final = 1.25
"""A quiet of so many usual RR, without a hole in it, shows that the beats do not merely hide in holes."""


def pause_limit(rr: Sequence[int], settings: AlarmSettings, *, fs: float) -> int:
    """Return from how many samples on a quiet is a pause, after the last RR."""
    limit = settings.pause_s * fs
    if len(rr) >= N_USUAL // 2:
        usual = sorted(rr)[len(rr) // 2]
        limit = min(limit, max(settings.pause_ratio * usual, settings.pause_floor_s * fs))
    return round(limit)


def surely_quiet(rr: Sequence[int], settings: AlarmSettings, *, fs: float) -> int:
    """Return for how long no beat has to come, in one piece, for none to have hidden in holes around it."""
    return round(_SURELY * sorted(rr)[len(rr) // 2] if len(rr) >= N_USUAL // 2 else settings.pause_s * fs)


@dataclass(slots=True)
class Silence:
    """A clock of signal that runs from ``anchor``; plain values only.

    It stands still over holes in the signal and their edges, and while no lead is usable (``paused`` in all).
    Quiet stretches between holes add up. Beats of a slow heart may hide in holes one after the other,
    though, so behind a hole asystole takes one whole stretch, too, in which a beat must have come
    (``whole`` once there was one).

    Attributes
    ----------
    hole
        The last hole, its edges included; what it touched before belongs to it.
    """

    anchor: int
    paused: int = 0
    hole: list[int] = field(default_factory=lambda: [0, 0])
    whole: bool = False

    def restart(self, at: int) -> None:
        """Count from sample ``at``, if that is later: what was before is known or does not count."""
        self.anchor, self.paused, self.whole = max(self.anchor, at), 0, False

    def beat(self, sample: int) -> None:
        """Count from a beat, of which it may only now be known that it came."""
        self.restart(sample)
        self.paused = max(0, self.hole[1] - max(self.hole[0], sample))

    def miss(self, start: int, stop: int, *, sure: int, blind: bool) -> None:
        """Stand still over a hole; ``sure`` is how long a stretch of quiet must be in which no beat hides."""
        known = self.hole[1]
        self.hole = [start if start > known else self.hole[0], stop]
        if not blind:
            self.whole = self.whole or start - max(known, self.anchor) >= sure
            self.paused += max(0, stop - max(start, known, self.anchor))

    def see(self, since: int, at: int) -> None:
        """Go on at ``at``: from sample ``since`` to there no lead was usable."""
        self.paused += max(0, at - max(since, self.anchor))

    def due(self, asystole: int, *, sure: int) -> int:
        """Return when so many samples of quiet will have passed."""
        at = self.anchor + self.paused + asystole
        return at if self.whole or self.hole[1] <= self.anchor else max(at, self.hole[1] + sure)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return asdict(self)

    @classmethod
    def restored(cls, state: State) -> "Silence":
        """Return the clock that a `snapshot` was taken of."""
        return cls(**asdict(cls(**state)))
