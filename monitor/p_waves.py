"""What P waves say about atrial fibrillation: whether beats are led up to by one and the same wave.

Three questions are asked of what comes before a QRS complex, all only of beats that are not ventricular:

- Is it like that of the beats around it? Where atria beat in order, all of them have one P wave, however
  small, at one distance before the QRS complex; fibrillatory waves come at any phase, and their correlation
  over many beats is nought. No earlier P wave has to be known for that: it tells sinus rhythm with ectopic
  beats of any pattern, and what follows fibrillation, from the first beats on. It is what averaging the TQ
  segments of ten beats (Rodenas et al. 2015) rests on, asked of each beat instead of the average. Where the
  border between two rhythms is looked for, the beats before and those behind are asked by themselves.
- Is it the patient's own P wave (``p_correlation``)? That is for the wave of sinus rhythm learned before.
- Does it look like a P wave (`monitor.p_reader`)? That is for a beat between two rhythms.

What is said tells whether fibrillation begins (`PWaves.against`), and more sharply, where it stops and goes
on while it lasts (`PWaves.between`).

What it does not do: P waves of a junctional rhythm are hidden, those of atrial bigeminy may have two shapes,
and an absent P wave is no sign of fibrillation by itself: it speaks for it much less than a present one
speaks against it, or not at all. Flutter conducted in a fixed time looks like P waves.

Source
------
Rodenas, Garcia, Alcaraz & Rieta, *Wavelet entropy automatically detects episodes of atrial fibrillation from
single-lead electrocardiograms*, Entropy 17:6179, 2015. Weights: `docs/atrial-runs.md`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.events import BeatWindow
from monitor.onset import extent_kernel
from monitor.p_reader import PReader
from monitor.stage import State, kernel
from monitor.window import QRS_S, WindowSpec

__all__ = ["PWaves", "against_kernel", "between_kernel", "meet_kernel", "segment_kernel"]

_FEATURE: Final = "p_correlation"
_SEGMENT_S: Final = (0.22, 0.047)
"""From so long before the onset of the QRS complex to so long: the P wave, and nothing of the complex."""
_REACH_S: Final = 8.0
"""Beats this far apart are compared: about ten on either side."""
_FEWEST: Final = 3
"""Fewer beats to compare with say nothing."""
_ALIKE: Final = 0.25
"""Mean correlation that speaks neither for fibrillation nor against it (its 95th percentile in it) ..."""
_ALIKE_REACH: Final = 0.2
"""... a step from it that counts in full ..."""
_ALIKE_WEIGHT: Final = 1.5
"""... by so many nats against fibrillation ..."""
_UNLIKE: Final = -0.2
"""... and by this share of them for it."""
_OWN: Final = 0.8
"""The same for the patient's own P wave: Fisher's z that says nothing; a step of one either way counts ..."""
_OWN_WEIGHT: Final = 0.4
"""... so many nats."""
_NEAR: Final = 4
"""So many beats before it, and so many behind, tell on which side of a border a beat lies ..."""
_FEWEST_NEAR: Final = 2
"""... and fewer on either side nothing: then it counts ..."""
_NEAR_UNKNOWN: Final = 0.3
"""... as if it were alike by so much: RR alone decide, and are asked for less than at the beginning."""
_MOST_NEAR: Final = 0.7
"""More alike than that counts no more ..."""
_NEAR_WEIGHT: Final = 2.8
"""... and a correlation of one so many nats against fibrillation; ..."""
_OWN_NEAR_WEIGHT: Final = 0.94
"""... a step of the patient's own P wave so many, ..."""
_READ_WEIGHT: Final = 0.79
"""... and what is read of it so many per nat ..."""
_READ_LEAST: Final = -4.0
"""... down to here. That no P wave is read counts nothing: paced beats have none either."""
_TINY: Final = 1e-6
_NONE: Final = -2.0

_SAMPLE, _OWN_STEP, _READ, _LEADS = range(4)
"""Columns of a beat: its R peak, how far its P wave is the patient's own, what is read of it (log-odds of
none), and from there on per lead ..."""
_SUM, _MET, _SUM_BEFORE, _MET_BEFORE, _SUM_BEHIND, _MET_BEHIND, _PER_LEAD = range(7)
"""... the sums and numbers of correlations: with all beats within reach, the nearest before, those behind."""


class PWaves:
    """P waves of one bed.

    Parameters
    ----------
    window
        What the network is shown of a beat: where its P wave is. A plain window, or one that begins too
        late, shows none; then nothing is said by comparison.
    fs
        Sampling rate in Hz.
    span
        For so many samples a beat is remembered.
    """

    def __init__(self, window: WindowSpec, *, fs: float, span: int) -> None:
        self._span = span
        self._reach = round(_REACH_S * fs)
        self._n_leads = window.n_leads
        self._place = window.features.index(_FEATURE) if _FEATURE in window.features else None
        first, last = (round(seconds * window.fs) for seconds in _SEGMENT_S)
        self._before = (first, last)
        start, stop = (window.n_pre + round(seconds * window.fs) for seconds in QRS_S)
        self._qrs = (start, stop + 1, 0)
        self._shown = window.shapes > 0 and start >= first
        self._reader = PReader(window)
        self._waiting: dict[int, tuple[float, NDArray[np.float32]]] = {}
        self._beats = np.empty((0, _LEADS + _PER_LEAD * self._n_leads))
        self._segments = np.empty((0, first - last, self._n_leads))

    def observe(self, windows: Sequence[BeatWindow]) -> None:
        """Take provisional windows as they are handed out; each beat's P wave waits for its label."""
        for window in windows:
            z = 0.0 if self._place is None else float(window.features[self._place])
            self._waiting[window.sample] = (z, window.window)

    def push(self, sample: int, *, counts: bool, reads: bool) -> None:
        """Compare the next beat, in beat order, with those before it; or leave it out.

        Parameters
        ----------
        reads
            Whether its P wave is to be read too, which takes longer than all else.
        """
        z, window = self._waiting.pop(sample, (0.0, None))
        self._beats = self._beats[self._beats[:, _SAMPLE] > sample - self._span]
        if not counts or window is None:
            return
        beat = np.zeros((1, self._beats.shape[1]))
        step = min(max(z - _OWN, -1.0), 1.0) if z else 0.0
        read = self._reader.read(window) if reads else 0.0
        beat[0, :_LEADS] = sample, step, min(max(read, _READ_LEAST), 0.0)
        near = int(np.count_nonzero(self._beats[:, _SAMPLE] > sample - self._reach))
        self._beats = np.concatenate([self._beats, beat])
        recent = self._segments[len(self._segments) - near :]
        self._segments = np.concatenate([recent, self._segment(window)[np.newaxis]])
        meet_kernel(self._segments, self._beats[-near - 1 :, _LEADS:])

    def _segment(self, window: NDArray[np.float32]) -> NDArray[np.float64]:
        segment = np.zeros(self._segments.shape[1:])
        if self._shown:
            segment_kernel(window.astype(np.float64), self._qrs, self._before, segment)
        return segment

    def against(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much the P waves of these beats speak against fibrillation, in nats.

        It changes while later beats come to compare with. A beat that is not known says nothing.

        Parameters
        ----------
        samples
            Of shape (n_beats,): R peaks, in order, none older than ``span``.
        """
        against = np.zeros(len(samples))
        against_kernel(np.ascontiguousarray(samples), self._beats, against)
        return against

    def between(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the same while fibrillation comes and goes, sharper at its borders.

        Parameters
        ----------
        samples
            As for `against`.
        """
        between = np.zeros(len(samples))
        between_kernel(np.ascontiguousarray(samples), self._beats, between)
        return between

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "waiting": [(sample, z, window.copy()) for sample, (z, window) in self._waiting.items()],
            "beats": self._beats.copy(),
            "segments": self._segments.copy(),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._waiting = {sample: (z, window.copy()) for sample, z, window in state["waiting"]}
        self._beats = state["beats"].copy()
        self._segments = state["segments"].copy()


@kernel
def segment_kernel(
    window: NDArray[np.float64],
    qrs: tuple[int, int, int],
    before: tuple[int, int],
    segment: NDArray[np.float64],
) -> None:
    """Cut what precedes the QRS complex: per lead without its line, and of length one; zeros if it is flat.

    Parameters
    ----------
    window
        Of shape (n_points, n_channels): leads of the beat, then of the dominant shape, whose onset holds.
    qrs
        The stretch in which the complex lies, as `monitor.onset.extent_kernel` takes it.
    before
        From how many points before the onset to how many.
    segment
        Of shape (n_points, n_leads): written.
    """
    n_points, n_leads = segment.shape
    shape = window[:, n_leads : 2 * n_leads].copy()
    onset = extent_kernel(shape, qrs, np.ones(n_leads))[0]
    first = onset - before[0]
    middle = (n_points - 1) / 2.0
    spread = n_points * (n_points * n_points - 1) / 12.0
    for lead in range(n_leads):
        level = 0.0
        slope = 0.0
        for k in range(n_points):
            level += window[first + k, lead] / n_points
            slope += window[first + k, lead] * (k - middle) / spread
        power = 0.0
        for k in range(n_points):
            value = window[first + k, lead] - level - slope * (k - middle)
            segment[k, lead] = value
            power += value * value
        length = np.sqrt(power)
        for k in range(n_points):
            segment[k, lead] = segment[k, lead] / length if length > _TINY else 0.0


@kernel
def meet_kernel(segments: NDArray[np.float64], beats: NDArray[np.float64]) -> None:
    """Correlate the last beat's segment with each one before, and note it with both beats.

    Parameters
    ----------
    segments
        Of shape (n_beats, n_points, n_leads), each of length one per lead, or zeros.
    beats
        Of shape (n_beats, 6 * n_leads): per lead the sums and numbers of correlations; changed.
    """
    n_beats, n_points, n_leads = segments.shape
    last = n_beats - 1
    for lead in range(n_leads):
        first = lead * _PER_LEAD
        own = 0.0
        for k in range(n_points):
            own += abs(segments[last, k, lead])
        for beat in range(last):
            across = 0.0
            other = 0.0
            for k in range(n_points):
                across += segments[beat, k, lead] * segments[last, k, lead]
                other += abs(segments[beat, k, lead])
            if own > 0.0 and other > 0.0:
                for one in (beat, last):
                    beats[one, first + _SUM] += across
                    beats[one, first + _MET] += 1.0
                if beat >= last - _NEAR:
                    beats[beat, first + _SUM_BEHIND] += across
                    beats[beat, first + _MET_BEHIND] += 1.0
                    beats[last, first + _SUM_BEFORE] += across
                    beats[last, first + _MET_BEFORE] += 1.0


@kernel
def against_kernel(
    samples: NDArray[np.float64], beats: NDArray[np.float64], against: NDArray[np.float64]
) -> None:
    """Write how much the P waves of some beats speak against fibrillation; nothing for unknown beats.

    Parameters
    ----------
    samples
        Of shape (n_samples,): R peaks, in order.
    beats
        Of shape (n_beats, n_columns): all that are known, in order.
    against
        Of shape (n_samples,): written, nats.
    """
    at = 0
    for i in range(len(samples)):
        while at < len(beats) and beats[at, _SAMPLE] < samples[i]:
            at += 1
        if at == len(beats) or beats[at, _SAMPLE] > samples[i]:
            continue
        best = _best(beats[at], _SUM, _FEWEST)
        against[i] = _OWN_WEIGHT * beats[at, _OWN_STEP]
        if best > _NONE:
            step = (best - _ALIKE) / _ALIKE_REACH
            against[i] += _ALIKE_WEIGHT * min(max(step, _UNLIKE), 1.0)


@kernel
def between_kernel(
    samples: NDArray[np.float64], beats: NDArray[np.float64], between: NDArray[np.float64]
) -> None:
    """Write how much the P waves of some beats speak against fibrillation while it comes and goes.

    Parameters
    ----------
    samples, beats
        As of `against_kernel`.
    between
        Of shape (n_samples,): written, nats; an unknown beat counts as one with nobody to compare with.
    """
    at = 0
    for i in range(len(samples)):
        while at < len(beats) and beats[at, _SAMPLE] < samples[i]:
            at += 1
        if at == len(beats) or beats[at, _SAMPLE] > samples[i]:
            between[i] = _NEAR_WEIGHT * _NEAR_UNKNOWN
            continue
        before = _best(beats[at], _SUM_BEFORE, _FEWEST_NEAR)
        best = max(before, _best(beats[at], _SUM_BEHIND, _FEWEST_NEAR))
        near = min(max(best, 0.0), _MOST_NEAR) if best > _NONE else _NEAR_UNKNOWN
        between[i] = _NEAR_WEIGHT * near + _OWN_NEAR_WEIGHT * beats[at, _OWN_STEP]
        between[i] -= _READ_WEIGHT * beats[at, _READ]


@kernel
def _best(beat: NDArray[np.float64], column: int, fewest: int) -> float:
    """Return a beat's mean correlation in the better lead, -2 where it has met too few."""
    best = _NONE
    for lead in range((len(beat) - _LEADS) // _PER_LEAD):
        at = _LEADS + lead * _PER_LEAD + column
        if beat[at + 1] >= fewest:
            best = max(best, beat[at] / beat[at + 1])
    return best
