"""Ventricular fibrillation and flutter from the waveform, since beats fail there.

Each half second the last three seconds of every usable lead are scored from three measures that
tell an oscillation from complexes on a baseline:

- *leakage* of the VF filter: how little is left when the wave is added to itself half a mean period
  earlier (Kuo & Dillman 1978, as given by Amann, Tratnig & Unterkofler 2005). Low in a sine.
- *slope share*: mean over greatest absolute slope, after the base-line share of Irusta & Ruiz (2009).
  Low where steep complexes stand apart.
- *occupancy* of the phase-space plot (Amann, Tratnig & Unterkofler 2007): how many cells of a 20 x 20
  grid the points (x(t), x(t - 0.1 s)) visit.

Their weights are a logistic regression fitted on `vfdb` and on the training half (DS1) of `mitdb`,
each episode-bearing record weighing the same. A lead scores nothing where the wave is too small to
be coarse fibrillation or swings too slowly to be flutter; the score is the median over usable leads.

Where the detector finds beats that are sure, or come at a steady rate, and no pause, a wave that
oscillates is more likely a tachycardia whose complexes can be told apart: there a start asks for log-odds
that are higher by `_BEATS`. Plain flutter and fibrillation reach that too. What stands asks for more where
the rate is steady, and ends without: beats that are found by chance in fibrillation come at no rate.

Samples that never came are left out: a window is the last three seconds that did come, of no more than
twice as long, and nothing in it is compared across a hole.

What it does not do: it does not tell flutter from fibrillation (both are ``(VFL``), and it still finds
a fast ventricular tachycardia without isoelectric line, as the papers' methods do.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.events import Beat, Rhythm
from monitor.filters import SosFilter
from monitor.settings import RhythmSettings
from monitor.stage import State, kernel, put_in_order

__all__ = ["Fibrillation"]

_RATE_HZ: Final = 62.5
"""Scores are taken from the wave at about this rate (50 to 80 Hz, whatever divides fs)."""
_WINDOW_S: Final = 3.0
_STEP_S: Final = 0.5
_LAG_S: Final = 0.1
_GRID: Final = 20
_N_OFF: Final = 4
"""So many scores in a row must say no before it is over: two seconds."""
_MARGIN: Final = 1.0
"""And by so much in log-odds."""
_WEIGHTS: Final = np.array([10.56, 6.03, -10.31, 9.02])
"""Intercept, log slope share, leakage, occupancy."""
_EVIDENCE: Final = 6.0
"""The scores that make a start exceed the limit by so much in sum, as a sequential test asks (Wald 1945): a
clear wave is told as soon as without, a doubtful one later or never. Without, ten stretches of `vfdb` are
told for nothing, with 3 eight, with 5 five, from 6 to 8 four; from 3 on one episode more of 30 is missed."""
_BEATS: Final = 3.0
"""How much more is asked for where beats can be told. With 2 a tachycardia of svdb 865 stands for 87 s, with
3 to 4 for 6 s; as many episodes of `vfdb` and 207 are found in 10 s as without it."""
_N_BEATS: Final = 4
"""They can be if a window holds so many ..."""
_PAUSE_S: Final = 1.0
"""... and nowhere, up to its edges, is there none for longer than this ..."""
_FOUND: Final = 0.5
"""... and each has more than this confidence, as what no search back had to find. They are sure with ..."""
_SURE: Final = 0.95
"""... a mean above this, from 0.92 to 0.95 all the same, and steady where each RR lies ..."""
_STEADY: Final = 0.1
"""... within this share of the shortest one or of twice that, as where one beat was missed. From 0.07 to
0.1 nothing changes; at 0.13 a flutter of mitdb 207 is told 1 s later."""
_SILENT: Final = -6.0
"""The score of a lead that is too small or too slow."""
_NOISY: Final = 1
"""Code of a noisy lead. It counts like a good one (0): fibrillation itself may be taken for noise."""
_AFTER_HOLE_S: Final = 0.1
"""So long the filters still ring from the step behind a hole."""
_LONGEST: Final = 2
"""A window with holes spans so many times its length at most."""
_USABLE: Final = 0.9
"""A lead is scored if it was connected, unsaturated and alive for this share of the window."""


class Fibrillation:
    """Ventricular fibrillation and flutter of one bed.

    Scores are taken at absolute multiples of half a second. Fibrillation starts with the score that
    makes ``vf_s`` of waveform and evidence enough, and is over after two seconds of scores that deny it
    (or of no usable lead), for which each score looks back on three seconds of wave or of steady beats. It
    is decided ``vf_s`` to ``vf_s`` + 1 s after its onset where onset and wave are clear. Episodes are
    disjoint: the windows of two may overlap, and the second begins where the first ended at the earliest.

    Parameters
    ----------
    settings
        ``vf_s``, ``vf_hz``, ``vf_rms_mv`` and ``vf_log_odds``.
    fs
        Sampling rate in Hz.
    n_leads
        Number of leads.
    start
        Absolute index of the first sample that will come.
    """

    def __init__(self, settings: RhythmSettings, *, fs: float, n_leads: int, start: int = 0) -> None:
        from scipy import signal

        self.fs = fs
        self._settings = settings
        self._n_leads = n_leads
        self._every = max(1, round(fs / _RATE_HZ))
        rate = fs / self._every
        self._n_window = round(_WINDOW_S * rate)
        self._lag = round(_LAG_S * rate)
        self._step = round(_STEP_S * fs)
        self._span = round(_WINDOW_S * fs)
        self._n_on = 1 + max(0, round((settings.vf_s - _WINDOW_S) / _STEP_S))
        sos = signal.butter(4, min(25.0, 0.4 * rate), fs=fs, output="sos")
        self._filter = SosFilter(sos, n_leads=n_leads, delay=0)
        self._limits = np.array([settings.vf_rms_mv, 2 * settings.vf_hz * self._n_window / rate])
        self._weights = _WEIGHTS
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget everything; go on at sample ``start``."""
        self._filter.reset()
        self._index = start
        self._since = start
        self._settled = start
        self._wave = np.empty((0, self._n_leads))
        self._usable = np.empty((0, self._n_leads), dtype=np.bool_)
        self._at = np.empty(0, dtype=np.int64)
        self._beats: list[list[float]] = []
        self._standing = False
        self._run = 0
        self._evidence = 0.0

    def push(
        self, wave: NDArray[np.float64], quality: NDArray[np.int8], beats: Sequence[Beat] = ()
    ) -> list[Rhythm]:
        """Take the next samples.

        Parameters
        ----------
        wave
            Of shape (n_samples, n_leads), millivolt: the output of `monitor.filters.monitor_band`.
        quality
            Of the same shape: codes into `monitor.quality.STATES` (0 good, 1 noisy, then unusable).
        beats
            Those decided within these samples. Without any the wave alone counts.

        Returns
        -------
        list
            ``(VFL`` that starts or ends, decided at multiples of half a second.
        """
        start, self._index = self._index, self._index + len(wave)
        self._beats += [[beat.sample, beat.decided, beat.confidence] for beat in beats]
        filtered = self._filter.push(wave)
        first = max(start, self._settled)
        first += -first % self._every - start
        self._wave = np.concatenate([self._wave, filtered[first :: self._every]])
        self._usable = np.concatenate([self._usable, quality[first :: self._every] <= _NOISY])
        self._at = np.concatenate([self._at, np.arange(start + first, self._index, self._every)])
        ends = np.arange(start + -start % self._step, self._index, self._step)
        stops = np.searchsorted(self._at, ends, side="right")
        full = stops >= self._n_window
        full[full] = ends[full] - self._at[stops[full] - self._n_window] <= _LONGEST * self._span
        scores = np.empty(int(full.sum()))
        _score(
            self._wave,
            self._usable,
            self._at,
            stops[full],
            scores,
            self._shape,
            (self._limits, self._weights),
        )
        changes = []
        for at, score in zip(ends[full].tolist(), scores.tolist(), strict=True):
            changes += self._decide(at, score)
        self._wave = self._wave[-self._n_window :]
        self._usable = self._usable[-self._n_window :]
        self._at = self._at[-self._n_window :]
        oldest = self._index - self._span
        self._beats = [beat for beat in self._beats if beat[0] > oldest]
        return changes

    def skip(self, stop: int, beats: Sequence[Beat] = ()) -> None:
        """Go on at ``stop``: what lay between never came. ``beats`` are those decided in it."""
        self._beats += [[beat.sample, beat.decided, beat.confidence] for beat in beats]
        self._index, self._settled = stop, stop + round(_AFTER_HOLE_S * self.fs)

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "filter": self._filter.snapshot(),
            "index": self._index,
            "settled": self._settled,
            "at": self._at.copy(),
            "since": self._since,
            "wave": self._wave.copy(),
            "usable": self._usable.copy(),
            "beats": [list(beat) for beat in self._beats],
            "standing": self._standing,
            "run": self._run,
            "evidence": self._evidence,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._filter.restore(state["filter"])
        self._index = state["index"]
        self._settled = state["settled"]
        self._at = state["at"].copy()
        self._since = state["since"]
        self._wave = state["wave"].copy()
        self._usable = state["usable"].copy()
        self._beats = [list(beat) for beat in state["beats"]]
        self._standing = state["standing"]
        self._run = state["run"]
        self._evidence = state["evidence"]

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self._n_window, self._lag, self._every

    def _decide(self, at: int, score: float) -> list[Rhythm]:
        """Count scores that speak against the present state; change it when there are enough."""
        limit = self._settings.vf_log_odds
        if self._standing:
            limit -= _MARGIN
            against = score < limit or (score < limit + _BEATS and self._beats_are_told(at))
        else:
            against = score > limit and (score > limit + _BEATS or not self._beats_are_told(at))
        self._run = self._run + 1 if against else 0
        self._evidence = self._evidence + score - limit if against and not self._standing else 0.0
        if self._run < (_N_OFF if self._standing else self._n_on):
            return []
        if not self._standing and self._evidence < _EVIDENCE:
            return []
        back = (self._run - 1) * self._step + (0 if self._standing else self._span)
        self._standing, self._run, self._evidence = not self._standing, 0, 0.0
        self._since = sample = max(self._since, at - back)
        return [Rhythm(sample=sample, decided=at, rhythm="(VFL", state="start" if self._standing else "end")]

    def _beats_are_told(self, at: int) -> bool:
        """Return whether the window's beats known at ``at`` are steady or, against a start, sure."""
        start = at - self._span
        known = sorted(beat for beat in self._beats if start < beat[0] <= at and beat[1] <= at)
        samples = [beat[0] for beat in known]
        edges = [start, *samples, at]
        paused = any(after - before > _PAUSE_S * self.fs for before, after in pairwise(edges))
        confidence = [beat[2] for beat in known]
        if len(known) < _N_BEATS or paused or min(confidence) <= _FOUND:
            return False
        return _steady(samples) or (not self._standing and sum(confidence) > _SURE * len(known))


def _steady(samples: list[float]) -> bool:
    """Return whether beats lie on a grid, no two neighbours more than two steps apart."""
    rr = [after - before for before, after in pairwise(samples)]
    step = min(rr)
    return all(min(abs(one - step), abs(one - 2 * step)) <= _STEADY * step for one in rr)


@kernel
def measure(
    x: NDArray[np.float64],
    hole: NDArray[np.int64],
    lag: int,
    limits: NDArray[np.float64],
    measured: NDArray[np.float64],
) -> bool:
    """Measure one window without its mean: log slope share, leakage, occupancy.

    ``hole`` numbers each value by the holes before it; values with other numbers are not compared.

    Returns
    -------
    bool
        False, and nothing measured, where it is too small or crosses zero too seldom.
    """
    n = len(x)
    size, power, path, steepest, crossings = 0.0, 0.0, 0.0, 0.0, 0
    low, high = x[0], x[0]
    for i in range(n):
        size += abs(x[i])
        power += x[i] * x[i]
        low, high = min(low, x[i]), max(high, x[i])
        if i > 0 and hole[i] == hole[i - 1]:
            slope = abs(x[i] - x[i - 1])
            path += slope
            steepest = max(steepest, slope)
            crossings += (x[i] < 0) != (x[i - 1] < 0)
    if power < limits[0] * limits[0] * n or crossings < limits[1]:
        return False
    half = min(max(1, round(np.pi * size / path)), n // 2)
    left, whole = 0.0, 0.0
    for i in range(half, n):
        if hole[i] != hole[i - half]:
            continue
        left += abs(x[i] + x[i - half])
        whole += abs(x[i]) + abs(x[i - half])
    visited = np.zeros((_GRID, _GRID), dtype=np.bool_)
    scale = (_GRID - 0.001) / (high - low)
    n_visited, n_pairs = 0, 0
    for i in range(lag, n):
        if hole[i] != hole[i - lag]:
            continue
        n_pairs += 1
        row, column = int((x[i - lag] - low) * scale), int((x[i] - low) * scale)
        n_visited += not visited[row, column]
        visited[row, column] = True
    n_holes = hole[n - 1] - hole[0]
    measured[0] = np.log(path / (n - 1 - n_holes) / steepest + 0.001)
    measured[1] = left / whole
    measured[2] = n_visited / (n_pairs + lag)
    return True


@kernel
def _score(
    wave: NDArray[np.float64],
    usable: NDArray[np.bool_],
    at: NDArray[np.int64],
    stops: NDArray[np.int64],
    scores: NDArray[np.float64],
    shape: tuple[int, int, int],
    model: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    """Score the windows that end before ``stops``: the median over usable leads, or very low."""
    n_window, lag, every = shape
    limits, weights = model
    n_leads = wave.shape[1]
    x = np.empty(n_window)
    hole = np.zeros(n_window, dtype=np.int64)
    of_leads = np.empty(n_leads)
    measured = np.empty(3)
    for k in range(len(stops)):
        start = stops[k] - n_window
        n_used = 0
        for i in range(1, n_window):
            hole[i] = hole[i - 1] + (at[start + i] - at[start + i - 1] > every)
        for lead in range(n_leads):
            n_connected = 0
            total = 0.0
            for i in range(n_window):
                x[i] = wave[start + i, lead]
                total += x[i]
                n_connected += usable[start + i, lead]
            if n_connected < _USABLE * n_window:
                continue
            for i in range(n_window):
                x[i] -= total / n_window
            of_leads[n_used] = _SILENT
            if measure(x, hole, lag, limits, measured):
                score = weights[0]
                for i in range(3):
                    score += weights[i + 1] * measured[i]
                of_leads[n_used] = score
            n_used += 1
        if n_used == 0:
            scores[k] = -np.inf
        else:
            put_in_order(of_leads[:n_used])
            scores[k] = 0.5 * (of_leads[(n_used - 1) // 2] + of_leads[n_used // 2])
