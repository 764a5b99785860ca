"""What a reference annotator's rhythm marks say that an alarm should be raised for.

A rhythm lasts from its mark to the next one; ventricular flutter of the MIT-BIH databases also from ``[`` to
``]``. Stretches of one kind that touch are one.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from monitor.events import CLASSES
from monitor.score.alarms import Condition
from monitor.score.marks import Marks

__all__ = ["LEAST_S", "RHYTHMS", "Stretch", "conditions", "fast_runs", "long_pauses", "stretches"]


class Stretch(NamedTuple):
    """Where a rhythm is marked, in seconds, and by which mark."""

    start: float
    stop: float
    mark: str


RHYTHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "ventricular_fibrillation": ("(VF", "(VFIB", "(VFL"),
    "ventricular_tachycardia": ("(VT",),
    "atrial_fibrillation": ("(AFIB",),
    "supraventricular_tachycardia": ("(SVTA",),
    "bigeminy": ("(B",),
    "trigeminy": ("(T",),
    "idioventricular": ("(IVR",),
    "asystole": ("(ASYS",),
}
"""The marks of each kind of alarm. ``(BI`` is heart block of the first degree, ``(VER`` a ventricular escape
rhythm."""

_VT: Final = "ventricular_tachycardia"
_V: Final = CLASSES.index("V")

LEAST_S: Final[Mapping[str, float]] = {
    "ventricular_fibrillation": 6.0,
    "ventricular_tachycardia": 6.0,
    "atrial_fibrillation": 30.0,
    "supraventricular_tachycardia": 6.0,
    "bigeminy": 10.0,
    "trigeminy": 10.0,
    "idioventricular": 6.0,
    "asystole": 5.0,
}
"""Seconds from which on a marked stretch asks for an alarm; below, one may be raised."""

_TAKES_TIME: Final = frozenset({"atrial_fibrillation", "bigeminy", "trigeminy"})
"""Rhythms that many beats tell."""


def stretches(marks: Marks, kind: str, *, fs: float, end: int) -> list[Stretch]:
    """Return the stretches marked as a kind, in order of time; what touches is one."""
    names = RHYTHMS[kind]
    changes = list(marks.rhythms())
    ends = [at for at, _ in changes[1:]] + [end]
    found = [(at, stop, name) for (at, name), stop in zip(changes, ends, strict=False) if name in names]
    if kind == "ventricular_fibrillation":
        found += [(first, last, "[") for first, last in marks.fibrillation(end)]
    return [Stretch(first / fs, last / fs, mark) for first, last, mark in _joined(found)]


def conditions(marks: Marks, *, fs: float, end: int) -> list[Condition]:
    """Return what rhythm marks hold, in order of time; short stretches ask for nothing.

    An alarm is due at the onset, but where only so much of it tells it: there once it has lasted `LEAST_S`.
    """
    found = [
        Condition(
            kind,
            one.start,
            one.stop,
            one.start + (LEAST_S[kind] if kind in _TAKES_TIME else 0.0),
            one.mark,
            one.stop - one.start >= LEAST_S[kind],
        )
        for kind in RHYTHMS
        for one in stretches(marks, kind, fs=fs, end=end)
    ]
    return sorted(found, key=lambda one: (one.start, one.kind))


def long_pauses(marks: Marks, *, longest_s: float, fs: float, end: int) -> list[Condition]:
    """Return where two reference beats stand so far apart or farther, and no fibrillation between them."""
    beats = marks.beats(start=0, end=end)
    far = beats.intervals >= longest_s * fs
    return [
        Condition("asystole", (at - rr) / fs, at / fs, (at - rr) / fs + longest_s, "beats")
        for at, rr in zip(beats.samples[far].tolist(), beats.intervals[far].tolist(), strict=True)
    ]


def fast_runs(marks: Marks, *, n_beats: int, rate_bpm: float, fs: float, end: int) -> list[Condition]:
    """Return the runs of reference V of which ``n_beats`` in a row are faster than ``rate_bpm``, each once.

    A run that slows down and speeds up again asks for one alarm, due when it is fast enough for the first
    time.
    """
    beats = marks.beats(start=0, end=end)
    found: list[Condition] = []
    run: list[int] = []
    due: int | None = None
    for at, label, rr in zip(
        [*beats.samples.tolist(), end],
        [*beats.classes.tolist(), -1],
        [*beats.intervals.tolist(), 0],
        strict=True,
    ):
        if label != _V or not rr:
            if due is not None:
                found.append(Condition(_VT, run[0] / fs, run[-1] / fs, due / fs, "beats"))
            run, due = [], None
        if label == _V:
            run.append(at)
            last = run[-n_beats:]
            fast = len(last) == n_beats and 60 * fs * (n_beats - 1) > rate_bpm * (last[-1] - last[0])
            due = at if fast and due is None else due
    return found


def _joined(found: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    joined: list[tuple[int, int, str]] = []
    for first, last, mark in sorted(found):
        if joined and first <= joined[-1][1]:
            first, before, mark = joined.pop()
            last = max(last, before)
        joined.append((first, last, mark))
    return joined
