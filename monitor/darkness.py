"""How much of the last seconds of a bed's signal could not be judged, over holes and new streams alike.

A stretch is *dark* where samples never came, so close to such a hole that a QRS complex may be lost, where
no lead was usable for a moment, or where all was being learned anew. When it is too much, neither a quiet
heart nor fibrillation can be told in time from a sound one, and a person has to know: SIGNAL GAPS.
"""

from collections.abc import Sequence
from typing import Final

from monitor.settings import AlarmSettings
from monitor.stage import State

__all__ = ["Darkness", "Spans"]

Spans = tuple[tuple[float, float], ...]
"""Dark stretches in seconds before the end of a stream: what the next stream of the bed begins with."""

_SHARE: Final = 0.5
"""More than this share of ``alarms.gaps_s`` is too much; whole signal for as long is enough."""


class Darkness:
    """The dark stretches of the last ``alarms.gaps_s``.

    To learn all anew counts as half of that time, so that one device that starts anew is none, and two
    within ten seconds are.

    Parameters
    ----------
    settings
        ``gaps_s`` and ``learning_s``.
    fs
        Sampling rate in Hz.

    Attributes
    ----------
    due
        When it was found to be too much; None while it is not, or `told`.
    """

    def __init__(self, settings: AlarmSettings, *, fs: float) -> None:
        self.fs = fs
        self._window = round(settings.gaps_s * fs)
        self._enough = round(_SHARE * settings.gaps_s * fs)
        self._learning = round(settings.learning_s * fs)
        self._spans: list[list[int]] = []
        self._told = 0
        self.due: int | None = None

    def begin(self, start: int, before: Sequence[tuple[float, float]] | None) -> None:
        """Begin anew at sample ``start``, right behind what `spans` returned; None: this is the beginning."""
        self._spans, self._told, self.due = [], start, None
        if before is not None:
            self._spans = [[start + round(a * self.fs), start + round(b * self.fs)] for a, b in before]
            whole = start + self._learning
            self.add(whole - self._enough, whole, at=start)

    def add(self, start: int, stop: int, *, at: int) -> None:
        """Add a stretch, in order of time; it is known at sample ``at``."""
        last = self._spans[-1][1] if self._spans else start
        if stop <= max(start, last):
            return
        if self._spans and start <= last:
            self._spans[-1][1] = stop
        else:
            self._spans.append([start, stop])
        since = stop - self._window
        self._spans = [[max(a, since), b] for a, b in self._spans if b > since]
        if sum(b - a for a, b in self._spans) > self._enough:
            self.due = at

    def told(self, at: int) -> None:
        """Learn that at a sample it was told that it is too much, or that it is over."""
        self._told, self.due = at, None

    @property
    def over(self) -> int:
        """When the signal has been whole for long enough, and it has been told for as long."""
        return max(self._told, self._spans[-1][1] if self._spans else 0) + self._enough

    def spans(self, now: int) -> Spans:
        """Return the dark stretches up to sample ``now``, in seconds from there."""
        return tuple(((a - now) / self.fs, (min(b, now) - now) / self.fs) for a, b in self._spans if a < now)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {"spans": [list(span) for span in self._spans], "told": self._told, "due": self.due}

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._spans = [list(span) for span in state["spans"]]
        self._told, self.due = state["told"], state["due"]
