"""Run by run, as ``rxr`` does: couplets, short runs (3 to 5 beats) and long runs (6 or more).

Learned from rxr(1), EC57 4.3 and what the program prints. For V, beats of class V and F form runs and a
fibrillation (``[``) counts as six; for S, beats of class S form them, and inside ``(AFIB`` and ``(AFL`` those
of class N too; there the onset counts as six where no run is under way.

Each run of one annotator is looked for in the other: what is the longest run there, from 150 ms before its
first beat to 150 ms after its last? It is found if that is as long as its kind asks: 2, 3 or 6. Looked for
from the reference this gives the sensitivity, from the test annotator the positive predictivity. Peculiar,
and kept: an onset of atrial fibrillation breaks a run of V in that window, an onset of ventricular
fibrillation one of S; a run whose window begins before the record does is always found.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.score.beats import WINDOW_S
from monitor.score.marks import Marks

__all__ = ["KINDS", "LENGTHS", "Ectopy", "Run", "RunCounts", "compare_runs", "runs"]

Ectopy: TypeAlias = Literal["V", "S"]

KINDS: Final = ("couplet", "short", "long")
"""The kinds of runs, in the order of every table here."""
LENGTHS: Final = (2, 3, 6)
"""The least number of beats of each kind."""

_N, _S, _V, _F = range(4)
_ATRIAL: Final = ("(AFIB", "(AFL")
_ONSET: Final = -1
"""The end of a run that is no more than an onset yet."""
_NEVER: Final = 1 << 62


class Run(NamedTuple):
    """Beats of one kind in a row: samples of the first and last, and how many.

    ``last`` is -1 for an onset of fibrillation without a beat or an end.
    """

    first: int
    last: int
    length: int


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Runs of each of `KINDS`, each of shape (3,).

    Attributes
    ----------
    found, missed
        Of the reference.
    true, false
        Of the test annotator.
    """

    found: NDArray[np.int64]
    missed: NDArray[np.int64]
    true: NDArray[np.int64]
    false: NDArray[np.int64]


_Step: TypeAlias = tuple[int, Literal["beat", "break", "onset", "close", "cross", "other"], bool]
"""Where a mark stands, what it does to runs, and whether fibrillation was in force before it.

It lengthens a run (beat), ends it (break), is an onset of the fibrillation that counts as six, closes that,
or is an onset of the other fibrillation (cross).
"""


def compare_runs(reference: Marks, test: Marks, *, ectopy: Ectopy, fs: float, start: int) -> RunCounts:
    """Compare the runs of two annotators from ``start`` on; both in the time resolution ``fs``."""
    window = int(WINDOW_S * fs)
    ref, det = list(_steps(reference, ectopy)), list(_steps(test, ectopy))
    found, missed = _looked_up(_runs(ref, ectopy, start), det, start=start, window=window)
    true, false = _looked_up(_runs(det, ectopy, start), ref, start=start, window=window)
    return RunCounts(found, missed, true, false)


def runs(marks: Marks, *, ectopy: Ectopy, start: int) -> list[Run]:
    """Return the runs of one annotator from ``start`` on, single beats included."""
    return _runs(list(_steps(marks, ectopy)), ectopy, start)


def _steps(marks: Marks, ectopy: Ectopy) -> Iterator[_Step]:
    """Return what each mark does, and one step behind the last."""
    fibrillates = False
    classes = marks.classes.tolist()
    for at, symbol, kind, note in zip(
        marks.samples.tolist(), marks.symbols, classes, marks.notes, strict=True
    ):
        under = fibrillates
        if kind >= 0:
            member = kind in (_V, _F) if ectopy == "V" else kind == _S or (under and kind == _N)
            yield (at, "beat" if member else "break", under)
        elif symbol == "+" and ectopy == "S":
            fibrillates = note in _ATRIAL
            yield (at, "onset" if fibrillates else "other", under)
        elif symbol == "+":
            yield (at, "cross" if note in _ATRIAL else "other", under)
        elif symbol in "[]" and ectopy == "V":
            fibrillates = symbol == "["
            yield (at, "onset" if fibrillates else "close", under)
        elif symbol == "[":
            yield (at, "cross", under)
    yield (_NEVER, "break", fibrillates)


def _runs(steps: list[_Step], ectopy: Ectopy, start: int) -> list[Run]:
    steps = steps[bisect_left(steps, (start,)) :]
    found: list[Run] = []
    now = Run(start, _ONSET, 6) if steps[0][2] and steps[0][0] < _NEVER else None
    for sample, what, under in steps:
        if what == "beat":
            now = Run(now.first, sample, now.length + 1) if now else Run(sample, sample, 1)
        elif what == "onset" and now is None:
            now = Run(sample, _ONSET, 6) if ectopy == "V" or not under else None
        elif what == "onset" and now and ectopy == "V":
            now = now._replace(length=now.length + 6)
        elif what == "close" and now:
            now = now._replace(last=sample)
        elif what == "break" and now:
            found.append(now)
            now = None
    return found


def _looked_up(
    here: list[Run], there: list[_Step], *, start: int, window: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many runs of one annotator are found and missed in the other, by kind."""
    counts = np.zeros((2, len(KINDS)), np.int64)
    for run in here:
        kind = sum(run.length >= least for least in LENGTHS) - 1
        if kind < 0:
            continue
        first, last = run.first - window, run.last + window
        longest = LENGTHS[-1] if first < 0 else _longest(there, first, last, start=start)
        counts[0 if longest >= LENGTHS[kind] else 1, kind] += 1
    return counts[0], counts[1]


def _longest(steps: list[_Step], first: int, last: int, *, start: int) -> int:
    """Return the length of the longest run in a window; what is outside of it does not count."""
    i = bisect_left(steps, (first,))
    longest = length = 6 if steps[i][2] else 0
    while steps[i][0] <= last:
        sample, what, _ = steps[i]
        if what == "beat":
            length += sample >= start
        elif what == "onset":
            length = 6
        elif what == "cross" or (what == "break" and sample >= start):
            length = 0
        longest = max(longest, length)
        i += 1
    return longest
