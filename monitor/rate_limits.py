"""How a heart rate lies to the limits of its alarms: pure figures of beats and settings."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from monitor.settings import AlarmSettings

__all__ = ["Excess", "longest", "of_beats", "of_rate"]

_N_RATE: Final = 13
"""The shown heart rate rests on so many beats at most."""


class Excess(NamedTuple):
    """A rate and its limit.

    Attributes
    ----------
    kind
        Of the alarm.
    bpm
        The rate.
    beyond
        By how much it lies beyond the limit, bpm; negative inside.
    onset
        The sample that the alarm is about.
    beats
        What the rate was taken from.
    """

    kind: str
    bpm: float
    beyond: float
    onset: int
    beats: tuple[int, ...]


def longest(settings: AlarmSettings) -> int:
    """Return how many beats `of_beats` looks at."""
    return max(settings.extreme_tachy_beats, settings.extreme_brady_beats)


def of_beats(beats: Sequence[int], settings: AlarmSettings, *, fs: float) -> list[Excess]:
    """Return how the mean rate over the last beats, where there are enough, lies to the extreme limits."""
    of_kinds = (
        ("extreme_tachycardia", settings.extreme_tachy_beats, settings.extreme_tachy_bpm, 1),
        ("extreme_bradycardia", settings.extreme_brady_beats, settings.extreme_brady_bpm, -1),
    )
    found = []
    for kind, n_beats, limit_bpm, sign in of_kinds:
        last = tuple(beats[-n_beats:])
        if len(last) == n_beats:
            bpm = 60 * fs * (n_beats - 1) / (last[-1] - last[0])
            if sign < 0:  # one pause among beats of a usual rate is no bradycardia
                bpm = max(bpm, 60 * fs / median(later - earlier for earlier, later in pairwise(last)))
            found.append(Excess(kind, bpm, sign * (bpm - limit_bpm), last[0], last))
    return found


def of_rate(hr_bpm: float, sample: int, beats: Sequence[int], settings: AlarmSettings) -> list[Excess]:
    """Return how the shown heart rate of a sample lies to its two limits."""
    last = tuple(beats[-_N_RATE:])
    return [
        Excess("high_rate", hr_bpm, hr_bpm - settings.high_rate_bpm, sample, last),
        Excess("low_rate", hr_bpm, settings.low_rate_bpm - hr_bpm, sample, last),
    ]
