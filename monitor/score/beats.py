"""Beat by beat, as ``bxb`` does: which detection belongs to which beat, and what it was called.

Learned from bxb(1), *Evaluating ECG Analyzers* (WFDB Applications Guide) and what the program prints:

- Both annotators' beats are walked in order of time. The earlier of the two at hand is paired with the
  other if that is within 150 ms and nearer than the one behind it; else it stands alone: a missed beat or
  a false detection. So each beat has one partner at most, and a doubled detection is one true, one false.
- Beats inside fibrillation (``[`` to ``]``) of their own annotator take no part, and a detection without a
  partner inside the reference's fibrillation is not false.
- A beat missed while the analysis was shut down is missed, and counted apart as well.
- The RR error compares the intervals that end at the two beats at hand, also where one stands alone.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.events import CLASSES
from monitor.score.marks import Beats, Marks

__all__ = ["NOTHING", "WINDOW_S", "BeatCounts", "Pairs", "compare_beats", "match"]

WINDOW_S: Final = 0.150
"""How far apart two annotations of one beat may be (EC57)."""

NOTHING: Final = len(CLASSES)
"""Row and column of the confusion matrix for no beat: O of ``bxb``, its X included."""

_NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Pairs:
    """What belongs together.

    Attributes
    ----------
    reference, test
        Of one length, in order of time: indices of beats, -1 where the other one stands alone.
    """

    reference: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def both(self) -> NDArray[np.bool_]:
        """Where a beat has its detection."""
        return (self.reference >= 0) & (self.test >= 0)


@dataclass(frozen=True, slots=True)
class BeatCounts:
    """What a comparison beat by beat found.

    Attributes
    ----------
    confusion
        Of shape (6, 6): reference classes N S V F Q and nothing, by test classes N S V F Q and nothing.
    shut
        Of shape (5,): beats of each reference class missed while shut down; part of the last column.
    shutdown_s
        How long the analysis was shut down.
    rr_squares, n_rr
        Sum of the squared RR errors, in samples squared, and how many there are.
    jitter
        Of shape (n_pairs,): test minus reference, in samples.
    """

    confusion: NDArray[np.int64]
    shut: NDArray[np.int64]
    shutdown_s: float
    rr_squares: float
    n_rr: int
    jitter: NDArray[np.int64] = field(repr=False)


def match(reference: NDArray[np.int64], test: NDArray[np.int64], *, window: int) -> Pairs:
    """Pair beats and detections one to one.

    Parameters
    ----------
    reference, test
        Sample indices, ascending.
    window
        Largest distance of a pair, in samples, inclusive.

    Examples
    --------
    >>> pairs = match(np.array([100]), np.array([90, 101, 130]), window=54)
    >>> int(pairs.both.sum()), int((pairs.reference < 0).sum())
    (1, 2)
    """
    ref, det = [*reference.tolist(), _NEVER, _NEVER], [*test.tolist(), _NEVER, _NEVER]
    i = j = 0
    rows: list[tuple[int, int]] = []
    while ref[i] < _NEVER or det[j] < _NEVER:
        first_is_test = det[j] < ref[i]
        apart = abs(ref[i] - det[j])
        behind = abs(ref[i] - det[j + 1]) if first_is_test else abs(ref[i + 1] - det[j])
        if apart <= window and apart < behind:
            rows.append((i, j))
            i, j = i + 1, j + 1
        elif first_is_test:
            rows.append((-1, j))
            j += 1
        else:
            rows.append((i, -1))
            i += 1
    return Pairs(*np.array(rows, np.int64).reshape(-1, 2).T)


def compare_beats(reference: Marks, test: Marks, *, fs: float, start: int, end: int) -> BeatCounts:
    """Compare two annotators from ``start`` to ``end``, both included.

    Parameters
    ----------
    reference, test
        In one time resolution, ``fs`` Hz.
    start, end
        Samples; beats before ``start`` serve only to measure the first interval.
    """
    beats, found = reference.beats(start=start, end=end), test.beats(start=start, end=end)
    pairs = match(beats.samples, found.samples, window=int(WINDOW_S * fs))
    pairs = _without_fibrillation(pairs, found, reference.fibrillation(end))
    rows = np.where(pairs.reference >= 0, np.append(beats.classes, NOTHING)[pairs.reference], NOTHING)
    columns = np.where(pairs.test >= 0, np.append(found.classes, NOTHING)[pairs.test], NOTHING)
    confusion = np.zeros((NOTHING + 1, NOTHING + 1), np.int64)
    np.add.at(confusion, (rows, columns), 1)
    shutdowns = test.shutdowns(end, fs=fs)
    missed = pairs.reference[pairs.test < 0]
    missed = missed[_inside(beats.samples[missed], shutdowns)]
    errors = _rr_errors(pairs, beats, found)
    both = pairs.both
    return BeatCounts(
        confusion=confusion,
        shut=np.bincount(beats.classes[missed], minlength=NOTHING),
        shutdown_s=sum(max(0, min(last, end) - max(first, start)) for first, last in shutdowns) / fs,
        rr_squares=float(np.sum(errors.astype(np.float64) ** 2)),
        n_rr=len(errors),
        jitter=found.samples[pairs.test[both]] - beats.samples[pairs.reference[both]],
    )


def _without_fibrillation(pairs: Pairs, found: Beats, spans: list[tuple[int, int]]) -> Pairs:
    """Leave out detections that stand alone inside the reference's fibrillation."""
    alone = pairs.reference < 0
    within = np.zeros(len(alone), bool)
    within[alone] = _inside(found.samples[pairs.test[alone]], spans)
    return Pairs(pairs.reference[~within], pairs.test[~within])


def _inside(samples: NDArray[np.int64], spans: list[tuple[int, int]]) -> NDArray[np.bool_]:
    within = np.zeros(len(samples), bool)
    for first, last in spans:
        within |= (samples >= first) & (samples <= last)
    return within


def _rr_errors(pairs: Pairs, beats: Beats, found: Beats) -> NDArray[np.int64]:
    """Return reference interval minus test interval at each pair, in samples.

    Where one stands alone, the other's interval is that of its next beat, which is at hand by then.
    """
    ref = _at_hand(pairs.reference, beats.intervals)
    test = _at_hand(pairs.test, found.intervals)
    known = (ref > 0) & (test > 0)
    return (ref - test)[known]


def _at_hand(indices: NDArray[np.int64], intervals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the interval of each index, or of the next one where it is -1; 0 after the last."""
    following = np.append(intervals, 0)
    if not len(indices):
        return np.zeros(0, np.int64)
    filled = np.where(indices >= 0, indices, len(intervals))
    at = np.minimum.accumulate(filled[::-1])[::-1]
    return np.asarray(following[at])
