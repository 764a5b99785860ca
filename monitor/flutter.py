"""Atrial flutter among irregular RR: one wave that goes on through all beats, at 220 to 350 a minute.

Flutter that is conducted by twos, threes and fours has RR as irregular as those of fibrillation, and no P
wave. Its atria go round in one circuit, though: the same wave every 0.17 to 0.27 s, and the same phase from
one beat to the next. Fibrillatory waves have neither for longer than a second or two. So of the beats within
four seconds of one, what is the same in all of them at the same distance from R (QRS complex, T wave) is
taken out, and the rest is asked which share of its power a wave of one cycle and its second harmonic explain,
with one phase throughout, at the cycle that explains most. In the fibrillation of five patients whose
records run for minutes that is 0.08 to 0.13 in the middle beat and at most 0.28 in 97 of 100; in flutter 0.5.

A patient's circuit keeps its cycle. Once flutter was plain for a few beats, its cycle is known for minutes,
and two seconds around a beat are enough to ask whether it goes on there.

Nothing is computed but where RR are irregular (`monitor.atrial` asks only then). Flutter of other rates,
waves too small for the leads that are shown, and flutter that the next beat always resets are not found.

Sources
-------
- Slocum, Byrom, McCarthy, Sahakian & Swiryn, *Computer detection of atrioventricular dissociation from
  surface electrocardiograms during wide QRS complex tachycardias*, Circulation 72:1028, 1985: beats taken out
  by their mean.
- Hoppe, Rodriguez-Gonzalez, Stein et al., J Am Coll Cardiol 46:2079, 2005: flutter has its power in one peak.
- Shares and limits: `docs/atrial-runs.md`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.events import BeatWindow
from monitor.stage import State, kernel
from monitor.window import WindowSpec

__all__ = ["Flutter", "rest_kernel"]

_FS: Final = 60.0
"""About so many points per second are kept of a window: enough for the second harmonic."""
_SHOWN_S: Final = (0.334, 0.367)
"""From so long before R to so long after it."""
_LEAST_S: Final = 0.25
"""A window that shows less on either side says nothing."""
_QRS_S: Final = (-0.067, 0.117)
"""The QRS complex, left out."""
_NEXT_S: Final = 0.08
"""What lies less than this before the next R peak is its complex."""
_CYCLES_S: Final = tuple(0.17 * 1.02**step for step in range(24))
"""Cycles that are tried; 2 % from one to the next."""
_HARMONICS: Final = 2
_REACH_S: Final = (4.0, 2.0)
"""Beats this far from one are looked at with it: to find a cycle, and where it is known."""
_FEWEST_BEATS: Final = 5
_FEWEST_POINTS: Final = 60
"""Fewer say nothing."""
_CLIPPED: Final = 3.0
"""No point counts for more than so many standard deviations."""
_SHARE: Final = (0.28, 0.36)
"""Share that begins to speak for flutter, and the one that says all, of whatever cycle ..."""
_KNOWN_SHARE: Final = (0.28, 0.40)
"""... and the same of the known one."""
_WEIGHT: Final = 4.0
"""That is so many nats."""
_PLAIN: Final = 0.3
"""A beat with this share tells the cycle ..."""
_FEWEST_PLAIN: Final = 5.0
"""... which is known once so many of them agree, and half of all do."""
_HALF_LIFE_S: Final = 600.0
"""After so long a beat counts half."""
_FEWEST_COMMON: Final = 3
"""A point that fewer beats have in common is left out."""
_TINY: Final = 1e-9

_SAMPLE, _USABLE, _STOP, _SAYS, _SHARES = range(5)
"""Columns of a beat: its R peak, whether it counts, how many of its points precede the next complex, the nats
of whatever cycle (`_OPEN` before it was asked), then the share of each cycle within the shorter reach."""
_OPEN: Final = -1.0


class Flutter:
    """Flutter waves of one bed.

    Parameters
    ----------
    window
        What the network is shown of a beat.
    fs
        Sampling rate in Hz.
    span
        For so many samples a beat is remembered.
    """

    def __init__(self, window: WindowSpec, *, fs: float, span: int) -> None:
        self._fs = fs
        self._span = span
        self._step = max(1, round(window.fs / _FS))
        self._rate = window.fs / self._step
        shown_s = [
            min(n / window.fs, most) for n, most in zip((window.n_pre, window.n_post), _SHOWN_S, strict=True)
        ]
        self._shows = min(shown_s) >= _LEAST_S
        self._middle, after = (int(seconds * self._rate + _TINY) for seconds in shown_s)
        self._places = window.n_pre + self._step * np.arange(-self._middle, after + 1)
        start, stop = (self._middle + round(seconds * self._rate) for seconds in _QRS_S)
        self._qrs = (start, stop)
        self._n_leads = window.n_leads
        self._angles = np.outer(2 * np.pi / (np.array(_CYCLES_S) * self._rate), 1 + np.arange(_HARMONICS))
        self._table = np.exp(-1j * np.multiply.outer(np.arange(len(self._places)), self._angles))
        self._reach, self._near = (seconds * fs for seconds in _REACH_S)
        self._waiting: dict[int, NDArray[np.float64]] = {}
        self._beats = np.empty((0, _SHARES + len(_CYCLES_S)))
        self._pieces = np.empty((0, len(self._places), self._n_leads))
        self._plain = np.zeros(len(_CYCLES_S))
        self._counted = 0

    def observe(self, windows: Sequence[BeatWindow]) -> None:
        """Take provisional windows as they are handed out; each waits for its beat's label."""
        for window in windows if self._shows else ():
            leads = window.window[:, : self._n_leads].astype(np.float64)
            self._waiting[window.sample] = _thinned(leads, self._places, self._step)

    def push(self, sample: int, *, counts: bool) -> None:
        """Take the next beat, in beat order; one that does not count only ends the one before."""
        piece = self._waiting.pop(sample, None)
        kept = self._beats[:, _SAMPLE] > sample - self._span
        self._beats, self._pieces = self._beats[kept], self._pieces[kept]
        if len(self._beats):
            room = int(((sample - self._beats[-1, _SAMPLE]) / self._fs - _NEXT_S) * self._rate)
            self._beats[-1, _STOP] = min(len(self._places), max(self._qrs[1], self._middle + room))
        if piece is not None:
            beat = np.zeros((1, self._beats.shape[1]))
            beat[0, :_SHARES] = sample, counts, len(piece), _OPEN
            self._beats = np.concatenate([self._beats, beat])
            self._pieces = np.concatenate([self._pieces, piece[np.newaxis]])

    def against(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much flutter waves around these beats speak against fibrillation, in nats.

        A beat is asked once all beats within four seconds have come; until then it says what the one before
        it says. Only beats that are asked for tell of the patient's cycle.

        Parameters
        ----------
        samples
            Of shape (n_beats,): R peaks, in order, none older than ``span``.
        """
        if not (len(self._beats) and len(samples)):
            return np.zeros(len(samples))
        rows = np.minimum(np.searchsorted(self._beats[:, _SAMPLE], samples), len(self._beats) - 1)
        complete = samples <= self._beats[-1, _SAMPLE] - self._reach
        for row in rows[complete & (self._beats[rows, _SAYS] == _OPEN)]:
            self._ask(int(row))
        against = self._beats[rows, _SAYS]
        told = int(np.count_nonzero(np.cumprod(against != _OPEN)))
        cycle = self._cycle()
        if cycle is not None:
            near = self._beats[rows, _SHARES + max(0, cycle - 1) : _SHARES + cycle + 2].max(axis=1)
            against = np.maximum(against, _nats(near, _KNOWN_SHARE))
        against[told:] = against[told - 1] if told else 0.0
        return np.asarray(against)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "waiting": [(sample, piece.copy()) for sample, piece in self._waiting.items()],
            "beats": self._beats.copy(),
            "pieces": self._pieces.copy(),
            "plain": self._plain.copy(),
            "counted": self._counted,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._waiting = {sample: piece.copy() for sample, piece in state["waiting"]}
        self._beats = state["beats"].copy()
        self._pieces = state["pieces"].copy()
        self._plain = state["plain"].copy()
        self._counted = state["counted"]

    def _ask(self, row: int) -> None:
        """Find the shares around a beat, what they say, and whether they tell the patient's cycle."""
        peaks = self._beats[:, _SAMPLE]
        around = (np.abs(peaks - peaks[row]) <= self._reach) & (self._beats[:, _USABLE] > 0)
        shares = np.zeros((2, len(_CYCLES_S)))
        if np.count_nonzero(around) >= _FEWEST_BEATS:
            shares = self._explain(around, peaks[around] - peaks[row])
        best = int(shares[0].argmax())
        self._beats[row, _SAYS] = _nats(shares[0, best : best + 1], _SHARE)[0]
        self._beats[row, _SHARES:] = shares[1]
        passed = max(0.0, peaks[row] - self._counted) / self._fs
        self._plain *= 0.5 ** (passed / _HALF_LIFE_S)
        self._counted = max(self._counted, int(peaks[row]))
        self._plain[best] += shares[0, best] >= _PLAIN

    def _explain(self, around: NDArray[np.bool_], apart: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of each cycle around one beat, within the longer reach and the shorter one."""
        pieces = self._pieces[around]
        points = np.arange(pieces.shape[1])
        used = points < self._beats[around, _STOP][:, np.newaxis]
        used[:, self._qrs[0] : self._qrs[1]] = False
        rest = np.zeros(pieces.shape)
        for lead in range(self._n_leads):
            rest_kernel(pieces[:, :, lead], used, rest[:, :, lead])
        phases = np.exp(-1j * (apart / self._fs * self._rate)[:, np.newaxis, np.newaxis] * self._angles)
        waves = np.tensordot(rest, self._table, axes=(1, 0)) * phases[:, np.newaxis]
        within = (np.abs(apart) <= reach for reach in (self._reach, self._near))
        return np.stack([_shares(rest[one], used[one], waves[one].sum(axis=0)) for one in within])

    def _cycle(self) -> int | None:
        """Return the patient's cycle, if it is known: its place among those that are tried."""
        agreed = np.convolve(self._plain, np.ones(3), "same")
        best = int(agreed.argmax())
        return best if agreed[best] >= max(_FEWEST_PLAIN, self._plain.sum() / 2) else None


def _nats(shares: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.float64]:
    """Return what shares say."""
    return np.asarray(_WEIGHT * np.clip((shares - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0))


def _thinned(leads: NDArray[np.float64], places: NDArray[np.int64], step: int) -> NDArray[np.float64]:
    """Return the points at these places, each the mean of those around it, the nearer the more."""
    last = len(leads) - 1
    weights = step - np.abs(np.arange(1 - step, step))
    around = np.clip(places[:, np.newaxis] + np.arange(1 - step, step), 0, last)
    return np.asarray(np.einsum("pwl,w->pl", leads[around], weights / weights.sum()))


def _shares(
    rest: NDArray[np.float64], used: NDArray[np.bool_], waves: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Return which share of the power each cycle explains, with one phase throughout, in the better lead.

    Parameters
    ----------
    rest
        Of shape (n_beats, n_points, n_leads).
    used
        Of shape (n_beats, n_points): the points that count.
    waves
        Of shape (n_leads, n_cycles, harmonics): Fourier sums over all of it.
    """
    power = np.square(rest).sum(axis=(0, 1))
    n = np.count_nonzero(used)
    if n < _FEWEST_POINTS or not np.any(power > 0.0):
        return np.zeros(waves.shape[1])
    explained = 2.0 * np.square(np.abs(waves)).sum(axis=2) / n
    return np.asarray((explained[power > 0.0] / power[power > 0.0, np.newaxis]).max(axis=0))


@kernel
def rest_kernel(piece: NDArray[np.float64], used: NDArray[np.bool_], rest: NDArray[np.float64]) -> None:
    """Write what is left of each beat without what all have in common, its line, and what stands out.

    Parameters
    ----------
    piece
        Of shape (n_beats, n_points): one lead.
    used
        Of the same shape: the points that count.
    rest
        Of the same shape: written, zeros where nothing counts.
    """
    n_beats, n_points = piece.shape
    for k in range(n_points):
        total = 0.0
        n = 0
        for i in range(n_beats):
            if used[i, k]:
                total += piece[i, k]
                n += 1
        for i in range(n_beats):
            rest[i, k] = piece[i, k] - total / n if used[i, k] and n >= _FEWEST_COMMON else 0.0
    power = 0.0
    points = 0
    for i in range(n_beats):
        n = 0
        middle = 0.0
        level = 0.0
        for k in range(n_points):
            if used[i, k]:
                n += 1
                middle += k
                level += rest[i, k]
        middle /= max(n, 1)
        level /= max(n, 1)
        spread = 0.0
        slope = 0.0
        for k in range(n_points):
            if used[i, k]:
                spread += (k - middle) ** 2
                slope += (k - middle) * (rest[i, k] - level)
        slope = slope / spread if spread > 0.0 else 0.0
        for k in range(n_points):
            if used[i, k]:
                rest[i, k] -= level + slope * (k - middle)
                power += rest[i, k] ** 2
                points += 1
    most = _CLIPPED * np.sqrt(power / max(points, 1))
    for i in range(n_beats):
        for k in range(n_points):
            rest[i, k] = min(max(rest[i, k], -most), most)
