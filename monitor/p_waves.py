"""What P waves say about atrial fibrillation: whether beats are led up to by one and the same wave.

Two questions are asked of what comes before a QRS complex, both only of beats that are not ventricular:

- Is it like that of the beats around it? Where atria beat in order, all of them have one P wave, however
  small, at one distance before the QRS complex; fibrillatory waves come at any phase, and their correlation
  over many beats is nought. No earlier P wave has to be known for that: it tells sinus rhythm with ectopic
  beats of any pattern, and what follows fibrillation, from the first beats on. It is what averaging the TQ
  segments of ten beats (Rodenas et al. 2015) rests on, asked of each beat instead of the average, so that
  the border between two rhythms stays sharp: a beat on either side has nothing in common with the other.
- Is it the patient's own P wave (``p_correlation``)? That is for the wave of sinus rhythm learned before.

What it does not do: P waves of a junctional rhythm are hidden, those of atrial bigeminy may have two shapes,
and an absent P wave is no sign of fibrillation by itself: it speaks for it much less than a present one
speaks against it. Flutter conducted in a fixed time looks like P waves.

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
from monitor.stage import State, kernel
from monitor.window import QRS_S, WindowSpec

__all__ = ["PWaves", "against_kernel", "meet_kernel", "segment_kernel"]

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
_TINY: Final = 1e-6

_SAMPLE, _SAYS, _LEADS = range(3)
"""Columns of a beat: its R peak, what its own P wave says, then per lead the sum of correlations, then per
lead how many."""


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
        self._waiting: dict[int, tuple[float, NDArray[np.float64]]] = {}
        self._beats = np.empty((0, _LEADS + 2 * self._n_leads))
        self._segments = np.empty((0, first - last, self._n_leads))

    def observe(self, windows: Sequence[BeatWindow]) -> None:
        """Take provisional windows as they are handed out; each beat's P wave waits for its label."""
        for window in windows:
            segment = np.zeros(self._segments.shape[1:])
            if self._shown:
                shown = window.window.astype(np.float64)
                segment_kernel(shown, self._qrs, self._before, segment)
            z = 0.0 if self._place is None else float(window.features[self._place])
            self._waiting[window.sample] = (z, segment)

    def push(self, sample: int, *, counts: bool) -> None:
        """Compare the next beat, in beat order, with those before it; or leave it out."""
        z, segment = self._waiting.pop(sample, (0.0, None))
        self._beats = self._beats[self._beats[:, _SAMPLE] > sample - self._span]
        if not counts or segment is None:
            return
        beat = np.zeros((1, self._beats.shape[1]))
        says = _OWN_WEIGHT * min(max(z - _OWN, -1.0), 1.0) if z else 0.0
        beat[0, :_LEADS] = sample, says
        near = int(np.count_nonzero(self._beats[:, _SAMPLE] > sample - self._reach))
        self._beats = np.concatenate([self._beats, beat])
        self._segments = np.concatenate([self._segments[len(self._segments) - near :], segment[np.newaxis]])
        meet_kernel(self._segments, self._beats[-near - 1 :, _LEADS:])

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

    def snapshot(self) -> State:
        """Return a copy of the state."""
        return {
            "waiting": [(sample, z, segment.copy()) for sample, (z, segment) in self._waiting.items()],
            "beats": self._beats.copy(),
            "segments": self._segments.copy(),
        }

    def restore(self, state: State) -> None:
        """Go on from a state that `snapshot` returned."""
        self._waiting = {sample: (z, segment.copy()) for sample, z, segment in state["waiting"]}
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
        Of shape (n_beats, 2 * n_leads): sums of correlations per lead, then how many; changed.
    """
    n_beats, n_points, n_leads = segments.shape
    last = n_beats - 1
    for lead in range(n_leads):
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
                    beats[one, lead] += across
                    beats[one, n_leads + lead] += 1.0


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
    n_leads = (beats.shape[1] - _LEADS) // 2
    at = 0
    for i in range(len(samples)):
        while at < len(beats) and beats[at, _SAMPLE] < samples[i]:
            at += 1
        if at == len(beats) or beats[at, _SAMPLE] > samples[i]:
            continue
        best = -2.0
        for lead in range(n_leads):
            met = beats[at, _LEADS + n_leads + lead]
            if met >= _FEWEST:
                best = max(best, beats[at, _LEADS + lead] / met)
        against[i] = beats[at, _SAYS]
        if best > -2.0:
            step = (best - _ALIKE) / _ALIKE_REACH
            against[i] += _ALIKE_WEIGHT * min(max(step, _UNLIKE), 1.0)
